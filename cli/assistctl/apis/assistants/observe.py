"""All reads of a sync: three lists, and the files of those stores that may not be as declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from assistctl.apis.assistants.fields import (
    COLLECTION,
    chunking,
    membership,
    observed_assistant,
    observed_store,
)
from assistctl.apis.client import Client
from assistctl.apis.ownership import Record, decode
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.state import Declared, Observed, Remote, Upload
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json

PARALLEL = 8
ABSENT_ENDPOINT = frozenset({404, 405, 501})


@dataclass(frozen=True)
class _Listed:
    """The target's lists as they came; files by id."""

    assistants: tuple[dict[str, Json], ...]
    stores: tuple[dict[str, Json], ...]
    files: Mapping[str, dict[str, Json]]


@dataclass(frozen=True)
class _Owned:
    """One object of ours before its files are known."""

    address: Address
    body: Mapping[str, Json]
    record: Record

    @property
    def id(self) -> str:
        return str(self.body["id"])


def observe(client: Client, namespace: str, declared: Mapping[Address, Declared]) -> Observed:
    """What is at the target, of ours and in our way."""
    listed = _lists(client, {address.kind for address in declared})
    assistants = [item for body in listed.assistants if (item := _assistant(body, namespace))]
    stores = [item for body in listed.stores if (item := _store(body, namespace))]
    assistants, second_assistants = _first_of_each(assistants)
    stores, second_stores = _first_of_each(stores)

    uploads = {item.id: _code_files(item, listed.files, declared) for item in assistants}
    stale = _live_stale([*assistants, *stores], listed.files)
    settled = {
        item.id
        for item in stores
        if not stale and _is_settled(item, declared, uploads.values(), assistants)
    }
    members = _members(client, [item.id for item in stores if item.id not in settled])
    paths = _paths(members)
    uploads = {key: _renamed(some, paths, declared) for key, some in uploads.items()}
    stale = _renamed(stale, paths, declared)
    ids: dict[str, Address | None] = {item.id: item.address for item in stores}
    owned = {}
    for item in assistants:
        owned[item.address] = _remote_assistant(item, ids, uploads[item.id], listed.files)
    for item in stores:
        owned[item.address] = _remote_store(item, members.get(item.id), declared)
    duplicates = [
        _remote_assistant(item, {}, _code_files(item, listed.files, {}), listed.files)
        for item in second_assistants
    ]
    duplicates += [_remote_store(item, (), declared) for item in second_stores]
    used = {upload.id for remote in owned.values() for upload in remote.uploads}
    return Observed(
        owned,
        tuple(duplicates),
        _strangers(listed.assistants),
        tuple(upload for upload in stale if upload.id not in used),
    )


def stranger(
    client: Client, address: Address, object_id: str, declared: Mapping[Address, Declared]
) -> Remote:
    """An object that nobody owns, seen as if it were ours under this address.

    Raises AssistctlError for one that has an owner, RemoteError for one that is not there.
    """
    path = f"{COLLECTION[address.kind]}/{object_id}"
    body = client.get(path)
    if (record := decode(body.get("metadata"))) is not None:
        raise AssistctlError(f"{object_id} has an owner already: {record.owner}")
    item = _Owned(address, body, Record(owner=""))
    if address.kind == VECTOR_STORE:
        return _remote_store(item, tuple(client.list(f"{path}/files", order="asc")), declared)
    return _remote_assistant(item, {}, (), dict.fromkeys(_file_ids(body), {}))


def _lists(client: Client, declared_kinds: set[str]) -> _Listed:
    def read(path: str, kind: str, limit: int = 100) -> tuple[dict[str, Json], ...]:
        try:
            return tuple(client.list(path, limit=limit, order="asc"))
        except RemoteError as error:
            # A server without this endpoint holds nothing of ours there.
            if error.status in ABSENT_ENDPOINT and kind not in declared_kinds:
                return ()
            raise

    with ThreadPoolExecutor(3) as pool:
        assistants = pool.submit(read, "/assistants", ASSISTANT)
        stores = pool.submit(read, "/vector_stores", VECTOR_STORE)
        files = pool.submit(read, "/files", FILE, 10_000)
        return _Listed(
            assistants.result(), stores.result(), {item["id"]: item for item in files.result()}
        )


