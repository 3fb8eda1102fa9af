"""Taking a snapshot: what a plan is about to change, and the contents that it takes out of use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl import __version__
from assistctl.errors import RemoteError
from assistctl.plan.changes import Action
from assistctl.plan.state import Remote, Upload, references
from assistctl.render.values import json_document
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    Json,
    Workspace,
    implicit_key,
)
from assistctl.sync.planning import PlannedSync
from assistctl.sync.snapshots import (
    CONTENTS,
    DOCUMENT,
    FORMAT,
    UNFINISHED,
    make_private,
    new_directory,
    rotate,
)

if TYPE_CHECKING:
    from assistctl.surface import Surface

LARGEST = 64 * 1024 * 1024
"""Bytes of an upload whose content is kept at most."""


def take(
    surface: Surface, workspace: Workspace, found: PlannedSync, back_to: str | None = None
) -> Path | None:
    """Keep how everything is that the plan changes or deletes; None if it changes nothing that is
    there. `back_to` is the snapshot that a rollback goes back to; one that is at its work lets no
    snapshot go. Raises OSError where the workspace cannot be written to."""
    remotes = list(_touched(found))
    if not remotes:
        return None
    directory = new_directory(workspace)
    try:
        _write(directory, surface, workspace, found, remotes, back_to)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if back_to is None:
        rotate(workspace)
    return directory


def _write(
    directory: Path,
    surface: Surface,
    workspace: Workspace,
    found: PlannedSync,
    remotes: list[Remote],
    back_to: str | None,
) -> None:
    """Fill the directory of a snapshot, its document last."""
    files = {upload.address: upload for remote in remotes for upload in _files(remote, found)}
    _keep_contents(surface, found, remotes, directory / CONTENTS)
    document = {
        "assistctl_snapshot": FORMAT,
        "version": __version__,
        "workspace": workspace.name,
        "target": workspace.target.name,
        "namespace": workspace.target.namespace,
        "objects": [
            {
                "address": remote.address,
                "id": remote.id,
                "fields": _managed(remote, found),
                "applied": {name: item._asdict() for name, item in remote.applied.items()},
            }
            for remote in remotes
        ],
        "files": [
            {"address": address, "sha256": upload.sha256, "id": upload.id}
            for address, upload in sorted(files.items())
        ],
    }
    (directory / UNFINISHED).write_text(back_to or "", encoding="utf-8")
    written = directory / f"{DOCUMENT}.part"
    written.write_text(json_document(document) + "\n", encoding="utf-8")
    make_private(directory)
    written.replace(directory / DOCUMENT)


def _touched(found: PlannedSync) -> Iterator[Remote]:
    """The objects that are there and that some request of the plan is about; an assistant and its
    implicit store only together."""
    addresses = {operation.address for operation in found.operations}
    for address in found.observed.owned:
        both = {address, Address(VECTOR_STORE, implicit_key(address.name))}
        if address.kind == ASSISTANT and not both.isdisjoint(addresses):
            addresses |= both
    deleted = {change.id for change in found.plan.changes if change.action is Action.DELETE}
    for remote in (*found.observed.owned.values(), *found.observed.duplicates):
        copy = found.observed.owned.get(remote.address) is not remote
        if remote.id in deleted or (remote.address in addresses and not copy):
            yield remote


def _managed(remote: Remote, found: PlannedSync) -> dict[str, Json]:
    """The fields that sync is about to manage, or had applied before."""
    declared = found.declared.get(remote.address)
    names = {*remote.listed, *(declared.fields if declared else ())}
    return {name: value for name, value in remote.fields.items() if name in names}


def _files(remote: Remote, found: PlannedSync) -> Iterator[Upload]:
    """Our files that the object used; what a settled store holds is as declared, and its uploads
    are not known."""
    known = {upload.address: upload for upload in remote.uploads}
    for address in references(remote.fields):
        if address.kind == FILE:
            declared = found.declared.get(address)
            sha = str(declared.fields["sha256"]) if declared else ""
            yield known.get(address) or Upload("", address, sha)


def _keep_contents(
    surface: Surface, found: PlannedSync, remotes: list[Remote], directory: Path
) -> None:
    """Fetch the uploads that the plan deletes or leaves to a later prune, as far as the target
    gives them away."""
    from assistctl.apis.managed.operations import Delete, Write

    unused = {it.id for it in found.operations if isinstance(it, Delete)}
    for operation in found.operations:
        if isinstance(operation, Write):
            unused |= {upload.id for upload in operation.record.superseded}
    leaving = {
        upload.address: upload
        for remote in remotes
        for upload in remote.uploads
        if upload.id in unused
    }
    with surface.pool() as pool:
        list(pool.map(lambda upload: _keep(surface, upload, directory), leaving.values()))


class _TooLarge(Exception):
    pass


def _keep(surface: Surface, upload: Upload, directory: Path) -> None:
    """Fetch one upload below the directory, unless it is too large or not given away."""
    path = directory / upload.address.name
    if not path.resolve().is_relative_to(directory.resolve()):
        return

    def limit(received: int) -> None:
        if received > LARGEST:
            raise _TooLarge

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        surface.download({"id": upload.id}, path, limit)
    except (RemoteError, _TooLarge):
        path.unlink(missing_ok=True)
