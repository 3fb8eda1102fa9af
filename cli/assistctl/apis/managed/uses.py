"""What refers to some of the uploads at a target: for somebody who looks at them, or deletes one.

It costs a list of assistants and one of vector stores, and for each store as many requests as its
files have pages, or as there are uploads to ask for, whichever is less.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from math import ceil
from typing import TypeAlias

from assistctl.apis.managed import uploads
from assistctl.apis.managed.kinds import STORES, AssistantKind
from assistctl.apis.managed.ownership import STAND_IN, Record, decode, is_stand_in, mark
from assistctl.apis.managed.users import beside, file_ids
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.plan.state import Declared
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json
from assistctl.surface import Use

_Body: TypeAlias = Mapping[str, Json]

_PAGE = 100


def uses(
    client: Client,
    kind: AssistantKind,
    namespace: str,
    wanted: Collection[str],
    declared: Mapping[Address, Declared],
) -> dict[str, tuple[Use, ...]]:
    """What refers to each of the wanted uploads. Raises RemoteError."""
    found: dict[str, list[Use]] = {file_id: [] for file_id in wanted}
    paths = {mark(it, "").path: it for it in declared if it.kind == FILE}
    stores = list(client.list(STORES, order="asc"))
    own = () if kind.collection == STORES else client.list(kind.collection, order="asc")
    for body in [*own, *beside(client, kind), *filter(is_stand_in, stores)]:
        named = [it for it in dict.fromkeys(file_ids(body)) if it in found]
        record = decode(body.get("metadata"), named)
        for file_id in named:
            marked = record.files.get(file_id) if record else None
            path = paths.get(marked.path) if marked else None
            found[file_id].append(_use(body, ASSISTANT, namespace, record, path))
    for store, member in _members(client, [it for it in stores if not is_stand_in(it)], found):
        upload = next(iter(uploads.of_store([member])), None)
        path, record = upload.address if upload else None, decode(store.get("metadata"))
        status = str(member.get("status"))
        use = _use(store, VECTOR_STORE, namespace, record, path, status)
        found[str(member["id"])].append(use)
    return {file_id: tuple(some) for file_id, some in found.items()}


def address_of_owner(namespace: str, kind: str, body: _Body) -> Address | None:
    """The address of an object that sync has made for this namespace."""
    record = decode(body.get("metadata"))
    return _address(namespace, kind, record) if record else None


def _use(
    body: _Body,
    kind: str,
    namespace: str,
    record: Record | None,
    path: Address | None,
    status: str | None = None,
) -> Use:
    owner = _address(namespace, kind, record) if record else None
    ours = path if owner else None
    return Use(kind, str(body["id"]), str(body.get("name") or ""), owner, ours, status)


def _address(namespace: str, kind: str, record: Record) -> Address | None:
    whose, _, key = record.owner.partition("/")
    return Address(kind, key.removeprefix(STAND_IN)) if whose == namespace and key else None


def _members(
    client: Client, stores: Collection[_Body], wanted: Collection[str]
) -> Iterator[tuple[_Body, _Body]]:
    """The wanted among the files of each store, with the store."""
    asked: list[tuple[_Body, str | None]] = []
    for store in stores:
        total = (store.get("file_counts") or {}).get("total")
        as_list = total is None or ceil(total / _PAGE) <= len(wanted)
        asked += [(store, None)] if as_list else [(store, file_id) for file_id in wanted]
    with client.pool() as pool:
        answers = pool.map(lambda it: members_of(client, *it), asked)
        for (store, _), members in zip(asked, answers, strict=True):
            yield from ((store, member) for member in members if member["id"] in wanted)


def members_of(client: Client, store: _Body, file_id: str | None = None) -> list[dict[str, Json]]:
    """The files of a store, or the one of this id."""
    path = path_of(STORES, store["id"], "files")
    try:
        if file_id is None:
            return list(client.list(path, order="asc"))
        return [client.get(path_of(path, file_id))]
    except RemoteError as error:
        if error.status == 404:  # it is not in there, or the store has gone in the meantime
            return []
        raise
