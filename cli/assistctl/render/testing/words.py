"""Expectations, rates and rows in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from assistctl.cases import Expectation
from assistctl.render.values import brief, counted, json_line
from assistctl.verdicts import CaseResult, Outcome, Report, Verdict


def expected(expectation: Expectation) -> str:
    """What is expected, in a sentence of one line: `the answer contains "75"`."""
    return _WORDS[expectation.kind](expectation.value)


def verdict_line(verdict: Verdict) -> str:
    """`turn 2: the answer contains "75"; the answer does not have it`; the first part is left out
    at the end of a case."""
    turn = f"turn {verdict.turn}: " if verdict.turn else ""
    return f"{turn}{expected(verdict.expectation)}; {verdict.came}"


def rate(result: CaseResult) -> str:
    """`9 of 10 tries passed (at least 8 must; the true rate is 60 % to 98 %)`; nothing for a case
    that is tried once."""
    if result.case.repeat == 1:
        return ""
    low, high = (f"{100 * end:.0f} %" for end in result.interval)
    tries = counted(len(result.attempts), "try", "tries")
    wanted = f"{100 * result.case.pass_rate:.3g} %"
    return f"{result.passed} of {tries} passed, {wanted} must (the true rate: {low} to {high})"


def summary(report: Report) -> str:
    """`3 passed, 1 failed in 2.4 s`"""
    return f"{counts(report)} in {report.seconds:.1f} s"


def counts(report: Report) -> str:
    """`3 passed, 1 failed`"""
    words = [
        f"{report.count(outcome):,} {word}"
        for outcome, word in _COUNTED.items()
        if report.count(outcome)
    ]
    return ", ".join(words) or "nothing was tried"


def lines_about(result: CaseResult) -> Iterator[str]:
    """Why a case did not pass, how often it did, and the last turn of a try that tells it."""
    attempt = result.telling
    for verdict in attempt.unmet:
        yield f"{verdict_line(verdict)} ({verdict.expectation.place})"
    if attempt.error:
        yield attempt.error
    if told := rate(result):
        yield told
    for answer in attempt.answers[-1:]:
        yield f"user: {answer.user}"
        for returned in answer.finished.tool_calls:
            yield f"-> {returned.call.name} {returned.call.arguments}"
            yield f"<- {returned.output}"
        yield f"assistant: {answer.finished.text}"


_COUNTED = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "with an error",
    Outcome.STOPPED: "not tried to the end",
}


def _call(value: Mapping[str, Any]) -> str:
    exactly = "exactly " if value.get("exact") else ""
    arguments = f" with {exactly}{json_line(value['arguments'])}" if "arguments" in value else ""
    times = f" {counted(value['times'], 'time')}" if "times" in value else ""
    return f"{value['function']} is called{times}{arguments}"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "contains": lambda value: f"the answer contains {brief(value)}",
    "not_contains": lambda value: f"the answer does not contain {brief(value)}",
    "equals": lambda value: f"the answer is {brief(value)}",
    "regex": lambda value: f"the answer matches {brief(value)}",
    "json_schema": lambda value: "the answer is JSON and obeys the schema",
    "calls": _call,
    "cited": lambda value: f"{value} is cited",
    "never": lambda value: f"{value} is never called",
    "order": lambda value: f"these are called in this order: {', '.join(value)}",
    "status": lambda value: f"the turn ends as {value}",
    "seconds": lambda value: f"it takes at most {value:g} s",
    "tokens": lambda value: f"it takes at most {value:,.0f} tokens",
    "cost": lambda value: f"it costs at most {value:g}",
    "rubric": lambda value: f"it is true that: {value}",
}
