"""/files"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.responses import JSONResponse, Response, StreamingResponse

from assistctl.server import files
from assistctl.server.http import bodies, ranges
from assistctl.server.http.call import Call, Endpoint, Form
from assistctl.server.storage import contents, documents
from assistctl.server.storage.documents import Collection
from assistctl.server.validation import missing_parameter
from assistctl.server.wire import FILE, ApiError, Document, Json, deleted, public

_MOST = 10_000
_MOST_BYTES = 512 * 2**20


def create(call: Call) -> Document:
    upload, purpose = call.form.get("file"), call.form.get("purpose")
    if not isinstance(upload, UploadFile):
        raise missing_parameter("file")
    if not purpose:
        raise missing_parameter("purpose")
    given: dict[str, Any] = {
        "filename": files.plain_name(upload.filename),
        "purpose": bodies.PURPOSE(purpose, "purpose"),
        "expires_after": _expiry(call.form),
    }
    with contents.staged(call.database, FILE.new_id(), upload.file) as content:
        return call.write(lambda tx: public(files.create(tx, call.project, content, **given)))


def retrieve(call: Call) -> Document:
    file_id = call.path("file_id", FILE)
    with call.database.read() as tx:
        return public(documents.fetch(tx, Collection(FILE, call.project), file_id))


def list_all(call: Call) -> Document:
    purpose = call.query("purpose")
    where = {"purpose": purpose} if purpose else None
    page = call.page(default=_MOST, most=_MOST)
    with call.database.read() as tx:
        return documents.list_page(tx, Collection(FILE, call.project), page, where)


def content(call: Call) -> Response:
    """All of it, or the part that is asked for. It never changes: the file's id is its tag."""
    file_id = call.path("file_id", FILE)
    with call.database.read() as tx:
        file = documents.fetch(tx, Collection(FILE, call.project), file_id)
    size, tag = file["bytes"], f'"{file_id}"'
    headers = {"accept-ranges": "bytes", "etag": tag}
    wanted = call.request.headers.get("range")
    if call.request.headers.get("if-range", tag) != tag:
        wanted = None
    try:
        part = ranges.asked(wanted, size)
    except ranges.Unsatisfiable:
        refusal = ApiError(f"The file has {size} bytes: none are at '{wanted}'.", status=416)
        headers["content-range"] = f"bytes */{size}"
        return JSONResponse(refusal.document(), refusal.status, headers)
    if part is not None:
        headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    sent = range(size) if part is None else part
    return StreamingResponse(
        call.server.lanes.downloads.each(contents.parts(call.database, file_id, sent)),
        200 if part is None else 206,
        media_type="application/octet-stream",
        headers={
            **headers,
            "content-length": str(len(sent)),
            "content-disposition": f"attachment; filename*=UTF-8''{quote(file['filename'])}",
            "x-content-type-options": "nosniff",
        },
    )


def delete(call: Call) -> Document:
    file_id = call.path("file_id", FILE)
    with call.database.write() as tx:
        files.delete(tx, call.project, file_id)
    return deleted("file", file_id)


def _expiry(form: FormData) -> Mapping[str, Any] | None:
    """`expires_after`: one field of JSON, or `expires_after[anchor]` and `[seconds]`, as SDKs
    spell it."""
    if whole := form.get("expires_after"):
        return _checked(_parsed(whole))
    given = {
        name: _parsed(form[f"expires_after[{name}]"])
        for name in ("anchor", "seconds")
        if f"expires_after[{name}]" in form
    }
    return _checked(given or None)


def _checked(expiry: Json) -> Mapping[str, Any] | None:
    return None if expiry is None else dict(bodies.FILE_EXPIRY(expiry, "expires_after"))


def _parsed(field: UploadFile | str) -> Json:
    """What is no JSON is the text that it is."""
    try:
        return json.loads(field) if isinstance(field, str) else ""
    except (ValueError, RecursionError):
        return field


ENDPOINTS = (
    Endpoint("POST", "/files", create, Form("file", _MOST_BYTES)),
    Endpoint("GET", "/files", list_all),
    Endpoint("GET", "/files/{file_id}", retrieve),
    Endpoint("GET", "/files/{file_id}/content", content),
    Endpoint("DELETE", "/files/{file_id}", delete),
)
