"""Annotations at run time that pydantic cannot take as they are."""

from __future__ import annotations

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


def test_a_typed_dictionary_inside_a_dataclass_is_converted_or_refused_at_mount(
    box: Make, answer: Make
) -> None:
    source = """
        import datetime
        from dataclasses import dataclass
        from typing import TypedDict
        class Customer(TypedDict):
            born: datetime.date
        @dataclass
        class Bill:
            customer: Customer
        def tool(bill: Bill): return repr(bill.customer["born"])
    """
    try:
        tools = box(source)
    except AssistctlError as error:  # before Python 3.12
        assert str(error).startswith("tools/functions.yaml:3:5: mod:tool: parameter 'bill': ")
        assert "typing_extensions.TypedDict" in str(error)
    else:
        sent = '{"bill": {"customer": {"born": "2000-01-01"}}}'
        assert answer(tools, "tool", sent) == "datetime.date(2000, 1, 1)"
