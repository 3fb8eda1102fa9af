from typing import Any

import pytest

from assistctl.server.http import bodies
from assistctl.server.validation import (
    Check,
    Required,
    array,
    boolean,
    choice,
    either,
    integer,
    mapping,
    number,
    record,
    string,
    tagged,
)
from assistctl.server.wire import ApiError

THING = record(
    {
        "name": Required(string(longest=3, shortest=1, matching="[a-z]*")),
        "size": integer(least=1, most=5),
        "heat": number(least=0, most=2),
        "open": boolean,
        "tags": array(string(), longest=2, shortest=1),
        "colour": choice("red", "green", "blue"),
        "side": choice("left", "right"),
        "labels": mapping(string(longest=2), most=1, longest_key=4),
        "parts": either(string(), array(tagged({"round": {}}))),
        "choice": either(choice("none", "auto", "required"), tagged({"round": {}})),
        "shape": tagged({"round": {}}),
        "inner": record({"deep": Required(array(record({"n": integer()})))}),
    }
)

WRONG: list[tuple[Any, str, str | None, str]] = [
    ([], "Invalid type for 'body': expected an object, but got an array instead.", "body", "type"),
    ({}, "Missing required parameter: 'name'.", "name", "missing"),
    (
        {"name": None},
        "Invalid type for 'name': expected a string, but got null instead.",
        "name",
        "type",
    ),
    (
        {"name": "abcd"},
        "Invalid 'name': string too long. Expected a string with maximum length 3,"
        " but got a string with length 4 instead.",
        "name",
        "string_above_max_length",
    ),
    (
        {"name": ""},
        "Invalid 'name': empty string. Expected a string with minimum length 1,"
        " but got an empty string instead.",
        "name",
        "empty_string",
    ),
    (
        {"name": "A"},
        "Invalid 'name': string does not match pattern."
        " Expected a string that matches the pattern '^[a-z]*$'.",
        "name",
        "value",
    ),
    (
        {"size": True},
        "Invalid type for 'size': expected an integer, but got a boolean instead.",
        "size",
        "type",
    ),
    (
        {"size": 9},
        "Invalid 'size': integer above maximum value. Expected a value <= 5, but got 9 instead.",
        "size",
        "integer_above_max_value",
    ),
    (
        {"heat": -0.5},
        "Invalid 'heat': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
        "heat",
        "decimal_below_min_value",
    ),
    (
        {"heat": "hot"},
        "Invalid type for 'heat': expected a decimal, but got a string instead.",
        "heat",
        "type",
    ),
    (
        {"open": 1},
        "Invalid type for 'open': expected a boolean, but got an integer instead.",
        "open",
        "type",
    ),
    (
        {"tags": ["a", "b", "c"]},
        "Invalid 'tags': array too long. Expected an array with maximum length 2,"
        " but got an array with length 3 instead.",
        "tags",
        "array_above_max_length",
    ),
    (
        {"tags": []},
        "Invalid 'tags': empty array. Expected an array with minimum length 1,"
        " but got an empty array instead.",
        "tags",
        "empty_array",
    ),
    (
        {"tags": ["a", 1.5]},
        "Invalid type for 'tags[1]': expected a string, but got a decimal number instead.",
        "tags[1]",
        "type",
    ),
    (
        {"tags": {}},
        "Invalid type for 'tags': expected an array of strings, but got an object instead.",
        "tags",
        "type",
    ),
    (
        {"colour": "pink"},
        "Invalid value: 'pink'. Supported values are: 'red', 'green', and 'blue'.",
        "colour",
        "value",
    ),
    (
        {"side": "up"},
        "Invalid value: 'up'. Supported values are: 'left' and 'right'.",
        "side",
        "value",
    ),
    (
        {"side": 1},
        "Invalid type for 'side': expected one of 'left' or 'right', but got an integer instead.",
        "side",
        "type",
    ),
    (
        {"labels": {"a": "", "b": ""}},
        "Invalid 'labels': too many properties. Expected an object with at most 1 properties,"
        " but got an object with 2 properties instead.",
        "labels",
        "object_above_max_properties",
    ),
    (
        {"labels": {"abcde": ""}},
        "Invalid property name in 'labels': 'abcde' is too long. Expected a string with maximum"
        " length 4, but got a string with length 5 instead.",
        "labels.abcde",
        "property_name_above_max_length",
    ),
    (
        {"labels": {"a": "bcd"}},
        "Invalid 'labels.a': string too long. Expected a string with maximum length 2,"
        " but got a string with length 3 instead.",
        "labels.a",
        "string_above_max_length",
    ),
    (
        {"labels": {"k" * 70: ""}},
        "Invalid property name in 'labels': 'kkk...kkk' is too long. Expected a string with maximum"
        " length 4, but got a string with length 70 instead.",
        "labels." + "k" * 70,
        "property_name_above_max_length",
    ),
    (
        {"open": 1, "close": 1},
        "Unknown parameter: 'close'.",
        "close",
        "unknown_parameter",
    ),
    (
        {"parts": 7},
        "Invalid type for 'parts': expected one of a string or array of objects, but got an"
        " integer instead.",
        "parts",
        "type",
    ),
    (
        {"parts": [7]},
        "Invalid type for 'parts[0]': expected an object, but got an integer instead.",
        "parts[0]",
        "type",
    ),
    (
        {"choice": 7},
        "Invalid type for 'choice': expected one of one of 'none', 'auto', or 'required' or object,"
        " but got an integer instead.",
        "choice",
        "type",
    ),
    ({"shape": {}}, "Missing required parameter: 'shape.type'.", "shape.type", "missing"),
    (
        {"shape": {"type": "flat"}},
        "Invalid value: 'flat'. Supported values are: 'round'.",
        "shape.type",
        "value",
    ),
    (
        {"shape": {"type": "round", "r": 1}},
        "Unknown parameter: 'shape.r'.",
        "shape.r",
        "unknown_parameter",
    ),
    (
        {"inner": {"deep": [{}, {"n": "x"}]}},
        "Invalid type for 'inner.deep[1].n': expected an integer, but got a string instead.",
        "inner.deep[1].n",
        "type",
    ),
]
CODES = {"type": "invalid_type", "value": "invalid_value", "missing": "missing_required_parameter"}


