"""Executing a plan, told change by change."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands import _known, _snapshots, _taking
from assistctl.commands._journal import Journal
from assistctl.commands._options import Options
from assistctl.commands._person import in_ci
from assistctl.commands._survey import Survey
from assistctl.commands._termination import seam
from assistctl.errors import Interrupted, SyncFailed
from assistctl.plan.changes import Action, Change
from assistctl.render.plan import plan_json, plan_text
from assistctl.render.progress import Progress, shown_progress
from assistctl.render.terminal import one_line
from assistctl.render.values import counted, json_document
from assistctl.resources import Address, Json, Workspace

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants, Outcome

_NAMED = 5
"""How many of the changes that were not made are named."""

VERBS = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.ADOPT: "adopted",
}


@dataclass(frozen=True)
class Result:
    """How one change ended; `error` None: it is made; `stopped`: somebody did not want it to be
    made now. `files` are those that were to be attached to a vector store, with the reason why one
    is not in it."""

    change: Change
    id: str | None = None
    seconds: float = 0.0
    error: str | None = None
    stopped: bool = False
    files: Mapping[Address, str | None] = field(default_factory=dict)


def apply(
    surface: Assistants,
    workspace: Workspace,
    found: Survey,
    *,
    quiet: bool = False,
    sources: Path | None = None,
    back_to: str | None = None,
) -> list[Result]:
    """Send all requests of the plan; one Result for each change, in the plan's order. Progress and
    failures are told on stderr. What is there is kept as a snapshot first. `sources` is where the
    files are read if that is not the workspace, `back_to` the snapshot that is put back. Ctrl-C and
    SIGTERM stop it at a seam."""
    from assistctl.apis.assistants import Watch

    changes = found.plan.changes
    snapshot = _keep(surface, workspace, found, back_to)
    journal = Journal(workspace)
    with (
        seam() as stopped,
        shown_progress(sys.stderr, len(changes), quiet=quiet, live=not in_ci()) as progress,
    ):
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
            sources or workspace.root,
            found.operations,
            found.declared,
            found.observed,
            uploading=lambda address, sent, total: uploading(str(address), sent, total),
            # In CI the workspace goes, and with it all that could find them again.
            watch=Watch(stopped, journal.note, lambda: not (journal.broken or in_ci())),
        ):
            index = index_of[id(outcome.operation)]
            outcomes[index].append(outcome)
            settle(index)
    failed = {result.change.address for result in results.values() if result.error}
    made = [result.change for result in results.values() if not result.error]
    _known.remember(workspace, found.declared, made, failed)
    if snapshot and not failed:
        _snapshots.finish(snapshot)
    if not failed and not found.plan.partial:
        journal.close()
    return [results[index] for index in sorted(results)]


def _keep(
    surface: Assistants, workspace: Workspace, found: Survey, back_to: str | None
) -> Path | None:
    if not found.plan and not found.plan.partial:
        _snapshots.finish_all(workspace)
    try:
        return _taking.take(surface, workspace, found, back_to)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = one_line(f"{where}{error.strerror or error}")
        click.echo(f"note: no snapshot for `rollback` can be kept here ({reason})", err=True)
        return None


def refuse_failures(results: list[Result], remedy: str = "the next sync") -> None:
    """Raises SyncFailed if any change could not be made, Interrupted if somebody stopped it;
    `remedy` is what makes the rest."""
    if left := [result for result in results if result.stopped]:
        names = [str(result.change.address) for result in left]
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        made = sum(not result.error for result in results)
        uploads = "uploads that nothing uses yet were deleted again; " if in_ci() else ""
        raise Interrupted(
            f"interrupted: {made:,} of {counted(len(results), 'change')} "
            f"{'is' if made == 1 else 'are'} made; not made: {', '.join(names[:_NAMED])}{more}; "
            f"{uploads}{remedy} goes on from here"
        )
    if failed := [result for result in results if result.error]:
        raise SyncFailed(
            f"{counted(len(failed), 'change')} of {len(results)} could not be made; "
            f"what is done is done, and {remedy} finishes the rest"
        )


def show_plan(found: Survey, options: Options, *, asking: bool) -> None:
    """The plan in words: on stdout, unless that is for JSON; nobody is asked about it unseen."""
    as_text = options.format == "text"
    if (asking and found.plan) or (as_text and not options.quiet):
        click.echo(told_plan(found, options), err=not as_text)


def told_plan(found: Survey, options: Options) -> str:
    """The plan in words; with -v each file and each request."""
    if options.verbosity > 0:
        return plan_text(found.plan, found.requests())
    return plan_text(found.plan, stores=found.stores)


def applied_json(found: Survey, results: list[Result]) -> str:
    """The plan as `plan --format json` has it, with `results`: how each of its changes ended."""
    document = json.loads(plan_json(found.plan))
    return json_document(document | {"results": [_result_json(it) for it in results]})


def _result_json(result: Result) -> Mapping[str, Json]:
    """`{"action", "address", "status": "done" or "failed", "id", "seconds", "error"}`, and `files`
    of those that were to be attached to a vector store: `{"address", "status", "error"}`."""
    files = [
        {"address": str(address), "status": "failed" if error else "done", "error": error}
        for address, error in result.files.items()
    ]
    document = {
        "action": result.change.action.value,
        "address": str(result.change.address),
        "status": "failed" if result.error else "done",
        "id": result.id,
        "seconds": round(result.seconds, 3),
        "error": result.error,
    }
    return document | {"files": files} if files else document


def _result(change: Change, outcomes: list[Outcome]) -> Result:
    failed = [outcome.error for outcome in outcomes if outcome.error]
    ids = [outcome.id for outcome in outcomes if outcome.operation.address == change.address]
    return Result(
        change,
        change.id or next((known for known in ids if known), None),
        sum(outcome.seconds for outcome in outcomes),
        failed[0] if failed else None,
        bool(failed) and all(outcome.stopped for outcome in outcomes if outcome.error),
        {address: error for outcome in outcomes for address, error in outcome.files.items()},
    )


def _tell(progress: Progress, result: Result) -> None:
    address: Address = result.change.address
    if result.stopped:
        return
    if result.error:
        progress.failed(str(address), result.error)
    else:
        progress.done(str(address), VERBS[result.change.action], result.id or "", result.seconds)
