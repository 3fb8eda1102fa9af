"""Results and errors as the text that goes back to the model."""

from __future__ import annotations

import datetime
import enum
import ipaddress
import itertools
import json
import re
import uuid
from collections import deque, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pydantic_core
import pytest

from assistctl.toolbox.outputs import Detail, Output, Refusal, result
from assistctl.toolbox.worker.results import plain

LIMIT = 10_000


class Colour(enum.Enum):
    RED = "红"


@dataclass
class Line:
    name: str
    day: datetime.date
    colour: Colour


class Model(pydantic.BaseModel):
    price: Decimal


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        ('"quoted"', '"quoted"'),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        (float("nan"), '"NaN"'),
        ([float("-inf")], '["-Infinity"]'),
        ({"花": ["红玫瑰", 1]}, '{"花": ["红玫瑰", 1]}'),
        ({1: "a", None: "b"}, '{"1": "a", "None": "b"}'),
        ((1, {2}), "[1, [2]]"),
        (Point(1, 2), "[1, 2]"),
        (b"abc", '"abc"'),
        (Decimal("0.10"), '"0.10"'),
        (datetime.datetime(2026, 11, 23, 16, 30), '"2026-11-23T16:30:00"'),
        (datetime.timedelta(minutes=1), '"PT1M"'),
        (uuid.UUID(int=10), '"00000000-0000-0000-0000-00000000000a"'),
        (Path("a/b"), '"a/b"'),
        (Colour.RED, '"红"'),
        (
            Line("a", datetime.date(2026, 11, 23), Colour.RED),
            '{"name": "a", "day": "2026-11-23", "colour": "红"}',
        ),
        ([Model(price=Decimal("1.20"))], '[{"price": "1.20"}]'),
        ((n for n in [1, 2]), "[1, 2]"),
        ("half \ud800 a pair", "half ? a pair"),
    ],
)
def test_a_result_becomes_text(value: Any, text: str) -> None:
    assert result(value, LIMIT) == Output(text)


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "kind"),
    [(object(), "object"), (b"\xff", "bytes"), (circle(), "list"), (1j, "complex")],
)
def test_a_result_without_a_json_form_says_that_the_function_did_run(value: Any, kind: str) -> None:
    if kind == "complex":
        assert result(value, LIMIT) == Output('"1j"')
        return
    with pytest.raises(Refusal) as caught:
        result(value, LIMIT)
    assert caught.value.kind == "invalid_result"
    start = f"the function ran, but its result ({kind}) cannot be written as JSON: "
    assert caught.value.message.startswith(start)


def test_what_is_yielded_is_cut_as_a_list_is_even_if_it_has_no_end() -> None:
    assert result(iter(range(100)), 1000).text == str([*range(100)])
    marker = "\n[cut here: the whole output has {} bytes, the limit is 100]"
    for values, size in ((iter(range(99)), "386"), (itertools.count(), "at least 390")):
        end = marker.format(size)
        assert result(values, 100).text == str([*range(99)])[: 100 - len(end)] + end


def test_a_long_result_is_cut_between_characters_and_says_so() -> None:
    text = "花" * 100
    whole = result(text, 300)
    assert whole == Output(text)
    marker = "\n[cut here: the whole output has 300 bytes, the limit is 100]"
    found = result(text, 100).text
    assert found == "花" * ((100 - len(marker)) // 3) + marker
    assert len(found.encode()) <= 100


def test_a_refusal_is_a_short_structured_error() -> None:
    refusal = Refusal("invalid_arguments", "they do not fit", [Detail("a[0].b", "no 数字")])
    assert refusal.output == Output(
        '{"error": {"type": "invalid_arguments", "message": "they do not fit", '
        '"details": [{"at": "a[0].b", "message": "no 数字"}]}}',
        "invalid_arguments: they do not fit (a[0].b: no 数字)",
    )


def test_a_refusal_stays_short_and_encodable() -> None:
    output = Refusal("exception", "line\n" * 10_000 + "\ud800").output
    assert len(json.loads(output.text)["error"]["message"]) == 2000
    assert output.error is not None
    assert len(output.error) == 1000
    assert "\n" not in output.error
    assert Refusal("exception", "\ud800").output == Output(
        '{"error": {"type": "exception", "message": "?"}}', "exception: ?"
    )


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 1, 1.5, float("nan"), [float("inf")], {"花": [1]}, {1: "a", None: "b"}),
        *((1, {2}), Point(1, 2), b"abc", Decimal("0.10"), uuid.UUID(int=10), Path("a/b"), 1j),
        *(Colour.RED, Line("a", datetime.date(2026, 11, 23), Colour.RED)),
        *(Model(price=Decimal("1.20")), {Colour.RED: Colour.RED, True: 1}),
        datetime.datetime(2026, 11, 23, 16, 30, tzinfo=datetime.UTC),
        datetime.datetime(
            2026, 11, 23, 16, 30, 1, 20, datetime.timezone(datetime.timedelta(hours=8))
        ),
        datetime.time(1, 2),
        *(datetime.timedelta(minutes=1), datetime.timedelta(days=3, hours=25, microseconds=1500)),
        *(datetime.timedelta(seconds=-90), datetime.timedelta()),
        *(ipaddress.ip_address("::1"), ipaddress.ip_network("10.0.0.0/8"), re.compile("a+")),
        *(frozenset(["x"]), deque([1]), enum.IntEnum("Size", "S M").M),
    ],
    ids=repr,
)
def test_without_pydantic_the_json_is_the_same(value: Any) -> None:
    assert plain(value) == json.loads(pydantic_core.to_json(value, inf_nan_mode="strings"))


@pytest.mark.parametrize("value", [object(), circle(), b"\xff", {"a": lambda: 1}])
def test_without_pydantic_what_has_no_json_form_is_an_error_too(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        plain(value)
