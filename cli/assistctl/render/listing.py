"""What is declared against what exists: one line each, or one object field by field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import click

from assistctl.render.folding import FEW, file_name, files_difference, is_files, some_files
from assistctl.render.terminal import one_line, padded, width
from assistctl.render.values import (
    ROOM,
    counted,
    declared_brief,
    diff_lines,
    json_document,
    json_line,
    needs_diff,
    sides,
)
from assistctl.resources import FILE, Address, Json, Orphan

Status: TypeAlias = Literal["synced", "changed", "drifted", "missing", "undeclared"]

_COLORS = {"synced": "green", "changed": "yellow", "drifted": "magenta", "missing": "red"}


@dataclass(frozen=True)
class Listed:
    """One address and how it stands; `id` is the target's, None while missing, as is the content of
    a file that has changed."""

    address: Address
    id: str | None
    status: Status

    @property
    def lacks_id(self) -> bool:
        """Whether it is a file that is there, in a store that was not looked into."""
        return self.address.kind == FILE and self.id is None and self.status == "synced"


@dataclass(frozen=True)
class Shown:
    """One object field by field, as declared and as the target has it (None: not there). What a
    target fills in makes no field `different`; what was edited there does."""

    listed: Listed
    declared: Mapping[str, Json] | None
    observed: Mapping[str, Json] | None = None
    different: Collection[str] = ()


def listing_text(rows: Sequence[Listed], *, each: bool = False) -> str:
    """A table, in which many files of one status are one line, unless `each` shall be there;
    nothing to list is said in words."""
    if not rows:
        return "Nothing is declared, and nothing exists."
    folded = set() if each else many(rows)
    alike = _files_alike(rows)
    cells: dict[tuple[str, str, str], None] = {}
    for row in rows:
        if row.address.kind == FILE and row.status in folded:
            cells[f"file/… ({alike[row.status]:,} files)", row.status, ""] = None
        else:
            cells[str(row.address), row.status, row.id or ""] = None
    return table(("ADDRESS", "STATUS", "ID"), list(cells))


def many(rows: Iterable[Listed]) -> set[Status]:
    """The statuses of so many files that these are one line each."""
    return {status for status, number in _files_alike(rows).items() if number > FEW}


def listing_json(rows: Sequence[Listed]) -> str:
    """`[{"address", "id", "status"}]`"""
    return json_document([_listed_json(row) for row in rows])


def shown_text(shown: Shown) -> str:
    """The object's fields; where one was changed, `target: …` stands above `declared: …`, and texts
    of many lines are a diff with the signs of a plan: what sync would add has a `+`."""
    listed = shown.listed
    title = click.style(one_line(str(listed.address)), bold=True)
    status = click.style(listed.status, fg=_COLORS.get(listed.status))
    lines = ["  ".join([title, status, *([one_line(listed.id)] if listed.id else [])])]
    for name in {**(shown.declared or {}), **(shown.observed or {})}:
        lines += _field(name, shown)
    return "\n".join(lines)


def shown_json(shown: Shown) -> str:
    """`{"address", "id", "status", "declared": {…} or null, "observed": {…} or null}`"""
    return json_document(
        {
            **_listed_json(shown.listed),
            "declared": shown.declared if shown.declared is None else dict(shown.declared),
            "observed": shown.observed if shown.observed is None else dict(shown.observed),
        }
    )


def orphans_text(orphans: Sequence[Orphan]) -> str:
    """A table, the oldest first; nothing to list is said in words."""
    if not orphans:
        return "No uploads that nothing uses."
    cells = [
        (it.id, it.filename, f"{it.size:,}", _date(it.created_at), str(it.like or ""))
        for it in orphans
    ]
    return table(("ID", "FILENAME", "BYTES", "UPLOADED", "CALLED LIKE"), cells)


def orphans_json(orphans: Sequence[Orphan]) -> str:
    """`[{"id", "filename", "bytes", "created_at", "like": address or null}]`"""
    return json_document(
        [
            {
                "id": it.id,
                "filename": it.filename,
                "bytes": it.size,
                "created_at": it.created_at,
                "like": it.like,
            }
            for it in orphans
        ]
    )


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned by what they take on a terminal, so that CJK names stay in line."""
    cells = [list(titles), *([one_line(cell) for cell in row] for row in rows)]
    columns = [max(map(width, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(padded(cell, room) for cell, room in zip(row, columns, strict=True)).rstrip()
        for row in cells
    ]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _files_alike(rows: Iterable[Listed]) -> Counter[Status]:
    return Counter(row.status for row in rows if row.address.kind == FILE)


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _listed_json(listed: Listed) -> dict[str, Json]:
    return {"address": str(listed.address), "id": listed.id, "status": listed.status}


def _field(name: str, shown: Shown) -> list[str]:
    declared: Json = (shown.declared or {}).get(name)
    observed: Json = (shown.observed or {}).get(name)
    label = f"  {one_line(name)}:"
    if declared is None and observed is None:
        return []
    if is_files(declared) or is_files(observed):
        return _files(label, shown, declared, observed)
    value = observed if declared is None else declared
    if shown.declared is None or shown.observed is None:
        return [f"{label} {declared_brief(value)}"]
    if name not in shown.different:
        return [f"{label} {declared_brief(value)}{'  (not declared)' * (declared is None)}"]
    if not needs_diff(declared, observed) and _both_fit(declared, observed):
        there, here = sides(observed, declared)
        return [label, f"    target:   {there}", f"    declared: {here}"]
    texts = (_document(observed), _document(declared))
    return [f"{label}  (- target, + declared)", *(f"    {it}" for it in diff_lines(*texts))]


def _files(label: str, shown: Shown, declared: Json, observed: Json) -> list[str]:
    come, go = files_difference(observed, declared)
    if shown.declared is None or shown.observed is None or not (come or go):
        files = observed if declared is None else declared
        return [f"{label} {counted(len(files), 'file')}: {some_files(files)}"]
    lines = [f"    {sign} {one_line(file_name(it))}" for sign, it in _signed(come, go)]
    return [f"{label}  (- target, + declared)", *lines]


def _signed(come: Iterable[Json], go: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    yield from (("-", it) for it in go)
    yield from (("+", it) for it in come)


def _both_fit(declared: Json, observed: Json) -> bool:
    """Whether neither side, but for texts, would have to be cut, and the difference with it."""
    return all(
        isinstance(value, str) or width(json_line(value)) <= ROOM for value in (declared, observed)
    )


def _document(value: Json) -> str:
    return value if isinstance(value, str) else json_document(value)
