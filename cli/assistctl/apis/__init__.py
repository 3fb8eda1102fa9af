"""One module per API surface, and the only users of the openai SDK.

A surface declares, observes, compiles, executes and converses; `connect` picks it by the target's
`api`. Importing this package is cheap: the SDK (0.8 s) is imported by `connect`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistctl.errors import DeclarationError, Problem
from assistctl.resources import Target

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants


PARALLEL = 8
"""Requests at the same time, unless asked otherwise."""


def connect(target: Target, parallel: int = PARALLEL) -> Assistants:
    """The API surface of a target whose base URL and key are known; `parallel` is how many
    requests it is sent at the same time, reads and writes alike."""
    if target.api != "assistants":
        what = f"target {target.name!r} speaks the {target.api} API, which this version does not"
        remedy = "use `api: assistants` (any server that speaks the Assistants API v2)"
        raise DeclarationError([Problem(target.place, what, remedy)])
    from assistctl.apis.assistants import Assistants
    from assistctl.apis.transport.client import Client

    assert target.base_url is not None, "a local target is given its address before it is used"
    client = Client(target.base_url, target.api_key or "none", parallel=parallel)
    return Assistants(client, target.namespace)
