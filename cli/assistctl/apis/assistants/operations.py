"""compile(): a Plan as ordered Operations, each of which is one request (and what it waits for).

The order heals a kill at any point: uploads; stores are opened (their digest cleared) and filled;
assistants are written, and so repointed to new uploads; uploads that were replaced are deleted;
stores are closed (their digest written); what is not wanted any more is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TypeAlias

from assistctl.apis.assistants.fields import CLEARED, membership
from assistctl.apis.ownership import Record
from assistctl.plan.changes import Action, Change, Plan
from assistctl.plan.compare import fingerprint
from assistctl.plan.reconcile import outdated
from assistctl.plan.state import Applied, Declared, Observed, Remote, Upload
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json

MEMBERSHIP = frozenset({"files", "chunking_strategy"})
"""Fields of a store that are not written with the store but by attaching files to it."""


class Phase(IntEnum):
    UPLOAD = 0
    OPEN_STORE = 1
    RELEASE = 2
    FILL_STORE = 3
    WRITE_ASSISTANT = 4
    DELETE_REPLACED = 5
    DETACH = 6
    CLOSE_STORE = 7
    DELETE_ASSISTANT = 8
    DELETE_STORE = 9
    DELETE_FILE = 10


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
    """POST to the object or, where it does not exist yet, to the collection. `id` is None for what
    this plan itself creates. Addresses in `fields` and the
    files of `record` become ids when it is sent; `files` are the uploads that the record lists."""

    change: Change
    address: Address
    id: str | None
    fields: Mapping[str, Json]
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


Operation: TypeAlias = UploadFile | Write | Attach | Detach | Delete


def compile_plan(
    plan: Plan, declared: Mapping[Address, Declared], observed: Observed, namespace: str
) -> tuple[Operation, ...]:
    """The Operations of a plan in the order in which they are sent. Pure."""
    return tuple(
        sorted(_Compiler(plan, declared, observed, namespace).operations(), key=lambda o: o.phase)
    )


@dataclass(frozen=True)
class _Compiler:
    plan: Plan
    declared: Mapping[Address, Declared]
    observed: Observed
    namespace: str

    def operations(self) -> Iterator[Operation]:
        changes = {
            change.address: change
            for change in self.plan.changes
            if change.action is not Action.DELETE
        }
        for change in changes.values():
            if change.address.kind == FILE:
                yield from self._upload(change)
        for address, declaration in self.declared.items():
            if address.kind == FILE:
                continue
            remote = self.observed.owned.get(address)
            replaced = self._replaced(remote, changes)
            change_of = changes.get(address) or (changes[replaced[0].address] if replaced else None)
            if change_of is None:
                continue
            write = self._assistant if address.kind == ASSISTANT else self._store
            yield from write(declaration, change_of, remote, replaced)
        yield from self._delete_replaced(changes)
        for change in self.plan.changes:
            if change.action is Action.DELETE and change.id:
                phase = {
                    ASSISTANT: Phase.DELETE_ASSISTANT,
                    VECTOR_STORE: Phase.DELETE_STORE,
                    FILE: Phase.DELETE_FILE,
                }[change.address.kind]
                yield Delete(change, change.address, change.id, phase)

    def _upload(self, change: Change) -> Iterator[Operation]:
        fields = self.declared[change.address].fields
        if self.observed.upload(change.address, fields["sha256"]) is None:
            yield UploadFile(change, change.address, fields["sha256"], fields["bytes"])

    def _replaced(
        self, remote: Remote | None, changes: Mapping[Address, Change]
    ) -> tuple[Upload, ...]:
        """The uploads of an object that a file's update in this plan supersedes."""
        if remote is None:
            return ()
        return tuple(
            upload for upload in outdated(self.declared, remote) if upload.address in changes
        )

    def _delete_replaced(self, changes: Mapping[Address, Change]) -> Iterator[Operation]:
        users: dict[str, list[Address]] = {}
        superseded: dict[str, Upload] = {}
        for address, remote in self.observed.owned.items():
            for upload in remote.uploads:
                users.setdefault(upload.id, []).append(address)
            for upload in self._replaced(remote, changes):
                superseded[upload.id] = upload
        for upload in superseded.values():
            if all(user in self.declared for user in users[upload.id]):
                yield Delete(
                    changes[upload.address],
                    upload.address,
                    upload.id,
                    Phase.DELETE_REPLACED,
                    tuple(users[upload.id]),
                )

    def _assistant(
        self,
        declaration: Declared,
        change: Change,
        remote: Remote | None,
        replaced: tuple[Upload, ...],
    ) -> Iterator[Operation]:
        own = change.address == declaration.address
        names = self._written(declaration, change) if own else ()
        fields = {name: declaration.fields.get(name, CLEARED.get(name)) for name in names}
        if replaced and "tool_resources" in declaration.fields:
            fields["tool_resources"] = declaration.fields["tool_resources"]
        files = self._record_files(declaration, remote, fields)
        fields["metadata"] = self._user_metadata(declaration, remote)
        record = Record(
            owner=self._owner(declaration.address),
            applied=self._applied(declaration, remote, names),
            stale=self._stale(remote, files, replaced),
        )
        yield Write(
            change,
            declaration.address,
            change.id if own else (remote.id if remote else None),
            fields,
            record,
            Phase.WRITE_ASSISTANT,
            files,
        )

    def _store(
        self,
        declaration: Declared,
        change: Change,
        remote: Remote | None,
        replaced: tuple[Upload, ...],
    ) -> Iterator[Operation]:
        address = declaration.address
        own = change.address == address
        remote_id = change.id if own else (remote.id if remote else None)
        names = self._written(declaration, change) if own else ()
        plain = [name for name in names if name not in MEMBERSHIP]
        fields = {name: declaration.fields.get(name, CLEARED.get(name)) for name in plain}
        fields["metadata"] = self._user_metadata(declaration, remote)
        applied = self._applied(declaration, remote, plain)
        record = Record(self._owner(address), applied)
        closed = replace(
            record,
            applied=self._applied(declaration, remote, [*plain, *MEMBERSHIP]),
            digest=membership(declaration, self.declared),
        )
        missing = self._missing(declaration, remote, names, replaced)
        release, detach = self._detached(declaration, remote, missing, replaced)
        if not (missing or detach):
            yield Write(change, address, remote_id, fields, closed, Phase.OPEN_STORE)
            return
        leaving = self._leaving(declaration, remote)
        opened = replace(
            record,
            applied={name: item for name, item in applied.items() if name not in MEMBERSHIP},
            stale=leaving,
        )
        yield Write(change, address, remote_id, fields, opened, Phase.OPEN_STORE)
        for file_id in release:
            yield Detach(change, address, file_id, Phase.RELEASE)
        if missing:
            strategy = declaration.fields.get("chunking_strategy")
            yield Attach(change, address, missing, strategy)
        for file_id in detach:
            yield Detach(change, address, file_id)
        final = replace(closed, stale=leaving)
        metadata = {"metadata": fields["metadata"]}
        yield Write(change, address, remote_id, metadata, final, Phase.CLOSE_STORE)

    def _missing(
        self,
        declaration: Declared,
        remote: Remote | None,
        names: tuple[str, ...],
        replaced: tuple[Upload, ...],
    ) -> dict[Address, str]:
        """The files to attach to a store, with their SHA-256; all of them where the chunking
        changes."""
        present: set[Address] = set()
        if remote and "chunking_strategy" not in names:
            present = set(remote.fields["files"]) - {upload.address for upload in replaced}
        return {
            item: self.declared[item].fields["sha256"]
            for item in declaration.fields["files"]
            if item not in present
        }

    def _written(self, declaration: Declared, change: Change) -> tuple[str, ...]:
        """The top-level fields that a change writes."""
        if change.action is Action.CREATE:
            return tuple(declaration.fields)
        return tuple(dict.fromkeys(item.field for item in change.fields))

    def _owner(self, address: Address) -> str:
        return f"{self.namespace}/{address.name}"

    def _user_metadata(self, declaration: Declared, remote: Remote | None) -> Mapping[str, Json]:
        there = remote.fields.get("metadata", {}) if remote else {}
        wanted: Mapping[str, Json] = declaration.fields.get("metadata", there)
        return wanted

    def _applied(
        self, declaration: Declared, remote: Remote | None, written: tuple[str, ...] | list[str]
    ) -> dict[str, Applied]:
        """The record after this write: what is written now, over what was known before. A field
        that is in order without ever having been written (an adopted one) is listed as well."""
        before = remote.applied if remote else {}
        applied = {}
        for name, value in declaration.fields.items():
            hashed = fingerprint(value)
            same = remote is not None and fingerprint(remote.fields.get(name)) == hashed
            if name in written or name not in before or same:
                applied[name] = Applied(hashed)
            else:
                applied[name] = before[name]
        for name in set(before) - set(declaration.fields) - set(written):
            applied[name] = before[name]
        return applied

    def _record_files(
        self, declaration: Declared, remote: Remote | None, fields: Mapping[str, Json]
    ) -> dict[Address, str]:
        """The code_interpreter files that the assistant has after this write, with their SHA-256:
        as declared where tool_resources is written, else as they are."""
        if "tool_resources" in fields:
            part = (declaration.fields.get("tool_resources") or {}).get("code_interpreter") or {}
            return {
                address: self.declared[address].fields["sha256"]
                for address in part.get("file_ids", [])
            }
        return {upload.address: upload.sha256 for upload in (remote.uploads if remote else ())}

    def _stale(
        self, remote: Remote | None, files: Mapping[Address, str], replaced: tuple[Upload, ...]
    ) -> tuple[Upload, ...]:
        """What this write stops using, so that it can still be deleted after a kill."""
        if remote is None:
            return ()
        ids = {upload.id for upload in replaced}
        return tuple(
            replace(upload, replaced=upload.id in ids)
            for upload in remote.uploads
            if upload.id in ids or upload.address not in files
        )

    def _leaving(self, declaration: Declared, remote: Remote | None) -> tuple[Upload, ...]:
        """Uploads in a store whose file is declared there no longer."""
        if remote is None:
            return ()
        return tuple(
            upload for upload in remote.uploads if upload.address not in declaration.fields["files"]
        )

    def _detached(
        self,
        declaration: Declared,
        remote: Remote | None,
        missing: Mapping[Address, str],
        replaced: tuple[Upload, ...],
    ) -> tuple[list[str], list[str]]:
        """The ids to take out of a store: before attaching (the same uploads again, since they
        failed or are chunked anew), and after it (left, replaced, put there by somebody else)."""
        if remote is None:
            return [], []
        release = [
            upload.id
            for upload in remote.uploads
            if upload.address in missing and upload.holds(missing[upload.address])
        ]
        foreign = [item for item in remote.fields["files"] if isinstance(item, str)]
        ours = [upload.id for upload in (*self._leaving(declaration, remote), *replaced)]
        return release, list(dict.fromkeys(ours + foreign))
