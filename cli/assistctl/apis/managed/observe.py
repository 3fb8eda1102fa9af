"""All reads of a sync: a list for each kind of object, the files of those stores that may not be as
declared, and what other APIs there hold where it is in doubt who uses an upload."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from assistctl.apis.managed import duplicates, uploads, users
from assistctl.apis.managed.kinds import STORES, AssistantKind
from assistctl.apis.managed.ownership import Record, decode, is_stand_in, owner_of
from assistctl.apis.managed.remotes import Inside, Owned, remote
from assistctl.apis.managed.stores import membership
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.state import Applied, Declared, Observed, Remote, Upload
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json

ABSENT_ENDPOINT = frozenset({404, 405, 501})


@dataclass(frozen=True)
class _Listed:
    """The target's lists as they came; files by id. `keeps_assistants`: something can be there of
    an assistant. `objects` are all that were listed, beside files. Of what is `unlisted`, which
    assistants name though the target has no list of it, nobody knows whether it is there."""

    assistants: tuple[dict[str, Json], ...]
    stores: tuple[dict[str, Json], ...]
    files: Mapping[str, dict[str, Json]]
    objects: tuple[dict[str, Json], ...]
    unlisted: frozenset[str]
    keeps_assistants: bool = True


def observe(
    client: Client,
    kind: AssistantKind,
    namespace: str,
    declared: Mapping[Address, Declared],
    *,
    deep: bool = False,
    left: Collection[Upload] = (),
) -> Observed:
    """What is at the target, of ours and in our way. `deep` lists the files of all our stores, even
    of those whose records prove that they were as declared. `left` are uploads of ours that nothing
    may have come to use, since their sync was cut off."""
    listed = _lists(client, kind, {address.kind for address in declared})
    ours, extra = _first_of_each(_renamed(list(_ours(listed, kind, namespace)), declared), declared)
    superseded = uploads.unused([item.record for item in [*ours, *extra]], listed.files, declared)
    taken = {file_id for body in listed.assistants for file_id in kind.file_ids(body)}
    taken |= {upload.id for upload in superseded}
    superseded += tuple(it for it in left if it.id in listed.files and it.id not in taken)
    inside = _look_inside(client, kind, listed, ours, extra, declared, superseded, deep)

    used = {upload.id for item in ours for upload in inside.uploads[item.id]}
    paths = uploads.paths(inside.members.values())
    unused = {
        upload.id: upload
        for upload in uploads.with_paths(superseded, paths, declared)
        if upload.id not in used
    }
    others: dict[str, Json] = {str(body["id"]): body["id"] for body in listed.stores}
    every = others | {item.id: item.address for item in [*ours, *extra]}
    living = {store_id: every[store_id] for store_id in every.keys() - {it.id for it in extra}}
    doubtful = users.doubtful(ours, extra, inside).union(unused)
    own = {item.id for item in [*ours, *extra]}
    used_beside, unseen = users.used_beside(
        client, kind, [body for body in listed.objects if body["id"] not in own], doubtful
    )
    nothing_to_keep = {} if listed.keeps_assistants else _as_declared(declared)
    return Observed(
        nothing_to_keep
        | {
            item.address: _with_superseded(remote(item, inside, living), item.record, unused)
            for item in ours
        },
        tuple(remote(item, inside, every) for item in extra),
        _unmanaged(listed.assistants),
        tuple(unused.values()),
        used_beside,
        unseen,
    )


def unmanaged(
    client: Client,
    kind: AssistantKind,
    address: Address,
    object_id: str,
    declared: Mapping[Address, Declared],
) -> Remote:
    """An object that nobody owns, seen as if it were ours under this address.

    Raises AssistctlError for one that has an owner, RemoteError for one that is not there.
    """
    if address.kind == ASSISTANT and not kind.importable:
        raise AssistctlError("the target has no assistants, so that there is none to take over")
    path = path_of(kind.collection_of(address.kind), object_id)
    body = client.get(path)
    if (record := decode(body.get("metadata"))) is not None:
        raise AssistctlError(f"{object_id} has an owner already: {record.owner}")
    item = Owned(address, body, Record(owner=""))
    members = {}
    if address.kind == VECTOR_STORE:
        members[item.id] = tuple(client.list(path_of(path, "files"), order="asc"))
    files: uploads.Files = {file_id: {} for file_id in kind.file_ids(body)}
    inside = Inside(kind, declared, files, {item.id: ()}, members)
    return remote(item, inside, {store_id: store_id for store_id in kind.store_ids(body)})


def _lists(client: Client, kind: AssistantKind, declared_kinds: set[str]) -> _Listed:
    def read(path: str, *what: str, limit: int = 100) -> tuple[dict[str, Json], ...] | None:
        try:
            return tuple(client.list(path, limit=limit, order="asc"))
        except RemoteError as error:
            # A server without this endpoint holds nothing of ours there.
            if error.status in ABSENT_ENDPOINT and declared_kinds.isdisjoint(what):
                return None
            raise

    with client.pool() as pool:
        assistants = pool.submit(read, kind.collection, *kind.needed_for)
        is_one = kind.collection == STORES
        stores = assistants if is_one else pool.submit(read, STORES, VECTOR_STORE)
        files = pool.submit(read, "/files", FILE, limit=10_000)
        if all(answer.result() is None for answer in (assistants, stores, files)):
            _refuse_nothing(client)
        held = tuple(it for it in assistants.result() or () if kind.holds(it))
        named = ((files, kind.file_ids), (stores, kind.store_ids))
        unlisted = [ids for answer, ids in named if answer.result() is None]
        return _Listed(
            held,
            tuple(it for it in stores.result() or () if not is_stand_in(it)),
            {item["id"]: item for item in files.result() or ()},
            (*(assistants.result() or ()), *(stores.result() or ())),
            frozenset(each for ids in unlisted for body in held for each in ids(body)),
            keeps_assistants=assistants.result() is not None,
        )


def _refuse_nothing(client: Client) -> None:
    """Raises RemoteError where nothing shows that there is an API at the base URL: what has none of
    our lists lists its models at least."""
    try:
        next(client.list("/models", limit=None), None)
    except RemoteError as error:
        if error.status in ABSENT_ENDPOINT:
            error.args = (
                f"{error}; nor is there any other list: look whether the base URL is right",
            )
        raise


def _as_declared(declared: Mapping[Address, Declared]) -> dict[Address, Remote]:
    """Assistants at a target that has no stores to stand for them, nor needs any, since they use
    neither stores nor files."""
    return {
        address: Remote(
            address,
            None,
            item.fields,
            {name: Applied(item.fingerprint(name)) for name in item.fields},
        )
        for address, item in declared.items()
        if address.kind == ASSISTANT
    }


def _ours(listed: _Listed, kind: AssistantKind, namespace: str) -> Iterator[Owned]:
    for name, bodies in ((ASSISTANT, listed.assistants), (VECTOR_STORE, listed.stores)):
        for body in bodies:
            record = decode(body.get("metadata"), kind.file_ids(body))
            owner, _, key = record.owner.partition("/") if record else ("", "", "")
            key = key.removeprefix(kind.prefix) if name == ASSISTANT else key
            if record and owner == namespace and key:
                yield Owned(Address(name, key), body, record)


def _renamed(items: Collection[Owned], declared: Mapping[Address, Declared]) -> Iterator[Owned]:
    """The objects under the addresses that they have now. One that was left behind, beside an
    object which has the new address already, keeps the old one."""
    there = {item.address for item in items}
    now: dict[Address, Address] = {}
    for address, declaration in declared.items():
        former = next((old for old in declaration.formerly if old in there), None)
        if address not in there and former:
            now[former] = address
    for item in items:
        if item.address in now:
            yield replace(item, address=now[item.address], formerly=item.address)
        else:
            yield item


def _first_of_each(
    items: Iterable[Owned], declared: Collection[Address]
) -> tuple[list[Owned], list[Owned]]:
    """The oldest living object of each address, and the others, which are duplicates. Within a
    second the target's own order decides, which is the same for everybody.

    An expired store counts as a duplicate of the one that is to take its place, if it is declared.
    """
    first: dict[Address, Owned] = {}
    extra = []
    for item in sorted(items, key=lambda item: (item.expired, item.body.get("created_at") or 0)):
        if item.address in first or (item.expired and item.address in declared):
            extra.append(item)
        else:
            first[item.address] = item
    return list(first.values()), extra


def _look_inside(
    client: Client,
    kind: AssistantKind,
    listed: _Listed,
    ours: Collection[Owned],
    extra: Collection[Owned],
    declared: Mapping[Address, Declared],
    superseded: Collection[Upload],
    deep: bool,
) -> Inside:
    """The uploads of all our objects. Stores that are proven to be as declared are listed only if
    there are uploads that may have to be deleted, since they may be in such a store too."""
    assistants = [item for item in [*ours, *extra] if item.address.kind == ASSISTANT]
    stores = [item for item in [*ours, *extra] if item.address.kind == VECTOR_STORE]
    records = {item.id: item.record for item in assistants}
    found = uploads.of_assistants(records, listed.files, declared)
    leaving = [
        item
        for item in ours
        if item.address not in declared and (item.address.kind == VECTOR_STORE or found[item.id])
    ]
    settled = _settled(ours, declared, found.values())
    own = {item.id for item in assistants}
    others = {
        id_ for body in listed.assistants if body["id"] not in own for id_ in kind.file_ids(body)
    }
    if (
        deep
        or superseded
        or extra
        or leaving
        or duplicates.may_exist(listed.files, declared, others)
    ):
        settled = set()
    members = _members(client, [item for item in stores if item.id not in settled])
    paths = uploads.paths(members.values())
    found = {key: uploads.with_paths(some, paths, declared) for key, some in found.items()}
    for item in stores:
        found[item.id] = uploads.of_store(members.get(item.id, ()))
    found = duplicates.marked(found, listed.files, declared)
    return Inside(kind, declared, listed.files, found, members, listed.unlisted)


def _members(client: Client, stores: list[Owned]) -> dict[str, tuple[dict[str, Json], ...]]:
    """The files of these stores, by the store's id."""

    def read(store: Owned) -> tuple[dict[str, Json], ...]:
        try:
            return tuple(client.list(path_of(STORES, store.id, "files"), order="asc"))
        except RemoteError:
            if store.expired:  # which not every target still lets us read
                return ()
            raise

    with client.pool() as pool:
        return dict(zip((item.id for item in stores), pool.map(read, stores), strict=True))


