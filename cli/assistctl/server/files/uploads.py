"""Uploads: a file that comes in parts, which stay where they are when it is put together.

Keys of the server's own: `_expires_after` and `_mime_type` of an upload as they were given,
`_part_ids` of a completed one; `_bytes` of a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server import files
from assistctl.server.storage import Collection, Database, Transaction, contents, documents
from assistctl.server.storage.contents import Staged
from assistctl.server.wire import UPLOAD, UPLOAD_PART, ApiError, Document, invalid, now, public

LIFETIME_SECONDS = 3_600
KEPT_SECONDS = 24 * 3_600
"""For so long after its hour an upload can still be asked how it ended."""
MOST_BYTES = 8 * 2**30
PART_BYTES = 64 * 2**20


def create(tx: Transaction, project: str, body: Mapping[str, Any]) -> Document:
    """Begin an upload, of which the parts follow; the body is checked."""
    moment = now()
    upload: Document = {
        "id": UPLOAD.new_id(),
        "object": "upload",
        "bytes": body["bytes"],
        "created_at": moment,
        "expires_at": moment + LIFETIME_SECONDS,
        "filename": files.plain_name(body["filename"]),
        "purpose": body["purpose"],
        "status": "pending",
        "file": None,
        "_expires_after": body.get("expires_after"),
        "_mime_type": body["mime_type"],
    }
    return documents.insert(tx, Collection(UPLOAD, project), upload)


def add_part(tx: Transaction, project: str, upload_id: str, content: Staged) -> Document:
    """The content, staged under the id that the part will have, becomes a part of the upload."""
    fetch_pending(tx, project, upload_id)
    collection = Collection(UPLOAD_PART, project, upload_id)
    if sum(part["_bytes"] for part in documents.select(tx, collection)) + content.size > MOST_BYTES:
        raise ApiError(f"The parts of an upload can have at most {MOST_BYTES} bytes.", param="data")
    contents.adopt(tx, content)
    part = {
        "id": content.id,
        "object": "upload.part",
        "created_at": now(),
        "upload_id": upload_id,
        "_bytes": content.size,
    }
    return documents.insert(tx, collection, part)


def complete(tx: Transaction, project: str, upload_id: str, part_ids: Sequence[str]) -> Document:
    """Make the file, of these parts in this order; those that are not among them are dropped.

    A completion that is sent again, since its answer was lost, is answered again.
    """
    upload = documents.fetch(tx, Collection(UPLOAD, project), upload_id)
    if upload["status"] == "completed" and upload["_part_ids"] == part_ids:
        return upload
    upload = fetch_pending(tx, project, upload_id)
    parts = chosen_parts(tx, project, upload, part_ids)
    file = files.create(
        tx,
        project,
        parts,
        filename=upload["filename"],
        purpose=upload["purpose"],
        expires_after=upload["_expires_after"],
    )
    _drop_parts(tx, project, upload_id, but=frozenset(part_ids))
    done = {**upload, "status": "completed", "file": file, "_part_ids": list(part_ids)}
    return documents.save(tx, Collection(UPLOAD, project), done)


def cancel(tx: Transaction, project: str, upload_id: str) -> Document:
    """Drop a pending upload with its parts; one that is cancelled already is answered as it is."""
    upload = documents.fetch(tx, Collection(UPLOAD, project), upload_id)
    if upload["status"] == "cancelled":
        return upload
    fetch_pending(tx, project, upload_id)
    return _end(tx, project, upload, "cancelled")


def chosen_parts(
    tx: Transaction, project: str, upload: Document, part_ids: Sequence[str]
) -> list[Staged]:
    """The parts named, in that order: parts of this upload, each once, that make its bytes."""
    collection = Collection(UPLOAD_PART, project, upload["id"])
    chosen: dict[str, int] = {}
    for number, part_id in enumerate(part_ids):
        part = documents.find(tx, collection, part_id)
        if part is None or part_id in chosen:
            wrong = "is named twice" if part else f"does not belong to the upload {upload['id']}"
            raise invalid(f"part_ids[{number}]", f"the part '{part_id}' {wrong}.")
        chosen[part_id] = part["_bytes"]
    got = sum(chosen.values())
    if got != upload["bytes"]:
        raise ApiError(
            f"The parts have {got} bytes together, but the upload was created for"
            f" {upload['bytes']} bytes.",
            param="part_ids",
            code="invalid_value",
        )
    return [Staged(part_id, size) for part_id, size in chosen.items()]


def fetch_pending(tx: Transaction, project: str, upload_id: str) -> Document:
    """The upload; ApiError 404 if it is not there, 400 if it has ended or its hour is over."""
    upload = documents.fetch(tx, Collection(UPLOAD, project), upload_id)
    status = "expired" if _overdue(upload) else upload["status"]
    if status != "pending":
        raise ApiError(f"Upload {upload_id} is {status}; only a pending upload can be changed.")
    return upload


def expire(database: Database) -> None:
    """End the uploads of all projects whose hour is over, and remove their parts."""
    with database.read() as tx:
        overdue = documents.expired(tx, UPLOAD, now(), "pending")
    for project, upload_id in overdue:
        with database.write() as tx:
            upload = documents.find(tx, Collection(UPLOAD, project), upload_id)
            if upload is not None and _overdue(upload):
                _end(tx, project, upload, "expired")


def forget_old(database: Database) -> None:
    """Remove the uploads that ended long ago. What was put together of them stays."""
    with database.write() as tx:
        documents.purge_expired(tx, UPLOAD, now() - KEPT_SECONDS, sparing="pending")


def shown(upload: Document) -> Document:
    """The upload as clients see it, its file included."""
    file = upload["file"]
    return {**public(upload), "file": public(file) if file else None}


def _end(tx: Transaction, project: str, upload: Document, status: str) -> Document:
    _drop_parts(tx, project, upload["id"])
    return documents.save(tx, Collection(UPLOAD, project), {**upload, "status": status})


def _drop_parts(
    tx: Transaction, project: str, upload_id: str, but: frozenset[str] = frozenset()
) -> None:
    for part in documents.select(tx, Collection(UPLOAD_PART, project, upload_id)):
        if part["id"] not in but:
            contents.remove(tx, part["id"])


def _overdue(upload: Document) -> bool:
    return bool(upload["status"] == "pending" and upload["expires_at"] <= now())
