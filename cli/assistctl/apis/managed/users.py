"""Who uses uploads at a target, in whatever API: assistants, agents, and what stands for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.duplicates import is_as_declared
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import used_files
from assistctl.apis.managed.remotes import Inside, Owned
from assistctl.apis.transport.client import Client
from assistctl.apis.transport.failures import LostAnswer, Unexpected
from assistctl.errors import RemoteError
from assistctl.resources import Json

_COLLECTIONS = ("/assistants", "/agents")
"""Beside /vector_stores, which every API has, and where something may stand for assistants."""


def file_ids(body: Mapping[str, Json]) -> list[str]:
    """The uploads that an object names as those of an assistant, by whichever API."""
    return [*tool_resources.file_ids(body.get("tool_resources")), *used_files(body)]


def beside(client: Client, kind: AssistantKind) -> Iterator[Mapping[str, Json]]:
    """The objects that hold assistants at this target by other APIs than this one, whoever owns
    them. A collection that it refuses as a whole holds nothing. Raises LostAnswer where nobody can
    tell."""
    for collection in _COLLECTIONS:
        if collection == kind.collection:
            continue
        try:
            yield from client.list(collection, order="asc")
        except LostAnswer as error:
            # What somebody else's server calls by this name may be no list at all.
            if not isinstance(error.__cause__, Unexpected):
                raise
        except RemoteError:
            pass


def doubtful(ours: Iterable[Owned], extra: Iterable[Owned], inside: Inside) -> set[str]:
    """The ids of the uploads in our objects that may have to be deleted: all those of duplicates
    and of what is declared no longer, elsewhere those that are not as declared."""
    going = {upload.id for item in extra for upload in inside.uploads[item.id]}
    return going | {
        upload.id
        for item in ours
        for upload in inside.uploads[item.id]
        if item.address not in inside.declared or not is_as_declared(upload, inside.declared)
    }


def used_beside(
    client: Client,
    kind: AssistantKind,
    others: Iterable[Mapping[str, Json]],
    doubtful: set[str],
) -> tuple[frozenset[str], str | None]:
    """Which of the doubtful uploads somebody else uses too: the `others`, or what another API
    holds; all of them, and why, where that is not to be seen. Nothing is asked where there is
    nothing to doubt."""
    if not doubtful:
        return frozenset(), None
    try:
        found = [*others, *beside(client, kind)]
    except LostAnswer as error:
        return frozenset(doubtful), str(error)
    used = {file_id for body in found for file_id in file_ids(body)}
    return frozenset(doubtful & used), None
