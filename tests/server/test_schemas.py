"""Schemas of functions and formats that the hosted API refused, and its words for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from assistctl.server.http import schemas
from assistctl.server.wire import ApiError

Ask = Callable[..., Any]
JSON_SCHEMA = Draft202012Validator(Draft202012Validator.META_SCHEMA)
CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/b"}},
    "required": ["a", "b"],
    "additionalProperties": False,
    "$defs": {"b": {"anyOf": [{"type": "array", "items": {"enum": [1, "x"]}}, {"const": None}]}},
}


def said(schema: Any, *, strict: bool = False) -> str | None:
    try:
        schemas.check(schema, "function 'f'", strict=strict, param="p", code=None)
    except ApiError as error:
        return str(error).removeprefix("Invalid schema for function 'f': ")
    return None


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "string"),
        ({}, "None"),
        ({"properties": {}}, "None"),
        ({"type": ["object", "null"]}, "['object', 'null']"),
    ],
)
def test_arguments_are_an_object(schema: Any, kind: str) -> None:
    assert said(schema) == (
        f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    )


MALFORMED: list[Any] = [
    {"type": "objekt"},
    {"type": None},
    {"type": []},
    {"type": ["object", "objekt"]},
    {"type": ["object", "object"]},
    {"type": [{}]},
    {"properties": []},
    {"properties": {"a": 7}},
    {"properties": {"a": {"type": "int"}}},
    {"properties": {"a": {"required": True}}},
    {"properties": {"a": {"items": []}}},
    {"properties": {"a": {"items": [{"type": "string"}]}}},
    {"properties": {"a": {"enum": "x"}}},
    {"properties": {"a": {"minimum": "1"}}},
    {"properties": {"a": {"exclusiveMinimum": True}}},
    {"properties": {"a": {"multipleOf": 0}}},
    {"properties": {"a": {"maxLength": -1}}},
    {"properties": {"a": {"maxLength": 1.5}}},
    {"properties": {"a": {"description": 7}}},
    {"properties": {"a": {"uniqueItems": "yes"}}},
    {"required": "a"},
    {"required": ["a", "a"]},
    {"required": [1]},
    {"anyOf": []},
    {"anyOf": {}},
    {"anyOf": [{"type": "x"}]},
    {"additionalProperties": "no"},
    {"$defs": {"a": {"not": 7}}},
    {"dependentSchemas": {"a": {"type": "x"}}},
]


@pytest.mark.parametrize("schema", MALFORMED, ids=json.dumps)
def test_what_is_no_json_schema_is_told_as_jsonschema_tells_it(schema: Any) -> None:
    whole = {"type": "object", **schema}
    assert said(whole) in [f"{error.message}." for error in JSON_SCHEMA.iter_errors(whole)]


@pytest.mark.parametrize(
    "schema",
    [
        CLOSED,
        {"type": "object"},
        {"type": "object", "properties": {"a": True, "b": {}, "type": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "number"}, "x-mine": {"type": 7}},
        {
            "type": "object",
            "properties": {"a": {"type": "array"}, "b": {"default": [], "enum": []}},
        },
        {"type": "object", "properties": {"a": {"maxLength": 2.0, "maximum": 10**400}}},
    ],
)
def test_what_json_schema_allows_is_taken(schema: Any) -> None:
    assert next(JSON_SCHEMA.iter_errors(schema), None) is None
    assert said(schema) is None


def inner(**fields: Any) -> dict[str, Any]:
    """A closed object with one property."""
    return {
        "type": "object",
        "properties": {"a": fields},
        "required": ["a"],
        "additionalProperties": False,
    }


CLOSE = "'additionalProperties' is required to be supplied and to be false."
REQUIRE = (
    "'required' is required to be supplied and to be an array including every key in properties."
)
LOOSE: list[tuple[Any, str]] = [
    ({"type": "object"}, f"In context=(), {CLOSE}"),
    ({**CLOSED, "additionalProperties": True}, f"In context=(), {CLOSE}"),
    ({**CLOSED, "required": ["a"]}, f"In context=(), {REQUIRE} Missing 'b'."),
    (
        {**CLOSED, "required": ["a", "b", "c"]},
        f"In context=(), {REQUIRE} Extra required key 'c' supplied.",
    ),
    (inner(type="object", properties={}), f"In context=('properties', 'a'), {CLOSE}"),
    (
        inner(type="array", items={"type": "object", "properties": {}}),
        f"In context=('properties', 'a', 'items'), {CLOSE}",
    ),
    (inner(type="array"), "In context=('properties', 'a'), array schema missing items."),
    (inner(), "In context=('properties', 'a'), schema must have a 'type' key."),
    (
        inner(anyOf=[{"type": "null"}, {}]),
        "In context=('properties', 'a', 'anyOf', '1'), schema must have a 'type' key.",
    ),
    (
        inner(type="string", oneOf=[{"type": "string"}]),
        "In context=('properties', 'a'), 'oneOf' is not permitted.",
    ),
    (
        {**CLOSED, "allOf": [{"type": "object"}]},
        "In context=(), 'allOf' is not permitted.",
    ),
]


@pytest.mark.parametrize(("schema", "words"), LOOSE)
def test_strict_mode_wants_schemas_that_leave_nothing_open(schema: Any, words: str) -> None:
    assert said(schema) is None
    assert said(schema, strict=True) == words


def test_what_strict_mode_takes() -> None:
    assert said(CLOSED, strict=True) is None
    assert said(inner(type="string", minLength=1, format="date", default="x"), strict=True) is None


def test_a_large_schema_is_checked_in_the_time_of_reading_it() -> None:
    names = [f"p{number}" for number in range(20_000)]
    large = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names},
        "required": names,
        "additionalProperties": False,
    }
    assert said(large, strict=True) is None
    assert len(said({"type": "object", "required": "x" * 10**6}) or "") < 600


BAD = {"name": "weigh", "parameters": {"type": "string"}}


def test_a_bad_function_is_refused_wherever_functions_are_sent(ask: Ask) -> None:
    expected = {
        "message": "Invalid schema for function 'weigh': schema must be a JSON Schema of"
        " 'type: \"object\"', got 'type: \"string\"'.",
        "type": "invalid_request_error",
        "param": "tools[0].function.parameters",
        "code": "invalid_function_parameters",
    }
    tools = {"tools": [{"type": "function", "function": BAD}]}
    assistant = ask("POST", "/assistants", {"model": "m"}).body["id"]
    thread = ask("POST", "/threads").body["id"]
    for path, body in (
        ("/assistants", {"model": "gpt-4o"}),
        (f"/assistants/{assistant}", {}),
        (f"/threads/{thread}/runs", {"assistant_id": assistant}),
        ("/threads/runs", {"assistant_id": assistant}),
    ):
        answer = ask("POST", path, {**body, **tools})
        assert (answer.status, answer.body) == (400, {"error": expected})
    first = {"openai-beta": "assistants=v1"}
    answer = ask("POST", "/assistants", {"model": "m", **tools}, headers=first)
    assert (answer.status, answer.body) == (400, {"error": expected})


def test_a_format_whose_schema_is_bad_is_refused(ask: Ask) -> None:
    loose = {"name": "bill", "schema": {"type": "object"}, "strict": True}
    body = {"model": "m", "response_format": {"type": "json_schema", "json_schema": loose}}
    answer = ask("POST", "/assistants", body)
    assert (answer.status, answer.body["error"]) == (
        400,
        {
            "message": f"Invalid schema for response_format 'bill': In context=(), {CLOSE}",
            "type": "invalid_request_error",
            "param": "response_format",
            "code": None,
        },
    )
