"""/models: any name is accepted, those known are listed."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server import documents
from assistctl.server.call import Call, Endpoint
from assistctl.server.documents import Shelf
from assistctl.server.wire import ASSISTANT, Document


def list_all(call: Call) -> Document:
    """The names that the endpoint's map declares, and those that assistants use."""
    model = call.server.settings.model
    names = set(model.get("models") or ()) if isinstance(model, Mapping) else set()
    with call.store.read() as tx:
        names |= {found["model"] for found in documents.select(tx, Shelf(ASSISTANT, call.project))}
    return {"object": "list", "data": [_model(name) for name in sorted(names)]}


def retrieve(call: Call) -> Document:
    return _model(call.request.path_params["model"])


def _model(name: str) -> Document:
    return {"id": name, "object": "model", "created": 0, "owned_by": "assistctl"}


ENDPOINTS = (
    Endpoint("GET", "/models", list_all),
    Endpoint("GET", "/models/{model:path}", retrieve),
)
