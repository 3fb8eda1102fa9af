"""/assistants"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assistctl.server import bodies, documents, resources
from assistctl.server.call import Call, Endpoint
from assistctl.server.documents import Shelf
from assistctl.server.shapes import Check, Required, record, string
from assistctl.server.wire import ASSISTANT, Document, deleted, now, public

_FIELDS: Mapping[str, Check] = {
    "name": string(longest=256),
    "description": string(longest=512),
    "instructions": bodies.INSTRUCTIONS,
    "reasoning_effort": bodies.REASONING_EFFORT,
    "tools": bodies.TOOLS,
    "metadata": bodies.METADATA,
    "temperature": bodies.TEMPERATURE,
    "top_p": bodies.TOP_P,
    "response_format": bodies.RESPONSE_FORMAT,
}
_CREATE = record({**_FIELDS, "model": Required(bodies.MODEL), "tool_resources": bodies.RESOURCES})
_MODIFY = record({**_FIELDS, "model": bodies.MODEL, "tool_resources": bodies.RESOURCES})

_DEFAULTS: Mapping[str, Callable[[], Any]] = {
    "name": lambda: None,
    "description": lambda: None,
    "instructions": lambda: None,
    "reasoning_effort": lambda: None,
    "tools": list,
    "metadata": dict,
    "temperature": lambda: 1.0,
    "top_p": lambda: 1.0,
    "response_format": lambda: "auto",
}
"""What a field is when nothing or null is said of it."""


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")
    with call.store.write() as tx:
        given = resources.resolve(tx, call.project, body.get("tool_resources"))
        assistant = {
            "id": ASSISTANT.new_id(),
            "object": "assistant",
            "created_at": now(),
            "model": body["model"],
            **{name: _or_default(name, body.get(name)) for name in _DEFAULTS},
        }
        assistant["tool_resources"] = resources.with_tools(given, assistant["tools"])
        return documents.insert(tx, Shelf(ASSISTANT, call.project), assistant)


def retrieve(call: Call) -> Document:
    assistant_id = call.path("assistant_id", ASSISTANT)
    with call.store.read() as tx:
        return public(documents.fetch(tx, Shelf(ASSISTANT, call.project), assistant_id))


def list_all(call: Call) -> Document:
    with call.store.read() as tx:
        return documents.list_page(tx, Shelf(ASSISTANT, call.project), call.page())


def modify(call: Call) -> Document:
    """Only what is given changes; null resets a field. tool_resources change tool by tool."""
    assistant_id = call.path("assistant_id", ASSISTANT)
    body = _MODIFY(call.body, "")
    shelf = Shelf(ASSISTANT, call.project)
    with call.store.write() as tx:
        assistant = documents.fetch(tx, shelf, assistant_id)
        assistant |= {name: _or_default(name, body[name]) for name in _DEFAULTS if name in body}
        assistant["model"] = body.get("model") or assistant["model"]
        given = resources.updated(tx, call.project, assistant["tool_resources"], body)
        assistant["tool_resources"] = resources.with_tools(given, assistant["tools"])
        return public(documents.save(tx, shelf, assistant))


def delete(call: Call) -> Document:
    assistant_id = call.path("assistant_id", ASSISTANT)
    with call.store.write() as tx:
        documents.remove(tx, Shelf(ASSISTANT, call.project), assistant_id)
    return deleted("assistant.deleted", assistant_id)


def _or_default(name: str, value: Any) -> Any:
    return _DEFAULTS[name]() if value is None else value


ENDPOINTS = (
    Endpoint("POST", "/assistants", create),
    Endpoint("GET", "/assistants", list_all),
    Endpoint("GET", "/assistants/{assistant_id}", retrieve),
    Endpoint("POST", "/assistants/{assistant_id}", modify),
    Endpoint("DELETE", "/assistants/{assistant_id}", delete),
)
