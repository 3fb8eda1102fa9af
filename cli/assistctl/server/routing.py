"""Every endpoint of the APIs, by the first word of its path.

A room is imported when a path of its own is first asked for: a command that plans on the embedded
server needs neither runs nor responses. `serve` imports all of them before it listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from assistctl.server.http.call import Endpoint

_MODULES: Mapping[str, tuple[str, ...]] = {
    "agents": (
        "agents_api.session_routes",
        "agents_api.artifacts",
        "agents_api.elsewhere",
        "agents_api.agents",
    ),
    "assistants": ("assistants_api.routes.assistants",),
    "containers": ("responses_api.container_routes", "responses_api.container_file_routes"),
    "conversations": ("responses_api.conversations", "responses_api.conversation_items"),
    "files": ("files_api.file_routes",),
    "models": ("files_api.model_routes",),
    "responses": ("responses_api.routes",),
    "threads": (
        "assistants_api.routes.messages",
        "assistants_api.routes.runs",
        "assistants_api.routes.steps",
        "assistants_api.routes.threads",
    ),
    "uploads": ("files_api.upload_routes",),
    "vaults": ("agents_api.elsewhere",),
    "vector_stores": ("files_api.vector_store_routes", "files_api.vector_store_file_routes"),
}
"""The modules that have ENDPOINTS which begin with a word, in the order in which they are looked
at: `/threads/runs` before what takes `runs` for the id of a thread."""


@cache
def endpoints_below(word: str, version: int = 2) -> tuple[Endpoint, ...]:
    """The endpoints whose paths begin with a word, as a version of the API has them."""
    every = (each for name in _MODULES[word] for each in _endpoints(name))
    current = [each for each in every if each.path.split("/")[1] == word]
    if version == 1 and word in ("assistants", "threads"):
        from assistctl.server.assistants_api import v1

        return v1.endpoints(word, current)
    return tuple(current)


def words() -> tuple[str, ...]:
    """The first words of all paths."""
    return tuple(_MODULES)


def load() -> None:
    """Import everything now, so that no request waits for it."""
    for word in _MODULES:
        for version in (1, 2):
            endpoints_below(word, version)


def _endpoints(name: str) -> tuple[Endpoint, ...]:
    found: tuple[Endpoint, ...] = import_module(f"assistctl.server.{name}").ENDPOINTS
    return found
