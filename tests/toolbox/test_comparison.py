"""A declared schema against what the function takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SAME = "let the schema and the annotation say the same"
SOURCE = """
    from __future__ import annotations
    import datetime, decimal, enum
    from dataclasses import dataclass
    from typing import Any, Literal
    from elsewhere import Frame

    class Colour(enum.StrEnum):
        RED = "red"
    @dataclass
    class Line:
        name: str
        price: float = 0
        colour: Colour = Colour.RED
    def tool({signature}): ...
"""


def compare(derive: Callable[..., Any], signature: str, properties: Any, **more: Any) -> Any:
    parameters = {"type": "object", "properties": properties, "required": list(properties)} | more
    found = derive(SOURCE.replace("{signature}", signature), parameters=parameters)
    if not isinstance(found, list):
        assert found.parameters == parameters
        return []
    return [
        each.removeprefix("tools/functions.yaml:3:5: mod:tool (tools/mod.py:15): ")
        for each in found
    ]


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", {"type": "string", "maxLength": 3}),
        ("float", {"type": "integer"}),
        ("float", {"type": ["integer", "number"]}),
        ("int | None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        ("int | str | None", {"type": "string"}),
        ("Any", {"type": "string"}),
        ("Frame", {"type": "string"}),
        ("Frame | None", {"type": "string"}),
        ("datetime.date", {"type": "string", "format": "date"}),
        ("decimal.Decimal", {"type": "number"}),
        ("dict", {"type": "object", "properties": {"x": {"type": "string"}}}),
        ("dict[str, int]", {"type": "object"}),
        ("list", {"type": "array", "items": {"type": "string"}}),
        ("list[int]", {"type": "array"}),
        ("list[int]", {"type": "array", "items": {"$ref": "#/$defs/number"}}),
        ("Line", {"$ref": "#/$defs/line"}),
        ("Line", {"type": "object", "allOf": [{"required": ["name"]}]}),
        ("Colour", {"enum": ["red"]}),
        ("Literal[1, 2.0, None, True, 'a']", {"enum": [1, 2, None, True, "a"]}),
        ("Colour", {"const": "red"}),
        ("Colour | None", {"type": ["string", "null"], "enum": ["red", None]}),
        ("Colour | None", {"enum": ["red", None]}),
        ("float", {"type": "number", "enum": [1, 2.5]}),
        ("Colour", {"type": "string"}),
        ("int", {}),
        ("int", True),
        ("int", {"allOf": [{"type": "string"}]}),
        ("int", {"$ref": "#/$defs/nowhere"}),
        ("int", {"$ref": "https://example.com/schema"}),
        ("int", {"$ref": "#/$defs/loop"}),
        ("int", {"oneOf": [{"type": "integer"}, {}]}),
    ],
)
def test_a_schema_that_lets_through_what_the_function_takes_is_fine(
    derive: Callable[..., Any], annotation: str, schema: Any
) -> None:
    definitions = {
        "number": {"type": "integer"},
        "loop": {"$ref": "#/$defs/loop"},
        "line": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "price": {"type": "number"}},
            "required": ["name"],
        },
    }
    parameters = {"x": schema}
    assert compare(derive, f"x: {annotation}", parameters, **{"$defs": definitions}) == []


@pytest.mark.parametrize(
    ("annotation", "schema", "what"),
    [
        (
            "int",
            {"type": "string"},
            "the schema says string for 'x', and the function takes integer",
        ),
        (
            "int",
            {"type": "number"},
            "the schema says number for 'x', and the function takes integer",
        ),
        (
            "bool",
            {"type": "integer"},
            "the schema says integer for 'x', and the function takes boolean",
        ),
        (
            "int | str",
            {"type": ["integer", "null"]},
            "the schema says null for 'x', and the function takes integer or string",
        ),
        (
            "int",
            {"oneOf": [{"type": "integer"}, {"$ref": "#/$defs/a~1b"}]},
            "the schema says array for 'x', and the function takes integer",
        ),
        ("int", {"enum": [1.5]}, "the schema says number for 'x', and the function takes integer"),
        ("int", {"const": [1]}, "the schema says array for 'x', and the function takes integer"),
        ("int", {"const": {}}, "the schema says object for 'x', and the function takes integer"),
        (
            "list[list[int]]",
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
            "the schema says string for 'x[][]', and the function takes integer",
        ),
        (
            "list[Line] | None",
            {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "integer"}},
                    "required": ["name"],
                },
            },
            "the schema says integer for 'x[].name', and the function takes string",
        ),
        (
            "Colour",
            {"type": "string", "const": "blue"},
            "the schema allows 'blue' for 'x', and the function takes 'red'",
        ),
        (
            "Colour | None",
            {"type": "string", "enum": ["red", "blue", "green"]},
            "the schema allows 'blue', 'green' for 'x', and the function takes 'red'",
        ),
    ],
)
def test_a_schema_that_lets_through_another_kind_is_a_problem(
    derive: Callable[..., Any], annotation: str, schema: Any, what: str
) -> None:
    definitions = {"a/b": {"type": "array"}}
    found = compare(derive, f"x: {annotation}", {"x": schema}, **{"$defs": definitions})
    assert found == [f"{what}; {SAME}"]


def test_names_must_agree_and_what_the_function_requires_must_be_guaranteed(
    derive: Callable[..., Any],
) -> None:
    string = {"type": "string"}
    line = {"type": "object", "properties": {"prize": {"type": "number"}}}
    found = compare(
        derive,
        "total_cost: str, total_income: str, optional: str, line: Line, later: str = ''",
        {"total_costs": string, "optional": string, "line": line, "extra": string},
        required=["total_costs", "line", "nowhere"],
    )
    default = "or give the parameter a default value"
    assert found == [
        "the function requires 'line.name', and the schema does not have it; declare 'name', "
        f"{default}",
        "the function requires 'optional', and the schema leaves it optional; list 'optional' "
        f"under `required`, {default}",
        "the function requires 'total_cost', and the schema does not have it; declare "
        f"'total_cost', {default}",
        "the function requires 'total_income', and the schema does not have it; declare "
        f"'total_income', {default}",
        "the schema has 'extra', which the function does not take; add it to the function, or take "
        "it away",
        "the schema has 'line.prize', which the function does not take; did you mean 'price'?",
        "the schema has 'nowhere', which the function does not take; add it to the function, or "
        "take it away",
        "the schema has 'total_costs', which the function does not take; did you mean "
        "'total_cost'?",
    ]


def test_what_a_composed_schema_guarantees_is_not_guessed(derive: Callable[..., Any]) -> None:
    assert compare(derive, "x: str, y: str", {}, allOf=[{"$ref": "#/$defs/xy"}]) == []


def test_keywords_of_any_name_take_any_property(derive: Callable[..., Any]) -> None:
    properties = {"x": {"type": "string"}, "y": {"type": "string"}}
    assert compare(derive, "x, *more, **others", properties) == []
    assert compare(derive, "x, y, z=1", properties) == []


def test_a_positional_only_parameter_is_one_like_the_others(derive: Callable[..., Any]) -> None:
    assert compare(derive, "x, y=1, /", {"x": {"type": "string"}}) == []
    assert compare(derive, "x: int, /", {"x": {"type": "string"}}) == [
        "the schema says string for 'x', and the function takes integer; let the schema and the "
        "annotation say the same",
    ]


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "object", "properties": [], "required": "x"},
        {"type": "object", "properties": {"x": 3}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"type": 3}}, "required": ["x", 4]},
        {"type": "object", "properties": {"x": {"anyOf": 3}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"enum": 3}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"$ref": 3}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"$ref": "#/type/x"}}, "required": ["x"]},
    ],
)
def test_what_is_no_schema_is_for_others_to_tell(
    derive: Callable[..., Any], parameters: Any
) -> None:
    derive("def tool(x: int): ...", parameters=parameters)
