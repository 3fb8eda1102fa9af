"""Snapshots: how the objects that a sync changes were before it, so that `rollback` can go back.

`.assistctl/snapshots/<target>/<time>/snapshot.json` holds the fields that are declared or were
applied before, in which our own objects are Addresses; below `files/` are, by their paths, the
contents of the uploads that the sync takes out of use, as far as the target gives them away
(`snapshot_writer.py` writes it).
A snapshot is complete in itself: in CI its directory is kept as an artifact. While its sync is at
work, and where it was cut off, a file `unfinished` lies beside it. Nobody else may read it: what
stood in an object may have been meant for few.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from assistctl.apis.managed.ownership import without_ours
from assistctl.errors import AssistctlError
from assistctl.plan.state import Applied, Upload
from assistctl.resources import Address, Json, Target, Workspace
from assistctl.state_directory import STATE, state_directory
from assistctl.unreadable_json import why_no_json

FORMAT = 1
SNAPSHOTS = "snapshots"
DOCUMENT, CONTENTS, UNFINISHED = "snapshot.json", "files", "unfinished"
KEPT = 20
"""Snapshots that are kept for each target; the oldest go first."""


@dataclass(frozen=True)
class PreviousState:
    """An object as it was, and what its record said was applied."""

    fields: Mapping[str, Json]
    applied: Mapping[str, Applied]


@dataclass(frozen=True)
class Snapshot:
    """Objects as they were, and the uploads that they used; the SHA-256 that is known of each may
    be shortened. `contents` is the directory of what was kept. `unfinished` is given where what
    it was taken for has not come to its end: the name of the snapshot that a rollback was going
    back to, else an empty text."""

    name: str
    namespace: str
    objects: Mapping[Address, PreviousState]
    files: Mapping[Address, Upload]
    contents: Path
    target: str
    unfinished: str | None

    def others(self) -> Iterator[Path]:
        """The contents that the snapshots beside this one keep: what was in use then may have been
        taken out of use by another sync."""
        own = self.contents.parent
        with suppress(OSError):
            for directory in sorted(own.parent.iterdir()):
                if directory != own and (directory / DOCUMENT).is_file():
                    yield directory / CONTENTS


def new_directory(workspace: Workspace) -> Path:
    """Where the next snapshot of the target goes."""
    parent = _parent(workspace.root, workspace.target)
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")
    directory = parent / stamp
    for each in (state_directory(workspace.root) / SNAPSHOTS, parent, directory):
        each.mkdir(exist_ok=each != directory)
        each.chmod(0o700)
    return directory


def make_private(directory: Path) -> None:
    """What a snapshot has is for its owner's eyes, whatever the umask."""
    for path in directory.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def rotate(workspace: Workspace) -> None:
    """Let the oldest go. Only whole snapshots count; what a kill left of others goes with those
    that are as old."""
    directories = _directories(workspace)
    whole = [directory for directory in directories if (directory / DOCUMENT).is_file()]
    for old in directories:
        if len(whole) >= KEPT and old < whole[KEPT - 1]:
            shutil.rmtree(old, ignore_errors=True)


def finish(directory: Path) -> None:
    """Note that what a snapshot was taken for has come to its end."""
    with suppress(OSError):
        (directory / UNFINISHED).unlink(missing_ok=True)


def finish_all(workspace: Workspace, back_to: str = "") -> None:
    """The same of all that were taken for a sync, or for a rollback to this snapshot, since
    nothing is found to be left to do."""
    for directory in _directories(workspace):
        with suppress(OSError):
            if _unfinished(directory) == back_to:
                finish(directory)


def all_of(workspace: Workspace) -> Iterator[Snapshot]:
    """The snapshots of the target, the newest first; what is damaged is left out."""
    for directory in _directories(workspace):
        with suppress(AssistctlError):
            yield read(directory, workspace)


def names(root: Path, target: Target) -> list[str]:
    """What the snapshots of a target are called, the newest first; none is read."""
    directories = _parent(root, target)
    if not directories.is_dir():
        return []
    return sorted((it.name for it in directories.iterdir()), reverse=True)


def named(workspace: Workspace, name: str) -> Snapshot:
    """A snapshot of the target by its name, or any by its path. Raises AssistctlError."""
    own = {directory.name: directory for directory in _directories(workspace)}
    return read(own.get(name) or _only_one(Path(name)), workspace)


def chosen(workspace: Workspace, address: Address, name: str | None) -> tuple[Snapshot, str]:
    """The snapshot to go back to, which has the address: by its name or path, else the newest; and
    what is to be said of that, if anything is. Raises AssistctlError."""
    target = workspace.target
    if name is None:
        having = [
            item
            for item in all_of(workspace)
            if item.namespace == target.namespace and address in item.objects
        ]
        if not having:
            raise AssistctlError(
                f"there is no snapshot of {address} at {target.name}; one is kept "
                "whenever sync changes or deletes it (in CI, as an artifact: name it with --to)"
            )
        return _last_whole(having)
    snapshot = named(workspace, name)
    if address not in snapshot.objects:
        raise AssistctlError(f"the snapshot {name} does not have {address}")
    if snapshot.target != target.name and snapshot.target in workspace.targets:
        raise AssistctlError(
            f"the snapshot {name} is of the target {snapshot.target!r}, not of "
            f"{target.name!r}; to go back there, use --target {snapshot.target}"
        )
    if snapshot.namespace != target.namespace:
        raise AssistctlError(
            f"the snapshot {name} is of namespace {snapshot.namespace!r}, and the target "
            f"{target.name!r} is {target.namespace!r}"
        )
    return snapshot, ""


