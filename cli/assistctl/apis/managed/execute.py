"""execute(): send Operations in their order. It decides nothing; it only knows what has failed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import as_completed
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from assistctl.apis.assistants.fields import (
    COLLECTION,
    edited,
    observed_assistant,
    observed_store,
    plainer,
)
from assistctl.apis.managed import uploads
from assistctl.apis.managed.operations import (
    Attach,
    Delete,
    Detach,
    Operation,
    SetAside,
    UploadFile,
    Write,
)
from assistctl.apis.managed.ownership import OWNER, Record, decode, encode, mark
from assistctl.apis.transport.client import Client
from assistctl.apis.transport.failures import LostAnswer
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.fingerprints import fingerprint, is_empty
from assistctl.plan.state import UNKNOWN, Applied, Declared, Observed, references
from assistctl.resources import ASSISTANT, FILE, Address, Json

BATCH = 500
ATTACH_SECONDS = 900.0
FIRST_PAUSE = 0.05
STOPPED = "not done, since the sync was stopped"
NAMED = 20
"""How many of the files that could not be indexed an error names."""

Uploading = Callable[[Address, int, int], None]
"""Told of an upload's progress: address, bytes sent, bytes in all."""


@dataclass(frozen=True)
class Watch:
    """Who looks on: `stopped` says whether nothing more is to be begun, `uploaded` is told each
    upload (address, SHA-256, id) from any thread, `keeps` says at the end of what was stopped
    whether uploads that nothing uses yet may stay, for the next sync to use."""

    stopped: Callable[[], bool] = lambda: False
    uploaded: Callable[[Address, str, str], None] = lambda address, sha256, file_id: None
    keeps: Callable[[], bool] = lambda: False


NOBODY = Watch()


@dataclass(frozen=True)
class Outcome:
    """How one Operation ended. `error` None: it is done. `skipped`: something before it failed;
    `stopped`: somebody stopped the execution before it was done.
    `files` are those that were to be attached, with the reason why one is not in the store."""

    operation: Operation
    seconds: float = 0.0
    id: str | None = None
    error: str | None = None
    skipped: bool = False
    stopped: bool = False
    files: Mapping[Address, str | None] = field(default_factory=dict)


class _Stopped(RemoteError):
    """Somebody does not want to wait for the target any more."""


