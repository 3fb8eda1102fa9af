"""`Field(…)` and its like: limits and texts in the schema, defaults at the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

HEAD = """
    from __future__ import annotations
    import dataclasses
    from dataclasses import dataclass
    from typing import Annotated, Optional
    import annotated_types as at
    import pydantic
    from pydantic import Field, WithJsonSchema
    LARGEST = 8
    Age = Annotated[int, Field(gt=0, description="Years, in full.")]
    @dataclass
    class Lane:
        width: float = Field(2.5, gt=1)
        name: str = dataclasses.field(default="a", metadata={"description": "Its name."})
"""

READ: dict[str, tuple[dict[str, Any], bool]] = {
    "int = Field(..., gt=0, description='Years.')": (
        {"type": "integer", "exclusiveMinimum": 0, "description": "Years."},
        True,
    ),
    "int = Field(gt=0)": ({"type": "integer", "exclusiveMinimum": 0}, True),
    "int = Field(3, ge=1, le=LARGEST)": (
        {"type": "integer", "minimum": 1, "maximum": 8, "default": 3},
        False,
    ),
    "int = pydantic.Field(default=3, multiple_of=3)": (
        {"type": "integer", "multipleOf": 3, "default": 3},
        False,
    ),
    "list[int] = Field(default_factory=list, max_length=2)": (
        {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        False,
    ),
    "Optional[str] = Field(None, pattern='^a', examples=['ab'])": (
        {"type": ["string", "null"], "pattern": "^a", "examples": ["ab"], "default": None},
        False,
    ),
    "Optional[list[int]] = Field(None, min_length=1)": (
        {
            "anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}],
            "minItems": 1,
            "default": None,
        },
        False,
    ),
    "dict[str, int] = Field({}, min_length=1)": (
        {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "minProperties": 1,
            "default": {},
        },
        False,
    ),
    "Annotated[int, Field(3, ge=1)]": ({"type": "integer", "minimum": 1, "default": 3}, False),
    "Annotated[int, Field(ge=1)] = 5": ({"type": "integer", "minimum": 1, "default": 5}, False),
    "Annotated[int, Field(ge=1)] = Field(5, le=9)": (
        {"type": "integer", "minimum": 1, "maximum": 9, "default": 5},
        False,
    ),
    "Age": ({"type": "integer", "exclusiveMinimum": 0, "description": "Years, in full."}, True),
    "Age = 3": (
        {
            "type": "integer",
            "exclusiveMinimum": 0,
            "description": "Years, in full.",
            "default": 3,
        },
        False,
    ),
    "Annotated[float, at.Ge(0), at.Lt(1)]": (
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
        True,
    ),
    "Annotated[str, at.Len(1, 5)]": ({"type": "string", "minLength": 1, "maxLength": 5}, True),
    "Annotated[str, pydantic.StringConstraints(min_length=2)]": (
        {"type": "string", "minLength": 2},
        True,
    ),
    "Annotated[int, WithJsonSchema({'type': 'string'})]": ({"type": "string"}, True),
    "int = Field(3, json_schema_extra={'title': 'Lanes'})": (
        {"type": "integer", "title": "Lanes", "default": 3},
        False,
    ),
    "Lane": (
        {
            "type": "object",
            "properties": {
                "width": {"type": "number", "exclusiveMinimum": 1, "default": 2.5},
                "name": {"type": "string", "description": "Its name.", "default": "a"},
            },
            "required": [],
            "additionalProperties": False,
        },
        True,
    ),
}


@pytest.mark.parametrize("parameter", READ)
def test_what_describes_a_parameter_is_in_its_schema(
    derive: Callable[..., Any], parameter: str
) -> None:
    function = derive(f"{HEAD}\n    def tool(x: {parameter}): ...\n")
    schema, required = READ[parameter]
    assert function.parameters["properties"] == {"x": schema}
    assert function.parameters["required"] == (["x"] if required else [])


def test_options_of_a_command_line_describe_their_parameters(derive: Callable[..., Any]) -> None:
    function = derive("""
        import fastapi, typer
        from typing import Annotated
        def tool(
            a: int = typer.Option(3, help="How many.", min=1),
            b: str = typer.Argument(...),
            c: Annotated[int, fastapi.Query(ge=1)] = 2,
        ): ...
    """)
    assert function.parameters["properties"] == {
        "a": {"type": "integer", "minimum": 1, "description": "How many.", "default": 3},
        "b": {"type": "string"},
        "c": {"type": "integer", "minimum": 1, "default": 2},
    }
    assert function.parameters["required"] == ["b"]


def test_a_function_gets_the_default_that_is_described_and_never_the_description(
    box: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    tools = box(f"""{HEAD}
    def admit(age: int = Field(..., gt=0)): return age
    def lanes(count: int = Field(3, ge=1, le=8)): return count
    def listed(names: list[str] = Field(default_factory=lambda: ["a"])): return names
    def noted(age: Annotated[int, Field(4, ge=1)]): return age
    def wide(lane: Lane): return [lane.width, lane.name]
    def both(age: Annotated[int, Field(ge=1)] = Field(5)): return age
    """)
    assert answer(tools, "admit", '{"age": 3}') == 3
    assert answer(tools, "admit")["error"]["details"] == [
        {"at": "", "message": "'age' is a required property"}
    ]
    assert answer(tools, "admit", '{"age": -5}')["error"]["details"] == [
        {"at": "age", "message": "-5 is less than or equal to the minimum of 0"}
    ]
    assert answer(tools, "lanes") == 3
    assert answer(tools, "lanes", '{"count": 99}')["error"]["details"] == [
        {"at": "count", "message": "99 is greater than the maximum of 8"}
    ]
    assert answer(tools, "listed") == ["a"]
    assert answer(tools, "noted") == 4
    assert answer(tools, "wide", '{"lane": {}}') == [2.5, "a"]
    assert answer(tools, "both") == 5


def test_limits_hold_where_the_declared_schema_leaves_them_out(
    box: Callable[..., Any], answer: Callable[..., Any], function: Callable[..., Any]
) -> None:
    declared = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    source = "from pydantic import Field\ndef tool(x: int = Field(..., gt=0)): return x\n"
    tools = box(source, function("tool", python="mod:tool", parameters=declared))
    assert answer(tools, "tool", '{"x": 0}')["error"]["details"] == [
        {"at": "x", "message": "Input should be greater than 0"}
    ]