def _members(client: Client, stores: list[str]) -> dict[str, tuple[dict[str, Json], ...]]:
    """The files of these stores, by the store's id."""

    def read(store: str) -> tuple[dict[str, Json], ...]:
        return tuple(client.list(f"/vector_stores/{store}/files", order="asc"))

    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(zip(stores, pool.map(read, stores), strict=True))


def _assistant(body: Mapping[str, Json], namespace: str) -> _Owned | None:
    return _owned(ASSISTANT, body, namespace, _file_ids(body))


def _store(body: Mapping[str, Json], namespace: str) -> _Owned | None:
    return _owned(VECTOR_STORE, body, namespace, ())


def _owned(
    kind: str, body: Mapping[str, Json], namespace: str, ids: Iterable[str]
) -> _Owned | None:
    record = decode(body.get("metadata"), ids)
    if record is None:
        return None
    owner, _, key = record.owner.partition("/")
    return _Owned(Address(kind, key), body, record) if owner == namespace and key else None


def _first_of_each(items: list[_Owned]) -> tuple[list[_Owned], list[_Owned]]:
    """The oldest living object of each address, and the others, which are second copies. Within a
    second the target's own order decides, which is the same for everybody."""
    first: dict[Address, _Owned] = {}
    seconds = []
    for item in sorted(items, key=lambda item: item.body.get("created_at") or 0):
        if item.body.get("status") == "expired" or item.address in first:
            seconds.append(item)
        else:
            first[item.address] = item
    return list(first.values()), seconds


def _file_ids(body: Mapping[str, Json]) -> list[str]:
    resources = body.get("tool_resources") or {}
    return list((resources.get("code_interpreter") or {}).get("file_ids") or [])


def _code_files(
    item: _Owned, files: Mapping[str, Mapping[str, Json]], declared: Mapping[Address, Declared]
) -> tuple[Upload, ...]:
    """Our uploads among an assistant's code_interpreter files.

    The API keeps no path; a file is told by its content, else by its name among the files that the
    assistant declares.
    """
    wanted = [
        address
        for address in (declared[item.address].references if item.address in declared else ())
        if address.kind == FILE
    ]
    known = {file_id: sha256 for file_id, sha256 in item.record.files.items() if file_id in files}
    found: dict[str, Upload] = {}
    for by_content in (True, False):
        for file_id, sha256 in known.items():
            filename = str(files[file_id].get("filename"))
            for address in sorted(wanted):
                upload = Upload(file_id, address, sha256)
                same = not by_content or upload.holds(declared[address].fields["sha256"])
                if file_id not in found and _basename(address) == filename and same:
                    found[file_id] = upload
                    wanted.remove(address)
    for file_id, sha256 in known.items():
        address = Address(FILE, str(files[file_id].get("filename")))
        found.setdefault(file_id, Upload(file_id, address, sha256))
    return tuple(found.values())


def _paths(members: Mapping[str, Iterable[Mapping[str, Json]]]) -> dict[str, Address]:
    """The whole paths of uploads, which stores remember and assistants do not."""
    uploads = (_store_file(body) for some in members.values() for body in some)
    return {upload.id: upload.address for upload in uploads if upload}


def _renamed(
    uploads: Iterable[Upload], paths: Mapping[str, Address], declared: Mapping[Address, Declared]
) -> tuple[Upload, ...]:
    """Uploads that no declaration knows any more, called by the path that a store remembers."""
    return tuple(
        upload
        if upload.address in declared
        else replace(upload, address=paths.get(upload.id, upload.address))
        for upload in uploads
    )


