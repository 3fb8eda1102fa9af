"""Vector stores and the files in them, as the routes and the run engine use them.

A file that is attached is `in_progress` until the indexer (indexing.py) has read it. What a store
says of its files and of its status is counted when it is asked, never kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistctl.server.retrieval import filters
from assistctl.server.storage import Collection, Transaction, chunks, documents, indexing_queue
from assistctl.server.storage.chunks import Ingestion
from assistctl.server.wire import (
    FILE,
    STORE_BATCH,
    STORE_FILE,
    VECTOR_STORE,
    ApiError,
    Document,
    now,
)

STORE_FILES = 10_000
"""How many files a store holds at most."""

_DAY = 86_400
_AUTO = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
_STATES = ("in_progress", "completed", "failed", "cancelled")


@dataclass(frozen=True)
class NewFile:
    """A file to attach, and how; `batch` is the id of its batch, if it came with one."""

    file_id: str
    chunking: Mapping[str, Any] | None = None
    attributes: Mapping[str, Any] | None = None
    batch: str | None = None


def create(tx: Transaction, project: str, body: Mapping[str, Any]) -> Document:
    """Make a store from a checked body and attach its `file_ids`."""
    moment = now()
    store: Document = {
        "id": VECTOR_STORE.new_id(),
        "object": "vector_store",
        "created_at": moment,
        "name": body.get("name") or "",
        "description": body.get("description"),
        "expires_after": body.get("expires_after"),
        "expires_at": None,
        "last_active_at": moment,
        "metadata": body.get("metadata") or {},
    }
    documents.insert(tx, Collection(VECTOR_STORE, project), _with_expiry(store))
    chunking = body.get("chunking_strategy")
    files = [NewFile(file_id, chunking) for file_id in body.get("file_ids") or ()]
    attach(tx, project, store["id"], files)
    return store


def modify(tx: Transaction, project: str, store_id: str, changes: Mapping[str, Any]) -> Document:
    """Set top-level keys of a store, which moves its expiry; one that is not there is a 404."""
    collection = Collection(VECTOR_STORE, project)
    store = {**documents.fetch(tx, collection, store_id), **changes, "last_active_at": now()}
    return documents.save(tx, collection, _with_expiry(store))


def delete(tx: Transaction, project: str, store_id: str) -> None:
    """Remove the store, its batches and its index; the files themselves stay."""
    chunks.discard(tx, store_id)
    indexing_queue.remove(tx, store_id)
    documents.remove(tx, Collection(VECTOR_STORE, project), store_id)


def touch(tx: Transaction, project: str, store_id: str) -> None:
    """Note that the store was used, which moves its expiry. A store that is gone is none."""
    collection = Collection(VECTOR_STORE, project)
    store = documents.find(tx, collection, store_id)
    if store is not None and not _expired(store) and store["last_active_at"] != now():
        documents.save(tx, collection, _with_expiry({**store, "last_active_at": now()}))


def is_usable(tx: Transaction, project: str, store_id: str) -> bool:
    """Whether the store is there and has not expired."""
    store = documents.find(tx, Collection(VECTOR_STORE, project), store_id)
    return store is not None and not _expired(store)


def present(tx: Transaction, project: str, stores: Sequence[Document]) -> list[Document]:
    """The stores with their `status`, `file_counts` and `usage_bytes` as of this moment."""
    counted = _count(tx, project, [store["id"] for store in stores])
    return [_presented(store, *counted[store["id"]]) for store in stores]


def attach(tx: Transaction, project: str, store_id: str, files: Sequence[NewFile]) -> None:
    """Put files into a store, to be indexed; one that is in it already is indexed anew.

    Raises ApiError for a file that is not there and for too many; the transaction is then void.
    """
    if not files:
        return
    collection = Collection(STORE_FILE, project, store_id)
    for file in files:
        documents.fetch(tx, Collection(FILE, project), file.file_id)
        if documents.find(tx, collection, file.file_id) is not None:
            detach(tx, project, store_id, file.file_id)
        documents.insert(tx, collection, _attached(store_id, file))
        indexing_queue.add(tx, project, store_id, file.file_id)
    if documents.count(tx, collection) > STORE_FILES:
        raise ApiError(
            f"Vector store {store_id} cannot hold more than {STORE_FILES} files.",
            param="file_id",
            code="invalid_value",
        )
    touch(tx, project, store_id)


def detach(tx: Transaction, project: str, store_id: str, file_id: str) -> None:
    """Take a file out of a store, and out of its index. The file itself stays."""
    documents.remove(tx, Collection(STORE_FILE, project, store_id), file_id)
    chunks.discard(tx, store_id, file_id)
    indexing_queue.remove(tx, store_id, file_id)


def detach_everywhere(tx: Transaction, project: str, file_id: str) -> None:
    """Take a file out of every store that holds it, as deleting a file does."""
    for store_id in documents.parents(tx, STORE_FILE, project, file_id):
        detach(tx, project, store_id, file_id)


def pending(tx: Transaction, project: str, store_ids: Iterable[str]) -> bool:
    """Whether files of these stores still wait for the indexer. Asked many times a second: it
    costs the same however many files there are."""
    return any(
        documents.has_status(tx, Collection(STORE_FILE, project, store_id), "in_progress")
        for store_id in store_ids
    )


def unreadable(
    tx: Transaction, project: str, store_ids: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Name and reason of each file of these stores that the indexer could not read."""
    for store_id in store_ids:
        for file in documents.select(
            tx, Collection(STORE_FILE, project, store_id), {"status": "failed"}
        ):
            found = documents.find(tx, Collection(FILE, project), file["id"])
            if found is not None:
                yield found["filename"], (file["last_error"] or {}).get("message", "")


