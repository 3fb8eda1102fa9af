"""What `doctor` has found -> text, JSON."""

from __future__ import annotations

from collections.abc import Sequence

import click

from assistctl.checks import Check, State
from assistctl.render.terminal import one_line
from assistctl.render.values import counted, json_document

_SIGNS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.FAILED: ("✗", "red")}


def check_text(check: Check) -> str:
    """`✓ what`, or `! what` and below it what to do."""
    sign, color = _SIGNS[check.state]
    line = f"{click.style(sign, fg=color)} {one_line(check.what)}"
    return f"{line}\n    → {one_line(check.remedy)}" if check.remedy else line


def subject_text(subject: str) -> str:
    """What stands above the checks of one subject."""
    return click.style(subject, bold=True)


def summary_text(checks: Sequence[Check]) -> str:
    """How many are not as they should be."""
    failed = _count(checks, State.FAILED)
    warnings = _count(checks, State.WARNING)
    if not failed and not warnings:
        return click.style("All is well.", fg="green")
    told = ", ".join(
        filter(
            None,
            (
                f"{failed} failed" if failed else "",
                counted(warnings, "warning") if warnings else "",
            ),
        )
    )
    return click.style(f"{told}.", fg="red" if failed else "yellow")


def checks_json(checks: Sequence[Check]) -> str:
    """`{"checks": [{"subject", "state", "what", "remedy"}], "summary": {"ok", "warning",
    "failed"}}`."""
    listed = [
        {
            "subject": check.subject,
            "state": check.state.value,
            "what": check.what,
            "remedy": check.remedy,
        }
        for check in checks
    ]
    summary = {state.value: _count(checks, state) for state in State}
    return json_document({"checks": listed, "summary": summary})


def _count(checks: Sequence[Check], state: State) -> int:
    return sum(check.state is state for check in checks)
