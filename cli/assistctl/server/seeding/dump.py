"""A dump on disk: JSON and JSON Lines files, and the contents of files beside them.

Whatever the old API answered may lie in it: single objects, lists, pages (`{"object": "list",
"data": […]}`), objects of lists (`{"threads": […], "messages": […]}`); and within a thread its
`messages` and `runs`, within a run its `steps`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistctl.server.wire import Document

_LINES = (".jsonl", ".ndjson")
_CONTENTS = "files"
_CONTENT = "file-*"
_WITHIN = {"messages": "thread_id", "runs": "thread_id", "steps": "run_id"}


class SeedError(ValueError):
    """A dump cannot be used; the message says what is wrong with which entries, line by line."""

    def __init__(self, dump: Path, problems: list[str]) -> None:
        shown = problems[:20]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        lines = "".join(f"\n  {problem}" for problem in shown)
        super().__init__(f"cannot seed from {dump}; nothing was written:{lines}")


@dataclass(frozen=True)
class Entry:
    """One object of a dump, and where it stands, for people."""

    where: str
    document: Document

    def __str__(self) -> str:
        identity = self.document.get("id")
        return f"{self.where} ({identity})" if isinstance(identity, str) else self.where


@dataclass(frozen=True)
class Dump:
    """`contents` maps the id of a file to where its bytes lie: files/<id> or files/<id>.<suffix>
    in the dump's directory."""

    path: Path
    entries: list[Entry]
    contents: dict[str, Path]


def read(path: Path) -> Dump:
    """Read a file, or every JSON file in a directory; SeedError tells all that cannot be read."""
    entries: list[Entry] = []
    problems: list[str] = []
    for file in _files(path):
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        try:
            for where, value in _values(file, name):
                entries += _entries(where, value)
        except _Unreadable as problem:
            problems.append(str(problem))
        except (OSError, ValueError) as error:
            problems.append(f"{name}: {error}")
    if not entries and not problems:
        problems = ["there is no .json or .jsonl file in it, or nothing in those"]
    if problems:
        raise SeedError(path, problems)
    beside = (path if path.is_dir() else path.parent) / _CONTENTS
    contents = {file.name.partition(".")[0]: file for file in sorted(beside.glob(_CONTENT))}
    return Dump(path, entries, contents)


class _Unreadable(Exception):
    """What is wrong, and where."""


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (file for suffix in (".json", *_LINES) for file in path.rglob(f"*{suffix}"))
    return sorted(file for file in found if not file.match(f"{_CONTENTS}/{_CONTENT}"))


def _values(file: Path, name: str) -> Iterator[tuple[str, Any]]:
    """Every JSON value of a file, and where it begins."""
    text = file.read_text(encoding="utf-8-sig")
    if file.suffix not in _LINES:
        yield name, _parsed(name, text)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{name} line {number}", _parsed(f"{name} line {number}", line)


def _parsed(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise _Unreadable(f"{where}: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}"
        raise _Unreadable(f"{where}: it is not JSON: {error.msg} at {place}") from None


def _entries(where: str, value: Any) -> Iterator[Entry]:
    """The objects in a value, however they are wrapped."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _entries(f"{where}[{number}]", item)
    elif not isinstance(value, dict):
        raise _Unreadable(f"{where}: expected an object or a list of objects")
    elif "id" in value:
        yield from _unfolded(where, value)
    elif any(isinstance(inner, list | dict) for inner in value.values()):
        for name, inner in value.items():
            if isinstance(inner, list | dict):
                yield from _entries(f"{where}.{name}", inner)
    elif value:
        raise _Unreadable(f"{where}: this object has no `id`")


def _unfolded(where: str, document: Document) -> Iterator[Entry]:
    """An object, then what is within it, which is told whose it is."""
    within = {name: document[name] for name in _WITHIN if name in document}
    yield Entry(where, {name: inner for name, inner in document.items() if name not in within})
    for name, inner in within.items():
        for entry in _entries(f"{where}.{name}", inner or []):
            owned = {_WITHIN[name]: document["id"], **entry.document}
            yield Entry(entry.where, owned)
