"""/threads/{thread_id}/messages/{message_id}/files, which v2 has not."""

from __future__ import annotations

from assistctl.server.assistants_api.routes.messages import retrieve
from assistctl.server.assistants_api.v1 import files
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import documents
from assistctl.server.wire import FILE, Document


def list_files(call: Call) -> Document:
    message = retrieve(call)
    found = [_file(message, file_id) for file_id in files.of_message(message)]
    return documents.page_of(found, call.page(), "no file")


def retrieve_file(call: Call) -> Document:
    file_id = call.path("file_id", FILE)
    message = retrieve(call)
    if file_id not in files.of_message(message):
        raise FILE.missing(file_id)
    return _file(message, file_id)


def _file(message: Document, file_id: str) -> Document:
    return {
        "id": file_id,
        "object": "thread.message.file",
        "created_at": message["created_at"],
        "message_id": message["id"],
    }


_FILES = "/threads/{thread_id}/messages/{message_id}/files"
ENDPOINTS = (
    Endpoint("GET", _FILES, list_files),
    Endpoint("GET", f"{_FILES}/{{file_id}}", retrieve_file),
)
