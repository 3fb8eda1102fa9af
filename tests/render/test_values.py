import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.render.values import (
    brief,
    counted,
    declared_brief,
    diff_lines,
    json_document,
    json_line,
    sides,
)
from assistctl.resources import Address, Json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_json_means_what_it_was_made_of_and_holds_nothing_that_a_terminal_obeys(
    value: Json,
) -> None:
    for text in (json_document(value), json_line(value)):
        assert json.loads(text) == value
        assert not {c for c in text if c in "\x1b\x7f\x9b\u202e\ud800"}
        text.encode()


def test_json_keeps_utf8_and_writes_an_address_as_its_text() -> None:
    assert json_line({"花": Address("file", "花.csv")}) == '{"花": "file/花.csv"}'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.2, "0.2"),
        ("花店", '"花店"'),
        ({"a": [1, None]}, '{"a": [1, null]}'),
        ("first\nsecond\n", '"first" (2 lines, 13 characters)'),
        ("first\nsecond", '"first" (2 lines, 12 characters)'),
        ("x" * 1204, '"' + "x" * 98 + "… (1,204 characters)"),
        (["x" * 200], '["' + "x" * 97 + "… (204 characters)"),
        ("esc \x1b[31m", r'"esc \u001b[31m"'),
    ],
)
def test_a_value_is_brief(value: Json, shown: str) -> None:
    assert brief(value) == shown


def test_a_list_of_tools_is_told_by_its_names() -> None:
    tools = [
        {"type": "code_interpreter"},
        {"type": "function", "function": {"name": "save_bill", "parameters": {}}},
    ]
    assert declared_brief(tools) == "code_interpreter, function save_bill"
    assert declared_brief([{"no": "tool"}]) == '[{"no": "tool"}]'
    assert declared_brief([]) == "[]"


def test_of_long_lines_only_what_differs_is_shown() -> None:
    before, after = "a" * 90 + " old " + "b" * 90, "a" * 90 + " new " + "b" * 90
    assert sides(before, after) == (
        '"…' + "a" * 23 + " old " + "b" * 23 + '…"',
        '"…' + "a" * 23 + " new " + "b" * 23 + '…"',
    )


def test_what_was_appended_to_a_long_line_is_shown() -> None:
    assert sides("a" * 120, "a" * 120 + " and more") == (
        '"…' + "a" * 24 + '"',
        '"…' + "a" * 24 + ' and more"',
    )


def test_absent_values_are_said_in_words() -> None:
    assert sides(None, 1) == ("(absent)", "1")
    assert sides("x", None) == ('"x"', "(absent)")


def test_a_diff_shows_carriage_returns_and_a_missing_end_of_line() -> None:
    assert list(diff_lines("a\r\nb\n", "a\nb")) == ["@@ -1,3 +1,2 @@", r"-a\r", "+a", " b", "-"]


def test_only_a_newline_ends_a_line_of_a_diff() -> None:
    assert list(diff_lines("a\u2028b\x0cc\n", "a\u2028b\x0cd\n")) == [
        "@@ -1 +1 @@",
        "-a\u2028b\\x0cc",
        "+a\u2028b\\x0cd",
    ]


def test_things_are_counted_in_words() -> None:
    assert [counted(n, "match", "matches") for n in (0, 1, 1234)] == [
        "0 matches",
        "1 match",
        "1,234 matches",
    ]