def _basename(address: Address) -> str:
    return address.name.rpartition("/")[2]


def _live_stale(
    items: Iterable[_Owned], files: Mapping[str, Mapping[str, Json]]
) -> tuple[Upload, ...]:
    """Uploads that a record calls unused and that still exist."""
    return tuple(
        Upload(
            upload.id,
            Address(FILE, str(files[upload.id].get("filename"))),
            "",
            replaced=upload.replaced,
        )
        for upload in {u.id: u for item in items for u in item.record.stale}.values()
        if upload.id in files
    )


def _is_settled(
    item: _Owned,
    declared: Mapping[Address, Declared],
    uploads: Iterable[tuple[Upload, ...]],
    assistants: Iterable[_Owned],
) -> bool:
    """Whether a store's record proves that its files are as declared, so that they need not be
    listed. They are listed all the same when an assistant declares one of them and has no upload:
    the store's can serve it."""
    store = declared.get(item.address)
    if store is None or item.record.digest != membership(store, declared):
        return False
    total = (item.body.get("file_counts") or {}).get("total")
    if total != len(store.fields["files"]):
        return False
    held = {upload.address for some in uploads for upload in some}
    wanted = {
        address
        for assistant in declared.values()
        if assistant.address.kind == ASSISTANT
        for address in assistant.references
    }
    return not ((wanted & store.references) - held)


def _remote_assistant(
    item: _Owned,
    ids: Mapping[str, Address | None],
    uploads: tuple[Upload, ...],
    files: Mapping[str, Mapping[str, Json]],
) -> Remote:
    gone: dict[str, Address | None] = {
        file_id: None for file_id in _file_ids(item.body) if file_id not in files
    }
    addresses = {**ids, **gone, **{upload.id: upload.address for upload in uploads}}
    fields = observed_assistant(item.body, addresses)
    return Remote(item.address, item.id, fields, item.record.applied, uploads)


def _remote_store(
    item: _Owned,
    members: tuple[dict[str, Json], ...] | None,
    declared: Mapping[Address, Declared],
) -> Remote:
    """`members` None: the store is settled, its files are as declared."""
    fields = observed_store(item.body)
    if members is None:
        as_declared = declared[item.address].fields
        fields["files"] = as_declared["files"]
        fields["chunking_strategy"] = as_declared.get("chunking_strategy")
        return Remote(item.address, item.id, fields, item.record.applied, settled=True)
    living = [body for body in members if body.get("status") not in ("failed", "cancelled")]
    uploads = tuple(upload for body in members if (upload := _store_file(body)))
    ours = {upload.id: upload.address for upload in uploads}
    present = {ours.get(body["id"], body["id"]) for body in living}
    fields["files"] = sorted(present, key=str)
    fields["chunking_strategy"] = _common_chunking(living)
    return Remote(item.address, item.id, fields, item.record.applied, uploads)


def _store_file(body: Mapping[str, Json]) -> Upload | None:
    attributes = body.get("attributes") or {}
    path, sha256 = attributes.get("assistctl_path"), attributes.get("assistctl_sha256")
    if not (isinstance(path, str) and isinstance(sha256, str)):
        return None
    return Upload(str(body["id"]), Address(FILE, path), sha256)


def _common_chunking(members: Iterable[Mapping[str, Json]]) -> Json:
    strategies = [
        chunking(body["chunking_strategy"]) for body in members if body.get("chunking_strategy")
    ]
    if not strategies:
        return None
    different = [strategy for strategy in strategies if strategy != strategies[0]]
    return different[0] if different else strategies[0]


def _strangers(assistants: Iterable[Mapping[str, Json]]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for body in assistants:
        name = body.get("name")
        if isinstance(name, str) and decode(body.get("metadata")) is None:
            names[name] = (*names.get(name, ()), str(body["id"]))
    return names
