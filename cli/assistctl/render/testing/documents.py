"""What came of tests -> JSON, and the XML that JUnit writes, for programs."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree import ElementTree

from assistctl.render.events import finished_json
from assistctl.render.testing.words import expected, lines_about
from assistctl.render.values import json_document, place_json
from assistctl.resources import Json
from assistctl.verdicts import Attempt, CaseResult, Comparison, Outcome, Report

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report_json(report: Report) -> str:
    """`{"passed", "failed", "errors", "stopped", "seconds", "cases": [case]}`."""
    return json_document(report_document(report))


def report_document(report: Report) -> dict[str, Json]:
    """The same as a value. A case is `{"assistant", "case", "target", "variant", "synced",
    "outcome", "passed", "pass_rate", "interval", "seconds", "file", "line", "attempts"}`; an
    attempt `{"outcome", "seconds", "error", "turns": [{"user", "seconds", and what `run` has}],
    "expectations": [{"turn", "expected", "met", "came", "file", "line", "column"}]}`."""
    return {
        "passed": report.count(Outcome.PASSED),
        "failed": report.count(Outcome.FAILED),
        "errors": report.count(Outcome.ERROR),
        "stopped": report.count(Outcome.STOPPED),
        "seconds": round(report.seconds, 3),
        "cases": [_case(result) for result in report.results],
    }


def _case(result: CaseResult) -> dict[str, Json]:
    return {
        "assistant": result.key,
        "case": result.case.name,
        "target": result.row.target,
        "variant": result.row.variant,
        "synced": result.row.synced,
        "outcome": result.outcome.value,
        "passed": result.passed,
        "pass_rate": result.case.pass_rate,
        "interval": [round(end, 4) for end in result.interval],
        "seconds": round(result.seconds, 3),
        "file": result.case.place.file,
        "line": result.case.place.line,
        "attempts": [_attempt(attempt) for attempt in result.attempts],
    }


def _attempt(attempt: Attempt) -> dict[str, Json]:
    return {
        "outcome": attempt.outcome.value,
        "seconds": round(attempt.seconds, 3),
        "error": attempt.error,
        "turns": [
            {
                "user": answer.user,
                "seconds": round(answer.seconds, 3),
                **finished_json(answer.finished),
            }
            for answer in attempt.answers
        ],
        "expectations": [
            {
                "turn": verdict.turn,
                "expected": expected(verdict.expectation),
                "met": None if verdict.unknown else verdict.met,
                "came": verdict.came,
                **place_json(verdict.expectation.place),
            }
            for verdict in attempt.verdicts
        ],
    }


def comparison_document(comparison: Comparison) -> dict[str, Json]:
    """`{"before", "after"}`, each as report_document has it; `before` is null where nothing of what
    is tested is at the target."""
    before = comparison.before
    return {
        "before": report_document(before) if before else None,
        "after": report_document(comparison.after),
    }


def report_junit(report: Report) -> str:
    """A `<testsuite>` for each assistant and row, a `<testcase>` for each case: with `<failure>`,
    `<error>` or `<skipped>`, of which the text has the expectations and the last turn."""
    root = ElementTree.Element("testsuites", {"name": "assistctl", **_counts(report)})
    for (row, key), some in groupby(report.results, lambda it: (it.row, it.key)):
        results = tuple(some)
        part = Report(results, sum(result.seconds for result in results))
        suite = ElementTree.SubElement(
            root, "testsuite", {"name": _xml(f"{key}, {row}"), **_counts(part)}
        )
        for result in results:
            _add_case(suite, result)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False)


def _counts(report: Report) -> dict[str, str]:
    return {
        "tests": str(len(report.results)),
        "failures": str(report.count(Outcome.FAILED)),
        "errors": str(report.count(Outcome.ERROR)),
        "skipped": str(report.count(Outcome.STOPPED)),
        "time": f"{report.seconds:.3f}",
    }


def _add_case(suite: ElementTree.Element, result: CaseResult) -> None:
    case = ElementTree.SubElement(
        suite,
        "testcase",
        {
            "classname": _xml(f"{result.key}, {result.row}"),
            "name": _xml(result.case.name),
            "time": f"{result.seconds:.3f}",
            "file": _xml(result.case.place.file),
            "line": str(result.case.place.line),
        },
    )
    if result.outcome is Outcome.PASSED:
        return
    kind = {Outcome.FAILED: "failure", Outcome.ERROR: "error"}.get(result.outcome, "skipped")
    lines = list(lines_about(result))
    message = lines[0] if lines else "the tests were stopped"
    ElementTree.SubElement(case, kind, {"message": _xml(message)}).text = _xml("\n".join(lines))


def _xml(text: str) -> str:
    """The text without what XML cannot hold, which is shown as a replacement character."""
    return _NOT_IN_XML.sub("\ufffd", text)
