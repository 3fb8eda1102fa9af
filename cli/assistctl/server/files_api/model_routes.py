"""/models: assistants and agents may name any; those that are in use are listed, and stay."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection
from assistctl.server.storage.documents import distinct
from assistctl.server.wire import AGENT, ASSISTANT, ApiError, Document, deleted


def list_all(call: Call) -> Document:
    return {"object": "list", "data": [_model(name) for name in sorted(_used(call))]}


async def retrieve(call: Call) -> Document:
    """Clients ask for a model to find out whether there is such a one."""
    name = call.request.path_params["model"]
    used = await call.server.lanes.reads.run(partial(_used, call))
    endpoint = call.server.engine.models.endpoint
    if name in used or (endpoint is not None and await endpoint.knows(name)):
        return _model(name)
    raise ApiError(
        f"The model '{name}' does not exist or you do not have access to it.",
        status=404,
        param="model",
        code="model_not_found",
    )


def delete(call: Call) -> Document:
    """There is nothing to delete but names: after it, the name is not in the list."""
    name = call.request.path_params["model"]
    if name in _used(call):
        raise ApiError(
            f"The model '{name}' cannot be deleted: an assistant or agent uses it, or the server"
            " was told of it when it was started.",
            param="model",
            code="model_in_use",
        )
    return deleted("model", name)


def _used(call: Call) -> set[str]:
    """The names that the endpoint's map declares, and those that assistants and agents use."""
    model = call.server.settings.model
    names = set(model.get("models") or ()) if isinstance(model, Mapping) else set()
    with call.database.read() as tx:
        for kind in (ASSISTANT, AGENT):
            names |= distinct(tx, Collection(kind, call.project), "model")
    return names


def _model(name: str) -> Document:
    return {"id": name, "object": "model", "created": 0, "owned_by": "assistctl"}


ENDPOINTS = (
    Endpoint("GET", "/models", list_all),
    Endpoint("GET", "/models/{model:path}", retrieve),
    Endpoint("DELETE", "/models/{model:path}", delete),
)