def _last_whole(having: Sequence[Snapshot]) -> tuple[Snapshot, str]:
    """The newest of these snapshots; where a rollback was cut off, the one it was going back to.
    What was cut off and then done by the next sync counts as one, since before the second half it
    was as nobody had ever declared it."""
    newest = having[0]
    for item in having:
        if newest.unfinished and item.name == newest.unfinished:
            return item, f"goes on with the rollback to {item.name}, which was cut off"
    cut_off = list(takewhile(lambda item: item.unfinished is not None, having[1:]))
    first = cut_off[-1] if cut_off else newest
    if first is newest:
        return first, ""
    return first, (
        f"what was to be done after {first.name} was cut off, so that is where it goes; "
        f"`--to {newest.name}` goes to how it was in between"
    )


def _only_one(path: Path) -> Path:
    """The snapshot somewhere below a directory, such as an artifact is. Raises AssistctlError where
    there are several."""
    if path.is_file() or (path / DOCUMENT).is_file():
        return path
    found = sorted(it.parent for depth in ("*", "*/*") for it in path.glob(f"{depth}/{DOCUMENT}"))
    if len(found) > 1:
        names = "".join(f"\n  {it}" for it in found)
        raise AssistctlError(f"{path}: there is more than one snapshot; name one of them:{names}")
    return found[0] if found else path


def read(path: Path, workspace: Workspace) -> Snapshot:
    """A snapshot by its directory or its snapshot.json; what has moved since is under the address
    that it has now. Raises AssistctlError for what is no snapshot."""
    path = path.resolve()
    file = path / DOCUMENT if path.is_dir() else path
    try:
        document: Json = json.loads(file.read_text(encoding="utf-8"))
        if document["assistctl_snapshot"] != FORMAT:
            raise AssistctlError(f"{file}: a snapshot of another version")
        objects = {
            Address.parse(item["address"]): PreviousState(
                _with_addresses(item["fields"], workspace),
                _applied(item["applied"]),
            )
            for item in document["objects"]
        }
        moved = {workspace.now(address): former for address, former in objects.items()}
        return Snapshot(
            name=file.parent.name,
            namespace=document["namespace"],
            objects=moved | {address: objects[address] for address in objects.keys() & moved},
            files={upload.address: upload for upload in map(_upload, document["files"])},
            contents=file.parent / CONTENTS,
            target=str(document["target"]),
            unfinished=_unfinished(file.parent),
        )
    except OSError as error:
        raise AssistctlError(f"{file}: there is no snapshot to read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise AssistctlError(f"{file}: this is no snapshot ({why_no_json(error)})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise AssistctlError(
            f"{file}: this is no snapshot (it does not hold what snapshots hold)"
        ) from error


def _unfinished(directory: Path) -> str | None:
    try:
        return (directory / UNFINISHED).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def sha256_of(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _applied(record: Mapping[str, Json]) -> dict[str, Applied]:
    """What was recorded, less what a kill had left open: to put that back would leave it open for
    ever, and of a store that was half filled nobody knows that it was as declared."""
    applied = {name: Applied(**hashes) for name, hashes in record.items()}
    return {name: item for name, item in applied.items() if not item.open}


def _upload(item: Mapping[str, Json]) -> Upload:
    return Upload(str(item.get("id", "")), Address.parse(item["address"]), str(item["sha256"]))


def _with_addresses(fields: Mapping[str, Json], workspace: Workspace) -> dict[str, Json]:
    """The fields with Addresses for what was written as one. The target's own ids have no slash.
    Our own metadata are no fields: in them one could call anything our upload."""

    def addressed(ids: list[str]) -> list[Json]:
        return [workspace.now(Address.parse(id_)) if "/" in id_ else id_ for id_ in ids]

    found = dict(fields)
    if "files" in fields:
        found["files"] = addressed(fields["files"])
    if "metadata" in fields:
        found["metadata"] = without_ours(fields["metadata"])
    if "tool_resources" in fields:
        found["tool_resources"] = {
            part: {key: addressed(ids) for key, ids in resource.items()}
            for part, resource in fields["tool_resources"].items()
        }
    return found


def _directories(workspace: Workspace) -> list[Path]:
    parent = _parent(workspace.root, workspace.target)
    return sorted(parent.iterdir(), reverse=True) if parent.is_dir() else []


def _parent(root: Path, target: Target) -> Path:
    return root / STATE / SNAPSHOTS / target.name
