"""execute(): send Operations in their order. It decides nothing; it only knows what has failed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path

from assistctl.apis.assistants.fields import COLLECTION, observed_assistant, observed_store
from assistctl.apis.assistants.operations import (
    Attach,
    Delete,
    Detach,
    Operation,
    UploadFile,
    Write,
)
from assistctl.apis.client import Client
from assistctl.apis.ownership import OWNER, Record, decode, encode
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.compare import fingerprint
from assistctl.plan.state import Applied, Declared, Observed, references
from assistctl.resources import ASSISTANT, FILE, Address, Json

BATCH = 500
ATTACH_SECONDS = 900.0

Uploading = Callable[[Address, int, int], None]
"""Told of an upload's progress: address, bytes sent, bytes in all."""


@dataclass(frozen=True)
class Outcome:
    """How one Operation ended. `error` None: it is done. `skipped`: something before it failed."""

    operation: Operation
    seconds: float = 0.0
    id: str | None = None
    error: str | None = None
    skipped: bool = False


@dataclass
class _Execution:
    """The ids known so far, and what is broken."""

    client: Client
    root: Path
    uploading: Uploading
    ids: dict[Address, str]
    answers: dict[tuple[Address, str], str] = field(default_factory=dict)
    broken: set[Address] = field(default_factory=set)
    halted: str | None = None

    def run(self, operation: Operation) -> Outcome:
        start = time.monotonic()
        if blocker := self._blocker(operation):
            return Outcome(operation, error=blocker, skipped=True)
        try:
            self._send(operation)
        except (AssistctlError, OSError) as error:
            self.broken.add(operation.address)
            return Outcome(operation, time.monotonic() - start, error=str(error))
        seconds = time.monotonic() - start
        return Outcome(operation, seconds, self.ids.get(operation.address))

    def _blocker(self, operation: Operation) -> str | None:
        if self.halted:
            return self.halted
        needed = {operation.address}
        if isinstance(operation, Delete):
            needed.update(operation.users)
        missing = sorted(needed & self.broken)
        if isinstance(operation, Write | Attach):
            value = operation.fields if isinstance(operation, Write) else list(operation.files)
            missing += sorted(a for a in references(value) if a not in self.ids)
        if not missing:
            return None
        self.broken.add(operation.address)
        return "not done, because of " + ", ".join(map(str, dict.fromkeys(missing)))

    def _send(self, operation: Operation) -> None:
        if isinstance(operation, UploadFile):
            self._upload(operation)
        elif isinstance(operation, Write):
            self._write(operation)
        elif isinstance(operation, Attach):
            self._attach(operation)
        elif isinstance(operation, Detach):
            store = self.ids[operation.address]
            self.client.delete(f"/vector_stores/{store}/files/{operation.file_id}")
        else:
            self.client.delete(f"{COLLECTION[operation.address.kind]}/{operation.id}")

    def _upload(self, operation: UploadFile) -> None:
        path = self.root / operation.address.name
        with path.open("rb") as handle:
            now = hashlib.file_digest(handle, "sha256").hexdigest()
        if now != operation.sha256:
            raise AssistctlError(f"{operation.address.name} changed after the plan was made")

        def progress(sent: int) -> None:
            self.uploading(operation.address, sent, operation.size)

        self.ids[operation.address] = str(self.client.upload(path, path.name, progress)["id"])

    def _write(self, operation: Write) -> None:
        body = {
            name: _resolved(value, self.ids)
            for name, value in operation.fields.items()
            if name != "metadata"
        }
        files = {self.ids[address]: sha256 for address, sha256 in operation.files.items()}
        record = self._with_answers(operation, replace(operation.record, files=files))
        user: Mapping[str, str] = operation.fields.get("metadata", {})
        body["metadata"] = {**user, **encode(record)}
        known = operation.id or self.ids.get(operation.address)
        if known:
            answer = self.client.post(f"{COLLECTION[operation.address.kind]}/{known}", body)
        else:
            answer = self._create(operation, body)
        self.ids[operation.address] = str(answer["id"])
        self._note_answers(operation, answer)
        if (final := self._with_answers(operation, record)) != record:
            path = f"{COLLECTION[operation.address.kind]}/{answer['id']}"
            self.client.post(path, {"metadata": {**user, **encode(final)}})

    def _create(self, operation: Write, body: Mapping[str, Json]) -> dict[str, Json]:
        """Create once; the object is found by its owner if the answer is lost."""
        collection = COLLECTION[operation.address.kind]
        owner = operation.record.owner

        def find() -> dict[str, Json] | None:
            newest = self.client.get(collection, {"limit": 100, "order": "desc"})
            for item in newest.get("data") or []:
                if (item.get("metadata") or {}).get(OWNER) == owner:
                    return dict(item)
            return None

        answer = self.client.create(collection, body, find)
        if decode(answer.get("metadata")) is None:
            self.client.delete(f"{collection}/{answer['id']}")
            self.halted = "the target does not keep metadata, without which nothing can be owned"
            raise RemoteError(f"{self.halted}; {operation.address} was deleted again")
        return answer

    def _note_answers(self, operation: Write, answer: Mapping[str, Json]) -> None:
        """Remember where the server answered something else than was declared."""
        addresses = {known: address for address, known in self.ids.items()}
        if operation.address.kind == ASSISTANT:
            there = observed_assistant(answer, addresses)
        else:
            there = observed_store(answer)
        for name in set(operation.fields) & set(operation.record.applied):
            answered = fingerprint(there.get(name))
            if answered != operation.record.applied[name].declared:
                self.answers[operation.address, name] = answered

    def _with_answers(self, operation: Write, record: Record) -> Record:
        """The record with the answers noted in this execution."""
        applied = {
            name: Applied(item.declared, self.answers.get((operation.address, name), item.answered))
            for name, item in record.applied.items()
        }
        return replace(record, applied=applied)

    def _attach(self, operation: Attach) -> None:
        store = self.ids[operation.address]
        items = [
            {
                "file_id": self.ids[address],
                "attributes": {"assistctl_path": address.name, "assistctl_sha256": sha256},
                **({"chunking_strategy": operation.chunking} if operation.chunking else {}),
            }
            for address, sha256 in operation.files.items()
        ]
        for start in range(0, len(items), BATCH):
            self._attach_batch(store, items[start : start + BATCH])

    def _attach_batch(self, store: str, items: list[dict[str, Json]]) -> None:
        """Attach and wait until every file is indexed; a lost answer shows in the store's list,
        and attaching a file twice has no effect."""
        path = f"/vector_stores/{store}/file_batches"
        batch = self.client.create(path, {"files": items}, find=lambda: None)
        deadline = time.monotonic() + ATTACH_SECONDS
        pause = 0.05
        while batch.get("status") == "in_progress":
            if time.monotonic() > deadline:
                raise RemoteError(f"{path}: still indexing after {ATTACH_SECONDS:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, 3.0)
            batch = self.client.get(f"{path}/{batch['id']}")
        counts = batch.get("file_counts") or {}
        if batch.get("status") != "completed" or counts.get("failed") or counts.get("cancelled"):
            raise RemoteError(self._failures(store, batch))

    def _failures(self, store: str, batch: Mapping[str, Json]) -> str:
        names = {known: address for address, known in self.ids.items()}
        path = f"/vector_stores/{store}/file_batches/{batch['id']}/files"
        failed = [
            f"{names.get(item['id'], item['id'])}: "
            f"{(item.get('last_error') or {}).get('message') or item.get('status')}"
            for item in self.client.list(path)
            if item.get("status") not in ("completed", "in_progress")
        ]
        return "not indexed: " + ("; ".join(failed) or f"the batch is {batch.get('status')}")


def execute(
    client: Client,
    root: Path,
    operations: Iterable[Operation],
    declared: Mapping[Address, Declared],
    observed: Observed,
    *,
    parallel: int = 8,
    uploading: Uploading = lambda address, sent, total: None,
) -> Iterator[Outcome]:
    """Send the operations, phase after phase and in parallel within one, and yield how each ended.

    A failure stops only what depends on it; the next sync finishes the rest.
    """
    execution = _Execution(client, root, uploading, _known_ids(declared, observed))
    with ThreadPoolExecutor(parallel) as pool:
        for _, phase in groupby(operations, key=lambda operation: operation.phase):
            futures = [pool.submit(execution.run, operation) for operation in phase]
            try:
                for future in as_completed(futures):
                    yield future.result()
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


def _known_ids(declared: Mapping[Address, Declared], observed: Observed) -> dict[Address, str]:
    ids = {address: remote.id for address, remote in observed.owned.items()}
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
