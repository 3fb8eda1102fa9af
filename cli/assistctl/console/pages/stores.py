"""Vector stores: their files and how they were read, and a search that says why something was not
found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.responses import Response

from assistctl.apis.managed.ownership import is_stand_in
from assistctl.apis.managed.uploads import of_store
from assistctl.apis.managed.uses import address_of_owner
from assistctl.apis.transport.client import Client, IfLost, path_of
from assistctl.console.pages.files import LARGEST, Upload, sent, sent_files
from assistctl.console.searching import STORES, Asked, Found, explained, read_text
from assistctl.console.visit import Endpoint, Section, Visit
from assistctl.errors import AssistctlError, Refused, RemoteError
from assistctl.resources import VECTOR_STORE, Address, Json

SECTION = Section("Stores", "/stores", "s")

STATUSES = ("completed", "in_progress", "failed", "cancelled")
RANKERS = ("auto", "default-2024-11-15", "none")
SHOWN = 100_000
"""Characters of what was read of a file."""

_FIELDS = ("q", "limit", "threshold", "ranker", "filters", "rewrite", "expected")


@dataclass(frozen=True)
class Store:
    """A vector store as the target has it; `address` is what sync has made it for."""

    id: str
    name: str
    status: str
    counts: Mapping[str, int]
    size: int | None
    at: float | None
    used: float | None
    expires: float | None
    address: Address | None

    @classmethod
    def of(cls, store: Mapping[str, Json], namespace: str | None) -> Store:
        return cls(
            str(store["id"]),
            str(store.get("name") or ""),
            str(store.get("status") or ""),
            store.get("file_counts") or {},
            store.get("usage_bytes"),
            store.get("created_at"),
            store.get("last_active_at"),
            store.get("expires_at"),
            address_of_owner(namespace, VECTOR_STORE, store) if namespace else None,
        )


@dataclass(frozen=True)
class Member:
    """A file of a store, and how it was read."""

    id: str
    name: str
    status: str
    error: str | None
    size: int | None
    at: float | None
    chunking: str
    attributes: Mapping[str, Json]


def index(visit: Visit) -> Response:
    """A page of the stores, the newest first."""
    (stores, following), namespace = visit.listed(STORES, {}), visit.console.namespace
    return visit.page(
        "stores.html",
        title="Stores",
        stores=[Store.of(it, namespace) for it in stores if not is_stand_in(it)],
        following=following,
    )


def one(visit: Visit) -> Response:
    """A store: a page of its files, and a search in it."""
    store_id = visit.part("store")
    store = visit.client.get(path_of(STORES, store_id))
    status = visit.asked("status")
    params = {"filter": status} if status in STATUSES else {}
    kept = {"status": status} if status else {}
    rows, following = visit.listed(path_of(STORES, store_id, "files"), kept, **params)
    asked = {name: visit.asked(name) for name in _FIELDS}
    found, refusal = _searched(visit, store, asked)
    return visit.page(
        "store.html",
        title=str(store.get("name") or store_id),
        store=Store.of(store, visit.console.namespace),
        files=_members(visit.client, rows),
        only=status,
        statuses=STATUSES,
        following=following,
        asked=asked,
        rankers=RANKERS,
        found=found,
        refusal=refusal,
    )


def file(visit: Visit) -> Response:
    """A file of a store, and the text that was read from it."""
    store_id, file_id = visit.part("store"), visit.part("file")
    store = visit.client.get(path_of(STORES, store_id))
    member = visit.client.get(path_of(STORES, store_id, "files", file_id))
    text = silent = None
    if member.get("status") == "completed":
        try:
            text = read_text(visit.client, store_id, file_id)
        except RemoteError as error:
            silent = f"{visit.console.target} does not tell what was read ({error})."
    [shown] = _members(visit.client, [member])
    return visit.page(
        "store_file.html",
        title=shown.name,
        store=Store.of(store, visit.console.namespace),
        file=shown,
        text=text[:SHOWN] if text is not None else None,
        characters=len(text or ""),
        silent=silent,
    )


def attach(visit: Visit) -> Response:
    """Put files into a store: those of a form, or one that is at the target."""
    store_id, file_id = visit.part("store"), visit.sent("file_id").strip()
    made = [] if file_id else [sent(visit, it) for it in sent_files(visit)]
    for each in [file_id] if file_id else [str(it["id"]) for it in made]:
        _attach(visit.client, store_id, {"file_id": each})
    if visit.is_partial:
        files = [Upload.of(it) for it in made]
        return visit.fragment("_uploaded.html", files=files, store=store_id)
    return visit.to(path_of("/stores", store_id))


def again(visit: Visit) -> Response:
    """Have a file read anew: it is taken out of the store and put in as it was."""
    store_id, file_id = visit.part("store"), visit.part("file")
    path = path_of(STORES, store_id, "files", file_id)
    member = visit.client.get(path)
    strategy = member.get("chunking_strategy") or {}
    body: dict[str, Json] = {"file_id": file_id}
    if member.get("attributes"):
        body["attributes"] = member["attributes"]
    if strategy.get("type") == "static":
        body["chunking_strategy"] = strategy
    visit.client.delete(path)
    try:
        _attach(visit.client, store_id, body)
    except RemoteError as error:
        raise AssistctlError(
            f"the file is not in the store any more: {error}; attach it again"
        ) from error
    return visit.to(path_of("/stores", store_id, "files", file_id))


def detach(visit: Visit) -> Response:
    """Take a file out of a store; the file itself stays."""
    if visit.sent("sure") != "1":
        raise Refused("it was not said that the file is to be taken out; nothing was changed")
    visit.client.delete(path_of(STORES, visit.part("store"), "files", visit.part("file")))
    return visit.to(path_of("/stores", visit.part("store")))


ENDPOINTS = (
    Endpoint("/stores", index),
    Endpoint("/stores/{store}", one),
    Endpoint("/stores/{store}/files", attach, "POST", largest=LARGEST, writes=True),
    Endpoint("/stores/{store}/files/{file}", file),
    Endpoint("/stores/{store}/files/{file}/again", again, "POST", writes=True),
    Endpoint("/stores/{store}/files/{file}/detach", detach, "POST", writes=True),
)


def _attach(client: Client, store_id: str, body: Mapping[str, Json]) -> None:
    """A store has a file once, however often it is attached."""
    client.create(path_of(STORES, store_id, "files"), body, IfLost.REPEAT)


def _searched(
    visit: Visit, store: Mapping[str, Json], asked: Mapping[str, str]
) -> tuple[Found | None, str | None]:
    """What was found, or why nothing could be looked for."""
    if not asked["q"]:
        return None, None
    try:
        return explained(visit.client, store, Asked.of(asked)), None
    except (Refused, RemoteError) as error:
        return None, str(error)


def _members(client: Client, rows: Sequence[Mapping[str, Json]]) -> list[Member]:
    """With their names, which the target is asked for where sync has not left them."""
    known = {it.id: it.address.name for it in of_store(rows)}

    def name(row: Mapping[str, Json]) -> str:
        file_id = str(row["id"])
        if file_id not in known:
            with suppress(RemoteError):
                return str(client.get(path_of("/files", file_id)).get("filename") or file_id)
        return known.get(file_id, file_id)

    with client.pool() as pool:
        return [_member(*each) for each in zip(rows, pool.map(name, rows), strict=True)]


def _member(row: Mapping[str, Json], name: str) -> Member:
    error = row.get("last_error") or {}
    strategy = row.get("chunking_strategy") or {}
    static = strategy.get("static") or {}
    chunking = (
        f"{static.get('max_chunk_size_tokens'):,} tokens,"
        f" {static.get('chunk_overlap_tokens'):,} of them overlap"
        if static.get("max_chunk_size_tokens") and static.get("chunk_overlap_tokens") is not None
        else str(strategy.get("type") or "")
    )
    return Member(
        str(row["id"]),
        name,
        str(row.get("status")),
        str(error.get("message") or error.get("code")) if error else None,
        row.get("usage_bytes"),
        row.get("created_at"),
        chunking,
        row.get("attributes") or {},
    )
