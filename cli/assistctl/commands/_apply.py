"""Executing a plan, told change by change."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from assistctl.commands._survey import Survey
from assistctl.errors import Refused, SyncFailed
from assistctl.plan.changes import Action, Change
from assistctl.render.progress import Progress, shown_progress
from assistctl.render.values import counted
from assistctl.resources import Address, Json, Workspace

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants, Outcome

VERBS = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.ADOPT: "adopted",
}


@dataclass(frozen=True)
class Result:
    """How one change ended; `error` None: it is made."""

    change: Change
    id: str | None = None
    seconds: float = 0.0
    error: str | None = None


def apply(
    surface: Assistants, workspace: Workspace, found: Survey, *, quiet: bool = False
) -> list[Result]:
    """Send all requests of the plan; one Result for each change, in the plan's order. Progress and
    failures are told on stderr."""
    changes = found.plan.changes
    with shown_progress(sys.stderr, len(changes), quiet=quiet) as progress:
        pending = found.by_change()
        index_of = {id(request): index for index, some in enumerate(pending) for request in some}
        outcomes: list[list[Outcome]] = [[] for _ in changes]
        results: dict[int, Result] = {}

        def settle(index: int) -> None:
            if index not in results and len(outcomes[index]) == len(pending[index]):
                results[index] = _result(changes[index], outcomes[index])
                _tell(progress, results[index])

        for index in range(len(changes)):
            settle(index)
        uploading = progress.uploading
        for outcome in surface.execute(
            workspace.root,
            found.operations,
            found.declared,
            found.observed,
            uploading=lambda address, sent, total: uploading(str(address), sent, total),
        ):
            index = index_of[id(outcome.operation)]
            outcomes[index].append(outcome)
            settle(index)
    return [results[index] for index in sorted(results)]


def confirm(found: Survey) -> None:
    """Ask the person at the terminal. Raises Refused without a yes, or without a person."""
    number = counted(len(found.plan.changes), "change")
    if not sys.stdin.isatty():
        raise Refused(f"nobody can be asked about {number} here; use --yes to apply them")
    if not click.confirm(f"Apply {number} to {found.plan.target}?", err=True):
        raise Refused("nothing was changed")


def refuse_failures(results: list[Result]) -> None:
    """Raises SyncFailed if any change could not be made."""
    if failed := [result for result in results if result.error]:
        raise SyncFailed(
            f"{counted(len(failed), 'change')} of {len(results)} could not be made; "
            "what is done is done, and the next sync finishes the rest"
        )


def result_json(result: Result) -> Mapping[str, Json]:
    """`{"action", "address", "status": "done" or "failed", "id", "seconds", "error"}`"""
    return {
        "action": result.change.action.value,
        "address": str(result.change.address),
        "status": "failed" if result.error else "done",
        "id": result.id,
        "seconds": round(result.seconds, 3),
        "error": result.error,
    }


def _result(change: Change, outcomes: list[Outcome]) -> Result:
    failed = [outcome.error for outcome in outcomes if outcome.error]
    ids = [outcome.id for outcome in outcomes if outcome.operation.address == change.address]
    return Result(
        change,
        change.id or next((known for known in ids if known), None),
        sum(outcome.seconds for outcome in outcomes),
        failed[0] if failed else None,
    )


def _tell(progress: Progress, result: Result) -> None:
    address: Address = result.change.address
    if result.error:
        progress.failed(str(address), result.error)
    else:
        progress.done(str(address), VERBS[result.change.action], result.id or "", result.seconds)
