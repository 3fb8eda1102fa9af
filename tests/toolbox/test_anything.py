"""Whatever a model sends and whatever a tool returns, there is an answer that can be sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from assistctl.events import ToolCall
from assistctl.toolbox.arguments import parse
from assistctl.toolbox.outputs import Refusal, result

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
names = st.sampled_from(["a", "b", "c", "name", "day", "other"]) | st.text(max_size=3)
values = st.recursive(
    scalars | st.sampled_from(["red", "2026-11-23", 1, 1.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)

SOURCE = """
    from __future__ import annotations
    import datetime, decimal, enum
    from dataclasses import dataclass
    from typing import Any, Literal, NotRequired, Optional, TypedDict
    class Colour(enum.StrEnum):
        RED = "red"
    class Day(TypedDict):
        day: NotRequired[datetime.date]
    @dataclass
    class Thing:
        name: str | int
        other: list[Day] | None = None
    def tool(
        a: list[int] | Literal["red", 1] | Optional[Thing] = None,
        b: dict[str, Thing] | Colour | float = 0.0,
        c: tuple[decimal.Decimal, Any] | set[datetime.date] | Day | None = None,
    ):
        assert isinstance(a, list | str | int | Thing | None)
        assert isinstance(b, dict | Colour | float)
        return [a, b, c]
"""


@given(st.text() | values.map(json.dumps))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = parse(text)
    except Refusal as refusal:
        assert refusal.kind == "invalid_json"
    else:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@given(values, st.integers(min_value=100, max_value=200))
def test_any_result_is_text_within_the_limit(value: Any, limit: int) -> None:
    try:
        output = result(value, limit)
    except Refusal as refusal:
        output = refusal.output
        assert refusal.kind == "invalid_result"
    assert len(output.text.encode()) <= max(limit, 2000)


def test_any_arguments_get_an_answer_that_blames_only_the_arguments(
    box: Callable[..., Any],
) -> None:
    tools = box(SOURCE)

    @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
    @given(st.dictionaries(st.sampled_from(["a", "b", "c"]), values) | values)
    def check(arguments: Any) -> None:
        call = ToolCall("1", "tool", json.dumps(arguments))
        (returned,) = tools.call([call])
        if returned.error:
            kind = json.loads(returned.output)["error"]["type"]
            assert kind in ("invalid_json", "invalid_arguments"), returned.output
        else:
            json.loads(returned.output)

    check()
