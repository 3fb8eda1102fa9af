"""Sending one Operation: its request, and what has to be looked at before and after it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistctl.apis.managed import uploads
from assistctl.apis.managed.kinds import STORES, AssistantKind
from assistctl.apis.managed.ledger import Ids, Ledger
from assistctl.apis.managed.lost_creates import found_again
from assistctl.apis.managed.operations import (
    Attach,
    Delete,
    Detach,
    Operation,
    SetAside,
    UploadFile,
    Write,
)
from assistctl.apis.managed.ownership import Record, decode, encode, mark
from assistctl.apis.managed.uploads import PURPOSE
from assistctl.apis.transport.client import Client, IfLost, path_of
from assistctl.apis.transport.failures import LostAnswer
from assistctl.apis.transport.files import upload
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.fingerprints import fingerprint, is_empty
from assistctl.plan.state import UNKNOWN, Applied, Observed, references
from assistctl.resources import Address, Json
from assistctl.some import some
from assistctl.surface import Watch

BATCH = 500
ATTACH_SECONDS = 900.0
FIRST_PAUSE = 0.05
STOPPED = "not done, since the sync was stopped"
NAMED = 20
"""How many of the files that could not be indexed an error names."""


class Stopped(RemoteError):
    """Somebody does not want to wait for the target any more."""


@dataclass
class Sender:
    """Sends operations, from several threads; what it learns goes into `ids` and `ledger`. No two
    operations of one phase are about the same object."""

    client: Client
    kind: AssistantKind
    root: Path
    watch: Watch
    ids: Ids
    ledger: Ledger
    observed: Observed
    _answers: dict[Address, dict[str, str]] = field(default_factory=dict)
    _attached: dict[Address, dict[Address, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        there = (*self.observed.owned.values(), *self.observed.duplicates)
        self._untouched = {it.id: it.body for it in there}
        """The objects to which nothing was done yet, as they were observed, by their ids."""

    def attached(self, operation: Operation) -> Mapping[Address, str | None]:
        """The files that an Attach was about, with the reason why one is not in the store."""
        return self._attached.get(operation.address, {}) if isinstance(operation, Attach) else {}

    def send(self, operation: Operation) -> None:
        """Raises AssistctlError (RemoteError, Stopped), OSError."""
        if isinstance(operation, UploadFile):
            self._upload(operation)
        elif isinstance(operation, Write):
            self._write(operation)
        elif isinstance(operation, Attach):
            self._attach(operation)
        elif isinstance(operation, SetAside):
            self._set_aside(operation)
        elif isinstance(operation, Detach):
            store = self.ids[operation.address]
            self.client.delete(path_of(STORES, store, "files", operation.file_id))
        else:
            self._delete(operation)

    def _delete(self, operation: Delete) -> None:
        address = operation.address
        try:
            # Files are deleted first, and some targets take them out of what refers to them.
            _refuse(self._edited(address, operation.id) - {"tool_resources"})
        except RemoteError as error:
            if error.status == 404:  # which is what was wanted
                return
            raise
        self.client.delete(self._path(address, operation.id))

    def _path(self, address: Address, object_id: str) -> str:
        return path_of(self.kind.collection_of(address.kind), object_id)

    def _edited(self, address: Address, object_id: str) -> frozenset[str]:
        """The fields that are not as they were observed, seen before anything is done to an object:
        meanwhile somebody may have been asked a question, and large files have been uploaded."""
        before = self._untouched.pop(object_id, None)
        if before is None:
            return frozenset()
        after = self.client.get(self._path(address, object_id))
        return self.kind.edited(address.kind, before, after)

    def _upload(self, operation: UploadFile) -> None:
        path = self.root / operation.address.name
        with path.open("rb") as handle:
            now = hashlib.file_digest(handle, "sha256").hexdigest()
        if now != operation.sha256:
            raise AssistctlError(f"{operation.address.name} changed after the plan was made")

        def progress(sent: int) -> None:
            self.watch.uploading(operation.address, sent, operation.size)

        uploaded = upload(self.client, path, path.name, PURPOSE, progress)
        file_id = str(uploaded["id"])
        self.watch.uploaded(operation.address, operation.sha256, file_id)
        self.ids.made(operation.address, file_id)
        self.ledger.uploaded(operation.address, file_id)

    def _write(self, operation: Write) -> None:
        body = {
            name: self.ids.resolved(value)
            for name, value in operation.fields.items()
            if name != "metadata"
        }
        files = {self.ids[address]: mark(address, sha) for address, sha in operation.files.items()}
        record = replace(operation.record, files={**operation.record.files, **files})
        body = self.kind.as_sent(operation.address.kind, body)
        kept = body.get("metadata", {})
        noted = _recorded_as_written(operation)
        # A kill between the write and the answer must not look like an edit at the target.
        opened = _with_answers(record, dict.fromkeys(noted, UNKNOWN))
        body["metadata"] = {**kept, **_metadata(operation, opened)}
        known = operation.id or self.ids.get(operation.address)
        if known:
            _refuse(self._edited(operation.address, known) & {*operation.fields, "metadata"})
        referred = {self.ids[address] for address in references(operation.fields)}
        just_made = self.ids.just_made({known, *referred})
        if known:
            path = self._path(operation.address, known)
            answer = self.client.post(path, body, just_made=just_made)
        else:
            answer = self._create(operation, body, just_made=just_made)
            known = str(answer["id"])
        self.ids.found(operation.address, known)
        self.ledger.used(operation.files)
        self._note_answers(operation, noted, answer)
        final = _with_answers(record, self._answers.get(operation.address, {}))
        if final != opened and not any(item.open for item in final.applied.values()):
            path = self._path(operation.address, known)
            body["metadata"] = {**kept, **_metadata(operation, final)}
            self.client.post(path, body, just_made=just_made or self.ids.just_made({known}))

    def _create(
        self, operation: Write, body: Mapping[str, Json], *, just_made: bool
    ) -> dict[str, Json]:
        """Create once; if the answer is lost, the object is found again (lost_creates.py)."""
        collection = self.kind.collection_of(operation.address.kind)

        def find() -> dict[str, Json] | None:
            owner, before = operation.record.owner, self.observed.duplicates
            return found_again(self.client, collection, owner, [it.id for it in before], body)

        answer = self.client.create(collection, body, find, just_made=just_made)
        self.ids.made(operation.address, str(answer["id"]))
        if decode(answer.get("metadata")) is None:
            self.ledger.halted = (
                "the target does not keep metadata, without which nothing can be owned"
            )
            self.client.delete(path_of(collection, answer["id"]), just_made=True)
            raise RemoteError(f"{self.ledger.halted}; {operation.address} was deleted again")
        return answer

    def _note_answers(
        self, operation: Write, noted: Iterable[str], answer: Mapping[str, Json]
    ) -> None:
        """Remember what the server answered: to what was declared and, of fields that were cleared
        or that it has just made, to nothing."""
        names = {self.ids[address]: address for address in references(operation.fields)}
        there = self.kind.observed_as(operation.address.kind, answer, names)
        answers = self._answers.setdefault(operation.address, {})
        for name in noted:
            answers[name] = fingerprint(there.get(name))
        is_new = operation.id is None and operation.fields
        for name in there.keys() - operation.record.applied.keys():
            plainer = self.kind.plainer_as(operation.address.kind, there, name)
            plain = (there[name], *plainer)[-1]
            if (is_new or name in operation.fields) and not is_empty(plain):
                answers[name] = fingerprint(there[name])

    def _attach(self, operation: Attach) -> None:
        """Attach in batches, each of which is indexed before the next one is sent. What one of
        them cannot take keeps nobody else out."""
        results = self._attached[operation.address] = dict.fromkeys(operation.files, "not attached")
        files = list(operation.files)
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            try:
                refused = self._attach_some(operation, batch)
            except (LostAnswer, Stopped):
                raise
            except RemoteError as error:
                refused = dict.fromkeys(batch, str(error))
            results.update({address: refused.get(address) for address in batch})
        if failed := [f"{address}: {reason}" for address, reason in results.items() if reason]:
            raise RemoteError("not indexed: " + some(failed, NAMED, "; "))

    def _attach_some(self, operation: Attach, files: list[Address]) -> dict[Address, str]:
        """Attach one batch; returns why which of its files are not in the store. A lost answer may
        mean that all are in, and attaching a file twice has no effect."""
        path = path_of(STORES, self.ids[operation.address], "file_batches")
        chunking = {"chunking_strategy": operation.chunking} if operation.chunking else {}
        items = [
            {
                "file_id": self.ids[address],
                "attributes": uploads.attributes(address, operation.files[address]),
                **chunking,
            }
            for address in files
        ]
        mentioned = {self.ids[address] for address in (operation.address, *files)}
        just_made = self.ids.just_made(mentioned)
        batch = self.client.create(path, {"files": items}, IfLost.REPEAT, just_made=just_made)
        self.ledger.used(files)
        batch = self._indexed(path, batch)
        counts = batch.get("file_counts") or {}
        is_whole = counts.get("completed", len(files)) == len(files)
        if batch.get("status") == "completed" and is_whole:
            return {}
        return self._refused(path, batch, files)

    def _set_aside(self, operation: SetAside) -> None:
        path = path_of(STORES, self.ids[operation.address], "file_batches")
        items = [
            {"file_id": it.id, "attributes": uploads.attributes(it.address, it.sha256)}
            for it in operation.uploads
        ]
        for start in range(0, len(items), BATCH):
            body = {"files": items[start : start + BATCH]}
            self.client.create(path, body, IfLost.REPEAT, just_made=True)

    def _indexed(self, path: str, batch: dict[str, Json]) -> dict[str, Json]:
        """The batch once it is no longer in progress."""
        start = time.monotonic()
        pause = FIRST_PAUSE
        while batch.get("status") == "in_progress":
            if self.watch.stopped():
                raise Stopped(STOPPED)
            if time.monotonic() > start + ATTACH_SECONDS:
                raise RemoteError(f"{path}: still indexing after {ATTACH_SECONDS:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 3.0)
            # What was just made cannot be read everywhere at once.
            batch = self.client.get(path_of(path, batch["id"]), just_made=True)
        return batch

    def _refused(
        self, path: str, batch: Mapping[str, Json], files: list[Address]
    ) -> dict[Address, str]:
        """The files of a batch that are not in the store, and why."""
        there = {
            item["id"]: item
            for item in self.client.list(path_of(path, batch["id"], "files"), just_made=True)
        }
        refused = {}
        for address in files:
            item = there.get(self.ids[address])
            if item is None:
                refused[address] = f"the target has lost it; the batch is {batch.get('status')}"
            elif item.get("status") not in ("completed", None):
                error = item.get("last_error") or {}
                refused[address] = str(error.get("message") or item.get("status"))
        return refused


def _refuse(names: Collection[str]) -> None:
    if names:
        raise AssistctlError(
            f"{', '.join(sorted(names))} changed at the target after the plan was made, so it is "
            "left as it is; look at a new plan"
        )


def _recorded_as_written(operation: Write) -> set[str]:
    """The fields whose answer is to be noted; not those that go out otherwise than declared, since
    an edit at the target is kept in them."""
    applied = operation.record.applied
    return {
        name
        for name, value in operation.fields.items()
        if name in applied and applied[name].declared == fingerprint(value)
    }


def _metadata(operation: Write, record: Record) -> dict[str, Json]:
    return {**operation.metadata, **encode(record)}


def _with_answers(record: Record, answers: Mapping[str, str]) -> Record:
    """The record with what the server answered, where that is not what was declared."""
    unlisted = answers.keys() - record.applied.keys()
    applied = dict(record.applied) | {name: Applied(None, answers[name]) for name in unlisted}
    for name in answers.keys() & applied.keys():
        declared = applied[name].declared
        answered = None if answers[name] == declared else answers[name]
        applied[name] = applied[name]._replace(answered=answered)
    return replace(record, applied=applied)
