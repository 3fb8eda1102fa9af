"""A dump on disk: JSON and JSON Lines files, gzipped or not, and the contents of files beside them.

Whatever the old API answered may lie in it: single objects, lists, pages (`{"object": "list",
"data": […]}`), objects of lists (`{"threads": […], "messages": […]}`); and within a thread its
`messages` and `runs`, within a run its `steps`. Several values may follow each other in a .json
file, too, as they do where answers were appended to it.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistctl.server.wire import FILE, Document

_LINES = (".jsonl", ".ndjson")
_ZIPPED = ".gz"
_GZIP = b"\x1f\x8b"
_NEWLINE = "\n"
_OTHER = re.compile(r"[^ \t\r\n]")
_DECODER = json.JSONDecoder()
_CONTENTS = "files"
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
        except (OSError, EOFError, ValueError, zlib.error) as error:
            problems.append(f"{name}: {error}")
    if not entries and not problems:
        problems = ["there is no .json or .jsonl file in it, or nothing in those"]
    if problems:
        raise SeedError(path, problems)
    beside = (path if path.is_dir() else path.parent) / _CONTENTS
    files = (file for file in sorted(beside.glob("*")) if file.is_file() and _is_content(file))
    return Dump(path, entries, {file.name.partition(".")[0]: file for file in files})


class _Unreadable(Exception):
    """What is wrong, and where."""


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (
        file
        for suffix in (".json", *_LINES)
        for end in ("", _ZIPPED)
        for file in path.rglob(f"*{suffix}{end}")
        if not file.name.startswith(".")
    )
    return sorted(file for file in found if not _is_content(file))


def _is_content(path: Path) -> bool:
    return path.parent.name == _CONTENTS and FILE.names(path.name)


def _values(file: Path, name: str) -> Iterator[tuple[str, Any]]:
    """Every JSON value of a file, and where it begins."""
    text = _text(file)
    if not file.name.removesuffix(_ZIPPED).endswith(_LINES):
        yield from _following(name, text)
        return
    for number, line in enumerate(text.split("\n"), 1):  # what else breaks lines may be in a value
        if line.strip():
            where = f"{name} line {number}"
            with _told(where):
                value = json.loads(line)
            yield where, value


def _text(file: Path) -> str:
    """In any of JSON's encodings, as its beginning tells; PowerShell writes UTF-16."""
    data = file.read_bytes()
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    return data.decode(json.detect_encoding(data))


def _following(name: str, text: str) -> Iterator[tuple[str, Any]]:
    """The values of a text, of which there is usually one."""
    where, line, end = name, 1, 0
    while True:
        begin = _end_of_blanks(text, end)
        if end:
            if begin == len(text):
                return
            where = f"{name} line {line + text.count(_NEWLINE, end, begin)}"
        with _told(where):
            value, next_end = _DECODER.raw_decode(text, begin)
        line += text.count(_NEWLINE, end, next_end)
        end = next_end
        yield where, value


def _end_of_blanks(text: str, begin: int) -> int:
    found = _OTHER.search(text, begin)
    return found.start() if found else len(text)


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What cannot be parsed is _Unreadable."""
    try:
        yield
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
    elif "id" in value or value.get("object", "list") != "list":
        yield from _unfolded(where, value)
    elif any(isinstance(inner, list | dict) for inner in value.values()):
        for name, inner in value.items():
            if isinstance(inner, list | dict):
                yield from _entries(f"{where}.{name}", inner)
    elif value:
        raise _Unreadable(f"{where}: this object has no `id`")


def _unfolded(where: str, document: Document) -> Iterator[Entry]:
    """An object, then what is within it, which is told whose it is."""
    within = {name: document[name] for name in _WITHIN if name in document and "id" in document}
    yield Entry(where, {name: inner for name, inner in document.items() if name not in within})
    for name, inner in within.items():
        for entry in _entries(f"{where}.{name}", inner or []):
            owned = {_WITHIN[name]: document["id"], **entry.document}
            yield Entry(entry.where, owned)
