"""/uploads: files in parts, for what is too large to send at once"""

from __future__ import annotations

from starlette.datastructures import UploadFile

from assistctl.server.files import uploads
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint, Form
from assistctl.server.storage import Collection, contents, documents
from assistctl.server.validation import Required, array, integer, missing_parameter, record, string
from assistctl.server.wire import UPLOAD, UPLOAD_PART, ApiError, Document, public

_CREATE = record(
    {
        "filename": Required(string(shortest=1)),
        "purpose": Required(bodies.PURPOSE),
        "bytes": Required(integer(least=0, most=uploads.MOST_BYTES)),
        "mime_type": Required(string()),
        "expires_after": bodies.FILE_EXPIRY,
    }
)
_COMPLETE = record({"part_ids": Required(array(string(shortest=1))), "md5": string()})


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")
    return call.write(lambda tx: uploads.shown(uploads.create(tx, call.project, body)))


def add_part(call: Call) -> Document:
    upload_id = call.path("upload_id", UPLOAD)
    part = call.form.get("data")
    if not isinstance(part, UploadFile):
        raise missing_parameter("data")
    with call.database.read() as tx:
        documents.fetch(tx, Collection(UPLOAD, call.project), upload_id)
    with contents.staged(call.database, UPLOAD_PART.new_id(), part.file) as content:
        return call.write(lambda tx: public(uploads.add_part(tx, call.project, upload_id, content)))


def complete(call: Call) -> Document:
    upload_id = call.path("upload_id", UPLOAD)
    body = _COMPLETE(call.body, "")
    if body.get("md5") is not None:
        _compare(call, upload_id, body["part_ids"], body["md5"])
    return call.write(
        lambda tx: uploads.shown(uploads.complete(tx, call.project, upload_id, body["part_ids"]))
    )


def cancel(call: Call) -> Document:
    upload_id = call.path("upload_id", UPLOAD)
    return call.write(lambda tx: uploads.shown(uploads.cancel(tx, call.project, upload_id)))


def _compare(call: Call, upload_id: str, part_ids: list[str], expected: str) -> None:
    """Read all the bytes before anything is written: they may be many."""
    with call.database.read() as tx:
        upload = documents.fetch(tx, Collection(UPLOAD, call.project), upload_id)
        if upload["status"] != "pending":
            return
        parts = uploads.chosen_parts(tx, call.project, upload, part_ids)
    got = contents.md5(call.database, [part.id for part in parts])
    if got != expected.strip().lower():
        raise ApiError(
            f"The md5 of the uploaded bytes is {got}, not '{expected}'.",
            param="md5",
            code="invalid_value",
        )


ENDPOINTS = (
    Endpoint("POST", "/uploads", create),
    Endpoint("POST", "/uploads/{upload_id}/parts", add_part, Form("data", uploads.PART_BYTES)),
    Endpoint("POST", "/uploads/{upload_id}/complete", complete, heavy=True),
    Endpoint("POST", "/uploads/{upload_id}/cancel", cancel),
)
