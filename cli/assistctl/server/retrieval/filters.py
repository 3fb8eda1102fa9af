"""Filters over the attributes of a store's files: comparisons, and their `and` and `or`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from assistctl.server.validation import Required, array, choice, record, string
from assistctl.server.wire import ApiError, Json, invalid

_DEEPEST = 10
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_KINDS = ("eq", "ne", *_ORDER, "in", "nin", "and", "or")


def check(value: Json, path: str, depth: int = 0) -> Json:
    """A Check (see validation.py) for a filter, of at most ten levels."""
    if depth > _DEEPEST:
        raise invalid(path, "filters are nested too deeply.", None)
    if isinstance(value, dict) and value.get("type") in ("and", "or"):
        inner = array(lambda item, where: check(item, where, depth + 1))
        return record({"type": Required(string()), "filters": Required(inner)})(value, path)
    return record(
        {
            "type": Required(choice(*_KINDS)),
            "key": Required(string(shortest=1)),
            "value": Required(_operand),
        }
    )(value, path)


def matches(condition: Mapping[str, Any], attributes: Mapping[str, Any]) -> bool:
    """Whether a file with these attributes passes; an attribute that is absent equals nothing."""
    kind: str = condition["type"]
    if kind == "and":
        return all(matches(part, attributes) for part in condition["filters"])
    if kind == "or":
        return any(matches(part, attributes) for part in condition["filters"])
    actual, wanted = attributes.get(condition["key"]), condition["value"]
    if kind in ("in", "nin"):
        options = wanted if isinstance(wanted, list) else [wanted]
        return any(_same(actual, option) for option in options) == (kind == "in")
    if kind in ("eq", "ne"):
        return _same(actual, wanted) == (kind == "eq")
    return _comparable(actual, wanted) and _ORDER[kind](actual, wanted)


def _operand(value: Json, path: str) -> Json:
    items = value if isinstance(value, list) else [value]
    if all(isinstance(item, str | int | float) for item in items):
        return value
    raise ApiError(
        f"Invalid type for '{path}': expected a string, a number, a boolean, or an array of them.",
        param=path,
        code="invalid_type",
    )


def _same(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _comparable(left: Any, right: Any) -> bool:
    """Numbers with numbers, strings with strings."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    if isinstance(left, str):
        return isinstance(right, str)
    return isinstance(left, int | float) and isinstance(right, int | float)
