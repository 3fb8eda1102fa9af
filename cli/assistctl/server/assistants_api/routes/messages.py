"""/threads/{thread_id}/messages"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistctl.server.assistants_api import locks
from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.assistants_api.record.messages import attached, new_message, text_part
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import record
from assistctl.server.wire import FILE, MESSAGE, THREAD, Document, deleted, public

_MODIFY = record({"metadata": bodies.METADATA})


def add_message(tx: Transaction, project: str, thread_id: str, body: Mapping[str, Any]) -> Document:
    """Append a message from a body checked by `bodies.MESSAGE`. Its attachments become resources of
    the thread. Whether the thread is locked is the caller's to ask."""
    threads = Collection(THREAD, project)
    thread = documents.fetch(tx, threads, thread_id)
    content = _content(body["content"])
    for part in content:
        if part["type"] == "image_file":
            documents.fetch(tx, Collection(FILE, project), part["image_file"]["file_id"])
    attachments = attached(body.get("attachments"))
    extended = resources.with_attachments(tx, project, thread["tool_resources"], attachments)
    if extended != thread["tool_resources"]:
        documents.save(tx, threads, {**thread, "tool_resources": extended})
    message = new_message(thread_id, body["role"], content, attachments, body.get("metadata"))
    return documents.insert(tx, Collection(MESSAGE, project, thread_id), message)


def create(call: Call) -> Document:
    thread_id = call.path("thread_id", THREAD)
    body = bodies.MESSAGE(call.body, "")

    def change(tx: Transaction) -> Document:
        documents.fetch(tx, Collection(THREAD, call.project), thread_id)
        locks.refuse_messages(tx, call.project, thread_id)
        return public(add_message(tx, call.project, thread_id, body))

    return call.write(change)


def retrieve(call: Call) -> Document:
    collection, message_id = _collection(call), call.path("message_id", MESSAGE)
    with call.database.read() as tx:
        documents.fetch(tx, Collection(THREAD, call.project), collection.parent)
        return public(documents.fetch(tx, collection, message_id))


def list_all(call: Call) -> Document:
    collection, run_id = _collection(call), call.query("run_id")
    with call.database.read() as tx:
        documents.fetch(tx, Collection(THREAD, call.project), collection.parent)
        where = {"run_id": run_id} if run_id else None
        return documents.list_page(tx, collection, call.page(), where)


def modify(call: Call) -> Document:
    collection, message_id = _collection(call), call.path("message_id", MESSAGE)
    body = _MODIFY(call.body, "")
    changes = {"metadata": body["metadata"] or {}} if "metadata" in body else {}

    def change(tx: Transaction) -> Document:
        documents.fetch(tx, Collection(THREAD, call.project), collection.parent)
        return public(documents.update(tx, collection, message_id, changes))

    return call.write(change)


def delete(call: Call) -> Document:
    collection, message_id = _collection(call), call.path("message_id", MESSAGE)
    with call.database.write() as tx:
        documents.fetch(tx, Collection(THREAD, call.project), collection.parent)
        documents.remove(tx, collection, message_id)
    return deleted("thread.message.deleted", message_id)


def _collection(call: Call) -> Collection:
    return Collection(MESSAGE, call.project, call.path("thread_id", THREAD))


def _content(content: str | list[Document]) -> list[Document]:
    if isinstance(content, str):
        return [text_part(content)]
    return [_part(part) for part in content]


def _part(part: Document) -> Document:
    kind = part["type"]
    if kind == "text":
        return text_part(part["text"])
    return {"type": kind, kind: {**part[kind], "detail": part[kind].get("detail") or "auto"}}


ENDPOINTS = (
    Endpoint("POST", "/threads/{thread_id}/messages", create),
    Endpoint("GET", "/threads/{thread_id}/messages", list_all),
    Endpoint("GET", "/threads/{thread_id}/messages/{message_id}", retrieve),
    Endpoint("POST", "/threads/{thread_id}/messages/{message_id}", modify),
    Endpoint("DELETE", "/threads/{thread_id}/messages/{message_id}", delete),
)
