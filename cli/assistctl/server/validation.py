"""Checks of request bodies, as small functions that compose; the error texts are the API's own.

A Check takes a JSON value and its path within the body (`tools[0].function.name`) and returns the
value, possibly completed, or raises ApiError 400 with `param` and `code`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from assistctl.server.wire import ApiError, Json, invalid

Check: TypeAlias = Callable[[Json, str], Json]
_EXPECTED = re.compile("expected (.*), but got ")
_OF = {"an object": " of objects", "a string": " of strings"}
_SHOWN_NAME = 12


def anything(value: Json, path: str) -> Json:
    """A Check that takes every value."""
    return value


def string(*, longest: int | None = None, shortest: int = 0, matching: str | None = None) -> Check:
    """A text of so many characters, all of which match a regular expression."""

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, str):
            raise _wrong_type(path, "a string", value)
        _check_length(len(value), path, "string", "a string", shortest, longest)
        if matching is not None and not re.fullmatch(matching, value):
            raise invalid(
                path,
                "string does not match pattern."
                f" Expected a string that matches the pattern '^{matching}$'.",
            )
        return value

    return check


def integer(*, least: int | None = None, most: int | None = None) -> Check:
    """An integer in these bounds, which are allowed; 1.0 is one."""

    def check(value: Json, path: str) -> Json:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong_type(path, "an integer", value)
        return _within(value, path, "integer", least, most)

    return check


def number(*, least: float | None = None, most: float | None = None) -> Check:
    """A number in these bounds, which are allowed."""

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _wrong_type(path, "a decimal", value)
        return _within(value, path, "decimal", least, most)

    return check


def boolean(value: Json, path: str) -> Json:
    """A Check that takes true and false."""
    if not isinstance(value, bool):
        raise _wrong_type(path, "a boolean", value)
    return value


def choice(*values: str) -> Check:
    """One of these texts."""

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, str):
            raise _wrong_type(path, f"one of {_enumerate(values, 'or')}", value)
        if value not in values:
            raise ApiError(
                f"Invalid value: '{value}'. Supported values are: {_enumerate(values, 'and')}.",
                param=path,
                code="invalid_value",
            )
        return value

    return check


def array(item: Check, *, longest: int | None = None, shortest: int = 0) -> Check:
    """A list of so many values, each of which the Check of an item takes."""

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, list):
            raise _wrong_type(path, f"an array{_OF.get(_expected(item), '')}", value)
        _check_length(len(value), path, "array", "an array", shortest, longest)
        return [item(element, f"{path}[{index}]") for index, element in enumerate(value)]

    return check


def mapping(item: Check, *, most: int, longest_key: int) -> Check:
    """An object whose keys are the client's, such as metadata."""

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong_type(path, "an object", value)
        if len(value) > most:
            raise invalid(
                path,
                f"too many properties. Expected an object with at most {most}"
                f" properties, but got an object with {len(value)} properties instead.",
                "object_above_max_properties",
            )
        for name in value:
            _check_name(name, path, longest_key)
        return {name: item(entry, f"{path}.{name}") for name, entry in value.items()}

    return check


@dataclass(frozen=True)
class Required:
    """Marks a field of `record` that must be there."""

    check: Check


Fields: TypeAlias = Mapping[str, Check | Required]


def record(fields: Fields, *, open: bool = False) -> Check:  # noqa: A002
    """An object of known fields. An optional field may be null, and stays null.

    Unknown fields are an error, as they were at OpenAI, unless the record is `open`: then they
    are kept.
    """

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong_type(path or "body", "an object", value)
        for name, field in fields.items():
            if isinstance(field, Required) and name not in value:
                raise missing_parameter(_join(path, name))
        for name in value:
            if not open and name not in fields:
                raise unknown_parameter(_join(path, name))
        return {name: _field(name, entry, path) for name, entry in value.items()}

    def _field(name: str, entry: Json, path: str) -> Json:
        field = fields.get(name)
        where = _join(path, name)
        if isinstance(field, Required):
            return field.check(entry, where)
        return entry if entry is None or field is None else field(entry, where)

    return check


def typed(fields: Fields) -> Check:
    """A record with a `type` beside its fields."""
    return record({"type": Required(string()), **fields})


