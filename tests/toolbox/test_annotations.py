"""Annotations to JSON Schema, one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

HEAD = """
    from __future__ import annotations
    import collections.abc, datetime, decimal, pathlib, typing, uuid
    import typing as t, typing_extensions as te, datetime as dt
    from typing import Annotated, Any, Dict, List, Literal, NewType, Optional, Sequence, Union
    from pydantic import Field
    from bson import ObjectId

    Price = float
    Cents = NewType("Cents", int)
    Size = Literal["s", "m"]
    Weight = Annotated[float, "in grams"]
    Nested = list["Nested"]
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
        "description": "how many",
    },
    "Annotated[int, te.Doc('how many')]": {"type": "integer", "description": "how many"},
    "Annotated[int, Field(1)]": {"type": "integer"},
    "datetime.date": {"type": "string", "format": "date"},
    "dt.datetime": {"type": "string", "format": "date-time"},
    "dt.time": {"type": "string", "format": "time"},
    "dt.timedelta": {"type": "string", "format": "duration"},
    "uuid.UUID": {"type": "string", "format": "uuid"},
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
    "bytes": "bytes stands for no kind of JSON value",
    "typing.Callable": "typing.Callable stands for no kind of JSON value",
    "typing.Iterable[int]": "typing.Iterable[int] is not a type that can be read",
    "ObjectId[int]": "ObjectId[int] is not a type that can be read",
    "list[Flower]": "Flower is not known in tools/mod.py",
    "'list['": "'list[' is not a type",
    "3": "3 is not a type that can be read",
    "dict[int, str]": "the keys of JSON objects are strings, not int",
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
        "tools/functions.yaml:3:5: parameter 'x' of mod:tool (tools/mod.py:15): its annotation "
        f"cannot be read: {UNREADABLE[annotation]}; annotate it with a type that can be read, "
        "or declare `parameters` for the function"
    ]


def test_an_alias_made_at_run_time_is_unreadable(derive: Callable[..., Any]) -> None:
    (problem,) = derive("Id = make()\ndef tool(x: Id): ...\n")
    assert "its annotation cannot be read: make() is made at run time" in problem


def test_an_annotation_of_ten_thousand_alternatives_does_not_overflow_the_stack(
    derive: Callable[..., Any],
) -> None:
    (problem,) = derive(f"def tool(x: {' | '.join(['int'] * 10_000)}): ...\n")
    assert problem.startswith("tools/")
