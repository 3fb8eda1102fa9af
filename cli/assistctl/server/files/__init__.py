"""Files: their documents and their bytes come and go together."""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from assistctl.server.retrieval import vector_stores
from assistctl.server.storage import Collection, Database, Transaction, contents
from assistctl.server.storage.contents import Staged
from assistctl.server.storage.documents import expired, find, insert, remove
from assistctl.server.wire import FILE, Document, now

_LIFETIME_SECONDS = {"batch": 30 * 24 * 3_600}
"""Of files of which nobody has said how long they are kept; those of other purposes stay."""


def create(
    tx: Transaction,
    project: str,
    content: BinaryIO | Staged | Sequence[Staged],
    *,
    filename: str,
    purpose: str,
    expires_after: Mapping[str, Any] | None = None,
) -> Document:
    """Make a file; `expires_after` counts its `seconds` from now, and goes before what is usual for
    the purpose.

    Its content is a stream (for what is small, since nobody else can write meanwhile), or was
    staged under the id that the file will have, or is put together of parts adopted before.
    """
    file_id, size = _keep(tx, content)
    moment = now()
    file = {
        "id": file_id,
        "object": "file",
        "bytes": size,
        "created_at": moment,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
    seconds = expires_after["seconds"] if expires_after else _LIFETIME_SECONDS.get(purpose)
    if seconds:
        file["expires_at"] = moment + seconds
    return insert(tx, Collection(FILE, project), file)


def delete(tx: Transaction, project: str, file_id: str) -> None:
    """The file goes, out of every vector store too; one that is not there is a 404."""
    remove(tx, Collection(FILE, project), file_id)
    vector_stores.detach_everywhere(tx, project, file_id)
    contents.remove(tx, file_id)


def data_url(tx: Transaction, file: Document) -> str:
    """What the file of an image holds, as an address that nobody has to ask."""
    kind = mimetypes.guess_type(file["filename"])[0] or "image/png"
    return f"data:{kind};base64,{base64.b64encode(contents.read(tx, file['id'])).decode()}"


def delete_expired(database: Database) -> None:
    """Delete the files of all projects whose time is over."""
    with database.read() as tx:
        over = expired(tx, FILE, now())
    for project, file_id in over:
        with database.write() as tx:
            if find(tx, Collection(FILE, project), file_id):
                delete(tx, project, file_id)


def plain_name(name: str | None) -> str:
    """The last part of a name that a client gave, free of control characters."""
    last = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "", last)[:255] or "upload"


def _keep(tx: Transaction, content: BinaryIO | Staged | Sequence[Staged]) -> tuple[str, int]:
    """The id of the file that holds the content from now on, and its size."""
    if isinstance(content, Staged):
        contents.adopt(tx, content)
        return content.id, content.size
    file_id = FILE.new_id()
    if isinstance(content, Sequence):
        contents.assemble(tx, file_id, [part.id for part in content])
        return file_id, sum(part.size for part in content)
    return file_id, contents.write(tx, file_id, content)
