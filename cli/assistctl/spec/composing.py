"""YAML events -> values that know their places.

Built from the parser's events and not from its nodes, so that depth, number and aliases are checked
before anything is nested: libyaml's own composer crashes the process on deep nesting, and repeated
aliases of aliases turn a few lines into billions of values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from assistctl.errors import Place, Problem
from assistctl.resources import Json
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList
from assistctl.spec.scalars import Trap, resolve
from assistctl.spec.wording import is_unicode, shown

MAX_DEPTH = 64
MAX_VALUES = 100_000


class Unreadable(Exception):
    """The file holds no value that could be worked on with."""

    def __init__(self, place: Place, what: str, remedy: str) -> None:
        self.problem = Problem(place, what, remedy)


def compose(events: Iterator[Any], file: str, findings: Findings) -> tuple[Json, Place]:
    """The value of a file's only document and its place; None for an empty file.

    What is wrong with single scalars and keys becomes a finding; what makes the whole file
    unusable raises Unreadable, or the parser's own YAMLError.
    """
    return _Composer(events, file, findings).document()


@dataclass(frozen=True)
class _Anchored:
    """A finished value with an anchor: how many values it counts, and how deep it nests."""

    value: Json
    place: Place
    count: int
    height: int


class _Composer:
    """Builds values from the events of one file."""

    def __init__(self, events: Iterator[Any], file: str, findings: Findings) -> None:
        self._events = events
        self._file = file
        self._findings = findings
        self._anchors: dict[str, _Anchored | None] = {}  # None while the value is being built
        self._count = 0
        self._deepest = 0

    def document(self) -> tuple[Json, Place]:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return None, self._place(event)
        value = self._node(next(self._events), 1)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise Unreadable(
                self._place(event),
                "a second YAML document begins here",
                "keep one document in each file",
            )
        return value

    def _node(self, event: Any, depth: int) -> tuple[Json, Place]:
        place = self._place(event)
        if type(event) is yaml.ScalarEvent and event.tag is None and event.anchor is None:
            self._grow(1, depth, place)  # most nodes are such: nothing else is asked of them
            return self._scalar(event, place), place
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place, depth)
        self._grow(1, depth, place)
        if event.tag is not None:
            self._findings.add(place, "YAML tags (`!…`) are not supported", "remove the tag")
        if event.anchor is not None:
            return self._anchored(event, depth, place), place
        return self._value(event, depth, place), place

    def _value(self, event: Any, depth: int, place: Place) -> Json:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, place)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth, place)
        return self._mapping(depth, place)

    def _scalar(self, event: Any, place: Place) -> Json:
        text = self._escaped(event, place) if event.style == '"' else event.value
        if not event.implicit[0]:
            return text
        value = resolve(text)
        if not isinstance(value, Trap):
            return value
        self._findings.add(place, value.what, value.remedy)
        return text

    def _escaped(self, event: Any, place: Place) -> str:
        """The text in double quotes; elsewhere nothing is escaped."""
        text = str(event.value)
        if is_unicode(text):
            return text
        self._findings.add(place, "half a UTF-16 pair is not a character", "correct the escape")
        return text.encode(errors="replace").decode()

    def _list(self, depth: int, place: Place) -> LocatedList:
        items = LocatedList(place)
        for event in self._events:
            if type(event) is yaml.SequenceEndEvent:
                break
            items.put(*self._node(event, depth + 1))
        return items

    def _mapping(self, depth: int, place: Place) -> Located:
        mapping = Located(place)
        for event in self._events:
            if type(event) is yaml.MappingEndEvent:
                break
            key_place = self._place(event)
            key = self._key(event, key_place, depth + 1, place)
            value, value_place = self._node(next(self._events), depth + 1)
            if key is None:
                continue
            if key in mapping:
                first = mapping.key_place(key).line
                self._findings.add(
                    key_place, f"{shown(key)} was already given on line {first}", "keep one of them"
                )
            else:
                mapping.put(key, value, key_place, value_place)
        return mapping

    def _key(self, event: Any, place: Place, depth: int, mapping: Place) -> str | None:
        """The key, or None when its value cannot be kept; a finding says what is wrong."""
        if isinstance(event, yaml.ScalarEvent) and event.tag is None and event.anchor is None:
            self._grow(1, depth, place)
            text = self._escaped(event, place) if event.style == '"' else event.value
            return self._plain_key(text, place) if event.implicit[0] else text
        self._node(event, depth)
        # Found at the mapping: most likely it is no mapping at all, but a string like {{ name }}.
        self._findings.add(
            mapping,
            "a key of this mapping is not a string",
            "write `key: value`, and put a string that begins with {, [, & or * in quotes",
        )
        return None

    def _plain_key(self, text: str, place: Place) -> str | None:
        if text == "<<":
            self._findings.add(
                place,
                "merge keys (`<<`) are not supported",
                "write the keys out; what all assistants share belongs under `defaults`",
            )
            return None
        meaning = resolve(text)
        if isinstance(meaning, str):
            return text
        if meaning is None:
            self._findings.add(place, "a key is missing before `:`", "write `key: value`")
            return None
        what = f"the key {shown(text)} is not a string"
        self._findings.add(place, what, f'write it in quotes: "{text}"')
        return text

    def _anchored(self, event: Any, depth: int, place: Place) -> Json:
        count, deepest = self._count, self._deepest
        self._anchors[event.anchor] = None
        self._deepest = depth
        value = self._value(event, depth, place)
        self._anchors[event.anchor] = _Anchored(
            value, place, self._count - count + 1, self._deepest - depth
        )
        self._deepest = max(deepest, self._deepest)
        return value

    def _alias(self, name: str, place: Place, depth: int) -> tuple[Json, Place]:
        if name not in self._anchors:
            raise Unreadable(
                place,
                f"no anchor `&{name}` comes before the alias `*{name}`",
                "define it first, or put a string that begins with * in quotes",
            )
        anchored = self._anchors[name]
        if anchored is None:
            raise Unreadable(
                place, f"the alias `*{name}` contains itself", "write the inner value out"
            )
        self._grow(anchored.count, depth + anchored.height, place)
        return anchored.value, place

    def _grow(self, count: int, depth: int, place: Place) -> None:
        self._count += count
        if depth > self._deepest:
            self._deepest = depth
        if depth > MAX_DEPTH:
            raise Unreadable(
                place, f"nested more than {MAX_DEPTH} levels deep", "flatten it, or split the file"
            )
        if self._count > MAX_VALUES:
            raise Unreadable(
                place,
                f"more than {MAX_VALUES:,} values, aliases counted as often as they are used",
                "split the file, or write fewer aliases",
            )

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1)
