"""Which of the files at the target are uploads of ours, and of what.

The API keeps neither path nor content of an upload: stores remember both in a file's `attributes`,
assistants in their metadata, shortened, and a record that calls uploads unused only their ids.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from assistctl.apis.managed.ownership import Record, mark
from assistctl.plan.state import Upload
from assistctl.resources import FILE, Address, Json

PURPOSE = "assistants"
"""Of what sync uploads."""

PATH, SHA256 = "assistctl_path", "assistctl_sha256"
"""The attributes of a vector store's file."""

HOME = "assistants"
"""Where the files of assistants mostly are, beside what declares them."""

Files = Mapping[str, Mapping[str, Json]]
"""The file objects that the target lists, by id."""


def of_assistants(
    records: Mapping[str, Record], files: Files, declared: Collection[Address]
) -> dict[str, tuple[Upload, ...]]:
    """Our uploads among the code_interpreter files of each assistant, as far as they are still
    there, by the assistant's id.

    One whose path nothing declares any more is looked for in the directories of those that are
    declared, else called by the name that the target has for it.
    """
    paths = {mark(address, "").path: address for address in declared if address.kind == FILE}
    directories = {HOME, *(address.name.rpartition("/")[0] for address in paths.values())}

    def address_of(file_id: str, path: str) -> Address:
        if path in paths:
            return paths[path]
        name = files[file_id].get("filename")
        likely = (Address(FILE, f"{directory}/{name}") for directory in sorted(directories))
        proven = (address for address in likely if mark(address, "").path == path)
        return next(proven, None) or _called(files[file_id], declared)

    return {
        assistant_id: tuple(
            Upload(file_id, address_of(file_id, it.path), it.sha256)
            for file_id, it in record.files.items()
            if file_id in files
        )
        for assistant_id, record in records.items()
    }


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


def foreign(member: Mapping[str, Json]) -> dict[str, Json]:
    """What somebody else has given a vector store to remember of a file."""
    known = member.get("attributes") or {}
    return {key: value for key, value in known.items() if key not in (PATH, SHA256)}


def attributes(address: Address, sha256: str) -> dict[str, str]:
    """What a vector store is given to remember of a file."""
    return {PATH: address.name, SHA256: sha256}


def unused(
    records: Iterable[Record], files: Files, declared: Collection[Address]
) -> tuple[Upload, ...]:
    """Uploads that a record calls unused and that still exist."""
    recorded = {upload.id: upload for record in records for upload in record.superseded}
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