@pytest.mark.parametrize(("body", "message", "param", "code"), WRONG)
def test_every_wrong_body_is_named_in_the_words_of_the_api(
    body: Any, message: str, param: str, code: str
) -> None:
    if isinstance(body, dict) and body and "name" not in body:
        body = {"name": "a", **body}
    with pytest.raises(ApiError) as caught:
        THING(body, "")
    assert caught.value.document() == {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": CODES.get(code, code),
        }
    }
    assert caught.value.status == 400


def test_what_is_right_comes_back_as_it_is_with_nulls_for_optional_fields() -> None:
    body = {
        "name": "abc",
        "size": 5,
        "heat": 1,
        "open": False,
        "tags": ["x"],
        "colour": None,
        "labels": {"a": "bc"},
        "shape": {"type": "round"},
        "inner": {"deep": [{"n": None}, {"n": -1}]},
    }
    assert THING(body, "") == body


def test_an_integral_float_is_an_integer_since_some_clients_know_no_other() -> None:
    assert THING({"name": "a", "size": 3.0}, "") == {"name": "a", "size": 3}


METADATA_WRONG: list[tuple[Any, str]] = [
    ({str(n): "" for n in range(17)}, "object_above_max_properties"),
    ({"k" * 65: ""}, "property_name_above_max_length"),
    ({"k": "v" * 513}, "string_above_max_length"),
    ({"k": 1}, "invalid_type"),
    ("text", "invalid_type"),
]


