"""What came of tests -> text for people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import click

from assistctl.render.steps import dim
from assistctl.render.terminal import one_line, sanitize, shortened
from assistctl.render.testing.words import counts, rate, summary, verdict_line
from assistctl.verdicts import Answer, Attempt, CaseResult, Comparison, Outcome, Report

_SIGNS = {
    Outcome.PASSED: ("✓", "green"),
    Outcome.FAILED: ("✗", "red"),
    Outcome.ERROR: ("!", "red"),
    Outcome.STOPPED: ("…", "yellow"),
}
_ROOM = 300
"""Columns for what was said or returned; -v shows it whole."""


def report_text(report: Report, verbosity: int = 0) -> str:
    """A line for each case, below those that did not pass why, and a line that counts them."""
    blocks = [
        "\n".join([_heading(key, row, len(report.rows)), *_cases(results, verbosity)])
        for (row, key), results in groupby(report.results, lambda it: (str(it.row), it.key))
    ]
    color = "green" if report.good else "red"
    return "\n\n".join([*blocks, click.style(summary(report), fg=color)])


def comparison_text(comparison: Comparison, verbosity: int = 0) -> str:
    """A line for each case with what it came to before and comes to now, and why those that do not
    pass now do not."""
    blocks = []
    for key, results in groupby(comparison.after.results, lambda it: it.key):
        lines = [_heading(key, "", 1)]
        for result in results:
            was = comparison.was(result)
            before = _sign(was.outcome) if was else dim("not there")
            lines.append(f"  {before} → {_sign(result.outcome)} {one_line(result.case.name)}")
            if result.outcome is not Outcome.PASSED and result.attempts:
                lines += why(result.telling, result, verbosity)
        blocks.append("\n".join(lines))
    before = f" (before: {counts(comparison.before)})" if comparison.before else ""
    color = "green" if comparison.after.good else "red"
    return "\n\n".join([*blocks, click.style(f"{counts(comparison.after)}{before}", fg=color)])


def _sign(outcome: Outcome) -> str:
    sign, color = _SIGNS[outcome]
    return click.style(sign, fg=color)


def _heading(key: str, row: str, rows: int) -> str:
    return click.style(sanitize(f"{key}, {row}" if rows > 1 else key), bold=True)


def _cases(results: Iterator[CaseResult], verbosity: int) -> Iterator[str]:
    for result in results:
        seconds = f"{result.seconds:.1f} s" if result.attempts else "not tried"
        told = ", ".join(filter(None, (rate(result), seconds)))
        yield f"  {_sign(result.outcome)} {one_line(result.case.name)}  {dim(told)}"
        if result.outcome is not Outcome.PASSED and result.attempts:
            yield from why(result.telling, result, verbosity)
        elif verbosity > 0 and result.attempts:
            yield from last_turn(result.telling, verbosity)


def why(attempt: Attempt, result: CaseResult, verbosity: int) -> Iterator[str]:
    """What is not as expected or broke, each with its place, and the conversation's last turn."""
    for verdict in attempt.unmet:
        place = verdict.expectation.place
        yield f"      {click.style(_cut(verdict_line(verdict), verbosity), fg='red')}"
        yield f"      {dim(str(place))}"
    if attempt.error:
        yield f"      {click.style(_cut(attempt.error, verbosity), fg='red')}"
        yield f"      {dim(str(result.case.place))}"
    yield from last_turn(attempt, verbosity)


def last_turn(attempt: Attempt, verbosity: int) -> Iterator[str]:
    """What was said, called and answered last; with -v all turns."""
    answers = attempt.answers if verbosity > 0 else attempt.answers[-1:]
    for answer in answers:
        yield from (f"      {line}" for line in _turn(answer, verbosity))


def _turn(answer: Answer, verbosity: int) -> Iterator[str]:
    yield f"{click.style('user:', bold=True)} {_cut(answer.user, verbosity)}"
    for returned in answer.finished.tool_calls:
        call, output = returned.call, returned.error or returned.output
        yield f"{click.style('→', fg='cyan')} {_cut(f'{call.name} {call.arguments}', verbosity)}"
        sign, color = ("✗", "red") if returned.error else ("←", "green")
        yield f"{click.style(sign, fg=color)} {_cut(output, verbosity)}"
    said = answer.finished.text or f"({answer.finished.status})"
    yield f"{click.style('assistant:', bold=True)} {_cut(said, verbosity)}"


def _cut(text: str, verbosity: int) -> str:
    line = one_line(text)
    return line if verbosity > 0 else shortened(line, _ROOM)
