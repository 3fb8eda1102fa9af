"""What is at a target whoever owns it, as `import` reads it. Nothing here writes to the target."""

from __future__ import annotations

import time
from collections.abc import Iterable

from assistctl.apis.managed.kinds import STORES, AssistantKind
from assistctl.apis.managed.observe import ABSENT_ENDPOINT
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.surface import Body, RemoteResources

SETTLING_SECONDS = 60.0


def assistants(client: Client, kind: AssistantKind) -> dict[str, Body]:
    """All assistants by id, oldest first. Raises RemoteError."""
    if not kind.importable:
        return {}
    return {
        str(item["id"]): kind.as_assistant(item)
        for item in client.list(kind.collection, order="asc")
    }


def resources(client: Client, store_ids: Iterable[str], *, files: bool) -> RemoteResources:
    """All vector stores with the files of those that are named, and, with `files`, all files; no
    stores are read if none is named."""
    wanted = set(store_ids)
    stores = _listed(client, STORES) if wanted else {}
    found = [store_id for store_id in stores if store_id in wanted]

    def read(store_id: str) -> tuple[Body, ...]:
        # Not every target still lets us read what has expired.
        expired = stores[store_id].get("status") == "expired"
        return () if expired else _members(client, store_id)

    with client.pool() as pool:
        members = dict(zip(found, pool.map(read, found), strict=True))
    return RemoteResources(stores, members, _listed(client, "/files", 10_000) if files else {})


def models(client: Client, wanted: Iterable[str]) -> dict[str, str | None]:
    """The models that are listed, and those of the wanted ones that are found by name, each with
    the day of its end, if that is told."""
    there = {str(item["id"]): item for item in client.list("/models", limit=None)}
    for name in set(wanted) - there.keys():
        try:
            there[name] = client.get(path_of("/models", name))
        except RemoteError as error:
            if error.status != 404:
                raise
    return {name: item.get("shutdown_date") for name, item in there.items()}


def _members(client: Client, store_id: str) -> tuple[Body, ...]:
    """The files of a store, once none of them is being indexed; at last as they are."""
    path = path_of(STORES, store_id, "files")
    deadline = time.monotonic() + SETTLING_SECONDS
    pause = 0.05
    while True:
        members = tuple(_listed(client, path).values())
        working = any(member.get("status") == "in_progress" for member in members)
        if not working or time.monotonic() > deadline:
            return members
        time.sleep(pause)
        pause = min(pause * 1.5, 3.0)


def _listed(client: Client, path: str, limit: int = 100) -> dict[str, Body]:
    try:
        return {str(item["id"]): item for item in client.list(path, limit=limit, order="asc")}
    except RemoteError as error:
        if error.status in ABSENT_ENDPOINT:  # a server without it holds none of these
            return {}
        raise