def tagged(kinds: Mapping[str, Check | Fields]) -> Check:
    """An object whose `type` says which fields it has beside that, or which check the whole of it
    must pass."""
    known = choice(*kinds)
    checks = {name: typed(it) if isinstance(it, Mapping) else it for name, it in kinds.items()}

    def check(value: Json, path: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong_type(path, "an object", value)
        where = _join(path, "type")
        if "type" not in value:
            raise missing_parameter(where)
        return checks[known(value["type"], where)](value, path)

    return check


def either(text: Check, structured: Check) -> Check:
    """A string, checked by `text`, or anything else, checked by `structured`."""

    def check(value: Json, path: str) -> Json:
        if isinstance(value, str):
            return text(value, path)
        try:
            return structured(value, path)
        except ApiError as refusal:
            if (refusal.param, refusal.code) != (path, "invalid_type"):
                raise
            _, kind = _said_to_expect(refusal).split(" ", 1)
        raise _wrong_type(path, f"one of {_expected(text)} or {kind}", value)

    return check


def nullable(check: Check) -> Check:
    """Null, which optional fields may be anyway, or what passes `check`."""
    return lambda value, path: value if value is None else check(value, path)


def missing_parameter(path: str) -> ApiError:
    """As the hosted API says it; the same of the next ones."""
    return ApiError(
        f"Missing required parameter: '{path}'.", param=path, code="missing_required_parameter"
    )


def unknown_parameter(path: str) -> ApiError:
    """The API has no such parameter."""
    return ApiError(f"Unknown parameter: '{path}'.", param=path, code="unknown_parameter")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _within(value: float, path: str, noun: str, least: float | None, most: float | None) -> float:
    if least is not None and value < least:
        raise invalid(
            path,
            f"{noun} below minimum value. Expected a value >= {least}, but got {value} instead.",
            f"{noun}_below_min_value",
        )
    if most is not None and value > most:
        raise invalid(
            path,
            f"{noun} above maximum value. Expected a value <= {most}, but got {value} instead.",
            f"{noun}_above_max_value",
        )
    return value


def _check_length(
    length: int, path: str, noun: str, phrase: str, shortest: int, longest: int | None
) -> None:
    if longest is not None and length > longest:
        raise invalid(
            path,
            f"{noun} too long. Expected {phrase} with maximum length {longest},"
            f" but got {phrase} with length {length} instead.",
            f"{noun}_above_max_length",
        )
    if length < shortest:  # which is 1 everywhere
        raise invalid(
            path,
            f"empty {noun}. Expected {phrase} with minimum length {shortest},"
            f" but got an empty {noun} instead.",
            f"empty_{noun}",
        )


def _check_name(name: str, path: str, longest: int) -> None:
    """Of a property that the client has named."""
    _check_length(len(name), path, "string", "a string", 1, None)
    if len(name) > longest:
        shown = name if len(name) <= _SHOWN_NAME else f"{name[:3]}...{name[-3:]}"
        raise ApiError(
            f"Invalid property name in '{path}': '{shown}' is too long. Expected a string with"
            f" maximum length {longest}, but got a string with length {len(name)} instead.",
            param=f"{path}.{name}",
            code="property_name_above_max_length",
        )


def _expected(check: Check) -> str:
    """What a check takes, as it says itself of what nothing is: "a string", "an object"."""
    try:
        check(None, "")
    except ApiError as refusal:
        return _said_to_expect(refusal)
    return ""


def _said_to_expect(refusal: ApiError) -> str:
    said = _EXPECTED.search(str(refusal))
    return said[1] if said else ""


def _wrong_type(path: str, expected: str, value: Json) -> ApiError:
    return not_of_type(path, expected, _describe(value))


def not_of_type(path: str, expected: str, got: str) -> ApiError:
    """Both in words: `an integer`, `a string`."""
    return ApiError(
        f"Invalid type for '{path}': expected {expected}, but got {got} instead.",
        param=path,
        code="invalid_type",
    )


def _describe(value: Json) -> str:
    names: dict[type[Any], str] = {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names[type(value)]


def _enumerate(values: tuple[str, ...], link: str) -> str:
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return f" {link} ".join(quoted)
    return f"{', '.join(quoted[:-1])}, {link} {quoted[-1]}"
