"""What is read from a `def`, and what is said about everything that is not one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

AT = "tools/functions.yaml:3:5: "
ANNOTATE = "; annotate it with a type that can be read, or declare `parameters` for the function"


def test_defaults_make_optional_and_stand_in_the_schema_where_they_are_literal(
    derive: Callable[..., Any],
) -> None:
    function = derive("""
        def tool(
            a: int, b: int = -3, c: str = "x", d: list[int] = [1], e: float = LIMIT,
            f: int | None = None, g: int = None, h: tuple[int, ...] = (1,), i: float = 1e999,
            *, j: bool, k: dict[str, int] = {"a": 1}
        ): ...
    """)
    assert function.parameters["required"] == ["a", "j"]
    assert {
        name: schema["default"]
        for name, schema in function.parameters["properties"].items()
        if "default" in schema
    } == {"b": -3, "c": "x", "d": [1], "f": None, "h": [1], "k": {"a": 1}}


def test_the_description_is_the_text_of_the_docstring(derive: Callable[..., Any]) -> None:
    source = """
        async def tool(cost: float):
            '''Save a bill.

            For ever.

            Args:
                cost: What it cost.
                unknown: Nobody knows.
            '''
    """
    function = derive(source)
    # Nothing that somebody wrote for the model is lost, though no parameter has this name.
    assert function.description == "Save a bill.\n\nFor ever.\n\nunknown: Nobody knows."
    assert function.parameters["properties"] == {
        "cost": {"description": "What it cost.", "type": "number"}
    }
    assert derive(source, description="Declared.").description == "Declared."


def test_the_description_of_a_parameter_replaces_that_of_its_type(
    derive: Callable[..., Any],
) -> None:
    function = derive("""
        from typing import Annotated
        def tool(a: Annotated[int, "general"], b: Annotated[int, "general"]):
            '''
            Args:
                a: special
            '''
    """)
    assert function.parameters["properties"] == {
        "a": {"description": "special", "type": "integer"},
        "b": {"type": "integer", "description": "general"},
    }


def test_every_parameter_that_cannot_be_derived_is_named_at_once(
    derive: Callable[..., Any],
) -> None:
    assert derive("def tool(a: int, /, b, *c, d: Flower, **e): ...") == [
        f"{AT}mod:tool (tools/mod.py:1) takes **e, which nothing describes; name them, or declare "
        "`parameters` for the function",
        f"{AT}mod:tool (tools/mod.py:1) takes *c, which nothing describes; name them, or declare "
        "`parameters` for the function",
        f"{AT}parameter 'b' of mod:tool (tools/mod.py:1): it has no annotation{ANNOTATE}",
        f"{AT}parameter 'd' of mod:tool (tools/mod.py:1): its annotation cannot be read: Flower is "
        f"not known in tools/mod.py{ANNOTATE}",
    ]


def test_what_is_taken_by_position_is_given_by_name_like_the_rest(
    derive: Callable[..., Any],
) -> None:
    function = derive("""
        def tool(a: int, /, b: str = "", *rest: float):
            '''
            Args:
                *rest: More of them.
            '''
    """)
    assert function.parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"type": "string", "default": ""},
            "rest": {
                "description": "More of them.",
                "type": "array",
                "items": {"type": "number"},
            },
        },
        "required": ["a"],
        "additionalProperties": False,
    }


def test_defaults_that_are_named_elsewhere_stand_in_the_schema(derive: Callable[..., Any]) -> None:
    function = derive("""
        from enum import Enum
        LIMIT = 5
        class Colour(Enum):
            RED = "red"
            GREEN = "green"
        def tool(a: int = LIMIT, b: Colour = Colour.RED, c: str = Colour.GREEN.value): ...
    """)
    assert [each["default"] for each in function.parameters["properties"].values()] == [
        5,
        "red",
        "green",
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "def tol(): ...",
            "tools/mod.py has no function 'tool'; did you mean mod:tol?",
        ),
        ("x = 1", "tools/mod.py has no function 'tool'; write it, or correct the name"),
        (
            "class tool: ...",
            "'mod:tool' is a class (tools/mod.py:1); name a function at the top level of the "
            "module; it may use the class",
        ),
        (
            "tool = make()",
            "'mod:tool' has no `def` whose signature could be read; declare `parameters` for the "
            "function",
        ),
        (
            "from elsewhere import tool",
            "'mod:tool' has no `def` whose signature could be read; declare `parameters` for the "
            "function",
        ),
    ],
)
def test_what_is_not_a_function_is_told_from_what_is_not_there(
    derive: Callable[..., Any], source: str, problem: str
) -> None:
    assert derive(source) == [AT + problem]


@pytest.mark.parametrize("source", ["tool = make()", "from elsewhere import tool"])
def test_with_declared_parameters_a_name_made_at_run_time_is_good_enough(
    derive: Callable[..., Any], source: str
) -> None:
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert derive(source, parameters=parameters).parameters == parameters
