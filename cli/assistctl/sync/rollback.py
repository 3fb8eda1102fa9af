"""A snapshot as a declaration: what was, reconciled with what is, is the plan of the way back."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl.errors import AssistctlError, Place
from assistctl.plan.changes import Action, Change
from assistctl.plan.reconcile import PlanOptions
from assistctl.plan.state import Declared, Observed, references
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    Json,
    Workspace,
    implicit_key,
)
from assistctl.sync.drift_policy import keeping
from assistctl.sync.planning import PlannedSync, make_plan
from assistctl.sync.snapshots import PreviousState, Snapshot, sha256_of

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift
    from assistctl.surface import Surface


@dataclass(frozen=True)
class _Content:
    """What a file shall hold again: at `path`, or in an upload that is still at the target."""

    sha256: str
    size: int
    path: Path | None
    as_it_was: bool


def plan_rollback(
    surface: Surface,
    workspace: Workspace,
    snapshot: Snapshot,
    address: Address,
    on_drift: OnDrift,
    sources: Path | None = None,
) -> PlannedSync:
    """All reads, then the one decision how an address becomes what it was, and with an assistant
    the store behind its own files and the stores that it searched and that are gone.

    `sources` is an empty directory, in which the contents are laid that may have to be uploaded,
    by their paths; without it the plan is only for looking at. Files whose content is kept nowhere
    stay as they are, which a note says.
    """
    candidates = _together(snapshot, address)
    files = _files(candidates)
    unknown = {file: Declared(file, {"sha256": "", "bytes": 0}) for file in files}
    observed = surface.observe(
        {
            **surface.declare(workspace),
            **unknown,
            **_declared(candidates, snapshot, workspace, missing=()),
        }
    )
    observed = _remembered(observed, snapshot)
    own = _own(address)
    objects = {it: candidates[it] for it in candidates if it in own or it not in observed.owned}
    _refuse_lost_stores(objects, observed, snapshot)

    files = _files(objects)
    contents: dict[Address, _Content] = {}
    for file in files:
        if (content := _content(file, snapshot, workspace, observed)) is not None:
            contents[file] = content
            if sources is not None:
                _lay(file, content, sources)
    declared = _declared(objects, snapshot, workspace, missing=files - contents.keys()) | {
        file: Declared(file, {"sha256": content.sha256, "bytes": content.size})
        for file, content in contents.items()
    }
    options = PlanOptions(partial=True)
    found = make_plan(surface, workspace, declared, observed, options)
    if on_drift == "keep" and found.plan.drifted:
        found = keeping(surface, workspace, found, options)
    plan = replace(
        found.plan,
        changes=tuple(map(_in_words, found.plan.changes)),
        kept=tuple(map(_edited_there, found.plan.kept)),
        notes=(*found.plan.notes, *_notes(files, contents), *_foreign(objects)),
    )
    operations = surface.compile(plan, found.declared, found.observed)
    return replace(found, plan=plan, operations=operations)


def _edited_there(change: Change) -> Change:
    """What differs here is the past, and no change that waits."""
    return replace(change, fields=tuple(replace(it, side="remote") for it in change.fields))


def _in_words(change: Change) -> Change:
    """The change as what it is here: of no declaration, but the way back."""
    cause = change.cause
    if change.action is Action.CREATE and change.address.kind != FILE:
        cause = "is gone, and comes back under a new id"
    elif change.action is Action.UPDATE and change.fields:
        is_file = change.address.kind == FILE
        cause = "gets back the content that it had" if is_file else "goes back to how it was"
        if change.drifted:
            cause += ", over what was changed at the target since the last sync"
    fields = tuple(
        replace(field, side="remote") if field.side == "both" else field for field in change.fields
    )
    return replace(change, cause=cause, fields=fields)


def _remembered(observed: Observed, snapshot: Snapshot) -> Observed:
    """What was observed, with what the snapshot knows of uploads that nothing uses any more."""
    was = {upload.id: upload for upload in snapshot.files.values()}
    superseded = tuple(
        replace(it, address=was[it.id].address, sha256=was[it.id].sha256) if it.id in was else it
        for it in observed.superseded
    )
    return replace(observed, superseded=superseded)


def _own(address: Address) -> tuple[Address, ...]:
    """An address and, of an assistant, that of its implicit store."""
    if address.kind != ASSISTANT:
        return (address,)
    return address, Address(VECTOR_STORE, implicit_key(address.name))


def _together(snapshot: Snapshot, address: Address) -> dict[Address, PreviousState]:
    """What the snapshot has of an address, of its implicit store and of the stores it searched."""
    names = {*_own(address), *references(snapshot.objects[address].fields)}
    return {name: former for name, former in snapshot.objects.items() if name in names}


def _files(objects: Mapping[Address, PreviousState]) -> set[Address]:
    fields = [former.fields for former in objects.values()]
    return {address for address in references(fields) if address.kind == FILE}


def _refuse_lost_stores(
    objects: Mapping[Address, PreviousState], observed: Observed, snapshot: Snapshot
) -> None:
    """Raises AssistctlError where something would search a store that is to be had nowhere."""
    for address, former in objects.items():
        for store in references(former.fields):
            if store.kind == VECTOR_STORE and store not in {*objects, *observed.owned}:
                raise AssistctlError(
                    f"{address} searched {store} before {snapshot.name}, which is not at the "
                    f"target any more; get it back first, with sync or `assistctl rollback {store}`"
                )


def _declared(
    objects: Mapping[Address, PreviousState],
    snapshot: Snapshot,
    workspace: Workspace,
    missing: Collection[Address],
) -> dict[Address, Declared]:
    """The objects as if they were declared, less references to `missing` files and the files that
    others had put into a store."""
    place = Place(f"snapshot {snapshot.name}")
    declared = {}
    for address, former in objects.items():
        fields = _without(former.fields, missing)
        if address.kind == VECTOR_STORE:
            fields["files"] = [it for it in fields.get("files", ()) if isinstance(it, Address)]
        declared[address] = Declared(
            address, fields, place, workspace.formerly(address), former.applied
        )
    return declared


def _without(value: Json, missing: Collection[Address]) -> Json:
    """The fields less the references to files that cannot be had again."""
    if isinstance(value, Mapping):
        return {key: _without(item, missing) for key, item in value.items()}
    if isinstance(value, list):
        return [
            _without(item, missing)
            for item in value
            if not (isinstance(item, Address) and item in missing)
        ]
    return value


def _content(
    file: Address, snapshot: Snapshot, workspace: Workspace, observed: Observed
) -> _Content | None:
    """The content that a file had; else the one that it has now; None if it has none any more."""
    was = snapshot.files.get(file)
    wanted = (was.sha256 if was else "") or "?"
    held = [it for it in observed.held() if it.address == file]
    unused = [it for it in observed.superseded if it.address == file]
    # What is known in full goes first, since it can be compared with what is shortened.
    for sha256, path in _here(file, (snapshot.contents, workspace.root, *snapshot.others())):
        if _same(sha256, wanted):
            return _Content(sha256, path.stat().st_size, path, as_it_was=True)
    for upload in sorted([*held, *unused], key=lambda it: -len(it.sha256)):
        if _same(upload.sha256, wanted):
            return _Content(upload.sha256, 0, None, as_it_was=True)
    for upload in held:
        return _Content(upload.sha256, 0, None, as_it_was=False)
    for sha256, path in _here(file, (workspace.root,)):
        return _Content(sha256, path.stat().st_size, path, as_it_was=False)
    return None


def _here(file: Address, roots: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The contents that lie below these directories, and nowhere else."""
    for root in roots:
        path = root / file.name
        if path.resolve().is_relative_to(root.resolve()) and path.is_file():
            yield sha256_of(path), path


def _same(sha256: str, wanted: str) -> bool:
    """Whether two SHA-256 agree, either of which may be shortened."""
    return bool(sha256) and (sha256.startswith(wanted) or wanted.startswith(sha256))


def _lay(file: Address, content: _Content, sources: Path) -> None:
    if content.path is not None:
        place = sources / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(content.path, place)


def _notes(files: Collection[Address], contents: Mapping[Address, _Content]) -> Iterator[str]:
    for file in sorted(files):
        if file not in contents:
            yield f"{file} is neither here nor at the target any more, and is left out"
        elif not contents[file].as_it_was:
            yield f"what {file} held then is kept nowhere; it stays as it is now"


def _foreign(objects: Mapping[Address, PreviousState]) -> Iterator[str]:
    for address, former in objects.items():
        for item in former.fields.get("files", ()):
            if not isinstance(item, Address):
                yield f"{item} in {address} was not put there by a sync, and is left out"
