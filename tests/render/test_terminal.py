import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.render.terminal import one_line, padded, sanitize, shortened, width

ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("花店 table\tand\nlines, é, 👩‍🌾", "花店 table\tand\nlines, é, 👩‍🌾"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J and \x7f and \x00", r"\x9b2J and \x7f and \x00"),
        ("abc\u202edcba\u2069", r"abc\u202edcba\u2069"),
        ("one\r\ntwo\rthree", "one\ntwothree"),
        ("half a pair \ud83d", r"half a pair \ud83d"),
        ("\u0e2a\u200b\u0e27\u0e31", "\u0e2a\u200b\u0e27\u0e31"),  # Thai has it between words
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert sanitize(text) == shown


@given(ANY_TEXT, ANY_TEXT)
def test_where_a_stream_was_cut_makes_no_difference(start: str, end: str) -> None:
    assert sanitize(start) + sanitize(end) == sanitize(start + end)


@given(ANY_TEXT)
def test_no_control_comes_through_and_the_result_can_be_written(text: str) -> None:
    shown = sanitize(text)
    assert {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} <= set("\n\t")
    assert not {c for c in shown if unicodedata.bidirectional(c) in ("RLO", "LRO", "RLI", "PDI")}
    assert sanitize(shown) == shown
    shown.encode()


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert [width(text) for text in ("abc", "花店", "ｆｕｌｌ", "e\u0301", "한글", "")] == [
        3,
        4,
        8,
        1,
        4,
        0,
    ]


def test_padding_counts_columns_not_characters() -> None:
    assert [padded(text, 6) + "|" for text in ("abc", "花店")] == ["abc   |", "花店  |"]


@given(ANY_TEXT.map(one_line), st.integers(1, 40))
def test_a_shortened_line_fits_and_begins_like_the_whole(text: str, columns: int) -> None:
    short = shortened(text, columns)
    assert width(short) <= columns
    assert short == text or text.startswith(short.removesuffix("…"))


def test_a_wide_character_is_not_cut_in_half() -> None:
    assert [shortened("花店助手", columns) for columns in (8, 7, 6, 5)] == [
        "花店助手",
        "花店助…",
        "花店…",
        "花店…",
    ]
