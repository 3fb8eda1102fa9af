"""Our objects as the target answered them -> Remotes, in which ids are Addresses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from assistctl.apis.managed import stores as vector_stores
from assistctl.apis.managed import uploads
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import Record
from assistctl.apis.managed.stores import MEMBERSHIP, chunking, membership
from assistctl.plan.fingerprints import fingerprint
from assistctl.plan.state import Declared, Remote, Upload
from assistctl.resources import ASSISTANT, Address, Json


@dataclass(frozen=True)
class Owned:
    """One object of ours as it was listed, and what its metadata says; `formerly` is the address
    there, where it has another one now."""

    address: Address
    body: Mapping[str, Json]
    record: Record
    formerly: Address | None = None

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def expired(self) -> bool:
        return self.body.get("status") == "expired"


@dataclass(frozen=True)
class Inside:
    """What stands behind our objects: how the API holds assistants, all files at the target, our
    uploads in each object and the files of each store that is not settled, by the object's id; and
    the ids of which nobody knows whether they are there."""

    kind: AssistantKind
    declared: Mapping[Address, Declared]
    files: uploads.Files
    uploads: Mapping[str, tuple[Upload, ...]]
    members: Mapping[str, tuple[Mapping[str, Json], ...]]
    unlisted: frozenset[str] = frozenset()


def remote(item: Owned, inside: Inside, stores: Mapping[str, Json]) -> Remote:
    """`stores` are the living vector stores: ours by Address, others by their id."""
    if item.address.kind == ASSISTANT:
        return _assistant(item, inside, stores)
    if item.id not in inside.members:
        return _settled_store(item, inside)
    return _store(item, inside)


def _remote(item: Owned, inside: Inside, fields: Mapping[str, Json], **more: Any) -> Remote:
    """With these fields, and what is told of every object in the same way."""
    return Remote(
        item.address,
        item.id,
        fields,
        item.record.applied,
        formerly=item.formerly,
        body=item.body,
        plain_readings=partial(inside.kind.plainer_as, item.address.kind),
        recorded=item.record.whole,
        **more,
    )


def _assistant(item: Owned, inside: Inside, stores: Mapping[str, Json]) -> Remote:
    ours = {upload.id: upload.address for upload in inside.uploads[item.id]}
    files, searching = inside.kind.file_ids(item.body), inside.kind.store_ids(item.body)
    searched = {i: stores[i] for i in searching if i in stores}
    gone = {i for i in files if i not in inside.files}
    gone = gone.union(i for i in searching if i not in searched) - inside.unlisted
    foreign = set(files) - gone - ours.keys()
    nameless = any(address not in inside.declared for address in ours.values())
    return _remote(
        item,
        inside,
        inside.kind.observed(item.body, {**searched, **dict.fromkeys(gone), **ours}),
        uploads=inside.uploads[item.id],
        # Of a file that is declared no longer the path is not known, nor so what was applied.
        unsure=frozenset({"tool_resources"} if gone or (nameless and not foreign) else ()),
    )


def _settled_store(item: Owned, inside: Inside) -> Remote:
    declaration = inside.declared[item.address]
    fields = vector_stores.observed(item.body)
    fields["files"] = declaration.fields["files"]
    fields["chunking_strategy"] = declaration.fields.get("chunking_strategy")
    return _remote(item, inside, fields, settled=True)


def _store(item: Owned, inside: Inside) -> Remote:
    members = inside.members[item.id]
    living = [body for body in members if body.get("status") in ("completed", None)]
    ours = {upload.id: upload.address for upload in inside.uploads[item.id]}
    # Of ours, what is still being indexed may fail yet: it is attached anew, and waited for. What
    # others have put there is there, however far the target has come with it.
    present = {ours[body["id"]] for body in living if body["id"] in ours}
    present |= {body["id"] for body in members if body["id"] not in ours}
    if store := inside.declared.get(item.address):
        # Of ours that could not be indexed, those that are not wanted any more are to go.
        present |= {ours[body["id"]] for body in members if body["id"] in ours}.difference(
            store.fields["files"]
        )
    uploads_here = inside.uploads[item.id]
    if store and item.record.digest == membership(store, inside.declared):
        uploads_here = tuple(_judged(it, inside.declared) for it in uploads_here)
    told = _common_chunking(living)
    unsure = {"chunking_strategy"} if living and not told else set()
    fields = vector_stores.observed(item.body)
    fields["files"] = sorted(present, key=str)
    fields["chunking_strategy"] = told or _believed_chunking(item, inside.declared)
    fields["attributes"] = {
        ours[body["id"]].name: more
        for body in members
        if body["id"] in ours and (more := uploads.foreign(body))
    }
    return _remote(
        item,
        inside,
        fields,
        uploads=uploads_here,
        # Not every target lets us read what is in an expired store.
        unsure=MEMBERSHIP if item.expired else frozenset(unsure),
        failed=dict(_failures(members)),
    )


def _judged(upload: Upload, declared: Mapping[Address, Declared]) -> Upload:
    """An upload of a store whose record proves that it held what is declared."""
    file = declared.get(upload.address)
    is_altered = (
        file is not None and not upload.duplicate and not upload.holds(file.fields["sha256"])
    )
    return replace(upload, altered=True) if is_altered else upload


def _failures(members: Iterable[Mapping[str, Json]]) -> Iterator[tuple[str, str]]:
    for member in members:
        if member.get("status") == "failed":
            error = member.get("last_error") or {}
            yield str(member["id"]), str(error.get("message") or "no reason given")


def _common_chunking(members: Iterable[Mapping[str, Json]]) -> Json:
    """How all files are chunked; where they differ, one that differs from the first."""
    strategies = [
        chunking(body["chunking_strategy"]) for body in members if body.get("chunking_strategy")
    ]
    different = [strategy for strategy in strategies if strategy != strategies[0]]
    return next(iter([*different, *strategies]), None)


def _believed_chunking(item: Owned, declared: Mapping[Address, Declared]) -> Json:
    """Of a target that does not tell: what is declared, if that is what was applied."""
    known = item.record.applied.get("chunking_strategy")
    store = declared.get(item.address)
    wanted = store.fields.get("chunking_strategy") if store else None
    return wanted if known and known.declared == fingerprint(wanted) else None
