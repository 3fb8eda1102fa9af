"""/files"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from assistctl.server import files
from assistctl.server.http import bodies, downloads
from assistctl.server.http.call import Call, Endpoint, Form
from assistctl.server.storage import Collection, Transaction, contents, documents
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
    with call.database.read() as tx:
        return public(_fetch(tx, call))


def list_all(call: Call) -> Document:
    purpose = call.query("purpose")
    where = {"purpose": purpose} if purpose else None
    page = call.page(default=_MOST, most=_MOST)
    with call.database.read() as tx:
        return documents.list_page(tx, Collection(FILE, call.project), page, where)


def content(call: Call) -> Response:
    with call.database.read() as tx:
        file = _fetch(tx, call)
    return downloads.answer(call, file)


def delete(call: Call) -> Document:
    with call.database.write() as tx:
        file_id: str = _fetch(tx, call)["id"]
        files.delete(tx, call.project, file_id)
    return deleted("file", file_id)


def _fetch(tx: Transaction, call: Call) -> Document:
    """The file in the path. That there is none, OpenAI said here in words of its own, whatever the
    id looked like."""
    file_id = call.path("file_id")
    file = documents.find(tx, Collection(FILE, call.project), file_id)
    if file is None:
        raise ApiError(f"No such File object: {file_id}", status=404, param="id")
    return file


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
