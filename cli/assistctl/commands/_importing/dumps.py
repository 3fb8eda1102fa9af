"""Dumps of assistants: what somebody saved of the old API, in one of the shapes that scripts write.

A JSON list of assistant objects, a page of the API (`{"data": […]}`), one such object, or JSON
Lines of any of these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Json


def read_dump(path: Path) -> dict[str, Mapping[str, Json]]:
    """The assistants of a dump by their ids, in its order. Raises AssistctlError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AssistctlError(f"{path}: no dump that can be read: it is not UTF-8") from error
    found: dict[str, Mapping[str, Json]] = {}
    for place, item in _items(path, text):
        if not isinstance(item, Mapping) or item.get("object", "assistant") != "assistant":
            kind = item.get("object") if isinstance(item, Mapping) else type(item).__name__
            raise AssistctlError(f"{place}: not an assistant but {kind}; leave it out of the file")
        identity = item.get("id")
        if not isinstance(identity, str) or not identity:
            raise AssistctlError(f"{place}: the assistant has no id; give it one")
        if found.setdefault(identity, item) != item:
            raise AssistctlError(f"{place}: {identity} comes twice, and not the same; keep one")
    if not found:
        raise AssistctlError(f"{path}: there is no assistant in it")
    return found


def _items(path: Path, text: str) -> Iterator[tuple[str, Json]]:
    """Every item, with words for where it is."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                place = f"{path}, line {number}"
                yield from _inside(place, _parsed(place, line))
    else:
        yield from _inside(str(path), document)


def _parsed(place: str, line: str) -> Json:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AssistctlError(
            f"{place}: neither JSON nor JSON Lines ({error}); a dump is a list of assistants, "
            '{"data": […]}, or one assistant a line'
        ) from error


def _inside(place: str, document: Json) -> Iterator[tuple[str, Json]]:
    if isinstance(document, Mapping) and isinstance(document.get("data"), list):
        document = document["data"]
    if not isinstance(document, list):
        yield place, document
        return
    for number, item in enumerate(document, start=1):
        yield f"{place}, item {number}", item
