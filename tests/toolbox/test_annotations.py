"""Annotations to JSON Schema, one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

HEAD = """
    from __future__ import annotations
    import collections, collections.abc, datetime, decimal, enum, os, pathlib, typing, uuid
    import typing as t, typing_extensions as te, datetime as dt
    from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Sequence, Union
    from typing import TypeVar
    from pydantic import Field
    from bson import ObjectId

    Price = float
    Cents = NewType("Cents", int)
    Size = Literal["s", "m"]
    Weight = Annotated[float, "in grams"]
    Nested = list["Nested"]
    Word = TypeVar("Word", bound=str)
    Either = TypeVar("Either", int, str)
    Anything = TypeVar("Anything")
    Text = te.TypeAliasType("Text", str)
    Position = collections.namedtuple("Position", "x y", defaults=[0])
    Spot = typing.NamedTuple("Spot", [("x", int)])
    Options = typing.TypedDict("Options", {"a": int, "b": te.Required[str]}, total=False)
    Colour = enum.Enum("Colour", "RED GREEN")
    Mood = enum.Enum("Mood", {"GOOD": "good", "BAD": "bad"})
"""

READABLE: dict[str, Any] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "Any": {},
    "object": {},
    "t.Any": {},
    "'str'": {"type": "string"},
    "list": {"type": "array", "items": {}},
    "List": {"type": "array", "items": {}},
    "list[int]": {"type": "array", "items": {"type": "integer"}},
    "List['int']": {"type": "array", "items": {"type": "integer"}},
    "Sequence[str]": {"type": "array", "items": {"type": "string"}},
    "collections.abc.Sequence[str]": {"type": "array", "items": {"type": "string"}},
    "tuple": {"type": "array", "items": {}},
    "tuple[int, ...]": {"type": "array", "items": {"type": "integer"}},
    "tuple[int, str]": {
        "type": "array",
        "items": {"type": ["integer", "string"]},
        "minItems": 2,
        "maxItems": 2,
    },
    "tuple[()]": {"type": "array", "items": {}, "minItems": 0, "maxItems": 0},
    "set[str]": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    "frozenset": {"type": "array", "items": {}, "uniqueItems": True},
    "dict": {"type": "object"},
    "dict[str, Any]": {"type": "object"},
    "Dict[str, int]": {"type": "object", "additionalProperties": {"type": "integer"}},
    "typing.Mapping[str, list[int]]": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "integer"}},
    },
    "int | None": {"type": ["integer", "null"]},
    "Optional[int]": {"type": ["integer", "null"]},
    "Union[int, str, None]": {"type": ["integer", "string", "null"]},
    "int | (str | None)": {"type": ["integer", "string", "null"]},
    "int | int": {"type": "integer"},
    "int | Any": {},
    "list[int] | None": {
        "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]
    },
    "Optional[list[int] | str]": {
        "anyOf": [
            {"type": "array", "items": {"type": "integer"}},
            {"type": "string"},
            {"type": "null"},
        ]
    },
    "Literal['a', 'b']": {"type": "string", "enum": ["a", "b"]},
    "te.Literal[1, -2, None]": {"type": ["integer", "null"], "enum": [1, -2, None]},
    "Annotated[int, 'how many']": {"type": "integer", "description": "how many"},
    "t.Annotated[int, Field(gt=0, description='how many')]": {
        "type": "integer",
        "exclusiveMinimum": 0,
        "description": "how many",
    },
    "Annotated[int, te.Doc('how many')]": {"type": "integer", "description": "how many"},
    "datetime.date": {"type": "string", "format": "date"},
    "dt.datetime": {"type": "string", "format": "date-time"},
    "dt.time": {"type": "string", "format": "time"},
    "dt.timedelta": {"type": "string", "format": "duration"},
    "uuid.UUID": {"type": "string", "format": "uuid"},
    "typing.Iterable[str]": {"type": "array", "items": {"type": "string"}},
    "collections.deque[int]": {"type": "array", "items": {"type": "integer"}},
    "typing.MutableSet[int]": {
        "type": "array",
        "items": {"type": "integer"},
        "uniqueItems": True,
    },
    "collections.abc.MutableMapping[str, int]": {
        "type": "object",
        "additionalProperties": {"type": "integer"},
    },
    "collections.Counter[str]": {"type": "object", "additionalProperties": {"type": "integer"}},
    "dict[int, str]": {
        "type": "object",
        "propertyNames": {"pattern": "^-?[0-9]+$"},
        "additionalProperties": {"type": "string"},
    },
    "dict[Size, bool]": {
        "type": "object",
        "propertyNames": {"enum": ["s", "m"]},
        "additionalProperties": {"type": "boolean"},
    },
    "dict[datetime.date, Any]": {"type": "object"},
    "str | bytes": {"type": "string"},
    "Union[str, typing.Callable[[int], str], None]": {"type": ["string", "null"]},
    "Literal[Size, 'x']": {"type": "string", "enum": ["s", "m", "x"]},
    "Literal[1, True]": {"type": ["integer", "boolean"], "enum": [1, True]},
    "Text": {"type": "string"},
    "Word": {"type": "string"},
    "list[Either]": {"type": "array", "items": {"type": ["integer", "string"]}},
    "Anything": {},
    "typing.AnyStr": {"type": "string"},
    "os.PathLike[str]": {"type": "string"},
    "Position": {
        "type": "object",
        "properties": {"x": {}, "y": {}},
        "required": ["x"],
        "additionalProperties": False,
    },
    "Spot": {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
        "additionalProperties": False,
    },
    "Options": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "required": ["b"],
        "additionalProperties": False,
    },
    "Colour": {"type": "integer", "enum": [1, 2]},
    "Mood": {"type": "string", "enum": ["good", "bad"]},
    "decimal.Decimal": {"type": ["string", "number"], "format": "decimal"},
    "pathlib.Path": {"type": "string"},
    "Price": {"type": "number"},
    "Cents": {"type": "integer"},
    "list[Size]": {"type": "array", "items": {"type": "string", "enum": ["s", "m"]}},
    "Weight | None": {"anyOf": [{"type": "number", "description": "in grams"}, {"type": "null"}]},
}

UNREADABLE = {
    "ObjectId": "ObjectId is imported from bson",
    "bson.ObjectId": "bson.ObjectId is not known in tools/mod.py",
    "Flower": "Flower is not known in tools/mod.py",
    "typing.NoReturn": "typing.NoReturn stands for no kind of JSON value",
    "ObjectId[int]": "ObjectId[int] is not a type that can be read",
    "list[Flower]": "Flower is not known in tools/mod.py",
    "'list['": "'list[' is not a type",
    "3": "3 is not a type that can be read",
    "dict[tuple[int, int], str]": "the keys of JSON objects are strings, not tuple[int, int]",
    "Literal[Price]": "Price in Literal is not a plain value",
    "Literal[b'x']": "b'x' is not a value that JSON has",
    "tool": "tool is not known in tools/mod.py",
    "Nested": "it is nested too deeply, or contains itself",
}


@pytest.mark.parametrize("annotation", READABLE)
def test_a_readable_annotation_becomes_its_schema(
    derive: Callable[..., Any], annotation: str
) -> None:
    function = derive(f"{HEAD}\n    def tool(x: {annotation}): ...\n")
    assert function.parameters == {
        "type": "object",
        "properties": {"x": READABLE[annotation]},
        "required": ["x"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("annotation", UNREADABLE)
def test_an_unreadable_annotation_names_parameter_reason_and_way_out(
    derive: Callable[..., Any], annotation: str
) -> None:
    assert derive(f"{HEAD}\n    def tool(x: {annotation}): ...\n") == [
        "tools/functions.yaml:3:5: parameter 'x' of mod:tool (tools/mod.py:25): its annotation "
        f"cannot be read: {UNREADABLE[annotation]}; annotate it with a type that can be read, "
        "or declare `parameters` for the function"
    ]


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        (
            "bytes | None",
            "bytes cannot stand in JSON; take a str, such as base64, and decode it in the function",
        ),
        (
            "list[bytes]",
            "bytes cannot stand in JSON; take a str, such as base64, and decode it in the function",
        ),
        (
            "typing.Callable[[int], int]",
            "a function cannot stand in JSON; take a str that names it, and look it up in the "
            "function",
        ),
        (
            "type[int]",
            "a class cannot stand in JSON; take a str that names it, and look it up in the "
            "function",
        ),
        (
            "typing.TextIO",
            "an open file cannot stand in JSON; take the path as a str, and open it in the "
            "function",
        ),
        ("typing.Iterator[int]", "an iterator cannot stand in JSON; take a list, or an Iterable"),
        (
            "agents.RunContextWrapper[int]",
            "agents.RunContextWrapper is what another framework's runner gives to its tools, and "
            "none is at work; leave it out",
        ),
    ],
)
def test_what_json_lacks_is_refused_with_what_to_take_instead(
    derive: Callable[..., Any], annotation: str, told: str
) -> None:
    (problem,) = derive(f"import agents, typing\ndef tool(x: {annotation}): ...\n")
    assert problem.split("its annotation cannot be read: ")[1] == (
        f"{told}, or declare `parameters` for the function"
    )


def test_stars_import_the_types_that_everybody_knows(derive: Callable[..., Any]) -> None:
    function = derive("from typing import *\ndef tool(x: Optional[List[int]]): ...\n")
    assert function.parameters["properties"]["x"]["anyOf"][0]["items"] == {"type": "integer"}


def test_an_annotation_that_grows_without_end_is_given_up(derive: Callable[..., Any]) -> None:
    doubled = "".join(f"T{n + 1} = tuple[T{n}, T{n}]\n" for n in range(40))
    (problem,) = derive(f"T0 = int\n{doubled}def tool(x: T40): ...\n")
    assert "it holds more than 3000 types, which no model could be told" in problem


def test_an_alias_made_at_run_time_is_unreadable(derive: Callable[..., Any]) -> None:
    (problem,) = derive("Id = make()\ndef tool(x: Id): ...\n")
    assert "its annotation cannot be read: make() is made at run time" in problem


def test_an_annotation_of_ten_thousand_alternatives_does_not_overflow_the_stack(
    derive: Callable[..., Any],
) -> None:
    (problem,) = derive(f"def tool(x: {' | '.join(['int'] * 10_000)}): ...\n")
    assert problem.startswith("tools/")
