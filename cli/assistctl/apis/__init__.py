"""What is at a target, and how it is asked: transport, what is owned there, one package per API.

Importing this package is cheap: the SDK (0.8 s) is imported by `connect`.
"""

from __future__ import annotations

from importlib import import_module

from assistctl.apis import capabilities
from assistctl.apis.transport.pacing import PARALLEL
from assistctl.resources import Target
from assistctl.surface import Surface

SURFACES = {
    "assistants": "assistctl.apis.assistants",
    "agents": "assistctl.apis.agents",
    "responses": "assistctl.apis.responses",
}
"""The module of each API, by what a target calls it; its `API` is what only it knows."""


def connect(target: Target, parallel: int = PARALLEL) -> Surface:
    """The API surface of a target whose base URL and key are known; `parallel` is how many
    requests it is sent at the same time, reads and writes alike."""
    from assistctl.apis.managed.managed_surface import Api, ManagedSurface
    from assistctl.apis.transport.client import Client

    api: Api = import_module(SURFACES[target.api]).API
    assert target.base_url is not None, "a local target is given its address before it is used"
    key = target.api_key or "none"
    client = Client(target.base_url, key, parallel=parallel)
    return ManagedSurface(api, client, target.namespace, capabilities.at(target))
