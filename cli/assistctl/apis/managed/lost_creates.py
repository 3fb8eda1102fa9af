"""A create whose answer is lost: what it has made is known again by its metadata, in which is its
owner or, of what belongs to a conversation, a key of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from assistctl.apis.managed.ownership import OWNER
from assistctl.apis.transport.client import Client, path_of
from assistctl.resources import Json

KEY = "assistctl_key"


def found_again(
    client: Client,
    collection: str,
    owner: str,
    before: Collection[str | None],
    body: Mapping[str, Json],
) -> dict[str, Json] | None:
    """The object of this owner that was not there `before` (ids), newest first; None where nothing
    was made. It is written anew with the body, since somebody else's sync may have made it."""
    for item in client.list(collection, order="desc"):
        is_owned = (item.get("metadata") or {}).get(OWNER) == owner
        if is_owned and item["id"] not in before:
            return client.post(path_of(collection, item["id"]), body, just_made=True)
    return None


def with_key(
    client: Client,
    collection: str,
    key: str,
    *,
    among: int = 5,
    just_made: bool = False,
    **more: Any,
) -> dict[str, Json] | None:
    """The object with this key `among` so many of the newest; None: nothing was made, or shows."""
    newest = client.list(collection, limit=among, order="desc", just_made=just_made, **more)
    ours = (it for it in islice(newest, among) if (it.get("metadata") or {}).get(KEY) == key)
    return next(ours, None)
