"""Making a plan true, change by change, and keeping what a rollback and the next sync need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.plan.changes import Change
from assistctl.resources import Address, Workspace
from assistctl.surface import Outcome, Surface, Watch
from assistctl.sync import known, snapshot_writer, snapshots
from assistctl.sync.planning import PlannedSync
from assistctl.sync.upload_journal import UploadJournal


@dataclass(frozen=True)
class Result:
    """How one change ended; `error` None: it is made; `stopped`: somebody did not want it to be
    made now. `files` are those that were to be attached to a vector store, with the reason why one
    is not in it. `seconds` are those of its requests."""

    change: Change
    id: str | None = None
    seconds: float = 0.0
    error: str | None = None
    stopped: bool = False
    files: Mapping[Address, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Observer:
    """Who looks on while a plan is applied. `uploading` is told how far each upload is (address,
    bytes sent, bytes in all), from any thread; `note` what could not be done beside the sync;
    `stopped` says whether nothing more is to be begun; `keeps_uploads` whether, where the sync was
    stopped, uploads that nothing uses yet may stay at the target, for the next sync to use."""

    uploading: Callable[[Address, int, int], None] = lambda address, sent, total: None
    note: Callable[[str], None] = lambda text: None
    stopped: Callable[[], bool] = lambda: False
    keeps_uploads: bool = True


def apply_plan(
    surface: Surface,
    workspace: Workspace,
    planned: PlannedSync,
    *,
    observer: Observer = Observer(),
    sources: Path | None = None,
    back_to: str | None = None,
) -> Iterator[Result]:
    """Send all requests of the plan, as the results are asked for; yields one for each change, as
    it ends. A failure stops only what depends on it.

    What is there is kept as a snapshot first. `sources` is where the files are read if that is not
    the workspace, `back_to` the snapshot that is put back.
    """
    snapshot = _keep(surface, workspace, planned, back_to, observer)
    journal = UploadJournal(workspace)
    results: list[Result] = []
    for result in _results(
        planned,
        surface.execute(
            sources or workspace.root,
            planned.operations,
            planned.declared,
            planned.observed,
            Watch(
                observer.uploading,
                journal.note,
                observer.stopped,
                lambda: observer.keeps_uploads and not journal.broken,
            ),
        ),
    ):
        results.append(result)
        yield result
    failed = {result.change.address for result in results if result.error}
    made = [result.change for result in results if not result.error]
    known.remember(workspace, planned.declared, made, failed)
    if snapshot and not failed:
        snapshots.finish(snapshot)
    if not failed and not planned.plan.partial:
        journal.close()


def in_plan_order(planned: PlannedSync, results: Sequence[Result]) -> list[Result]:
    """The same results in the order of the plan's changes."""
    # By identity: changes hold values without a hash, and comparing them all is slow.
    places = {id(change): place for place, change in enumerate(planned.plan.changes)}
    return sorted(results, key=lambda result: places[id(result.change)])


def _results(planned: PlannedSync, outcomes: Iterator[Outcome]) -> Iterator[Result]:
    """Each change as soon as all of its requests have ended."""
    pending = planned.by_change()
    index_of = {id(request): index for index, some in enumerate(pending) for request in some}
    ended: list[list[Outcome]] = [[] for _ in pending]
    for change, requests in zip(planned.plan.changes, pending, strict=True):
        if not requests:
            yield Result(change, change.id)
    for outcome in outcomes:
        index = index_of[id(outcome.operation)]
        ended[index].append(outcome)
        if len(ended[index]) == len(pending[index]):
            yield _result(planned.plan.changes[index], ended[index])


def _result(change: Change, outcomes: Sequence[Outcome]) -> Result:
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


def _keep(
    surface: Surface,
    workspace: Workspace,
    planned: PlannedSync,
    back_to: str | None,
    observer: Observer,
) -> Path | None:
    if not planned.plan and not planned.plan.partial:
        snapshots.finish_all(workspace)
    try:
        return snapshot_writer.take(surface, workspace, planned, back_to)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = f"{where}{error.strerror or error}"
        observer.note(f"no snapshot for `rollback` can be kept here ({reason})")
        return None
