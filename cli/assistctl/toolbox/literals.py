"""Default values that stand in the source, and how they and descriptions enter a schema."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from assistctl.resources import Json

UNKNOWN = object()
"""What `value` gives for an expression that is not a literal; JSON has no such value."""


def value(node: ast.expr) -> object:
    """The Python value of a literal, or UNKNOWN."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def with_default(schema: Mapping[str, Json], default: object) -> dict[str, Json]:
    """The schema with a default, if JSON has that value and the schema does not contradict it.

    `limit: int = None` is common, and no model should be told that null is an integer.
    """
    if default is None and not _allows_null(schema):
        return dict(schema)
    default = _as_lists(default)
    return {**schema, "default": default} if is_json(default) else dict(schema)


def _as_lists(value: object) -> object:
    """A tuple as the array that stands for it."""
    return [_as_lists(each) for each in value] if isinstance(value, tuple | list) else value


def described(schema: Mapping[str, Json], text: str | None) -> dict[str, Json]:
    """The schema with a description in front; a nearer one replaces that of a class."""
    return {"description": text} | {**schema, "description": text} if text else dict(schema)


def is_json(value: Any) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return value - value == 0  # neither NaN nor infinite
        case list():
            return all(map(is_json, value))
        case dict():
            return all(isinstance(key, str) and is_json(each) for key, each in value.items())
    return False


def _allows_null(schema: Mapping[str, Json]) -> bool:
    if "anyOf" in schema:
        return any(map(_allows_null, schema["anyOf"]))
    return "null" in schema.get("type", ["null"])
