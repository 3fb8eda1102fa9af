"""/vector_stores/{vector_store_id}/files and /file_batches"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio
from starlette.responses import Response

from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.vector_stores import NewFile
from assistctl.server.storage import Collection, Transaction, chunks, documents
from assistctl.server.validation import Required, array, choice, nullable, record, string
from assistctl.server.wire import (
    FILE,
    STORE_BATCH,
    STORE_FILE,
    VECTOR_STORE,
    ApiError,
    Document,
    deleted,
    now,
    public,
)

_BATCH_FILES = 2_000


_FILE = record(
    {
        "file_id": Required(string(shortest=1)),
        "chunking_strategy": bodies.CHUNKING,
        "attributes": bodies.ATTRIBUTES,
    }
)
_BATCH = record(
    {
        "file_ids": array(string(shortest=1), longest=_BATCH_FILES, shortest=1),
        "files": array(_FILE, longest=_BATCH_FILES, shortest=1),
        "chunking_strategy": bodies.CHUNKING,
        "attributes": bodies.ATTRIBUTES,
    }
)
_MODIFY = record({"attributes": Required(nullable(bodies.ATTRIBUTES))})
_STATUS = choice("in_progress", "completed", "failed", "cancelled")
_READ_SECONDS = 60.0
_POLL_SECONDS, _SLOWEST_POLL_SECONDS = 0.05, 1.0
_STILL_READ = "The file '{}' is still being read; ask again when its status is 'completed'."
_NEVER_READ = "The file '{}' was not read, since that was cancelled; attach it again."
_PAGE = json.dumps(
    {
        "object": "vector_store.file_content.page",
        "data": [{"type": "text", "text": ""}],
        "has_more": False,
        "next_page": None,
    }
)


def create(call: Call) -> Document:
    collection = _files(call)
    body = _FILE(call.body, "")
    file = NewFile(body["file_id"], body.get("chunking_strategy"), body.get("attributes"))

    def change(tx: Transaction) -> Document:
        _fetch_store(tx, collection)
        vector_stores.attach(tx, call.project, collection.parent, [file])
        return public(documents.fetch(tx, collection, file.file_id))

    return call.write(change)


def retrieve(call: Call) -> Document:
    collection, file_id = _files(call), call.path("file_id", FILE)
    with call.database.read() as tx:
        _fetch_store(tx, collection)
        return public(documents.fetch(tx, collection, file_id))


def list_all(call: Call) -> Document:
    collection = _files(call)
    with call.database.read() as tx:
        _fetch_store(tx, collection)
        return documents.list_page(tx, collection, call.page(), _filter(call))


def modify(call: Call) -> Document:
    collection, file_id = _files(call), call.path("file_id", FILE)
    body = _MODIFY(call.body, "")
    changes = {"attributes": body["attributes"] or {}}

    def change(tx: Transaction) -> Document:
        _fetch_store(tx, collection)
        return public(documents.update(tx, collection, file_id, changes))

    return call.write(change)


def delete(call: Call) -> Document:
    collection, file_id = _files(call), call.path("file_id", FILE)
    with call.database.write() as tx:
        _fetch_store(tx, collection)
        vector_stores.detach(tx, call.project, collection.parent, file_id)
    return deleted("vector_store.file.deleted", file_id)


async def content(call: Call) -> Response:
    """The text that was read from the file, as one piece, as it stands in the index: a file is read
    once, by the indexer. One that it has not read yet is waited for."""
    collection, file_id = _files(call), call.path("file_id", FILE)
    pause, until = _POLL_SECONDS, anyio.current_time() + _READ_SECONDS
    while not await call.server.lanes.reads.run(partial(_is_read, call, collection, file_id)):
        if anyio.current_time() > until:
            raise ApiError(_STILL_READ.format(file_id), code="file_in_progress")
        await anyio.sleep(pause)
        pause = min(2 * pause, _SLOWEST_POLL_SECONDS)
    return await call.server.lanes.texts.run(partial(_text, call, collection, file_id))


def _is_read(call: Call, collection: Collection, file_id: str) -> bool:
    """Raises ApiError for a file whose text cannot be had."""
    with call.database.read() as tx:
        _fetch_store(tx, collection)
        file = documents.fetch(tx, collection, file_id)
    if file["status"] == "failed":
        raise ApiError(file["last_error"]["message"], code=file["last_error"]["code"])
    if file["status"] == "cancelled":
        raise ApiError(_NEVER_READ.format(file_id), code="file_cancelled")
    return bool(file["status"] == "completed")


def _text(call: Call, collection: Collection, file_id: str) -> Response:
    """Written part by part: to write a long text as JSON at once would hold up all threads."""
    with call.database.read() as tx:
        parts = chunks.whole_text(tx, collection.parent, file_id)
    if parts is None:  # of a database of before, whose files are read anew
        raise ApiError(_STILL_READ.format(file_id), code="file_in_progress")
    text = "".join(json.dumps(part, ensure_ascii=False)[1:-1] for part in parts)
    return Response(_PAGE.replace('""', f'"{text}"'), media_type="application/json")


def create_batch(call: Call) -> Document:
    collection = _batches(call)
    body = _BATCH(call.body, "")
    if bool(body.get("files")) == bool(body.get("file_ids")):
        raise ApiError("Give either 'file_ids' or 'files'.", param="file_ids")
    batch: Document = {
        "id": STORE_BATCH.new_id(),
        "object": "vector_store.files_batch",
        "created_at": now(),
        "vector_store_id": collection.parent,
        "_cancelled": False,
    }

    def change(tx: Transaction) -> Document:
        _fetch_store(tx, collection)
        documents.insert(tx, collection, batch)
        vector_stores.attach(tx, call.project, collection.parent, _batch_files(body, batch["id"]))
        return _shown(tx, collection, batch)

    return call.write(change)


def retrieve_batch(call: Call) -> Document:
    collection, batch_id = _batches(call), call.path("batch_id", STORE_BATCH)
    with call.database.read() as tx:
        _fetch_store(tx, collection)
        return _shown(tx, collection, documents.fetch(tx, collection, batch_id))


def list_batch(call: Call) -> Document:
    collection, batch_id = _batches(call), call.path("batch_id", STORE_BATCH)
    with call.database.read() as tx:
        _fetch_store(tx, collection)
        documents.fetch(tx, collection, batch_id)
        where = {**(_filter(call) or {}), "_batch": batch_id}
        return documents.list_page(tx, _files(call), call.page(), where)


def cancel_batch(call: Call) -> Document:
    """Files that are done stay; a batch that is done is answered as it is."""
    collection, batch_id = _batches(call), call.path("batch_id", STORE_BATCH)

    def change(tx: Transaction) -> Document:
        _fetch_store(tx, collection)
        batch = _shown(tx, collection, documents.fetch(tx, collection, batch_id))
        if batch["status"] == "in_progress":
            vector_stores.cancel_batch(tx, call.project, collection.parent, batch_id)
        return _shown(tx, collection, documents.fetch(tx, collection, batch_id))

    return call.write(change)


def _files(call: Call) -> Collection:
    return Collection(STORE_FILE, call.project, call.path("vector_store_id", VECTOR_STORE))


def _batches(call: Call) -> Collection:
    return Collection(STORE_BATCH, call.project, call.path("vector_store_id", VECTOR_STORE))


def _fetch_store(tx: Transaction, below: Collection) -> Document:
    return documents.fetch(tx, Collection(VECTOR_STORE, below.project), below.parent)


def _filter(call: Call) -> Mapping[str, Any] | None:
    status = call.query("filter")
    return {"status": _STATUS(status, "filter")} if status else None


def _batch_files(body: Mapping[str, Any], batch_id: str) -> list[NewFile]:
    """Each file once, the last mention winning; what the batch says holds for `file_ids`."""
    files = body.get("files") or [
        {**body, "file_id": file_id} for file_id in body.get("file_ids") or ()
    ]
    unique = {
        file["file_id"]: NewFile(
            file["file_id"], file.get("chunking_strategy"), file.get("attributes"), batch_id
        )
        for file in files
    }
    return list(unique.values())


def _shown(tx: Transaction, collection: Collection, batch: Document) -> Document:
    counts = vector_stores.batch_counts(tx, collection.project, collection.parent, batch["id"])
    return {**public(batch), "status": _batch_status(batch, counts), "file_counts": counts}


def _batch_status(batch: Document, counts: Mapping[str, int]) -> str:
    if batch["_cancelled"]:
        return "cancelled"
    if counts["in_progress"]:
        return "in_progress"
    return "failed" if counts["total"] and counts["failed"] == counts["total"] else "completed"


_STORE = "/vector_stores/{vector_store_id}"
ENDPOINTS = (
    Endpoint("POST", f"{_STORE}/files", create),
    Endpoint("GET", f"{_STORE}/files", list_all),
    Endpoint("GET", f"{_STORE}/files/{{file_id}}", retrieve),
    Endpoint("POST", f"{_STORE}/files/{{file_id}}", modify),
    Endpoint("DELETE", f"{_STORE}/files/{{file_id}}", delete),
    Endpoint("GET", f"{_STORE}/files/{{file_id}}/content", content),
    Endpoint("POST", f"{_STORE}/file_batches", create_batch),
    Endpoint("GET", f"{_STORE}/file_batches/{{batch_id}}", retrieve_batch),
    Endpoint("GET", f"{_STORE}/file_batches/{{batch_id}}/files", list_batch),
    Endpoint("POST", f"{_STORE}/file_batches/{{batch_id}}/cancel", cancel_batch),
)
