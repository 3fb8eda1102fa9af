"""JSON values -> short text; the difference of two texts."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping

from assistctl.errors import Place
from assistctl.render.terminal import ESCAPES, sanitize, shortened, width
from assistctl.resources import Json

ROOM = 100
"""Columns that a value may take before it is cut."""

_CONTEXT = 24
"""Characters shown around the place where two long lines differ."""


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2 files`, `1,204 characters`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def json_document(value: Json) -> str:
    """A value as a document for programs: indented, UTF-8 kept; an Address as its text."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str).translate(ESCAPES)


def json_line(value: Json) -> str:
    """A value as one line of JSON, UTF-8 kept; an Address as its text."""
    return json.dumps(value, ensure_ascii=False, default=str).translate(ESCAPES)


def place_json(place: Place) -> dict[str, Json]:
    """`{"file", "line", "column"}`; line 0: the whole file."""
    return {"file": place.file, "line": place.line, "column": place.column}


def brief(value: Json) -> str:
    """A value in one line for people: short JSON; what does not fit is cut, with its length."""
    if isinstance(value, str) and "\n" in value:
        first = shortened(json_line(value.partition("\n")[0]), ROOM)
        lines = counted(value.rstrip("\n").count("\n") + 1, "line")
        return sanitize(f"{first} ({lines}, {counted(len(value), 'character')})")
    text = sanitize(json_line(value))
    if width(text) <= ROOM:
        return text
    length = len(value) if isinstance(value, str) else len(text)
    return f"{shortened(text, ROOM)} ({counted(length, 'character')})"


def declared_brief(value: Json) -> str:
    """As brief, but a list of tools by their names: `code_interpreter, function save_bill`."""
    if isinstance(value, list | tuple) and value and all(map(_is_tool, value)):
        return sanitize(", ".join(map(_tool_name, value)))
    return brief(value)


def sides(before: Json, after: Json) -> tuple[str, str]:
    """Old and new, each in one line; None means absent. Of long texts only what differs."""
    if isinstance(before, str) and isinstance(after, str) and max(map(len, (before, after))) > ROOM:
        before, after = _differing(before, after)
    old = "(absent)" if before is None else brief(before)
    new = "(absent)" if after is None else brief(after)
    return old, new


def needs_diff(before: Json, after: Json) -> bool:
    """Whether a change reads better as a diff of lines than as `old → new`."""
    texts = isinstance(before, str) and isinstance(after, str)
    return texts and ("\n" in before or "\n" in after)


def diff_lines(before: str, after: str) -> Iterator[str]:
    """A unified diff without file headers; only a newline separates lines."""
    if before.endswith("\n") and after.endswith("\n"):
        before, after = before[:-1], after[:-1]
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=3)
    for number, line in enumerate(lines):
        if number > 1:
            yield sanitize(line.replace("\r", "\\r"))


def _is_tool(value: Json) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _tool_name(tool: Mapping[str, Json]) -> str:
    function = tool.get("function")
    if isinstance(function, Mapping):
        return f"{tool['type']} {function.get('name')}"
    return str(tool["type"])


def _differing(before: str, after: str) -> tuple[str, str]:
    """Both texts without what they have in common, but for a little of it on either side."""
    shorter = min(len(before), len(after))
    head = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    return _excerpt(before, head, len(before) - tail), _excerpt(after, head, len(after) - tail)


def _excerpt(text: str, start: int, end: int) -> str:
    start, end = max(0, start - _CONTEXT), min(len(text), end + _CONTEXT)
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
