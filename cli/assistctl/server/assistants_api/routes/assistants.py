"""/assistants

Any id may be asked for: at OpenAI one that cannot be an assistant's was not there, as any other."""

from __future__ import annotations

from assistctl.server.assistants_api import assistants
from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.assistants_api.assistants import FIELDS
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import Required, record
from assistctl.server.wire import ASSISTANT, Document, deleted, now, public

_CREATE = record({**FIELDS, "model": Required(bodies.MODEL), "tool_resources": bodies.RESOURCES})
_MODIFY = record({**FIELDS, "model": bodies.MODEL, "tool_resources": bodies.RESOURCES})


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")

    def change(tx: Transaction) -> Document:
        given = resources.resolve(tx, call.project, body.get("tool_resources"))
        assistant = assistants.new(ASSISTANT.new_id(), now(), body)
        assistant["tool_resources"] = resources.with_tools(given, assistant["tools"])
        return documents.insert(tx, Collection(ASSISTANT, call.project), assistant)

    return call.write(change)


def retrieve(call: Call) -> Document:
    assistant_id = call.path("assistant_id")
    with call.database.read() as tx:
        return public(documents.fetch(tx, Collection(ASSISTANT, call.project), assistant_id))


def list_all(call: Call) -> Document:
    with call.database.read() as tx:
        return documents.list_page(tx, Collection(ASSISTANT, call.project), call.page())


def modify(call: Call) -> Document:
    """Only what is given changes; null resets a field. tool_resources change tool by tool."""
    assistant_id = call.path("assistant_id")
    body = _MODIFY(call.body, "")
    collection = Collection(ASSISTANT, call.project)

    def change(tx: Transaction) -> Document:
        assistant = assistants.changed(documents.fetch(tx, collection, assistant_id), body)
        given = resources.updated(tx, call.project, assistant["tool_resources"], body)
        assistant["tool_resources"] = resources.with_tools(given, assistant["tools"])
        return public(documents.save(tx, collection, assistant))

    return call.write(change)


def delete(call: Call) -> Document:
    assistant_id = call.path("assistant_id")
    with call.database.write() as tx:
        documents.remove(tx, Collection(ASSISTANT, call.project), assistant_id)
    return deleted("assistant.deleted", assistant_id)


ENDPOINTS = (
    Endpoint("POST", "/assistants", create),
    Endpoint("GET", "/assistants", list_all),
    Endpoint("GET", "/assistants/{assistant_id}", retrieve),
    Endpoint("POST", "/assistants/{assistant_id}", modify),
    Endpoint("DELETE", "/assistants/{assistant_id}", delete),
)
