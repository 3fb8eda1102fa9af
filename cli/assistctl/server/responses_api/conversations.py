"""/conversations: threads by another name, see wire.CONVERSATION."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistctl.server.assistants_api.record.messages import new_thread
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.responses_api import items
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import Check, Required, nullable, record
from assistctl.server.wire import CONVERSATION, Document, deleted, now

_NEW = record({"items": items.FEW_ITEMS, "metadata": bodies.METADATA})
_CHANGED: Check = record({"metadata": Required(nullable(bodies.METADATA))})


def shown(thread: Mapping[str, Any]) -> Document:
    return {
        "id": thread["id"],
        "object": "conversation",
        "created_at": thread["created_at"],
        "metadata": thread["metadata"],
    }


def create(call: Call) -> Document:
    body = _NEW(call.body, "")
    given = items.with_texts(call.database, call.project, body.get("items") or (), "items")

    def change(tx: Transaction) -> Document:
        conversation = new_thread(CONVERSATION.new_id(), now(), body.get("metadata"))
        documents.insert(tx, Collection(CONVERSATION, call.project), conversation)
        items.add(tx, call.project, conversation["id"], given)
        return shown(conversation)

    return call.write(change)


def retrieve(call: Call) -> Document:
    conversation_id = call.path("conversation_id", CONVERSATION)
    with call.database.read() as tx:
        return shown(documents.fetch(tx, Collection(CONVERSATION, call.project), conversation_id))


def update(call: Call) -> Document:
    conversation_id = call.path("conversation_id", CONVERSATION)
    metadata = _CHANGED(call.body, "")["metadata"] or {}
    collection = Collection(CONVERSATION, call.project)
    return call.write(
        lambda tx: shown(documents.update(tx, collection, conversation_id, {"metadata": metadata}))
    )


def delete(call: Call) -> Document:
    """It goes with its items, and as a thread with its runs: nobody could find them any more."""
    conversation_id = call.path("conversation_id", CONVERSATION)
    with call.database.write() as tx:
        documents.remove(tx, Collection(CONVERSATION, call.project), conversation_id)
    call.server.engine.forget(call.project, conversation_id)
    return deleted("conversation.deleted", conversation_id)


ENDPOINTS = (
    Endpoint("POST", "/conversations", create),
    Endpoint("GET", "/conversations/{conversation_id}", retrieve),
    Endpoint("POST", "/conversations/{conversation_id}", update),
    Endpoint("DELETE", "/conversations/{conversation_id}", delete),
)
