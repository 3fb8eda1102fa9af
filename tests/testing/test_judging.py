"""Each kind of expectation, against answers that meet it and answers that do not."""

import json
from dataclasses import replace

import pytest

from assistctl.cases import Expectation
from assistctl.errors import Place
from assistctl.events import Finished, Source, ToolCall, ToolReturned
from assistctl.testing.judging import Facts, holds, judged, same
from assistctl.verdicts import Answer

CALLS = (("save", {"cost": 37.5, "who": {"name": "Ann", "id": 1}}), ("print", {}), ("save", {}))


def answer(text="", status="completed", usage=None, calls=(), seconds=1.0, error=None):
    returned = tuple(
        ToolReturned(ToolCall("c", name, json.dumps(arguments)), "ok", 0.1)
        for name, arguments in calls
    )
    return Answer("user", Finished(status, "thread", "run", text, usage, error, returned), seconds)


def came(kind, value, *answers):
    """What came instead; None if it is as expected."""
    expectation = Expectation(kind, value, Place("a"))
    verdict = judged(expectation, Facts(answers), answers, nobody)
    assert verdict.met is (verdict.came == "")
    return verdict.came or None


def nobody(rubric, conversation):
    raise AssertionError("not asked")


@pytest.mark.parametrize(
    ("kind", "value", "text", "expected"),
    [
        ("contains", "75", "It is 75.", None),
        ("contains", "75", "It is 74.", "the answer does not have it"),
        ("not_contains", "75", "It is 74.", None),
        ("not_contains", "75", "It is 75.", "the answer has it"),
        ("equals", "It is 75.\n", " It is 75.", None),
        ("equals", "It is 75", "It is 75.", "the answer is another"),
        ("regex", r"^\d+ yuan$", "75 yuan", None),
        ("regex", r"^\d+ yuan$", "75 euro", "nothing in the answer matches it"),
        ("json_schema", {"type": "array"}, "[1]", None),
        ("json_schema", {"items": {"type": "string"}}, "[1]", "at $[0]: 1 is not of type 'string'"),
        (
            "json_schema",
            {},
            "It is 75.",
            "the answer is not JSON: Expecting value: line 1 column 1 (char 0)",
        ),
    ],
)
def test_a_text_is_as_expected(kind, value, text, expected):
    assert came(kind, value, answer(text)) == expected


@pytest.mark.parametrize(
    ("expected", "instead"),
    [
        ({"function": "save"}, None),
        ({"function": "save", "times": 2}, None),
        ({"function": "save", "times": 1}, "there were 2 such calls"),
        ({"function": "save", "arguments": {"cost": 37.5}}, None),
        ({"function": "save", "arguments": {"who": {"name": "Ann"}}, "times": 1}, None),
        (
            {"function": "save", "arguments": {"cost": 37.5}, "exact": True},
            'it was called with {"cost": 37.5, "who": {"name": "Ann", "id": 1}}; {}',
        ),
        ({"function": "save", "arguments": {}, "exact": True, "times": 1}, None),
        ({"function": "pay"}, "pay was not called; what was called: save, print"),
    ],
)
def test_a_call_is_as_expected(expected, instead):
    assert came("calls", expected, answer(calls=CALLS)) == instead


def test_a_function_is_never_called():
    assert came("never", "pay", answer(calls=CALLS)) is None
    assert came("never", "print", answer(calls=CALLS)) == "it was called with {}"


def test_functions_are_called_one_after_the_other():
    assert came("order", ["save", "print", "save"], answer(calls=CALLS)) is None
    assert came("order", ["print", "print"], answer(calls=CALLS)) == (
        "what was called, in this order: save, print, save"
    )
    assert came("order", ["save"], answer()) == "what was called, in this order: nothing"


def test_the_status_is_that_of_the_last_turn_and_says_why():
    failed = answer(status="failed", error="no model")
    assert came("status", "completed", failed, answer()) is None
    assert came("status", "completed", answer(), failed) == "it ended as failed: no model"


def test_seconds_and_tokens_are_those_of_all_turns():
    old, new = {"prompt_tokens": 700, "completion_tokens": 300}, {"total_tokens": 500}
    answers = answer(usage=old, seconds=2), answer(usage=new, seconds=3)
    assert came("seconds", 5, *answers) is None
    assert came("seconds", 4.5, *answers) == "it took 5.0 s"
    assert came("tokens", 1500, *answers) is None
    assert came("tokens", 1499, *answers) == "it took 1,500"


def test_a_file_is_cited_by_its_name():
    sources = (Source(1, "prices.csv"), Source(2, url="https://example.com"), Source(3, "care.md"))
    cited = replace(answer(), finished=replace(answer().finished, sources=sources))
    assert came("cited", "care.md", cited) is None
    assert came("cited", "bills.md", cited) == (
        "what was cited: prices.csv, https://example.com, care.md"
    )
    assert came("cited", "care.md", answer()) == "nothing was cited"


def test_the_cost_is_that_of_all_turns_and_unknown_where_one_has_no_price():
    dear, cheap = (
        replace(answer(), finished=replace(answer().finished, cost=cost)) for cost in (0.5, 0.25)
    )
    assert came("cost", 0.75, dear, cheap) is None
    assert came("cost", 0.7, dear, cheap) == "it cost 0.75"
    expectation = Expectation("cost", 1, Place("a"))
    assert judged(expectation, Facts((dear, answer())), (), nobody).unknown


def test_nobody_knows_of_tokens_that_the_target_does_not_tell():
    expectation = Expectation("tokens", 5, Place("a"))
    verdict = judged(expectation, Facts((answer(),)), (), nobody)
    assert (verdict.met, verdict.unknown) == (False, True)


@pytest.mark.parametrize(
    ("said", "met", "unknown", "instead"),
    [
        ((True, "It is."), True, False, ""),
        ((False, "It is not."), False, False, "It is not."),
        ((None, "I cannot see."), False, True, "I cannot see."),
    ],
)
def test_a_rubric_is_as_the_judge_says_of_the_whole_conversation(said, met, unknown, instead):
    conversation = (answer("Hello"), answer("Bye"))

    def judge(rubric, answers):
        assert (rubric, answers) == ("It is kind.", conversation)
        return said

    expectation = Expectation("rubric", "It is kind.", Place("a"))
    verdict = judged(expectation, Facts(conversation[1:]), conversation, judge)
    assert (verdict.met, verdict.unknown, verdict.came) == (met, unknown, instead)


def test_numbers_are_the_same_however_they_are_written_and_true_is_none():
    assert same({"a": [1, 2.0]}, {"a": [1.0, 2]})
    assert not same(1, True)
    assert not same([1], [1, 2])
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert holds({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}], "d": 3})
    assert not holds({"a": []}, {"a": [1]})
