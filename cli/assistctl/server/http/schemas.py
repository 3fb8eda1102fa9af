"""JSON Schemas that clients send with functions and formats, refused in the API's own words.

What is checked is what the hosted API is known to have refused: a schema that JSON Schema itself
does not allow, one that is not of type object, and with `strict` what strict mode does not take. A
validator of JSON Schema would need minutes for what a request can hold; this takes as long as
reading it. Its sentences are those of the Python package jsonschema, which the API used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from assistctl.server.wire import ApiError, Json

_Context: TypeAlias = tuple[str, ...]
_Check: TypeAlias = Callable[[Json], str | None]
"""What is wrong with the value of a keyword."""

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_MAPS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = (
    *("items", "contains", "unevaluatedItems", "not", "if", "then", "else"),
    *("additionalProperties", "unevaluatedProperties", "propertyNames"),
)
_NOT_IN_STRICT_MODE = (
    *("oneOf", "allOf", "not", "if", "then", "else"),
    *("dependentRequired", "dependentSchemas"),
)
_LONGEST = 500


def check(
    schema: Mapping[str, Json], subject: str, *, strict: bool, param: str, code: str | None
) -> None:
    """Raise ApiError if the schema cannot be used; `subject` is what it belongs to, such as
    function 'save_bill'."""
    wrong = next(_wrong(schema, strict=strict), None)
    if wrong is not None:
        shown = wrong if len(wrong) <= _LONGEST else f"{wrong[:_LONGEST]}…"
        raise ApiError(f"Invalid schema for {subject}: {shown}", param=param, code=code)


def check_function(function: Mapping[str, Json], *, strict: bool, param: str) -> None:
    """As `check`, of the `parameters` of a function with a `name`."""
    subject, code = f"function '{function['name']}'", "invalid_function_parameters"
    check(function["parameters"], subject, strict=strict, param=param, code=code)


def allows_strict(schema: Mapping[str, Json]) -> bool:
    """Whether strict mode takes it."""
    return next(_wrong(schema, strict=True), None) is None


def _wrong(schema: Mapping[str, Json], *, strict: bool) -> Iterator[str]:
    yield from (f"{each}." for each in _malformed(schema))
    kind = schema.get("type")
    if kind != "object":
        yield f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    if strict:
        for context, part in _parts(schema, ()):
            yield from (f"In context={context}, {each}." for each in _loose(part))


def _malformed(schema: Json) -> Iterator[str]:
    """Where it is no JSON Schema at all."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield f"{schema!r} is not of type 'object', 'boolean'"
        return
    for keyword, value in schema.items():
        fault = _VALUES[keyword](value) if keyword in _VALUES else None
        if fault is not None:
            yield fault
        else:
            for _, part in _inside(keyword, value):
                yield from _malformed(part)


def _parts(schema: Json, context: _Context) -> Iterator[tuple[_Context, Mapping[str, Json]]]:
    """The schema and all within it, each with the way that leads there."""
    if not isinstance(schema, dict):
        return
    yield context, schema
    for keyword, value in schema.items():
        for step, part in _inside(keyword, value):
            yield from _parts(part, (*context, keyword, *step))


def _inside(keyword: str, value: Json) -> Iterator[tuple[_Context, Json]]:
    if keyword in _SCHEMAS:
        yield (), value
    elif keyword in _MAPS_OF_SCHEMAS:
        yield from (((name,), part) for name, part in value.items())
    elif keyword in _LISTS_OF_SCHEMAS:
        yield from (((str(number),), part) for number, part in enumerate(value))


def _loose(part: Mapping[str, Json]) -> Iterator[str]:
    """Where a schema leaves open what strict mode wants closed, or says what it does not know."""
    yield from (
        f"'{keyword}' is not permitted" for keyword in _NOT_IN_STRICT_MODE if keyword in part
    )
    if not part.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
        yield "schema must have a 'type' key"
    kinds = part.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "array" in kinds and "items" not in part:
        yield "array schema missing items"
    if "object" not in kinds and "properties" not in part:
        return
    if part.get("additionalProperties") is not False:
        yield "'additionalProperties' is required to be supplied and to be false"
    names, required = part.get("properties", {}), dict.fromkeys(part.get("required", []))
    missing = [f"Missing '{name}'" for name in names if name not in required]
    extra = [f"Extra required key '{name}' supplied" for name in required if name not in names]
    for each in (*missing, *extra):
        yield (
            "'required' is required to be supplied and to be an array including every key in"
            f" properties. {each}"
        )


def _typed(*kinds: str) -> _Check:
    """As JSON has types: True is no number, 1.0 is an integer."""
    names = ", ".join(repr(kind) for kind in kinds)

    def check(value: Json) -> str | None:
        fits = any(_KINDS[kind](value) for kind in kinds)
        return None if fits else f"{value!r} is not of type {names}"

    return check


_KINDS: Mapping[str, Callable[[Json], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and value == value // 1,
    "number": lambda value: _is_number(value),
    "object": lambda value: isinstance(value, dict),
    "string": lambda value: isinstance(value, str),
}


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type(value: Json) -> str | None:
    kinds = value if isinstance(value, list) and value else [value]
    known = all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
    unique = known and len(set(kinds)) == len(kinds)
    return None if unique else f"{value!r} is not valid under any of the given schemas"


def _names(value: Json) -> str | None:
    if not isinstance(value, list):
        return _ARRAY(value)
    wrong = next((fault for fault in map(_STRING, value) if fault), None)
    if wrong is not None:
        return wrong
    return None if len(set(value)) == len(value) else f"{value!r} has non-unique elements"


def _alternatives(value: Json) -> str | None:
    return f"{value!r} should be non-empty" if value == [] else _ARRAY(value)


def _size(value: Json) -> str | None:
    fault = _typed("integer")(value)
    return fault or (f"{value!r} is less than the minimum of 0" if value < 0 else None)


def _factor(value: Json) -> str | None:
    fault = _NUMBER(value)
    least = "is less than or equal to the minimum of 0"
    return fault or (f"{value!r} {least}" if value <= 0 else None)


_ARRAY, _STRING, _NUMBER, _FLAG = (
    _typed(kind) for kind in ("array", "string", "number", "boolean")
)
_VALUES: Mapping[str, _Check] = {
    "type": _type,
    "required": _names,
    "enum": _ARRAY,
    "examples": _ARRAY,
    "multipleOf": _factor,
    **dict.fromkeys(_MAPS_OF_SCHEMAS, _typed("object")),
    **dict.fromkeys(_LISTS_OF_SCHEMAS, _alternatives),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"), _NUMBER),
    **dict.fromkeys(("maxLength", "minLength", "maxItems", "minItems"), _size),
    **dict.fromkeys(("maxProperties", "minProperties", "maxContains", "minContains"), _size),
    **dict.fromkeys(("title", "description", "format", "pattern", "$ref", "$comment"), _STRING),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _FLAG),
}
"""The keywords of which JSON Schema says what they may be."""
