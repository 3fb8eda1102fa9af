"""/files"""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response, StreamingResponse

from assistctl.server import contents, documents, vector_stores
from assistctl.server.call import Call, Endpoint
from assistctl.server.documents import Shelf
from assistctl.server.shapes import choice, missing_parameter
from assistctl.server.wire import FILE, Document, deleted, now, public

_PURPOSE = choice("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_MOST = 10_000


def create(call: Call) -> Document:
    form = call.form if call.form is not None else FormData()
    upload, purpose = form.get("file"), form.get("purpose")
    if not isinstance(upload, UploadFile):
        raise missing_parameter("file")
    if not purpose:
        raise missing_parameter("purpose")
    _PURPOSE(purpose, "purpose")
    file_id = FILE.new_id()
    with call.store.write() as tx:
        size = contents.write(tx, file_id, upload.file)
        file = {
            "id": file_id,
            "object": "file",
            "bytes": size,
            "created_at": now(),
            "filename": _filename(upload.filename),
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
            "expires_at": None,
        }
        return public(documents.insert(tx, Shelf(FILE, call.project), file))


def retrieve(call: Call) -> Document:
    file_id = call.path("file_id", FILE)
    with call.store.read() as tx:
        return public(documents.fetch(tx, Shelf(FILE, call.project), file_id))


def list_all(call: Call) -> Document:
    purpose = call.query("purpose")
    where = {"purpose": purpose} if purpose else None
    page = call.page(default=_MOST, most=_MOST)
    with call.store.read() as tx:
        return documents.list_page(tx, Shelf(FILE, call.project), page, where)


def content(call: Call) -> Response:
    file_id = call.path("file_id", FILE)
    with call.store.read() as tx:
        file = documents.fetch(tx, Shelf(FILE, call.project), file_id)
    return StreamingResponse(
        contents.parts(call.store, file_id),
        media_type="application/octet-stream",
        headers={
            "content-length": str(file["bytes"]),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file['filename'])}",
            "x-content-type-options": "nosniff",
        },
    )


def delete(call: Call) -> Document:
    """The file goes, out of every vector store too."""
    file_id = call.path("file_id", FILE)
    with call.store.write() as tx:
        documents.remove(tx, Shelf(FILE, call.project), file_id)
        vector_stores.detach_everywhere(tx, call.project, file_id)
        contents.remove(tx, file_id)
    return deleted("file", file_id)


def _filename(name: str | None) -> str:
    """The last part of the name that was sent, free of control characters."""
    last = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[\x00-\x1f\x7f]", "", last)[:255] or "upload"


ENDPOINTS = (
    Endpoint("POST", "/files", create, upload=True),
    Endpoint("GET", "/files", list_all),
    Endpoint("GET", "/files/{file_id}", retrieve),
    Endpoint("GET", "/files/{file_id}/content", content),
    Endpoint("DELETE", "/files/{file_id}", delete),
)
