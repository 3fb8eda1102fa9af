"""Files: their documents and their bytes come and go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from assistctl.server import contents, vector_stores
from assistctl.server.documents import Shelf, insert, remove
from assistctl.server.store import Store, Transaction
from assistctl.server.wire import FILE, Document, now


def create(
    tx: Transaction,
    project: str,
    stream: BinaryIO,
    *,
    filename: str,
    purpose: str,
    expires_after: Mapping[str, Any] | None = None,
) -> Document:
    """Keep what `stream` holds as a new file; `expires_after` counts its `seconds` from now."""
    file_id, moment = FILE.new_id(), now()
    file = {
        "id": file_id,
        "object": "file",
        "bytes": contents.write(tx, file_id, stream),
        "created_at": moment,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
    if expires_after:
        file["expires_at"] = moment + expires_after["seconds"]
    return insert(tx, Shelf(FILE, project), file)


def delete(tx: Transaction, project: str, file_id: str) -> None:
    """The file goes, out of every vector store too; one that is not there is a 404."""
    remove(tx, Shelf(FILE, project), file_id)
    vector_stores.detach_everywhere(tx, project, file_id)
    contents.remove(tx, file_id)


def delete_expired(store: Store) -> None:
    """Delete the files of all projects whose time is over."""
    with store.read() as tx:
        expired = tx.execute(
            "SELECT project, id FROM documents"
            " WHERE kind = ? AND json_extract(body, '$.expires_at') <= ?",
            (FILE.name, now()),
        )
    for project, file_id in expired:
        with store.write() as tx:
            if tx.execute(
                "SELECT 1 FROM documents WHERE kind = ? AND id = ?", (FILE.name, file_id)
            ):
                delete(tx, project, file_id)