@pytest.mark.parametrize(("metadata", "code"), METADATA_WRONG)
def test_metadata_has_16_pairs_of_64_and_512_characters(metadata: Any, code: str) -> None:
    assert _code(bodies.METADATA, metadata) == code
    assert bodies.METADATA({"k" * 64: "v" * 512}, "metadata") == {"k" * 64: "v" * 512}


TOOLS_WRONG: list[tuple[Any, str]] = [
    ([{"type": "retrieval"}], "invalid_value"),
    ([{"type": "code_interpreter"}] * 129, "array_above_max_length"),
    ([{"type": "function"}], "missing_required_parameter"),
    ([{"type": "function", "function": {"name": "not a name"}}], "invalid_value"),
    ([{"type": "file_search", "file_search": {"max_num_results": 51}}], "integer_above_max_value"),
    (
        [{"type": "file_search", "file_search": {"ranking_options": {}}}],
        "missing_required_parameter",
    ),
]


@pytest.mark.parametrize(("tools", "code"), TOOLS_WRONG)
def test_tools_are_checked(tools: Any, code: str) -> None:
    assert _code(bodies.TOOLS, tools) == code


CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}


def test_tools_are_stored_with_the_defaults_that_openai_showed() -> None:
    given = [
        {"type": "file_search"},
        {"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": None}},
        {
            "type": "file_search",
            "file_search": {
                "max_num_results": None,
                "ranking_options": {"ranker": None, "score_threshold": 0, "hybrid_search": None},
            },
        },
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "strict": True, "parameters": CLOSED}},
        {
            "type": "function",
            "function": {"name": "h", "strict": None, "parameters": None, "description": None},
        },
    ]
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
    assert bodies.TOOLS(given, "tools") == [
        {"type": "file_search", "file_search": {"ranking_options": ranking}},
        {"type": "file_search", "file_search": {"max_num_results": 3, "ranking_options": ranking}},
        {"type": "file_search", "file_search": {"ranking_options": ranking}},
        {"type": "function", "function": {"name": "f", "strict": False}},
        {"type": "function", "function": {"name": "g", "strict": True, "parameters": CLOSED}},
        {"type": "function", "function": {"name": "h", "strict": False}},
    ]


FORMATS: list[tuple[Any, str | None]] = [
    ("auto", None),
    ({"type": "text"}, None),
    ({"type": "json_object"}, None),
    ({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}, None),
    ("text", "invalid_value"),
    ({"type": "json_schema"}, "missing_required_parameter"),
    ({"type": "xml"}, "invalid_value"),
]


@pytest.mark.parametrize(("value", "code"), FORMATS)
def test_response_format_is_auto_or_one_of_three_objects(value: Any, code: str | None) -> None:
    if code:
        assert _code(bodies.RESPONSE_FORMAT, value) == code
    else:
        assert bodies.RESPONSE_FORMAT(value, "response_format") == value


def test_what_is_null_in_a_schema_is_not_there() -> None:
    schema = {"name": "x", "description": None, "schema": None, "strict": None}
    given = {"type": "json_schema", "json_schema": schema}
    assert bodies.RESPONSE_FORMAT(given, "response_format") == {
        "type": "json_schema",
        "json_schema": {"name": "x"},
    }


CHUNKINGS: list[tuple[Any, str]] = [
    ((99, 0), "integer_below_min_value"),
    ((4097, 0), "integer_above_max_value"),
    ((800, 401), "invalid_value"),
]


@pytest.mark.parametrize(("sizes", "code"), CHUNKINGS)
def test_static_chunks_have_100_to_4096_tokens_and_overlap_by_half_at_most(
    sizes: tuple[int, int], code: str
) -> None:
    def strategy(size: int, overlap: int) -> Any:
        return {
            "type": "static",
            "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap},
        }

    assert _code(bodies.CHUNKING, strategy(*sizes)) == code
    assert bodies.CHUNKING(strategy(800, 400), "c") == strategy(800, 400)


def _code(check: Check, value: Any) -> str | None:
    with pytest.raises(ApiError) as caught:
        check(value, "here")
    return caught.value.code
