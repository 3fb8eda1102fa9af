"""Annotations at run time that pydantic cannot take as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistctl.errors import AssistctlError

Make = Callable[..., Any]
ANY = {"type": "object", "properties": {"x": {}, "y": {}}, "required": ["x", "y"]}


@pytest.mark.parametrize(
    "source",
    [
        """
        from __future__ import annotations
        import datetime
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from elsewhere import Frame
        def tool(x: Frame, y: datetime.date): return repr((x, y))
        """,
        """
        import datetime, threading
        def tool(x: list[threading.Thread], y: "datetime.date"): return repr((x, y))
        """,
        """
        import datetime
        def tool(x: "list[", y: datetime.date): return repr((x, y))
        """,
        """
        import datetime
        def tool(x, y: datetime.date): return repr((x, y))
        """,
    ],
)
def test_an_annotation_that_means_nothing_leaves_the_others_their_meaning(
    box: Make, answer: Make, function: Make, source: str
) -> None:
    tools = box(source, function("tool", python="mod:tool", parameters=ANY))
    assert answer(tools, "tool", '{"x": [1], "y": "2026-11-23"}') == (
        "([1], datetime.date(2026, 11, 23))"
    )


def test_a_decorated_function_is_read_through_its_wrapper(box: Make, answer: Make) -> None:
    tools = box("""
        import datetime, functools
        def _loudly(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs).upper()
            return wrapper
        @_loudly
        def tool(day: datetime.date) -> str:
            return day.strftime("on a %A")
    """)
    assert answer(tools, "tool", '{"day": "2026-11-23"}') == "ON A MONDAY"
    assert answer(tools, "tool", '{"day": 1}')["error"]["type"] == "invalid_arguments"


def test_typed_dictionaries_are_converted_wherever_they_stand(box: Make, answer: Make) -> None:
    tools = box("""
        from __future__ import annotations
        import datetime
        from dataclasses import dataclass
        from typing import NotRequired, Required, TypedDict
        class Customer(TypedDict, total=False):
            born: datetime.date
            name: Required[str]
        class Couple(TypedDict):
            first: Customer
            second: NotRequired[Customer]
        @dataclass
        class Bill:
            payers: list[Couple | Customer]
        def tool(bills: dict[str, Bill]): return repr(bills["x"].payers)
    """)
    payers = [{"first": {"name": "a", "born": "2000-01-01"}}, {"name": "b"}]
    assert answer(tools, "tool", json.dumps({"bills": {"x": {"payers": payers}}})) == (
        "[{'first': {'born': datetime.date(2000, 1, 1), 'name': 'a'}}, {'name': 'b'}]"
    )
    payers = [{"first": {"name": "a", "born": "never"}}]
    error = answer(tools, "tool", json.dumps({"bills": {"x": {"payers": payers}}}))["error"]
    assert error["details"][0]["at"].startswith("bills.x.payers[0]")


def test_a_typed_dictionary_may_contain_itself_under_a_declared_schema(
    box: Make, answer: Make, function: Make
) -> None:
    source = """
        import datetime
        from typing import TypedDict
        class Tree(TypedDict):
            day: datetime.date
            below: "list[Tree]"
        def tool(x: Tree, y): return repr(x["below"][0]["day"])
    """
    tools = box(source, function("tool", python="mod:tool", parameters=ANY))
    leaf = {"day": "2026-11-23", "below": []}
    sent = json.dumps({"x": {"day": "2026-11-22", "below": [leaf]}, "y": 1})
    assert answer(tools, "tool", sent) == "datetime.date(2026, 11, 23)"


def test_what_pydantic_knows_and_refuses_is_told_at_mount(box: Make, function: Make) -> None:
    source = """
        from typing import Annotated, Union, Literal
        from pydantic import BaseModel, Field
        class A(BaseModel):
            kind: str
        class B(BaseModel):
            kind: Literal["b"]
        def tool(x: Annotated[Union[A, B], Field(discriminator="kind")], y): ...
    """
    with pytest.raises(AssistctlError) as caught:
        box(source, function("tool", python="mod:tool", parameters=ANY))
    assert str(caught.value).startswith("tools/functions.yaml:3:5: mod:tool: parameter 'x': ")


def test_a_validator_that_breaks_becomes_an_error_of_the_call(
    box: Make, answer: Make, function: Make
) -> None:
    source = """
        from pydantic import BaseModel, field_validator
        class Order(BaseModel):
            number: int
            @field_validator("number")
            def even(cls, value):
                if value == 13: raise KeyError("unlucky")
                if value % 2: raise ValueError("not even")
                return value
        def tool(x: Order, y): return x.number
    """
    tools = box(source, function("tool", python="mod:tool", parameters=ANY))
    assert answer(tools, "tool", '{"x": {"number": 2}, "y": 1}') == 2
    assert answer(tools, "tool", '{"x": {"number": 3}, "y": 1}')["error"]["details"] == [
        {"at": "x.number", "message": "Value error, not even"}
    ]
    assert answer(tools, "tool", '{"x": {"number": 13}, "y": 1}')["error"] == {
        "type": "exception",
        "message": "argument x cannot be converted: KeyError: 'unlucky'",
    }
