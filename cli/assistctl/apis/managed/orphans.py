"""Uploads that nothing refers to: of a sync that was killed, of a deleted thread, or of somebody.

Files bear neither metadata nor an owner, so nobody can tell whose an orphan is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assistctl.apis.managed.kinds import STORES, AssistantKind
from assistctl.apis.managed.ownership import decode
from assistctl.apis.managed.uploads import PURPOSE
from assistctl.apis.managed.users import beside, file_ids
from assistctl.apis.managed.uses import members_of
from assistctl.apis.transport.client import Client
from assistctl.plan.state import Declared
from assistctl.resources import FILE, Address, Orphan


def orphans(
    client: Client, kind: AssistantKind, declared: Mapping[Address, Declared]
) -> tuple[Orphan, ...]:
    """All orphans of the purpose that sync uploads with, the oldest first.

    What threads refer to for code_interpreter cannot be seen: the API lists no threads. The files
    are read first, so that one which comes into use in the meantime is seen to be used.
    """
    files = [
        item
        for item in client.list("/files", limit=10_000, order="asc")
        if item.get("purpose") == PURPOSE
    ]
    used = set(_used(client, kind))
    names = {
        address.name.rpartition("/")[2]: address for address in declared if address.kind == FILE
    }
    found = [
        Orphan(
            str(item["id"]),
            str(item.get("filename")),
            int(item.get("bytes") or 0),
            int(item.get("created_at") or 0),
            names.get(str(item.get("filename"))),
        )
        for item in files
        if item["id"] not in used
    ]
    return tuple(sorted(found, key=lambda orphan: orphan.created_at))


def _used(client: Client, kind: AssistantKind) -> Iterator[str]:
    """The files that assistants of any API and vector stores refer to, whoever owns them, and those
    that a record calls unused: sync deletes them itself."""
    stores = list(client.list(STORES, order="asc"))
    own = () if kind.collection == STORES else client.list(kind.collection, order="asc")
    for body in [*own, *beside(client, kind), *stores]:
        yield from file_ids(body)
        if (record := decode(body.get("metadata"))) is not None:
            yield from (upload.id for upload in record.superseded)
    with client.pool() as pool:
        for members in pool.map(lambda store: members_of(client, store), stores):
            yield from (str(member["id"]) for member in members)
