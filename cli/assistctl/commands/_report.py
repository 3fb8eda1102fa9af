"""Plans and what came of them, shown: what all commands have in common that change something."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands._options import Options
from assistctl.commands._person import in_ci
from assistctl.commands._termination import seam
from assistctl.errors import Interrupted, SyncFailed
from assistctl.plan.changes import Action
from assistctl.render.plan import plan_text
from assistctl.render.plan_json import plan_document
from assistctl.render.progress import Progress, shown_progress
from assistctl.render.terminal import one_line
from assistctl.render.values import counted, json_document
from assistctl.resources import Json, Workspace
from assistctl.some import some
from assistctl.sync.apply import Observer, Result, apply_plan, in_plan_order
from assistctl.sync.planning import PlannedSync

if TYPE_CHECKING:
    from assistctl.surface import Surface

_NAMED = 5
"""How many of the changes that were not made are named."""

_VERBS = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.ADOPT: "adopted",
}


def applied(
    surface: Surface,
    workspace: Workspace,
    planned: PlannedSync,
    *,
    quiet: bool = False,
    sources: Path | None = None,
    back_to: str | None = None,
) -> list[Result]:
    """Apply a plan; one Result for each change, in the plan's order. Progress and failures are told
    on stderr; Ctrl-C and SIGTERM stop it at a seam. `sources` and `back_to`: see sync.apply."""
    changes = len(planned.plan.changes)
    with (
        seam() as stopped,
        shown_progress(sys.stderr, changes, quiet=quiet, live=not in_ci()) as progress,
    ):
        observer = Observer(
            uploading=lambda address, sent, total: progress.uploading(str(address), sent, total),
            note=lambda text: click.echo(f"note: {one_line(text)}", err=True),
            stopped=stopped,
            # In CI the workspace goes, and with it all that could find them again.
            keeps_uploads=not in_ci(),
        )
        results = []
        for result in apply_plan(
            surface, workspace, planned, observer=observer, sources=sources, back_to=back_to
        ):
            _tell(progress, result)
            results.append(result)
    return in_plan_order(planned, results)


def refuse_failures(results: list[Result], remedy: str = "the next sync") -> None:
    """Raises SyncFailed if any change could not be made, Interrupted if somebody stopped it;
    `remedy` is what makes the rest."""
    if left := [result for result in results if result.stopped]:
        names = [str(result.change.address) for result in left]
        made = sum(not result.error for result in results)
        uploads = "uploads that nothing uses yet were deleted again; " if in_ci() else ""
        raise Interrupted(
            f"interrupted: {made:,} of {counted(len(results), 'change')} "
            f"{'is' if made == 1 else 'are'} made; not made: {some(names, _NAMED)}; "
            f"{uploads}{remedy} goes on from here"
        )
    if failed := [result for result in results if result.error]:
        raise SyncFailed(
            f"{counted(len(failed), 'change')} of {len(results)} could not be made; "
            f"what is done is done, and {remedy} finishes the rest"
        )


def show_plan(planned: PlannedSync, options: Options, *, asking: bool) -> None:
    """The plan in words: on stdout, unless that is for JSON; nobody is asked about it unseen."""
    as_text = options.format == "text"
    if (asking and planned.plan) or (as_text and not options.quiet):
        click.echo(told_plan(planned, options), err=not as_text)


def told_plan(planned: PlannedSync, options: Options) -> str:
    """The plan in words; with -v each file and each request."""
    if options.verbosity > 0:
        return plan_text(planned.plan, planned.requests())
    return plan_text(planned.plan, stores=planned.stores)


def intent(planned: PlannedSync) -> str:
    """What is done next, if somebody wants it: `apply 3 changes to prod`."""
    return f"apply {counted(len(planned.plan.changes), 'change')} to {planned.plan.target}"


def applied_json(planned: PlannedSync, results: list[Result]) -> str:
    """The plan as `plan --format json` has it, with `results`: how each of its changes ended."""
    return json_document(
        plan_document(planned.plan) | {"results": [_result_json(it) for it in results]}
    )


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


def _tell(progress: Progress, result: Result) -> None:
    address = str(result.change.address)
    if result.stopped:
        return
    if result.error:
        progress.failed(address, result.error)
    else:
        progress.done(address, _VERBS[result.change.action], result.id or "", result.seconds)
