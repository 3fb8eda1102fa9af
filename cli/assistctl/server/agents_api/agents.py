"""/agents"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistctl.server.agents_api import configuration
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import Required, record, string
from assistctl.server.wire import AGENT, Document, deleted, now, public

_FIELDS = {**configuration.FIELDS, "name": string(), "metadata": bodies.METADATA}
_CREATE = record({**_FIELDS, "model": Required(bodies.MODEL)})

_UPDATE = record({**_FIELDS, "model": bodies.MODEL})


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")
    agent = _new(body)
    collection = Collection(AGENT, call.project)
    return call.write(lambda tx: public(documents.insert(tx, collection, agent)))


def list_all(call: Call) -> Document:
    with call.database.read() as tx:
        return documents.list_page(tx, Collection(AGENT, call.project), call.page())


def retrieve(call: Call) -> Document:
    agent_id = call.path("agent_id", AGENT)
    with call.database.read() as tx:
        return public(documents.fetch(tx, Collection(AGENT, call.project), agent_id))


def update(call: Call) -> Document:
    """What is left out stays; the last one to write wins, since agents have no versions."""
    agent_id = call.path("agent_id", AGENT)
    body = _UPDATE(call.body, "")
    if "model" in body:
        bodies.MODEL(body["model"], "model")  # an agent always has one: null is refused
    collection = Collection(AGENT, call.project)

    def change(tx: Transaction) -> Document:
        agent = configuration.changed(documents.fetch(tx, collection, agent_id), body)
        given = {"name": body.get("name"), "metadata": body.get("metadata") or {}}
        agent |= {name: value for name, value in given.items() if name in body}
        agent["updated_at"] = now()
        return public(documents.save(tx, collection, agent))

    return call.write(change)


def delete(call: Call) -> Document:
    """Its sessions have agents of their own, and stay."""
    agent_id = call.path("agent_id", AGENT)
    with call.database.write() as tx:
        documents.remove(tx, Collection(AGENT, call.project), agent_id)
    return deleted("agent.deleted", agent_id)


def _new(fields: Mapping[str, Any]) -> Document:
    moment = now()
    return {
        "id": AGENT.new_id(),
        "object": "agent",
        "created_at": moment,
        "updated_at": moment,
        "name": fields.get("name"),
        "model": fields["model"],
        "metadata": fields.get("metadata") or {},
        **configuration.completed(fields),
    }


ENDPOINTS = (
    Endpoint("POST", "/agents", create),
    Endpoint("GET", "/agents", list_all),
    Endpoint("GET", "/agents/{agent_id}", retrieve),
    Endpoint("POST", "/agents/{agent_id}", update),
    Endpoint("DELETE", "/agents/{agent_id}", delete),
)
