import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistctl.console.differences import difference


def told(before, after):
    return [
        line.sign + "".join(f"[{it.text}]" if it.changed else it.text for it in line.parts)
        if line.sign != "…"
        else f"… {line.hidden}"
        for line in difference(before, after)
    ]


def test_words_that_went_and_came_are_marked_within_their_lines():
    assert told("Be brief.\nSell flowers.\n", "Be very brief.\nSell flowers.\n") == [
        "-Be brief.",
        "+Be[ very] brief.",
        " Sell flowers.",
    ]


def test_where_words_are_not_written_apart_characters_are_marked():
    assert told("你是花店的助手。", "你是书店的助手。") == [
        "-你是[花]店的助手。",
        "+你是[书]店的助手。",
    ]


def test_a_passage_that_has_little_in_common_is_told_as_a_whole():
    assert told("one two three", "quite another thing") == [
        "-one two three",
        "+quite another thing",
    ]


def test_lines_that_stay_are_shown_around_what_changes_and_counted_elsewhere():
    lines = [f"line {number}" for number in range(20)]
    changed = [*lines[:10], "line ten", *lines[11:]]
    assert told("\n".join(lines), "\n".join(changed)) == [
        "… 7",
        " line 7",
        " line 8",
        " line 9",
        "-line [10]",
        "+line [ten]",
        " line 11",
        " line 12",
        " line 13",
        "… 6",
    ]


def test_a_line_break_at_the_end_is_a_difference_too():
    assert told("a", "a\n") == [
        " a",
        "-[(without a line break at the end)]",
        "+[(with a line break at the end)]",
    ]


def test_the_same_text_has_no_difference():
    assert difference("a\nb", "a\nb") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\n" * 20_000, "b\n" + "a\n" * 20_000 + "c\n" + "a\n" * 5000),
        ("ab\n" * 10_000, "b\na\n" * 10_000),
        (" ".join(f"u{it}" for it in range(30_000)), " ".join(f"v{it}" for it in range(30_000))),
        ("\n\n".join(map(str, range(3000))), "\n\n".join(map(str, range(3000, 6000)))),
        (("a " * 500 + "\n") * 40, (" a" * 500 + "b\n") * 40),
    ],
    ids=["one line", "two lines", "other words", "other lines", "many passages"],
)
def test_a_text_that_somebody_has_made_to_be_compared_for_ever_is_told_in_the_end(before, after):
    assert difference(before, after)  # or it takes hours


def test_a_prompt_that_was_written_anew_is_told_as_a_whole():
    before, after = (" ".join(f"{it}{number}" for number in range(900)) for it in "uv")
    assert told(before, after) == [f"-{before}", f"+{after}"]


def test_what_was_put_into_a_long_text_of_the_same_lines_is_found():
    assert told("a\n" * 9000, "a\n" * 4000 + "b\n" + "a\n" * 5000)[3:6] == [" a", "+b", " a"]


@given(st.text("ab \n你好", max_size=60), st.text("ab \n你好", max_size=60))
def test_each_side_can_be_read_from_what_is_shown(before, after):
    shown = difference(before, after)
    if before == after:
        return

    def side(sign):
        lines = [
            "".join(it.text for it in line.parts) if line.sign != "…" else line.hidden
            for line in shown
            if line.sign in (" ", sign, "…")
        ]
        return [line for line in lines if not str(line).startswith("(with")]

    for sign, text in (("-", before), ("+", after)):
        lines, read = text.splitlines(), []
        for line in side(sign):
            read += lines[len(read) : len(read) + line] if isinstance(line, int) else [line]
        assert read == lines
