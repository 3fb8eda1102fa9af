"""Short hashes of the values of fields: what a sync records at the target, to tell later which side
of a field has changed."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from functools import lru_cache

from assistctl.resources import Json, digest

DIGITS = 8
OPAQUE = frozenset({"metadata", "parameters", "schema", "attributes"})
"""Mappings whose keys are the user's own: an extra key there is a difference, not a default."""


def fingerprint(value: Json) -> str:
    """The short hash under which a field's normalised value is recorded at the target. What says
    nothing (an empty list of files) has the hash of its absence."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return _of_text(value)
    try:
        return _of_plain(marshal.dumps(value, 2))
    except ValueError:  # there are Addresses in it
        return _of(value)


# All are kept for a while: what is there is mostly what is declared, and many have the same tools.
# By version 2 of marshal equal values are equal bytes, in a ninth of the time that JSON takes.
@lru_cache(256)
def _of_text(text: str) -> str:
    return digest(text)[:DIGITS]


@lru_cache(256)
def _of_plain(dumped: bytes) -> str:
    return _of(marshal.loads(dumped))


def _of(value: Json) -> str:
    told = _telling(value)
    return NOTHING if told is None else digest(told)[:DIGITS]


NOTHING = digest(None)[:DIGITS]
"""The fingerprint of a field that is not there."""


def is_empty(value: Json) -> bool:
    """Whether a value says nothing: None, [], {} and mappings of them."""
    if value is None:
        return True
    if isinstance(value, dict):
        return all(map(is_empty, value.values()))
    return isinstance(value, list | tuple) and not value


def keyed(value: Json) -> Json:
    """A list of tools as a mapping by function name or type, since their order means nothing."""
    if isinstance(value, list | tuple) and value and all(map(is_tool, value)):
        names = [tool_name(item) for item in value]
        if len(set(names)) == len(names):
            return dict(zip(names, value, strict=True))
    return value


def is_tool(item: Json) -> bool:
    return isinstance(item, dict) and isinstance(item.get("type"), str) and bool(tool_name(item))


def tool_name(item: Mapping[str, Json]) -> str:
    function = item.get("function")
    if isinstance(function, dict):
        return str(function.get("name", ""))
    # Of those of a type there may be several, such as MCP servers, which have a label each.
    return str(item.get("server_label") or item["type"])


def _telling(value: Json) -> Json:
    """The value without what says nothing, tools by their names; None if it says nothing."""
    if isinstance(value, list | tuple):
        value = keyed(value) or None
    if not isinstance(value, dict):
        return value
    told = {}
    for key, item in value.items():
        if key not in OPAQUE:
            item = _telling(item)
        elif is_empty(item):
            continue
        if item is not None:
            told[key] = item
    return told or None