def _settled(
    ours: Iterable[Owned],
    declared: Mapping[Address, Declared],
    held: Iterable[tuple[Upload, ...]],
) -> set[str]:
    """The stores whose record proves that their files are as declared, so that they need not be
    listed. They are listed all the same when something else declares one of their files and has
    no upload of it: the store's can serve it."""
    proven = {item.address: item.id for item in ours if _is_proven(item, declared)}
    found = {upload.address for some in held for upload in some}
    wanted = {
        reference
        for address, declaration in declared.items()
        if address not in proven
        for reference in declaration.references
    }
    missing = wanted - found
    return {
        store_id
        for address, store_id in proven.items()
        if not declared[address].references & missing
    }


def _is_proven(item: Owned, declared: Mapping[Address, Declared]) -> bool:
    store = declared.get(item.address)
    if store is None or item.address.kind != VECTOR_STORE:
        return False
    total = (item.body.get("file_counts") or {}).get("total")
    return item.record.digest == membership(store, declared) and total == len(store.fields["files"])


def _with_superseded(found: Remote, record: Record, unused: Mapping[str, Upload]) -> Remote:
    superseded = tuple(unused[it.id] for it in record.superseded if it.id in unused)
    return replace(found, superseded=superseded) if superseded else found


def _unmanaged(assistants: Iterable[Mapping[str, Json]]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for body in assistants:
        name = body.get("name")
        if isinstance(name, str) and owner_of(body.get("metadata")) is None:
            names[name] = (*names.get(name, ()), str(body["id"]))
    return names
