"""Operations: one request each (and what it waits for), in the order in which they are sent.

The order heals a kill at any point: uploads; stores are opened (their digest cleared) and filled;
assistants are written, and so repointed to new uploads; uploads that were replaced are deleted;
stores are closed (their digest written); what is not wanted any more is deleted, files before they
are taken out of, or go with, the objects that are all that tells that they are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from assistctl.apis.managed.ownership import Record
from assistctl.plan.changes import Change
from assistctl.plan.state import Upload
from assistctl.resources import Address, Json


class Phase(IntEnum):
    UPLOAD = 0
    SET_ASIDE = 1
    OPEN_STORE = 2
    RELEASE = 3
    FILL_STORE = 4
    WRITE_ASSISTANT = 5
    DELETE_FILE = 6
    DETACH = 7
    CLOSE_STORE = 8
    DELETE_ASSISTANT = 9
    DELETE_STORE = 10


@dataclass(frozen=True)
class UploadFile:
    """POST /files."""

    change: Change
    address: Address
    sha256: str
    size: int
    phase: Phase = Phase.UPLOAD

    def __str__(self) -> str:
        return f"upload {self.address.name} ({self.size} bytes)"


@dataclass(frozen=True)
class Write:
    """POST to the object or, where this plan creates it (`id` None), to the collection; then a
    second one that notes in the record what was answered, unless a later Write does.

    `fields` are what changes, `metadata` the user's own pairs, which go with every write. The
    Addresses in `fields` become ids when it is sent, and so do those of `files`, the uploads (with
    their SHA-256) that are added to the record's.
    """

    change: Change
    address: Address
    id: str | None
    fields: Mapping[str, Json]
    metadata: Mapping[str, Json]
    record: Record
    phase: Phase
    files: Mapping[Address, str] = field(default_factory=dict)

    def __str__(self) -> str:
        names = ", ".join(name for name in self.fields if name != "metadata")
        creates = self.id is None and self.phase is not Phase.CLOSE_STORE
        verb = "create" if creates else "update"
        return f"{verb} {self.address} ({names or 'metadata'})"


@dataclass(frozen=True)
class Attach:
    """POST /vector_stores/{id}/file_batches for all these files, then wait for the batch."""

    change: Change
    address: Address
    files: Mapping[Address, str]
    chunking: Mapping[str, Json] | None
    phase: Phase = Phase.FILL_STORE

    def __str__(self) -> str:
        return f"attach {', '.join(address.name for address in self.files)} to {self.address}"


@dataclass(frozen=True)
class SetAside:
    """POST /vector_stores/{id}/file_batches for uploads that no record has room for, so that they
    can be told to be ours; nobody waits until they are indexed."""

    change: Change
    address: Address
    uploads: tuple[Upload, ...]
    phase: Phase = Phase.SET_ASIDE

    def __str__(self) -> str:
        return f"set aside {len(self.uploads):,} uploads in {self.address}"


@dataclass(frozen=True)
class Detach:
    """DELETE /vector_stores/{id}/files/{file}; the upload itself stays."""

    change: Change
    address: Address
    file_id: str
    phase: Phase = Phase.DETACH

    def __str__(self) -> str:
        return f"detach {self.file_id} from {self.address}"


@dataclass(frozen=True)
class Delete:
    """DELETE of an object. It waits for `users`: if writing one of them failed, it is not done."""

    change: Change
    address: Address
    id: str
    phase: Phase
    users: tuple[Address, ...] = ()

    def __str__(self) -> str:
        return f"delete {self.address} ({self.id})"


Operation: TypeAlias = UploadFile | Write | Attach | SetAside | Detach | Delete
