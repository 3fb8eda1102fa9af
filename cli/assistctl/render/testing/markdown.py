"""What came of tests -> Markdown, for a comment on a pull request."""

from __future__ import annotations

import html
from collections.abc import Sequence

from assistctl.render.markup import as_many_as_fit, code, details, plain
from assistctl.render.terminal import one_line, shortened
from assistctl.render.testing.words import counts, lines_about, rate, summary
from assistctl.verdicts import CaseResult, Comparison, Outcome, Report

LIMIT = 50_000
"""Characters for the tests; the rest of a comment is the plan's."""
_ROOM = 2_000
"""Columns for one line of what was said or returned."""

_SIGNS = {
    Outcome.PASSED: "✅ passed",
    Outcome.FAILED: "❌ failed",
    Outcome.ERROR: "⚠️ error",
    Outcome.STOPPED: "stopped",
}


def report_markdown(report: Report) -> str:
    """A heading that counts, a table of the cases, and folded why some did not pass."""
    table = [
        "| assistant | case | outcome |",
        "|---|---|---|",
        *(
            f"| {_subject(it, report)} | {plain(it.case.name)} | {_outcome(it)} |"
            for it in report.results
        ),
    ]
    heading = f"### Tests: {plain(summary(report))}"
    return _within(LIMIT, heading, "\n".join(table), report.results)


def comparison_markdown(comparison: Comparison) -> str:
    """The same with a column of what each case came to as it is at the target."""
    after = comparison.after
    target = code(after.rows[0].target)
    table = [
        f"| assistant | case | at {target} | as declared |",
        "|---|---|---|---|",
        *(
            f"| {code(it.key)} | {plain(it.case.name)} | {_before(comparison, it)} "
            f"| {_outcome(it)} |"
            for it in after.results
        ),
    ]
    before = f" (before: {counts(comparison.before)})" if comparison.before else ""
    heading = f"### Tests: {counts(after)}{before}"
    return _within(LIMIT, heading, "\n".join(table), after.results)


def _within(room: int, heading: str, table: str, results: Sequence[CaseResult]) -> str:
    """With as many of the details as there is room for."""
    wrong = [it for it in results if it.outcome is not Outcome.PASSED and it.attempts]
    more = as_many_as_fit(wrong, _detail, room - len(table), "case", "assistctl test")
    return "\n\n".join([heading, table, *more])


def _subject(result: CaseResult, report: Report) -> str:
    row = f" at {plain(str(result.row))}" if len(report.rows) > 1 else ""
    return f"{code(result.key)}{row}"


def _outcome(result: CaseResult) -> str:
    told = rate(result)
    return f"{_SIGNS[result.outcome]}{f'; {plain(told)}' if told else ''}"


def _before(comparison: Comparison, after: CaseResult) -> str:
    result = comparison.was(after)
    return _outcome(result) if result else "not there"


def _detail(result: CaseResult) -> str:
    lines = [shortened(one_line(line), _ROOM) for line in lines_about(result)]
    return details(html.escape(one_line(f"{result.key}: {result.case.name}")), lines)
