from typing import Any

import pytest

from assistctl.server.retrieval import filters
from assistctl.server.wire import ApiError

ATTRIBUTES = {"year": 2026, "shop": "north", "open": True, "rate": 1.5}
CASES: list[tuple[str, str, Any, bool]] = [
    ("eq", "year", 2026, True),
    ("eq", "year", 2026.0, True),
    ("eq", "year", "2026", False),
    ("eq", "open", True, True),
    ("eq", "open", 1, False),
    ("eq", "missing", "x", False),
    ("ne", "shop", "south", True),
    ("ne", "missing", "x", True),
    ("gt", "year", 2026, False),
    ("gte", "year", 2026, True),
    ("lt", "rate", 2, True),
    ("lte", "rate", 1, False),
    ("gt", "shop", "a", True),
    ("gt", "shop", 1, False),
    ("gt", "open", 0, False),
    ("lt", "missing", 1, False),
    ("in", "shop", ["north", "south"], True),
    ("in", "shop", "north", True),
    ("in", "open", [1], False),
    ("nin", "shop", ["south"], True),
    ("nin", "missing", ["south"], True),
]


@pytest.mark.parametrize(("kind", "key", "value", "passes"), CASES)
def test_comparisons(kind: str, key: str, value: Any, passes: bool) -> None:
    condition = {"type": kind, "key": key, "value": value}
    assert filters.check(condition, "filters") == condition
    assert filters.matches(condition, ATTRIBUTES) is passes


def test_and_and_or_nest() -> None:
    yes = {"type": "eq", "key": "year", "value": 2026}
    no = {"type": "eq", "key": "year", "value": 1}

    def all_of(*parts: Any) -> Any:
        return {"type": "and", "filters": list(parts)}

    def any_of(*parts: Any) -> Any:
        return {"type": "or", "filters": list(parts)}

    assert filters.matches(all_of(yes, any_of(no, yes)), ATTRIBUTES)
    assert not filters.matches(all_of(yes, any_of(no, all_of(yes, no))), ATTRIBUTES)


WRONG: list[tuple[Any, str]] = [
    (
        {"type": "like", "key": "a", "value": "b"},
        "Invalid value: 'like'. Supported values are: 'eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in',"
        " 'nin', 'and', and 'or'.",
    ),
    ({"type": "eq", "key": "a"}, "Missing required parameter: 'filters.value'."),
    (
        {"type": "eq", "key": "a", "value": None},
        "Invalid type for 'filters.value': expected a string, a number, a boolean,"
        " or an array of them.",
    ),
    (
        {"type": "and", "filters": [{"type": "eq", "key": 1, "value": 1}]},
        "Invalid type for 'filters.filters[0].key': expected a string, but got an integer instead.",
    ),
    ("year > 1", "Invalid type for 'filters': expected an object, but got a string instead."),
]


@pytest.mark.parametrize(("condition", "message"), WRONG)
def test_wrong_filters_are_told_where(condition: Any, message: str) -> None:
    with pytest.raises(ApiError) as caught:
        filters.check(condition, "filters")
    assert str(caught.value) == message


def test_filters_do_not_nest_for_ever() -> None:
    condition: Any = {"type": "eq", "key": "a", "value": 1}
    for _ in range(20):
        condition = {"type": "and", "filters": [condition]}
    with pytest.raises(ApiError, match="nested too deeply"):
        filters.check(condition, "filters")
