"""Thoughts among words, however the answer is cut into pieces."""

from __future__ import annotations

import pytest

from assistctl.server.models.chat.thoughts import Thoughts, thinks


def heard(text, size, *, wary):
    """What is left of a text that comes in pieces of this size."""
    thoughts = Thoughts(wary=wary)
    said = ""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    for part in [*(thoughts.feed(piece) for piece in pieces), thoughts.end()]:
        said = part.text if part.retracted else said + part.text
    return said


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("wary", [True, False])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Good day.", "Good day."),
        ("  Good day.", "  Good day."),
        ("<think>Roses?</think>Five.", "Five."),
        ("\n<think>\nRoses?\n</think>\n\nFive.", "Five."),
        ("<thinking>a</thinking><think>b</think> Five.", "Five."),
        ("<think>no end", ""),
        ("<think></think>", ""),
        ("Roses cost five, I think.\n</think>\n\nFive.", "Five."),
        ("Roses</think>Five.", "Five."),
        ("A <think> tag </think> is written so.", "A <think> tag </think> is written so."),
        ("The end is `</think>`.", "The end is `</think>`."),
        ("<thin ice", "<thin ice"),
        ("1 < 2 </b>", "1 < 2 </b>"),
        ("", ""),
    ],
)
def test_only_words_are_left(text, words, size, wary):
    assert heard(text, size, wary=wary) == words


def test_of_a_model_that_does_not_think_words_are_let_go_as_they_come():
    thoughts = Thoughts(wary=False)
    assert [thoughts.feed(piece).text for piece in ("Go", "od", " day")] == ["Go", "od", " day"]


def test_of_a_model_that_thinks_aloud_nothing_is_let_go_before_its_thoughts_have_ended():
    thoughts = Thoughts(wary=True)
    pieces = ("Roses", " cost…", "</think>", "Five", ".")
    assert [thoughts.feed(piece).text for piece in pieces] == ["", "", "", "Five", "."]


def test_thoughts_in_a_field_of_their_own_end_the_waiting():
    thoughts = Thoughts(wary=True)
    thoughts.elsewhere()
    assert thoughts.feed("Five").text == "Five"


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("gpt-6-luna", False),
        ("llama3.1:8b", False),
        ("deepseek-r1:14b", True),
        ("Qwen3-8B-Thinking", True),
        ("qwq", True),
    ],
)
def test_who_may_think_aloud_is_told_from_the_name(model, answer):
    assert thinks(model) is answer
