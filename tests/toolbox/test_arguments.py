"""From the JSON text of a model to the values that a function gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistctl.toolbox.arguments import parse
from assistctl.toolbox.outputs import Refusal

Make = Callable[..., Any]

TYPES = """
    from __future__ import annotations
    import datetime, decimal, enum, pathlib, uuid
    from dataclasses import dataclass
    from typing import Annotated, Any, Literal, NewType, NotRequired, TypedDict

    class Colour(enum.StrEnum):
        RED = "red"
    class Level(enum.IntEnum):
        LOW = 1
    @dataclass
    class Line:
        name: str
        day: datetime.date
        colour: Colour = Colour.RED
    class Customer(TypedDict):
        name: str
        born: NotRequired[datetime.date]
    class Family(TypedDict, total=False):
        head: Customer
        members: list[Customer]
    Cents = NewType("Cents", int)
"""

ACCEPTED = {
    "int": ("3", "3"),
    "float": ("3", "3.0"),
    "bool": ("true", "True"),
    "str": ('"花"', "'花'"),
    "None": ("null", "None"),
    "Any": ('{"a": [1, 2.5, null]}', "{'a': [1, 2.5, None]}"),
    "int | None": ("null", "None"),
    "int | str": ('"3"', "'3'"),
    "list": ("[1]", "[1]"),
    "list[float]": ("[1]", "[1.0]"),
    "tuple[int, str]": ('[1, "a"]', "(1, 'a')"),
    "set[int]": ("[1]", "{1}"),
    "dict[str, Level]": ('{"a": 1}', "{'a': <Level.LOW: 1>}"),
    "Literal['a', 1]": ("1", "1"),
    "Colour": ('"red"', "<Colour.RED: 'red'>"),
    "datetime.date": ('"2026-11-23"', "datetime.date(2026, 11, 23)"),
    "datetime.time": ('"16:30"', "datetime.time(16, 30)"),
    "datetime.timedelta": ('"PT5S"', "datetime.timedelta(seconds=5)"),
    "decimal.Decimal": ('"0.10"', "Decimal('0.10')"),
    "list[decimal.Decimal]": ("[0.1, 12.0]", "[Decimal('0.1'), Decimal('12')]"),
    "uuid.UUID": (
        '"00000000-0000-0000-0000-00000000000a"',
        "UUID('00000000-0000-0000-0000-00000000000a')",
    ),
    "Annotated[int, 'how many']": ("1", "1"),
    "Cents": ("1", "1"),
    "Line": (
        '{"name": "a", "day": "2026-11-23"}',
        "Line(name='a', day=datetime.date(2026, 11, 23), colour=<Colour.RED: 'red'>)",
    ),
    "Customer": (
        '{"name": "a", "born": "2000-01-01"}',
        "{'name': 'a', 'born': datetime.date(2000, 1, 1)}",
    ),
    "list[Customer] | None": ('[{"name": "a"}]', "[{'name': 'a'}]"),
    "Annotated[dict[str, Family], 'all']": (
        '{"x": {"members": [{"name": "a", "born": "2000-01-01"}]}}',
        "{'x': {'members': [{'name': 'a', 'born': datetime.date(2000, 1, 1)}]}}",
    ),
}


@pytest.mark.parametrize("annotation", ACCEPTED)
def test_arguments_become_the_annotated_types(box: Make, answer: Make, annotation: str) -> None:
    tools = box(f"{TYPES}\n    def tool(x: {annotation}):\n        return repr(x)\n")
    sent, got = ACCEPTED[annotation]
    (returned,) = tools.call([call(f'{{"x": {sent}}}')])
    assert (returned.output, returned.error) == (got, None)


def call(arguments: str, name: str = "tool") -> Any:
    from assistctl.events import ToolCall

    return ToolCall("call_1", name, arguments)


@pytest.mark.parametrize(
    ("annotation", "sent", "at", "message"),
    [
        ("int", '"3"', "x", "'3' is not of type 'integer'"),
        ("int", "3.5", "x", "3.5 is not of type 'integer'"),
        ("int", "true", "x", "True is not of type 'integer'"),
        ("int", "null", "x", "None is not of type 'integer'"),
        ("float", '"1"', "x", "'1' is not of type 'number'"),
        ("bool", "1", "x", "1 is not of type 'boolean'"),
        ("str", "1", "x", "1 is not of type 'string'"),
        ("list[int]", '[1, "2"]', "x[1]", "'2' is not of type 'integer'"),
        ("Literal['a']", '"b"', "x", "'b' is not one of ['a']"),
        ("list[int] | None", '["a"]', "x[0]", "'a' is not of type 'integer'"),
        ("set[int]", "[1, 1]", "x", "[1, 1] has non-unique elements"),
        (
            "datetime.date",
            '"2026-13-01"',
            "x",
            "Input should be a valid date in the format YYYY-MM-DD, month value is outside "
            "expected range of 1-12",
        ),
        ("tuple[int, str]", '["a", 1]', "x[0]", "Input should be a valid integer"),
        ("Line", '{"name": "a"}', "x", "'day' is a required property"),
        (
            "dict[str, Line]",
            '{"k": {"name": "a", "day": "2026-01-01", "price": 1}}',
            "x.k",
            "Additional properties are not allowed ('price' was unexpected)",
        ),
        (
            "list[Line]",
            '[{"name": "a", "day": "tomorrow"}]',
            "x[0].day",
            "Input should be a valid date in the format YYYY-MM-DD, input is too short",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    box: Make, answer: Make, annotation: str, sent: str, at: str, message: str
) -> None:
    tools = box(f"{TYPES}\n    def tool(x: {annotation}):\n        return repr(x)\n")
    error = answer(tools, "tool", f'{{"x": {sent}}}')["error"]
    assert error["type"] == "invalid_arguments"
    assert error["message"] == "the arguments do not fit the parameters of tool"
    assert error["details"][0] == {"at": at, "message": message}


def test_all_faults_are_told_up_to_eight_and_none_at_length(box: Make, answer: Make) -> None:
    tools = box("def tool(a: int, b: list[int]): ...")
    sent = {"b": ["x" * 1000] * 20, "c": 1}
    error = answer(tools, "tool", json.dumps(sent))["error"]
    assert error["message"] == (
        "the arguments do not fit the parameters of tool, the first 8 of 22"
    )
    assert error["details"][:2] == [
        {"at": "", "message": "'a' is a required property"},
        {"at": "", "message": "Additional properties are not allowed ('c' was unexpected)"},
    ]
    assert len(error["details"]) == 8
    assert max(len(each["message"]) for each in error["details"]) == 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
        ("{'a': 1}", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ('{"a": 1} {}', "Extra data: line 1 column 10 (char 9)"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice in one object"),
        ('{"a": NaN}', "NaN is not a JSON value"),
        ('{"a": -Infinity}', "-Infinity is not a JSON value"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ("[" * 100_000, "nested too deeply"),
        ("", "Expecting value: line 1 column 1 (char 0)"),
        ("```json\n{}\n```", "Expecting value: line 1 column 1 (char 0)"),
    ],
)
def test_json_is_read_as_the_standard_has_it(text: str, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(text)
    assert caught.value.kind == "invalid_json"
    assert caught.value.message == f"the arguments are not valid JSON: {message}"


@pytest.mark.parametrize("text", ['{"a": "\\ud800"}', '{"\\udfff": 1}'])
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="a string holds half of a surrogate pair"):
        parse(text)


def test_a_number_without_a_fraction_is_an_integer_however_it_is_written() -> None:
    assert repr(parse("[2.0, 2e3, -0.0, 0.1, 1e300, 9007199254740993]")) == (
        "[2, 2000, 0, 0.1, 1e+300, 9007199254740993]"
    )


def test_integers_of_thousands_of_digits_are_refused_not_converted() -> None:
    with pytest.raises(Refusal, match="the arguments are not valid JSON: Exceeds the limit"):
        parse("9" * 5000)


@pytest.mark.parametrize("text", ["[]", "1", "null", '"{}"'])
def test_arguments_are_one_object(box: Make, answer: Make, text: str) -> None:
    assert answer(box("def tool(a: int = 1): ..."), "tool", text) == {
        "error": {"type": "invalid_json", "message": "the arguments must be one JSON object"}
    }


def test_no_text_means_no_arguments_where_none_are_required(box: Make, answer: Make) -> None:
    tools = box("def free(a: int = 1): return a\ndef bound(a: int): return a")
    assert answer(tools, "free", "") == 1
    assert answer(tools, "free", " \n") == 1
    assert answer(tools, "bound", "")["error"]["type"] == "invalid_json"


def test_an_open_schema_does_not_let_unknown_names_reach_the_function(
    box: Make, answer: Make, function: Make
) -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    source = "def closed(a=1): return a\ndef wide(a=1, **more): return more"
    names = ("closed", "wide")
    tools = box(
        source, *(function(name, python=f"mod:{name}", parameters=parameters) for name in names)
    )
    assert answer(tools, "closed", '{"a": 1, "z": 2, "y": 3}')["error"]["details"] == [
        {"at": "y", "message": "the function takes no such argument"},
        {"at": "z", "message": "the function takes no such argument"},
    ]
    assert answer(tools, "wide", '{"a": 1, "z": 2}') == {"z": 2}


def test_declared_limits_are_applied_and_loose_declarations_do_not_loosen_the_types(
    box: Make, answer: Make, function: Make
) -> None:
    parameters = {"type": "object", "properties": {"n": {"maximum": 5}}, "required": ["n"]}
    tools = box(
        "def tool(n: int): return n", function("tool", python="mod:tool", parameters=parameters)
    )
    assert answer(tools, "tool", '{"n": 5}') == 5
    for sent, message in {
        "6": "6 is greater than the maximum of 5",
        '"3"': "Input should be a valid integer",
    }.items():
        error = answer(tools, "tool", f'{{"n": {sent}}}')["error"]
        assert error["details"] == [{"at": "n", "message": message}]


def test_a_reference_into_the_network_is_not_followed(
    box: Make, answer: Make, function: Make
) -> None:
    parameters = {
        "type": "object",
        "properties": {"n": {"$ref": "http://127.0.0.1:9/schema.json"}},
        "required": ["n"],
    }
    tools = box("def tool(n): ...", function("tool", python="mod:tool", parameters=parameters))
    error = answer(tools, "tool", '{"n": 5}')["error"]
    assert error["type"] == "exception"
    assert error["message"].startswith("the declared parameters cannot be applied: ")
