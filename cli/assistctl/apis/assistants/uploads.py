"""Which of the files at the target are uploads of ours, and of what.

The API keeps neither path nor content of an upload: stores remember both in a file's `attributes`,
assistants in their metadata, shortened, and a record that calls uploads unused only their ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf

from assistctl.apis.ownership import Record, mark
from assistctl.plan.state import Declared, Upload
from assistctl.resources import FILE, Address, Json

PATH, SHA256 = "assistctl_path", "assistctl_sha256"
"""The attributes of a vector store's file."""

SAME_TIME = 600.0
"""Seconds within which the uploads of two syncs at the same time come."""

Files = Mapping[str, Mapping[str, Json]]
"""The file objects that the target lists, by id."""


def of_assistant(
    record: Record, files: Files, declared: Mapping[Address, Declared]
) -> tuple[Upload, ...]:
    """Our uploads among an assistant's code_interpreter files, as far as they are still there.

    One whose path nothing declares any more is called by the name that the target has for it.
    """
    paths = {mark(address, "").path: address for address in declared if address.kind == FILE}
    return tuple(
        Upload(file_id, paths.get(known.path) or _called(files[file_id], declared), known.sha256)
        for file_id, known in record.files.items()
        if file_id in files
    )


def _called(file: Mapping[str, Json], declared: Collection[Address]) -> Address:
    """How to speak of a file whose path is not known; never as of a declared one."""
    address = Address(FILE, str(file.get("filename")))
    return Address(FILE, f"{address.name} ({file['id']})") if address in declared else address


def of_store(members: Iterable[Mapping[str, Json]]) -> tuple[Upload, ...]:
    """The uploads among a vector store's files; what others have put there is none."""
    found = []
    for member in members:
        known = member.get("attributes") or {}
        path, sha256 = known.get(PATH), known.get(SHA256)
        if isinstance(path, str) and isinstance(sha256, str):
            found.append(Upload(str(member["id"]), Address(FILE, path), sha256))
    return tuple(found)


def paths(members: Iterable[Iterable[Mapping[str, Json]]]) -> dict[str, Address]:
    """The whole paths of uploads by their ids, as the stores remember them."""
    return {upload.id: upload.address for some in members for upload in of_store(some)}


def attributes(address: Address, sha256: str) -> dict[str, str]:
    """What a vector store is given to remember of a file."""
    return {PATH: address.name, SHA256: sha256}


def unused(
    records: Iterable[Record], files: Files, declared: Collection[Address]
) -> tuple[Upload, ...]:
    """Uploads that a record calls unused and that still exist."""
    recorded = {upload.id: upload for record in records for upload in record.stale}
    return tuple(
        replace(upload, address=_called(files[upload.id], declared))
        for upload in recorded.values()
        if upload.id in files
    )


def with_paths(
    uploads: Iterable[Upload], known: Mapping[str, Address], declared: Collection[Address]
) -> tuple[Upload, ...]:
    """The same uploads; those that no declaration knows are called by the path that is `known`."""
    return tuple(
        upload
        if upload.address in declared
        else replace(upload, address=known.get(upload.id, upload.address))
        for upload in uploads
    )


def without_copies(
    found: Mapping[str, tuple[Upload, ...]], files: Files, declared: Mapping[Address, Declared]
) -> dict[str, tuple[Upload, ...]]:
    """The uploads of each object. Two syncs at the same time may both upload a file: the oldest
    one stays, which everybody can tell, and the others are copies."""
    first: dict[Address, tuple[float, str]] = {}
    for some in found.values():
        for upload in some:
            if _is_as_declared(upload, declared):
                age = (files.get(upload.id, {}).get("created_at") or inf, upload.id)
                first[upload.address] = min(age, first.get(upload.address, age))

    def judged(upload: Upload) -> Upload:
        is_copy = _is_as_declared(upload, declared) and first[upload.address][1] != upload.id
        return replace(upload, copy=True) if is_copy else upload

    return {object_id: tuple(map(judged, some)) for object_id, some in found.items()}


def may_have_copies(
    files: Files, declared: Mapping[Address, Declared], others: Collection[str]
) -> bool:
    """Whether more files than are declared bear one name and have one size, two of which came at
    about the same time. `others` are the ids of those that are known to be somebody else's."""
    wanted = Counter(
        (address.name.rpartition("/")[2], item.fields["bytes"])
        for address, item in declared.items()
        if address.kind == FILE
    )
    moments: dict[tuple[Json, Json], list[float]] = {}
    for file_id, file in files.items():
        kind = (file.get("filename"), file.get("bytes"))
        if kind in wanted and file_id not in others:
            moments.setdefault(kind, []).append(file.get("created_at") or 0)
    return any(
        len(some) > wanted[kind]
        and any(later - sooner < SAME_TIME for sooner, later in pairwise(sorted(some)))
        for kind, some in moments.items()
    )


def _is_as_declared(upload: Upload, declared: Mapping[Address, Declared]) -> bool:
    file = declared.get(upload.address)
    return file is not None and upload.holds(file.fields["sha256"])
