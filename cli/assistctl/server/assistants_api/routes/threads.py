"""/threads"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.assistants_api.record.messages import new_thread
from assistctl.server.assistants_api.routes.messages import add_message
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.http.queries import metadata
from assistctl.server.storage import Collection, Transaction, documents, threads
from assistctl.server.validation import record
from assistctl.server.wire import THREAD, Document, deleted, invalid, now, public

_MOST_WORDS = 32
_MODIFY = record({"tool_resources": bodies.RESOURCES, "metadata": bodies.METADATA})


def create_thread(tx: Transaction, project: str, body: Mapping[str, Any]) -> Document:
    """Make a thread with its first messages from a body checked by `bodies.THREAD`."""
    collection = Collection(THREAD, project)
    given = resources.resolve(
        tx, project, body.get("tool_resources"), expiry=resources.THREAD_STORE_EXPIRY
    )
    thread = new_thread(THREAD.new_id(), now(), body.get("metadata"), given)
    documents.insert(tx, collection, thread)
    messages = body.get("messages") or ()
    for message in messages:
        add_message(tx, project, thread["id"], message)
    # What is attached to messages may have brought the thread a vector store.
    return documents.fetch(tx, collection, thread["id"]) if messages else thread


def create(call: Call) -> Document:
    body = bodies.THREAD(call.body, "")
    return call.write(lambda tx: public(create_thread(tx, call.project, body)))


def list_all(call: Call) -> Document:
    """The project's threads, the newest first. OpenAI's API has no such list; ours is for those who
    look after what is here."""
    words = (call.query("query") or "").split()
    if len(words) > _MOST_WORDS:
        raise invalid("query", f"at most {_MOST_WORDS} words can be looked for.")
    with call.database.read() as tx:
        found, more = threads.select_page(
            tx,
            call.project,
            call.page(),
            metadata=metadata(call),
            assistant_id=call.query("assistant_id"),
            words=words,
        )
        told = [
            {**one, "summary": threads.summary(tx, call.project, str(one["id"]))} for one in found
        ]
        return documents.listing(told, more)


def retrieve(call: Call) -> Document:
    thread_id = call.path("thread_id", THREAD)
    with call.database.read() as tx:
        return public(documents.fetch(tx, Collection(THREAD, call.project), thread_id))


def modify(call: Call) -> Document:
    thread_id = call.path("thread_id", THREAD)
    body = _MODIFY(call.body, "")
    collection = Collection(THREAD, call.project)

    def change(tx: Transaction) -> Document:
        thread = documents.fetch(tx, collection, thread_id)
        if "metadata" in body:
            thread["metadata"] = body["metadata"] or {}
        thread["tool_resources"] = resources.updated(
            tx,
            call.project,
            thread["tool_resources"],
            body,
            expiry=resources.THREAD_STORE_EXPIRY,
        )
        return public(documents.save(tx, collection, thread))

    return call.write(change)


def delete(call: Call) -> Document:
    """The thread goes with its messages, runs and steps; its vector store expires by itself."""
    thread_id = call.path("thread_id", THREAD)
    with call.database.write() as tx:
        documents.remove(tx, Collection(THREAD, call.project), thread_id)
    call.server.engine.forget(call.project, thread_id)
    return deleted("thread.deleted", thread_id)


ENDPOINTS = (
    Endpoint("POST", "/threads", create),
    Endpoint("GET", "/threads", list_all),
    Endpoint("GET", "/threads/{thread_id}", retrieve),
    Endpoint("POST", "/threads/{thread_id}", modify),
    Endpoint("DELETE", "/threads/{thread_id}", delete),
)
