"""JSON and JSON Lines: a record on each line, so that it is found and cut as a whole.

JSON may write any letter as an escape, which nobody searches for, and everything on one line, which
cannot be cut well. What is not valid is left as it is.
"""

from __future__ import annotations

import json
from typing import Any

from assistctl.server.retrieval.text import Text

_LINE = 400


class _Number(str):
    """As it was written."""

    __slots__ = ()


def read(text: str) -> Text:
    try:
        value = json.loads(text, parse_float=_Number, parse_int=_Number)
        plain = _shown(value, "")
        plain.encode()
    except (ValueError, RecursionError):
        return Text(text)
    return Text(plain + "\n")


def read_lines(text: str) -> Text:
    lines = text.removesuffix("\n").split("\n")  # what else breaks lines may be in a value
    return Text("".join(read(line).value.rstrip("\n") + "\n" for line in lines))


def _shown(value: Any, indent: str) -> str:
    """On one line if it is short, else with a line for each of its parts."""
    if isinstance(value, _Number):
        return str(value)
    if not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        start, end = "{}"
        named = value.items()
        parts = [f"{_shown(name, inner)}: {_shown(part, inner)}" for name, part in named]
    else:
        start, end = "[]"
        parts = [_shown(part, inner) for part in value]
    if sum(map(len, parts)) <= _LINE and not any("\n" in part for part in parts):
        return start + ", ".join(parts) + end
    lines = ",\n".join(inner + part for part in parts)
    return f"{start}\n{lines}\n{indent}{end}"
