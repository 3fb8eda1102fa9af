"""Dumps of assistants: what somebody saved of the old API, in one of the shapes that scripts write.

Assistant objects: one, a JSON list, a page of the API (`{"data": […]}`), an object of lists
(`{"assistants": […], "threads": […]}`), or JSON Lines of any of these. Objects of other kinds are
left out: `serve --seed` takes the same dumps, and takes those too.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Json
from assistctl.unreadable_json import why_no_json

_DEPTH = 8
_WRAPPERS = ("data", "assistants", "assistant")


@dataclass(frozen=True)
class Dump:
    """The assistants by their ids, in the dump's order; how many objects of other kinds it has."""

    assistants: Mapping[str, Mapping[str, Json]]
    others: Mapping[str, int]


@dataclass(frozen=True)
class _Item:
    """One object; `place` says in words where it is, `key` is the list's name, if it has one."""

    place: str
    value: Json
    key: str | None = None

    @property
    def kind(self) -> str:
        """As the API calls it; where the dump left that out, by the id and the list's name."""
        if not isinstance(self.value, Mapping):
            return type(self.value).__name__
        if "object" in self.value:
            return str(self.value["object"])
        identity = str(self.value.get("id", ""))
        if self.key in (None, *_WRAPPERS) or identity.startswith("asst_"):
            return "assistant"
        return str(self.key)


def read_dump(path: Path) -> Dump:
    """Raises AssistctlError, also where there is no assistant in it."""
    found: dict[str, Mapping[str, Json]] = {}
    others: Counter[str] = Counter()
    for item in _items(path, _text(path)):
        if not isinstance(item.value, Mapping):
            raise AssistctlError(
                f"{item.place}: not an assistant but {item.kind}; leave it out of the file"
            )
        if item.kind != "assistant":
            others[item.kind] += 1
            continue
        identity = item.value.get("id")
        if not isinstance(identity, str) or not identity:
            raise AssistctlError(f"{item.place}: the assistant has no id; give it one")
        if found.setdefault(identity, item.value) != item.value:
            raise AssistctlError(
                f"{item.place}: {identity} comes twice, and not the same; keep one"
            )
    if not found:
        only = f", only {' and '.join(sorted(others))}" if others else ""
        raise AssistctlError(f"{path}: there is no assistant in it{only}")
    return Dump(found, others)


def _text(path: Path) -> str:
    """In any of JSON's encodings, as its beginning tells; PowerShell writes UTF-16."""
    data = path.read_bytes()
    encoding = json.detect_encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise AssistctlError(f"{path}: no dump that can be read: it is not UTF-8") from error


def _items(path: Path, text: str) -> Iterator[_Item]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                place = f"{path}, line {number}"
                yield from _inside(_Item(place, _parsed(place, line)))
    else:
        yield from _inside(_Item(str(path), document))


def _parsed(place: str, line: str) -> Json:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise AssistctlError(
            f"{place}: neither JSON nor JSON Lines ({why_no_json(error)}); a dump is a list of "
            'assistants, {"data": […]}, or one assistant a line'
        ) from error


def _inside(item: _Item, depth: int = 0) -> Iterator[_Item]:
    """The objects in a value, however they are wrapped."""
    match item.value:
        case list() as values if depth < _DEPTH:
            for number, value in enumerate(values, start=1):
                yield from _inside(
                    _Item(f"{item.place}, item {number}", value, item.key), depth + 1
                )
        case Mapping() as wrapper if depth < _DEPTH and _wraps(wrapper):
            for key, value in wrapper.items():
                if isinstance(value, Mapping | list):
                    name = item.key if key == "data" else key
                    place = item.place if key == "data" else f"{item.place}, {key}"
                    yield from _inside(_Item(place, value, name), depth + 1)
        case _:
            yield item


def _wraps(value: Mapping[str, Json]) -> bool:
    """Whether this is no object of the API's but holds some: a page, or an object of lists."""
    if "id" in value or value.get("object", "list") != "list":
        return False
    return any(isinstance(inner, Mapping | list) for inner in value.values())
