"""What a new declaration must know of assistctl.yaml, and what it adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assistctl.errors import AssistctlError
from assistctl.resources import Json
from assistctl.spec import located
from assistctl.spec.composing import Unreadable, compose
from assistctl.spec.discovery import FILE, find_sources
from assistctl.spec.findings import Findings
from assistctl.spec.located import plain
from assistctl.spec.variables import Variables
from assistctl.spec.writing import entries
from assistctl.spec.yaml_documents import read_top

STORES = "vector_stores"


def defaults(root: Path, *, environ: Mapping[str, str]) -> Mapping[str, Json]:
    """What a workspace without problems says of every assistant."""
    findings = Findings()
    source = find_sources(root.resolve(), findings).workspace
    top = read_top(source, None, Variables(environ, findings), findings)
    declared: Mapping[str, Json] = plain(top.document.usable.mapping("defaults"))
    return {name: value for name, value in declared.items() if value is not None}


def with_stores(
    text: str,
    stores: Mapping[str, Mapping[str, Json]],
    remarks: Mapping[located.Path, str] | None = None,
) -> str:
    """The text of assistctl.yaml with these vector stores as well, and comments above the keys
    that the remarks name; all else stays as it stands.

    Raises AssistctlError for a file that is written so that no lines can be added.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    body = text.removeprefix("\ufeff")
    added = _added(body, stores, remarks or {}, newline)
    if added is None or _value(added) != _with(_value(body), stores):
        raise AssistctlError(
            f"no lines can be added to `{STORES}` in {FILE} as it is written; write it line by "
            "line, without braces, and try again"
        )
    return text.removesuffix(body) + added


@dataclass(frozen=True)
class _Spot:
    """Where new stores go: before this line (from 0), so far inside. `empty` is what stands for no
    stores yet, as (line, start, end); `titled`, whether the line `vector_stores:` is there."""

    line: int
    column: int
    empty: tuple[int, int, int] | None = None
    titled: bool = True


def _added(
    text: str, stores: Mapping[str, Json], remarks: Mapping[located.Path, str], newline: str
) -> str | None:
    lines = text.split(newline)
    spot = _spot(text, _end(lines))
    if spot is None:
        return None
    if spot.empty:
        number, start, end = spot.empty
        lines[number] = (lines[number][:start] + lines[number][end:]).rstrip()
    new = entries(stores, " " * spot.column, remarks)
    if not spot.titled:
        below = {(STORES, *path): remark for path, remark in remarks.items()}
        new = ["", *entries({STORES: stores}, " " * spot.column, below)]
    # A last line without a line break gets one.
    rest = lines[spot.line :] or [""]
    return newline.join([*lines[: spot.line], *new, *rest])


def _spot(text: str, end: int) -> _Spot | None:
    top: list[Any] = list(yaml.parse(text, Loader=yaml.SafeLoader))[2:-2]
    if not _begins_block(top[0]):
        return None
    column = top[0].start_mark.column
    value = _value_events(top)
    if value is None:
        return _Spot(end, column, titled=False)
    first, last = value[0].start_mark, value[-1].end_mark
    if _says_nothing(value):
        return _Spot(first.line + 1, column + 2, (first.line, first.column, last.column))
    if not _begins_block(value[0]):
        return None
    # A block's own end is only noticed at what comes next.
    last = next(e for e in reversed(value) if not _is_end_of_block(e)).end_mark
    return _Spot(last.line if last.column == 0 else last.line + 1, first.column)


def _value_events(top: list[Any]) -> list[Any] | None:
    """The events of the value under `vector_stores`; None if it is not there."""
    depth, key, value = 0, None, list[Any]()
    for event in top[1:-1]:
        if depth == 0 and key is None:
            key, value = event, []
            continue
        value.append(event)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            if isinstance(key, yaml.ScalarEvent) and key.value == STORES:
                return value
            key = None
    return None


def _begins_block(event: Any) -> bool:
    return isinstance(event, yaml.MappingStartEvent) and not event.flow_style


def _is_end_of_block(event: Any) -> bool:
    is_end = isinstance(event, yaml.CollectionEndEvent)
    return is_end and event.start_mark.index == event.end_mark.index


def _says_nothing(value: list[Any]) -> bool:
    """Whether it is null, or `{}`."""
    first = value[0]
    if isinstance(first, yaml.ScalarEvent):
        return first.implicit[0] and first.value in ("", "~", "null")
    return len(value) == 2 and bool(first.flow_style)


def _end(lines: list[str]) -> int:
    """The number of lines less the blank ones at the end."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return len(lines)


def _value(text: str) -> Json:
    try:
        return plain(compose(yaml.parse(text, Loader=yaml.SafeLoader), FILE, Findings())[0])
    except (yaml.YAMLError, Unreadable):
        return None


def _with(value: Json, stores: Mapping[str, Json]) -> Json:
    return {**value, STORES: {**(value.get(STORES) or {}), **stores}}
