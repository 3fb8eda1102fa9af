"""A create whose answer is lost: what it has made is known again by its owner in the metadata."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from assistctl.apis.managed.ownership import OWNER
from assistctl.apis.transport.client import Client, path_of
from assistctl.resources import Json


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
