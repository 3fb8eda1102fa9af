"""The vector stores of existing assistants: whose they are, and how they will be declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.ownership import decode, without_ours
from assistctl.apis.managed.stores import AUTO_CHUNKING, chunking
from assistctl.apis.managed.uploads import foreign
from assistctl.importing.names import Folder, key_for, plain_name, title_of
from assistctl.resources import Json, Workspace
from assistctl.some import some

if TYPE_CHECKING:
    from assistctl.surface import Body, RemoteResources


@dataclass(frozen=True)
class StoreDraft:
    """A vector store as assistctl.yaml will declare it; `files` maps paths to ids."""

    key: str
    id: str
    title: str
    fields: Mapping[str, Json]
    remark: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Shared:
    """The stores that assistants will name by a key, by id; those of them that are not declared
    yet; and words for those that cannot be declared, by id."""

    keys: Mapping[str, str] = field(default_factory=dict)
    drafts: tuple[StoreDraft, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)


def store_ids(body: Body) -> list[str]:
    """The vector stores that an assistant searches."""
    return tool_resources.store_ids(body.get("tool_resources"))


def shared(
    workspace: Workspace,
    everyone: Iterable[Body],
    resources: RemoteResources,
    *,
    taken: Collection[str],
    with_files: bool,
) -> Shared:
    """What becomes of the stores whose members are known. One that only one assistant of `everyone`
    at the target searches, and that is nothing but files, is left to that assistant."""
    users = Counter(store_id for body in everyone for store_id in store_ids(body))
    keys: dict[str, str] = {}
    drafts: list[StoreDraft] = []
    refused: dict[str, str] = {}
    for store_id in resources.members:
        store = resources.stores[store_id]
        record = decode(store.get("metadata"))
        if record is not None and (key := _declared_key(record.owner, workspace)):
            keys[store_id] = key
        elif record is not None:
            refused[store_id] = f"{title_of(store)} belongs to {record.owner}"
        elif not (with_files and is_alive(store)):
            continue
        elif any(it.get("status") == "in_progress" for it in resources.members[store_id]):
            refused[store_id] = f"{title_of(store)} is still indexing its files"
        elif users[store_id] > 1 or not _is_plain(store, resources):
            key = key_for(store.get("name"), store_id, {*taken, *keys.values()}, "store")
            keys[store_id] = key
            drafts.append(_drafted(store, key, resources))
    return Shared(keys, tuple(drafts), refused)


def members(store_id: str, resources: RemoteResources) -> tuple[list[Body], list[str]]:
    """The files of a store that can be searched, and what is remarked of the others."""
    found: list[Body] = []
    others: list[str] = []
    for member in resources.members[store_id]:
        file = resources.files.get(str(member["id"]))
        if file is None:
            others.append(str(member["id"]))
        elif member.get("status") in ("failed", "cancelled"):
            others.append(f"{plain_name(file)} ({file['id']})")
        else:
            found.append(file)
    remarks = [f"Left out, since it could not be searched: {some(others)}."] if others else []
    if len(_chunking(resources.members[store_id])) > 1:
        remarks.append("Its files were cut in several ways, and will all be cut in one.")
    if any(map(foreign, resources.members[store_id])):
        remarks.append("The attributes of its files are not imported.")
    return found, remarks


def is_alive(store: Body | None) -> bool:
    return store is not None and store.get("status") != "expired"


def _declared_key(owner: str, workspace: Workspace) -> str | None:
    """The key under which assistctl.yaml declares what this owner owns."""
    namespace, _, key = owner.partition("/")
    store = workspace.stores.get(key)
    ours = namespace == workspace.target.namespace and store is not None and not store.implicit
    return key if ours else None


def _is_plain(store: Body, resources: RemoteResources) -> bool:
    """Whether a store is nothing but its files."""
    settings = (store.get("expires_after"), without_ours(store.get("metadata")))
    return not any(settings) and not _chunking(resources.members[str(store["id"])])


def _drafted(store: Body, key: str, resources: RemoteResources) -> StoreDraft:
    store_id = str(store["id"])
    folder = Folder(f"vector_stores/{key}")
    files, remarks = members(store_id, resources)
    fields: dict[str, Json] = {}
    if store.get("name") and store["name"] != key:
        fields["name"] = store["name"]
    fields["files"] = folder.put_all(files)
    if ways := _chunking(resources.members[store_id]):
        fields["chunking_strategy"] = {"type": "static", "static": ways[0]["static"]}
    if after := store.get("expires_after"):
        fields["expires_after"] = {name: after.get(name) for name in ("anchor", "days")}
    if own := without_ours(store.get("metadata")):
        fields["metadata"] = own
    return StoreDraft(key, store_id, title_of(store), fields, " ".join(remarks), folder.files)


def _chunking(members: Iterable[Body]) -> list[Body]:
    """The ways in which a store's files are cut, other than the API's own."""
    ways: list[Body] = []
    for member in members:
        way = chunking(member.get("chunking_strategy") or AUTO_CHUNKING)
        if way.get("type") == "static" and way != AUTO_CHUNKING and way not in ways:
            ways.append(way)
    return ways
