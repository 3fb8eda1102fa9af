"""/models: any name is accepted; those that are in use are listed, and cannot be deleted."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server import documents
from assistctl.server.call import Call, Endpoint
from assistctl.server.documents import Shelf
from assistctl.server.wire import ASSISTANT, ApiError, Document, deleted


def list_all(call: Call) -> Document:
    return {"object": "list", "data": [_model(name) for name in sorted(_used(call))]}


def retrieve(call: Call) -> Document:
    return _model(call.request.path_params["model"])


def delete(call: Call) -> Document:
    """There is nothing to delete but names: after it, the name is not in the list."""
    name = call.request.path_params["model"]
    if name in _used(call):
        raise ApiError(
            f"The model '{name}' cannot be deleted: an assistant uses it, or the server was told"
            " of it when it was started.",
            param="model",
            code="model_in_use",
        )
    return deleted("model", name)


def _used(call: Call) -> set[str]:
    """The names that the endpoint's map declares, and those that assistants use."""
    model = call.server.settings.model
    names = set(model.get("models") or ()) if isinstance(model, Mapping) else set()
    with call.store.read() as tx:
        return names | {
            assistant["model"] for assistant in documents.select(tx, Shelf(ASSISTANT, call.project))
        }


def _model(name: str) -> Document:
    return {"id": name, "object": "model", "created": 0, "owned_by": "assistctl"}


ENDPOINTS = (
    Endpoint("GET", "/models", list_all),
    Endpoint("GET", "/models/{model:path}", retrieve),
    Endpoint("DELETE", "/models/{model:path}", delete),
)