def searchable(
    tx: Transaction,
    project: str,
    store_ids: Sequence[str],
    condition: Mapping[str, Any] | None = None,
) -> list[Ingestion]:
    """What of these stores may be found; `condition` is a checked filter.

    Raises ApiError 404 for a store that is not there and 400 for an expired one.
    """
    for store_id in store_ids:
        if _expired(documents.fetch(tx, Collection(VECTOR_STORE, project), store_id)):
            raise ApiError(f"Vector store {store_id} is expired.", code="vector_store_expired")
    ingestions = chunks.ready(tx, store_ids)
    if condition is None:
        return ingestions
    passing = {
        (store_id, file["id"])
        for store_id in store_ids
        for file in documents.select(tx, Collection(STORE_FILE, project, store_id))
        if filters.matches(condition, file["attributes"])
    }
    return [found for found in ingestions if (found.store_id, found.file_id) in passing]


def batch_counts(tx: Transaction, project: str, store_id: str, batch_id: str) -> dict[str, int]:
    """file_counts of the files that came with one batch and are still there."""
    files = Collection(STORE_FILE, project, store_id)
    return _counts(documents.count_by_status(tx, files, {"_batch": batch_id}))


def cancel_batch(tx: Transaction, project: str, store_id: str, batch_id: str) -> None:
    """What the indexer has not read yet, it will not read any more."""
    collection = Collection(STORE_FILE, project, store_id)
    for file in documents.select(tx, collection, {"status": "in_progress", "_batch": batch_id}):
        documents.save(tx, collection, {**file, "status": "cancelled"})
        indexing_queue.remove(tx, store_id, file["id"])
    batches = Collection(STORE_BATCH, project, store_id)
    documents.save(tx, batches, {**documents.fetch(tx, batches, batch_id), "_cancelled": True})


def _attached(store_id: str, file: NewFile) -> Document:
    chunking = file.chunking
    return {
        "id": file.file_id,
        "object": "vector_store.file",
        "usage_bytes": 0,
        "created_at": now(),
        "vector_store_id": store_id,
        "status": "in_progress",
        "last_error": None,
        "chunking_strategy": chunking if chunking and chunking["type"] == "static" else _AUTO,
        "attributes": dict(file.attributes or {}),
        "_batch": file.batch,
    }


def _count(
    tx: Transaction, project: str, store_ids: Sequence[str]
) -> dict[str, tuple[dict[str, int], int]]:
    """For each store its file_counts and usage_bytes."""
    rows = documents.totals(tx, STORE_FILE, project, store_ids, "usage_bytes")
    return {
        store_id: (
            _counts({status: number for parent, status, number, _ in rows if parent == store_id}),
            sum(usage for parent, _, _, usage in rows if parent == store_id),
        )
        for store_id in store_ids
    }


def _counts(by_status: Mapping[str, int]) -> dict[str, int]:
    counts = {status: by_status.get(status, 0) for status in _STATES}
    return {**counts, "total": sum(counts.values())}


def _presented(store: Document, counts: dict[str, int], usage: int) -> Document:
    working = "in_progress" if counts["in_progress"] else "completed"
    shown = {
        **store,
        "status": "expired" if _expired(store) else working,
        "file_counts": counts,
        "usage_bytes": usage,
    }
    if not shown["expires_after"]:
        del shown["expires_after"]  # in the contract it is absent or an object, never null
    return shown


def _expired(store: Document) -> bool:
    return store["expires_at"] is not None and store["expires_at"] <= now()


def _with_expiry(store: Document) -> Document:
    after = store["expires_after"]
    store["expires_at"] = store["last_active_at"] + after["days"] * _DAY if after else None
    return store
