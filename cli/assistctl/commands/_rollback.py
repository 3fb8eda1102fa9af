"""A snapshot as a declaration: what was, reconciled with what is, is the plan of the way back."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl.commands._snapshots import Former, Snapshot, sha256_of
from assistctl.commands._survey import Survey
from assistctl.errors import Place
from assistctl.plan.reconcile import Wishes, reconcile
from assistctl.plan.state import Declared, Observed, Upload, references
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    Json,
    Workspace,
    implicit_key,
)

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants


@dataclass(frozen=True)
class _Content:
    """What a file shall hold again: at `path`, or in an upload that is still at the target."""

    sha256: str
    size: int
    path: Path | None
    as_it_was: bool


def way_back(
    surface: Assistants,
    workspace: Workspace,
    snapshot: Snapshot,
    address: Address,
    wishes: Wishes,
    sources: Path,
) -> Survey:
    """All reads, then the one decision how an address becomes what it was, and with an assistant
    the store behind its own files.

    `sources` is an empty directory, in which the contents are laid that may have to be uploaded,
    by their paths. Files whose content is kept nowhere stay as they are, which a note says.
    """
    objects = _together(snapshot, address)
    fields = [former.fields for former in objects.values()]
    files = {address for address in references(fields) if address.kind == FILE}
    everything = surface.declare(workspace)
    unknown = {file: Declared(file, {"sha256": "", "bytes": 0}) for file in files}
    observed = surface.observe({**everything, **unknown, **_declared(objects, snapshot)})

    contents: dict[Address, _Content] = {}
    for file in files:
        if (content := _content(file, snapshot, workspace, observed)) is not None:
            contents[file] = content
            _lay(file, content, sources)
    declared = _declared(objects, snapshot, missing=files - contents.keys()) | {
        file: Declared(file, {"sha256": content.sha256, "bytes": content.size})
        for file, content in contents.items()
    }
    plan = reconcile(workspace.target.name, declared, observed, wishes)
    plan = replace(plan, notes=(*plan.notes, *_notes(files, contents)))
    return Survey(declared, observed, plan, surface.compile(plan, declared, observed))


def _together(snapshot: Snapshot, address: Address) -> dict[Address, Former]:
    names = [address]
    if address.kind == ASSISTANT:
        names.append(Address(VECTOR_STORE, implicit_key(address.name)))
    return {name: snapshot.objects[name] for name in names if name in snapshot.objects}


def _declared(
    objects: Mapping[Address, Former],
    snapshot: Snapshot,
    missing: Collection[Address] = (),
) -> dict[Address, Declared]:
    place = Place(f"snapshot {snapshot.name}")
    return {
        address: Declared(address, _without(former.fields, missing), place, recorded=former.applied)
        for address, former in objects.items()
    }


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
    wanted = snapshot.files.get(file) or "?"
    here = list(_here(file, (snapshot.contents, workspace.root)))
    there = list(_there(file, observed))
    known = [_Content(sha, path.stat().st_size, path, _same(sha, wanted)) for sha, path in here]
    known += [_Content(it.sha256, 0, None, _same(it.sha256, wanted)) for it in there]
    as_it_was = (content for content in known if content.as_it_was)
    return next(as_it_was, known[-1] if known else None)


def _here(file: Address, roots: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The contents that lie below these directories, and nowhere else."""
    for root in roots:
        path = root / file.name
        if path.resolve().is_relative_to(root.resolve()) and path.is_file():
            yield sha256_of(path), path


def _there(file: Address, observed: Observed) -> Iterator[Upload]:
    for remote in (*observed.owned.values(), *observed.duplicates):
        yield from (upload for upload in remote.uploads if upload.address == file)


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