@dataclass
class _Execution:
    """The ids known so far, and what is broken. `before` are the ids of objects that were there
    already without being the ones to write; `made` those of what was made here, which not all of
    the target may know yet; `uploaded` is what was uploaded here, and `used` the files that
    something refers to by now, or may; `attached` is how each file of a store fared; `untouched`
    are the objects that nothing was done to yet, as they were observed, by their ids; `unsettled`
    are the uploads that are neither deleted nor set aside, although they should be."""

    client: Client
    root: Path
    uploading: Uploading
    watch: Watch
    ids: dict[Address, str]
    before: frozenset[str] = frozenset()
    untouched: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    answers: dict[Address, dict[str, str]] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)
    uploaded: dict[Address, str] = field(default_factory=dict)
    used: set[Address] = field(default_factory=set)
    made: set[str] = field(default_factory=set)
    attached: dict[Address, dict[Address, str | None]] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    halted: str | None = None

    def run(self, operation: Operation) -> Outcome:
        start = time.monotonic()
        if self.watch.stopped():
            self._give_up(operation)
            return Outcome(operation, error=STOPPED, skipped=True, stopped=True)
        if blocker := self._blocker(operation):
            return Outcome(operation, error=blocker, skipped=True)
        try:
            self._send(operation)
        except (AssistctlError, OSError) as error:
            self._give_up(operation)
            if isinstance(error, LostAnswer) and isinstance(operation, Write | Attach):
                self.used.update(operation.files)
            seconds = time.monotonic() - start
            stopped = isinstance(error, _Stopped)
            files = {} if stopped else self._fared(operation)
            return Outcome(operation, seconds, error=str(error), stopped=stopped, files=files)
        seconds = time.monotonic() - start
        known = self.ids.get(operation.address)
        return Outcome(operation, seconds, known, files=self._fared(operation))

    def discard_unused(self) -> None:
        """Delete the uploads of this execution that nothing came to use: nobody else could tell
        later that they are ours. If that fails too, they stay as orphans."""
        unused = [file_id for address, file_id in self.uploaded.items() if address not in self.used]
        with suppress(RemoteError), self.client.pool() as pool:
            for _ in pool.map(lambda it: self.client.delete(f"/files/{it}", fresh=True), unused):
                pass

    def _fared(self, operation: Operation) -> Mapping[Address, str | None]:
        return self.attached.get(operation.address, {}) if isinstance(operation, Attach) else {}

    def _blocker(self, operation: Operation) -> str | None:
        if self.halted:
            return self.halted
        needed = {operation.address}
        if isinstance(operation, Delete):
            needed.update(operation.users)
        missing = sorted(address for address in needed if address in self.broken)
        if isinstance(operation, Write | Attach):
            value = operation.fields if isinstance(operation, Write) else list(operation.files)
            missing += sorted(a for a in references(value) if a not in self.ids)
        if not missing and isinstance(operation, Detach) and operation.file_id in self.unsettled:
            self._give_up(operation)
            return f"not done, since nothing else would tell that {operation.file_id} is ours"
        if not missing:
            return None
        self._give_up(operation)
        return "not done, because of " + ", ".join(map(str, dict.fromkeys(missing)))

    def _give_up(self, operation: Operation) -> None:
        self.broken.add(operation.address)
        if isinstance(operation, Delete):
            self.unsettled.add(operation.id)
        elif isinstance(operation, SetAside):
            self.unsettled.update(upload.id for upload in operation.uploads)

    def _send(self, operation: Operation) -> None:
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
            self.client.delete(f"/vector_stores/{store}/files/{operation.file_id}")
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
        self.client.delete(f"{COLLECTION[address.kind]}/{operation.id}")

    def _edited(self, address: Address, object_id: str) -> frozenset[str]:
        """The fields that are not as they were observed, seen before anything is done to an object:
        meanwhile somebody may have been asked a question, and large files have been uploaded."""
        before = self.untouched.pop(object_id, None)
        if before is None:
            return frozenset()
        after = self.client.get(f"{COLLECTION[address.kind]}/{object_id}")
        return edited(address.kind, before, after)

    def _upload(self, operation: UploadFile) -> None:
        path = self.root / operation.address.name
        with path.open("rb") as handle:
            now = hashlib.file_digest(handle, "sha256").hexdigest()
        if now != operation.sha256:
            raise AssistctlError(f"{operation.address.name} changed after the plan was made")

        def progress(sent: int) -> None:
            self.uploading(operation.address, sent, operation.size)

        file_id = str(self.client.upload(path, path.name, progress)["id"])
        self.watch.uploaded(operation.address, operation.sha256, file_id)
        self.made.add(file_id)
        self.ids[operation.address] = self.uploaded[operation.address] = file_id

    def _write(self, operation: Write) -> None:
        body = {
            name: _resolved(value, self.ids)
            for name, value in operation.fields.items()
            if name != "metadata"
        }
        files = {self.ids[address]: mark(address, sha) for address, sha in operation.files.items()}
        record = replace(operation.record, files={**operation.record.files, **files})
        noted = _recorded_as_written(operation)
        # A kill between the write and the answer must not look like an edit at the target.
        opened = _with_answers(record, dict.fromkeys(noted, UNKNOWN))
        body["metadata"] = _metadata(operation, opened)
        known = operation.id or self.ids.get(operation.address)
        if known:
            _refuse(self._edited(operation.address, known) & {*operation.fields, "metadata"})
        path = f"{COLLECTION[operation.address.kind]}/{known}"
        referred = {self.ids[address] for address in references(operation.fields)}
        fresh = known in self.made or not referred.isdisjoint(self.made)
        if known:
            answer = self.client.post(path, body, fresh=fresh)
        else:
            answer = self._create(operation, body, fresh=fresh)
        self.used.update(operation.files)
        self.ids[operation.address] = known or str(answer["id"])
        self._note_answers(operation, noted, answer)
        final = _with_answers(record, self.answers.get(operation.address, {}))
        if final != opened and not any(item.open for item in final.applied.values()):
            path = f"{COLLECTION[operation.address.kind]}/{self.ids[operation.address]}"
            body["metadata"] = _metadata(operation, final)
            self.client.post(path, body, fresh=fresh or not known)

    def _create(
        self, operation: Write, body: Mapping[str, Json], *, fresh: bool
    ) -> dict[str, Json]:
        """Create once; if the answer is lost, the object is found by its owner, and written anew
        since somebody else's sync may have made it."""
        collection = COLLECTION[operation.address.kind]
        owner = operation.record.owner

        def find() -> dict[str, Json] | None:
            for item in self.client.list(collection, order="desc"):
                made = item["id"] not in self.before
                if made and (item.get("metadata") or {}).get(OWNER) == owner:
                    return self.client.post(f"{collection}/{item['id']}", body, fresh=True)
            return None

        answer = self.client.create(collection, body, find, fresh=fresh)
        self.made.add(str(answer["id"]))
        if decode(answer.get("metadata")) is None:
            self.halted = "the target does not keep metadata, without which nothing can be owned"
            self.client.delete(f"{collection}/{answer['id']}", fresh=True)
            raise RemoteError(f"{self.halted}; {operation.address} was deleted again")
        return answer

    def _note_answers(
        self, operation: Write, noted: Iterable[str], answer: Mapping[str, Json]
    ) -> None:
        """Remember what the server answered: to what was declared and, of fields that were cleared
        or that it has just made, to nothing."""
        names = {self.ids[address]: address for address in references(operation.fields)}
        if operation.address.kind == ASSISTANT:
            there = observed_assistant(answer, names)
        else:
            there = observed_store(answer)
        answers = self.answers.setdefault(operation.address, {})
        for name in noted:
            answers[name] = fingerprint(there.get(name))
        is_new = operation.id is None and operation.fields
        without = plainer(there)
        for name in there.keys() - operation.record.applied.keys():
            plain = without.get(name, (there[name],))[-1]
            if (is_new or name in operation.fields) and not is_empty(plain):
                answers[name] = fingerprint(there[name])

    def _attach(self, operation: Attach) -> None:
        """Attach in batches, each of which is indexed before the next one is sent. What one of
        them cannot take keeps nobody else out."""
        fared = self.attached[operation.address] = dict.fromkeys(operation.files, "not attached")
        files = list(operation.files)
        for start in range(0, len(files), BATCH):
            some = files[start : start + BATCH]
            try:
                refused = self._attach_some(operation, some)
            except (LostAnswer, _Stopped):
                raise
            except RemoteError as error:
                refused = dict.fromkeys(some, str(error))
            fared.update({address: refused.get(address) for address in some})
        if failed := [f"{address}: {reason}" for address, reason in fared.items() if reason]:
            more = f"; and {len(failed) - NAMED:,} more" if len(failed) > NAMED else ""
            raise RemoteError("not indexed: " + "; ".join(failed[:NAMED]) + more)

    def _attach_some(self, operation: Attach, files: list[Address]) -> dict[Address, str]:
        """Attach one batch; returns why which of its files are not in the store. A lost answer may
        mean that all are in, and attaching a file twice has no effect."""
        path = f"/vector_stores/{self.ids[operation.address]}/file_batches"
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
        fresh = not mentioned.isdisjoint(self.made)
        batch = self.client.create(path, {"files": items}, find=lambda: None, fresh=fresh)
        self.used.update(files)
        batch = self._indexed(path, batch)
        counts = batch.get("file_counts") or {}
        is_whole = counts.get("completed", len(files)) == len(files)
        if batch.get("status") == "completed" and is_whole:
            return {}
        return self._refused(path, batch, files)

    def _set_aside(self, operation: SetAside) -> None:
        path = f"/vector_stores/{self.ids[operation.address]}/file_batches"
        items = [
            {"file_id": it.id, "attributes": uploads.attributes(it.address, it.sha256)}
            for it in operation.uploads
        ]
        for start in range(0, len(items), BATCH):
            body = {"files": items[start : start + BATCH]}
            self.client.create(path, body, find=lambda: None, fresh=True)

    def _indexed(self, path: str, batch: dict[str, Json]) -> dict[str, Json]:
        """The batch once it is no longer in progress."""
        start = time.monotonic()
        pause = FIRST_PAUSE
        while batch.get("status") == "in_progress":
            if self.watch.stopped():
                raise _Stopped(STOPPED)
            if time.monotonic() > start + ATTACH_SECONDS:
                raise RemoteError(f"{path}: still indexing after {ATTACH_SECONDS:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 3.0)
            # What was just made cannot be read everywhere at once.
            batch = self.client.get(f"{path}/{batch['id']}", fresh=True)
        return batch

    def _refused(
        self, path: str, batch: Mapping[str, Json], files: list[Address]
    ) -> dict[Address, str]:
        """The files of a batch that are not in the store, and why."""
        there = {
            item["id"]: item for item in self.client.list(f"{path}/{batch['id']}/files", fresh=True)
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


def execute(
    client: Client,
    root: Path,
    operations: Iterable[Operation],
    declared: Mapping[Address, Declared],
    observed: Observed,
    *,
    uploading: Uploading = lambda address, sent, total: None,
    watch: Watch = NOBODY,
) -> Iterator[Outcome]:
    """Send the operations, phase after phase and in parallel within one, and yield how each ended.

    A failure stops only what depends on it; the next sync finishes the rest.
    """
    before = frozenset(remote.id for remote in observed.duplicates)
    untouched = {it.id: it.body for it in (*observed.owned.values(), *observed.duplicates)}
    ids = _known_ids(declared, observed)
    execution = _Execution(client, root, uploading, watch, ids, before, untouched)
    with client.pool() as pool:
        for _, phase in groupby(operations, key=lambda operation: operation.phase):
            futures = [pool.submit(execution.run, operation) for operation in phase]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
    if not (watch.stopped() and watch.keeps()):
        execution.discard_unused()


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
        applied[name] = replace(applied[name], answered=answered)
    return replace(record, applied=applied)


def _known_ids(declared: Mapping[Address, Declared], observed: Observed) -> dict[Address, str]:
    """The ids of our objects, of the uploads that hold what is declared, and of those that no
    declaration knows."""
    ids = {
        upload.address: upload.id
        for remote in observed.owned.values()
        for upload in remote.uploads
        if upload.address not in declared
    }
    ids |= {address: remote.id for address, remote in observed.owned.items()}
    for address, declaration in declared.items():
        if address.kind == FILE:
            upload = observed.upload(address, declaration.fields["sha256"])
            if upload:
                ids[address] = upload.id
    return ids


def _resolved(value: Json, ids: Mapping[Address, str]) -> Json:
    """The value with ids in place of Addresses."""
    if isinstance(value, Address):
        return ids[value]
    if isinstance(value, Mapping):
        return {key: _resolved(item, ids) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(item, ids) for item in value]
    return value
