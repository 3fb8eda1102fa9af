"""pydantic models as parameters: what the model is told, and what the function gets."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

SOURCE = """
    from __future__ import annotations
    from datetime import date
    from enum import Enum
    from typing import Annotated, ClassVar, Generic, Literal, Optional, TypeVar, Union
    import annotated_types
    from pydantic import (
        AliasChoices, BaseModel, ConfigDict, EmailStr, Field, PositiveInt, RootModel,
        StringConstraints, conint, constr,
    )
    from pydantic.alias_generators import to_camel

    T = TypeVar("T")

    class Colour(str, Enum):
        RED = "red"
        GREEN = "green"

    class Rose(BaseModel):
        kind: Literal["rose"]
        thorns: PositiveInt = 3

    class Lily(BaseModel):
        kind: Literal["lily"]

    class Base(BaseModel):
        LIMIT: ClassVar[int] = 3
        id: int = Field(ge=1, le=99)
        _hidden: int = 3

    class Order(Base):
        '''What somebody wants.

        Attributes:
            when: The day of delivery.
        '''
        flower: Annotated[Union[Rose, Lily], Field(discriminator="kind")]
        when: date
        colour: Colour = Colour.RED
        note: Optional[str] = Field(None, max_length=200, description="For the florist.")
        tags: list[str] = Field(default_factory=list, min_length=1)
        code: Annotated[str, StringConstraints(pattern="^[A-Z]+$")] = "A"
        size: conint(gt=0, lt=10) = 1

    class Customer(BaseModel):
        model_config = ConfigDict(alias_generator=to_camel, extra="allow")
        first_name: str
        zip_code: str = Field(alias="zip")
        other: int = Field(3, validation_alias=AliasChoices("else", "or"))

    class Page(BaseModel, Generic[T]):
        items: list[T]

    class Tags(RootModel[list[str]]):
        pass

    class Comment(BaseModel):
        text: str
        answers: list[Comment] = []
"""


def schema(derive: Callable[..., Any], annotation: str) -> Any:
    found = derive(f"{SOURCE}\n    def tool(x: {annotation}): ...\n")
    return found if isinstance(found, list) else found.parameters["properties"]["x"]


def test_a_model_is_an_object_with_its_fields_and_their_limits(derive: Callable[..., Any]) -> None:
    assert schema(derive, "Order") == {
        "description": "What somebody wants.",
        "type": "object",
        "properties": {
            "id": {"type": "integer", "minimum": 1, "maximum": 99},
            "flower": {
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {
                            "kind": {"type": "string", "enum": ["rose"]},
                            "thorns": {"type": "integer", "exclusiveMinimum": 0, "default": 3},
                        },
                        "required": ["kind"],
                        "additionalProperties": False,
                    },
                    {
                        "type": "object",
                        "properties": {"kind": {"type": "string", "enum": ["lily"]}},
                        "required": ["kind"],
                        "additionalProperties": False,
                    },
                ]
            },
            "when": {"description": "The day of delivery.", "type": "string", "format": "date"},
            "colour": {"type": "string", "enum": ["red", "green"], "default": "red"},
            "note": {
                "type": ["string", "null"],
                "maxLength": 200,
                "description": "For the florist.",
                "default": None,
            },
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "code": {"type": "string", "pattern": "^[A-Z]+$", "default": "A"},
            "size": {
                "type": "integer",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 10,
                "default": 1,
            },
        },
        "required": ["id", "flower", "when"],
        "additionalProperties": False,
    }


def test_a_model_has_the_names_that_its_json_has(derive: Callable[..., Any]) -> None:
    assert schema(derive, "Customer") == {
        "type": "object",
        "properties": {
            "firstName": {"type": "string"},
            "zip": {"type": "string"},
            "else": {"type": "integer", "default": 3},
        },
        "required": ["firstName", "zip"],
    }


def test_generic_models_and_root_models_are_what_they_hold(derive: Callable[..., Any]) -> None:
    assert schema(derive, "Page[int] | Tags") == {
        "anyOf": [
            {
                "type": "object",
                "properties": {"items": {"type": "array", "items": {"type": "integer"}}},
                "required": ["items"],
                "additionalProperties": False,
            },
            {"type": "array", "items": {"type": "string"}},
        ]
    }


def test_a_model_whose_names_are_made_by_own_code_is_refused(derive: Callable[..., Any]) -> None:
    (problem,) = derive("""
        from pydantic import BaseModel
        class Order(BaseModel):
            model_config = {"alias_generator": lambda name: name.upper()}
            number: int
        def tool(x: Order): ...
    """)
    assert problem.endswith(
        "the names in Order are made at run time by its alias_generator; give its fields an "
        "`alias` each, or declare `parameters` for the function"
    )


def test_a_function_gets_the_model_and_not_a_dictionary(
    box: Callable[..., Any], answer: Callable[..., Any]
) -> None:
    tools = box(f"""{SOURCE}
    def order(x: Order): return [type(x).__name__, type(x.flower).__name__, x.when.year, x.note]
    def greet(x: Customer): return [x.first_name, x.zip_code, x.other, x.model_extra]
    def walk(x: Comment): return [type(each).__name__ for each in [x, *x.answers]]
    def tagged(x: Tags): return x.root
    def page(x: Page[date]): return x.items[0].year
    """)
    sent = {"x": {"id": 1, "flower": {"kind": "lily"}, "when": "2026-11-23"}}
    assert answer(tools, "order", json.dumps(sent)) == ["Order", "Lily", 2026, None]
    customer = {"x": {"firstName": "Zoe", "zip": "1", "else": 4, "more": 5}}
    assert answer(tools, "greet", json.dumps(customer)) == ["Zoe", "1", 4, {"more": 5}]
    comment = {"x": {"text": "a", "answers": [{"text": "b"}]}}
    assert answer(tools, "walk", json.dumps(comment)) == ["Comment", "Comment"]
    assert answer(tools, "tagged", '{"x": ["a"]}') == ["a"]
    assert answer(tools, "page", '{"x": {"items": ["2026-11-23"]}}') == 2026
    sent["x"]["id"] = 100
    assert answer(tools, "order", json.dumps(sent))["error"]["details"] == [
        {"at": "x.id", "message": "100 is greater than the maximum of 99"}
    ]


def test_a_declared_schema_is_compared_with_a_model_that_contains_itself(
    derive: Callable[..., Any],
) -> None:
    tree = {
        "type": "object",
        "properties": {
            "text": {"type": "integer"},
            "answers": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
        },
        "required": ["text"],
    }
    declared = {
        "type": "object",
        "properties": {"x": {"$ref": "#/$defs/tree"}},
        "required": ["x"],
        "$defs": {"tree": tree},
    }
    problems = derive(f"{SOURCE}\n    def tool(x: Comment): ...\n", parameters=declared)
    assert [problem.partition("(tools/mod.py:61): ")[2] for problem in problems] == [
        f"the schema says integer for {path!r}, and the function takes string; let the schema and "
        "the annotation say the same"
        for path in ("x.answers[].text", "x.text")
    ]
