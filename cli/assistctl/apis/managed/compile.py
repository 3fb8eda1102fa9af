"""compile(): a Plan -> the Operations that make it true. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.operations import (
    Attach,
    Delete,
    Detach,
    Operation,
    Phase,
    SetAside,
    UploadFile,
    Write,
)
from assistctl.apis.managed.ownership import Record, mark, without_room
from assistctl.apis.managed.stores import MEMBERSHIP, membership
from assistctl.plan.changes import Action, Change, Plan
from assistctl.plan.compare import contains
from assistctl.plan.fingerprints import OPAQUE, fingerprint, is_empty
from assistctl.plan.state import (
    PROTECT,
    RECORD,
    UNKNOWN,
    Applied,
    Declared,
    Observed,
    Remote,
    Upload,
    references,
)
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json

STORE_FILES = 10_000
"""What a vector store holds at most."""

ASIDE = Address(VECTOR_STORE, ".unused")
"""The store of ours that holds what is unused and for which no record has room, until it is
pruned. No declared store has this key: theirs begin with a letter or a digit."""

DELETES = {
    ASSISTANT: Phase.DELETE_ASSISTANT,
    VECTOR_STORE: Phase.DELETE_STORE,
    FILE: Phase.DELETE_FILE,
}


def compile_plan(
    plan: Plan,
    declared: Mapping[Address, Declared],
    observed: Observed,
    kind: AssistantKind,
    namespace: str,
) -> tuple[Operation, ...]:
    """The Operations of a plan in the order in which they are sent."""
    compiler = _Compiler(plan, declared, observed, kind, namespace)
    operations = list(compiler.operations())
    operations += compiler.set_aside(operations)
    return tuple(sorted(operations, key=lambda operation: operation.phase))


@dataclass(frozen=True)
class _Compiler:
    plan: Plan
    declared: Mapping[Address, Declared]
    observed: Observed
    kind: AssistantKind
    namespace: str

    def operations(self) -> Iterator[Operation]:
        changes = self.plan.written
        for change in changes.values():
            if change.address.kind == FILE:
                yield from self._upload(change)
        for address, declaration in self.declared.items():
            if address.kind != FILE:
                yield from self._object(declaration, changes)
        yield from self._delete_replaced(changes)
        for change in self.plan.changes:
            if change.action is Action.DELETE and change.id:
                phase, users = DELETES[change.address.kind], self._users(change)
                yield Delete(change, change.address, change.id, phase, users)

    def set_aside(self, operations: Iterable[Operation]) -> Iterator[Operation]:
        """A store of its own for what these requests take out of use, where the records have no
        room to say so and the plan does not delete it."""
        going = {change.id for change in self.plan.changes if change.action is Action.DELETE}
        uploads: dict[str, Upload] = {}
        changes = []
        for operation in operations:
            if isinstance(operation, Write):
                for upload in without_room(operation.record.superseded):
                    if not upload.replaced and upload.id not in going:
                        uploads[upload.id] = upload
                        changes.append(operation.change)
        if not uploads:
            return
        if ASIDE not in self.observed.owned:
            fields = {"name": f"{self.namespace}: uploads that are not used any more"}
            applied = {"name": Applied(fingerprint(fields["name"]))}
            record = Record(f"{self.namespace}/{ASIDE.name}", applied)
            yield Write(changes[0], ASIDE, None, fields, {}, record, Phase.UPLOAD)
        yield SetAside(changes[0], ASIDE, tuple(uploads.values()))

    def _users(self, change: Change) -> tuple[Address, ...]:
        """The declared objects that hold an upload until they are written."""
        holders = self._holders.get(change.id or "", ())
        return tuple(address for address in holders if address in self.declared)

    @cached_property
    def _holders(self) -> Mapping[str, list[Address]]:
        """Who holds an upload, by its id."""
        holders: dict[str, list[Address]] = {}
        for address, remote in self.observed.owned.items():
            for upload in remote.uploads:
                holders.setdefault(upload.id, []).append(address)
        return holders

    def _upload(self, change: Change) -> Iterator[Operation]:
        fields = self.declared[change.address].fields
        if self.observed.upload(change.address, fields["sha256"]) is None:
            yield UploadFile(change, change.address, fields["sha256"], fields["bytes"])

    def _object(
        self, declaration: Declared, changes: Mapping[Address, Change]
    ) -> Iterator[Operation]:
        """The writes of an assistant or store: because of its own change, or of a file's that it
        refers to."""
        remote = self.observed.owned.get(declaration.address)
        replaced = self._replaced(remote, changes)
        if own := changes.get(declaration.address):
            change, written = own, _written(declaration, own)
        elif replaced:
            change, written = changes[replaced[0].address], ()
        else:
            return
        write = self._assistant if declaration.address.kind == ASSISTANT else self._store
        yield from write(declaration, change, remote, written, replaced)

    def _replaced(
        self, remote: Remote | None, changes: Mapping[Address, Change]
    ) -> tuple[Upload, ...]:
        """The uploads of an object that a file's update in this plan supersedes."""
        return tuple(
            upload
            for upload in (remote.uploads if remote else ())
            if upload.address in changes and not upload.holds(self._sha256(upload.address))
        )

    def _delete_replaced(self, changes: Mapping[Address, Change]) -> Iterator[Operation]:
        superseded = {
            upload.id: upload
            for remote in self.observed.owned.values()
            for upload in self._replaced(remote, changes)
        }
        staying_or_going = {*self.declared, *(it.address for it in self.plan.changes)}
        for upload in superseded.values():
            if upload.id in self.observed.used_beside:
                continue
            if staying_or_going.issuperset(self._holders[upload.id]):
                yield Delete(
                    changes[upload.address],
                    upload.address,
                    upload.id,
                    Phase.DELETE_FILE,
                    tuple(self._holders[upload.id]),
                )

    def _assistant(
        self,
        declaration: Declared,
        change: Change,
        remote: Remote | None,
        written: tuple[str, ...],
        replaced: tuple[Upload, ...],
    ) -> Iterator[Operation]:
        fields = _values(declaration, written, self.kind.cleared)
        if remote and "tool_resources" in fields:
            fields["tool_resources"] = _parts(fields["tool_resources"], remote, change, self.kind)
        elif remote and replaced:
            # The same references as before; they may lead to new uploads now.
            fields["tool_resources"] = remote.fields["tool_resources"]
        if remote:
            kept = {name: remote.fields.get(name) for name in self.kind.in_metadata}
            fields = kept | fields
        uploads = remote.uploads if remote else ()
        repointed = "tool_resources" in fields
        files = {
            address: self._sha256(address, uploads)
            for address in references(fields.get("tool_resources"))
            if address.kind == FILE
        }
        record = Record(
            owner=self.kind.owner(self.namespace, declaration.address.name),
            applied=_applied(declaration, change, remote, written),
            files={}
            if repointed
            else {upload.id: mark(upload.address, upload.sha256) for upload in uploads},
            superseded=_superseded(
                remote,
                replaced,
                [upload for upload in uploads if repointed and upload.address not in files],
            ),
            protected=_protected(declaration, remote, written),
        )
        yield Write(
            change,
            declaration.address,
            remote.id if remote else None,
            fields,
            _metadata(declaration, remote, written),
            record,
            Phase.WRITE_ASSISTANT,
            files,
        )

    def _store(
        self,
        declaration: Declared,
        change: Change,
        remote: Remote | None,
        written: tuple[str, ...],
        replaced: tuple[Upload, ...],
    ) -> Iterator[Operation]:
        """A store is opened, filled and closed; in between its record does not say that its files
        are as declared. `written` without its files leaves alone what else is in it."""
        address, id_ = declaration.address, remote.id if remote else None
        missing, leaving, detached = self._moves(declaration, remote, written, replaced)
        metadata = _metadata(declaration, remote, written)
        fields = _values(
            declaration, [name for name in written if name not in MEMBERSHIP], self.kind.cleared
        )
        in_order = remote is not None and remote.fields["files"] == declaration.fields["files"]
        as_declared = in_order or bool(MEMBERSHIP.intersection(written))
        kept = [upload for upload in replaced if upload.id in self.observed.used_beside]
        closed = Record(
            owner=f"{self.namespace}/{address.name}",
            applied=_applied(declaration, change, remote, written),
            superseded=_superseded(remote, kept, leaving),
            digest=membership(declaration, self.declared) if as_declared else None,
            protected=_protected(declaration, remote, written),
        )
        if not (missing or detached):
            yield Write(change, address, id_, fields, metadata, closed, Phase.OPEN_STORE)
            return

        released = [
            upload
            for upload in (remote.uploads if remote else ())
            if upload.address in missing and upload.holds(missing[upload.address])
        ]
        # What is replaced stays until the new is in, unless there is no room for both.
        inside = len(remote.fields["files"]) if remote else 0
        is_full = inside - len(released) + len(missing) > STORE_FILES
        opened = replace(
            closed,
            applied={
                name: item._replace(answered=UNKNOWN)
                if as_declared and name in MEMBERSHIP
                else item
                for name, item in closed.applied.items()
            },
            superseded=_superseded(remote, [*released, *(replaced if is_full else kept)], leaving),
            digest=None,
        )
        yield Write(change, address, id_, fields, metadata, opened, Phase.OPEN_STORE)
        for upload in released:
            yield Detach(change, address, upload.id, Phase.RELEASE)
        if missing:
            yield Attach(change, address, missing, declaration.fields.get("chunking_strategy"))
        for file_id in detached:
            yield Detach(change, address, file_id, Phase.RELEASE if is_full else Phase.DETACH)
        yield Write(change, address, id_, {}, metadata, closed, Phase.CLOSE_STORE)

    def _moves(
        self,
        declaration: Declared,
        remote: Remote | None,
        written: Collection[str],
        replaced: tuple[Upload, ...],
    ) -> tuple[dict[Address, str], list[Upload], list[str]]:
        """What goes into a store (with its SHA-256), our uploads that leave it for good, and all
        that is to be taken out of it after the new files are in."""
        wanted = declaration.fields["files"]
        uploads = remote.uploads if remote else ()
        if not MEMBERSHIP.intersection(written):
            new = {upload.address for upload in replaced}.intersection(wanted)
            missing = {address: self._sha256(address) for address in sorted(new)}
            return missing, [], [upload.id for upload in replaced]
        inside = remote.fields["files"] if remote else ()
        present: set[Json] = set()
        if remote and "chunking_strategy" not in written:
            present = set(inside) - {upload.address for upload in replaced}
        missing = {item: self._sha256(item) for item in wanted if item not in present}
        leaving = [upload for upload in uploads if upload.address not in wanted]
        foreign = [item for item in inside if not isinstance(item, Address)]
        ours = [upload.id for upload in (*leaving, *replaced)]
        return missing, leaving, list(dict.fromkeys([*ours, *foreign]))

    def _sha256(self, address: Address, uploads: Collection[Upload] = ()) -> str:
        """A file's content as declared, or as the upload has it that no declaration knows."""
        if address in self.declared:
            return str(self.declared[address].fields["sha256"])
        return next(upload.sha256 for upload in uploads if upload.address == address)


def _written(declaration: Declared, change: Change) -> tuple[str, ...]:
    """The top-level fields that a change writes."""
    if change.action is Action.CREATE:
        return tuple(declaration.fields)
    return tuple(dict.fromkeys(item.field for item in change.fields if item.path != RECORD))


def _values(
    declaration: Declared, written: Collection[str], cleared: Mapping[str, Json]
) -> dict[str, Json]:
    """What of the written is for the API; protection is in the record."""
    return {
        name: declaration.fields.get(name, cleared.get(name)) for name in written if name != PROTECT
    }


def _protected(declaration: Declared, remote: Remote | None, written: Collection[str]) -> bool:
    if remote is None or PROTECT in written:
        return bool(declaration.fields.get(PROTECT))
    return remote.protected


def _parts(
    wanted: Mapping[str, Json], remote: Remote, change: Change, kind: AssistantKind
) -> dict[str, Json]:
    """tool_resources with every part named that is to be cleared: a part that is not sent stays
    as it is. A part in which nothing is ours is somebody else's, unless it is what was edited, or
    names only what is gone."""
    is_edit = any(item.field == "tool_resources" for item in change.drifted)
    there, named = remote.fields["tool_resources"], kind.observed(remote.body, {})["tool_resources"]
    emptied = [p for p in named if is_edit or p not in there or any(references(there[p]))]
    return {part: kind.cleared["tool_resources"][part] for part in emptied} | dict(wanted)


def _metadata(
    declaration: Declared, remote: Remote | None, written: Collection[str]
) -> Mapping[str, Json]:
    """The user's own pairs: as declared where they are written, else as they are."""
    there: Mapping[str, Json] = remote.fields.get("metadata", {}) if remote else {}
    wanted: Mapping[str, Json] = declaration.fields.get("metadata", {})
    return wanted if "metadata" in written else there


def _applied(
    declaration: Declared, change: Change, remote: Remote | None, written: Collection[str]
) -> dict[str, Applied]:
    """The record after this write: what is written now, over what was known before. A field that
    is in order without having been written (an adopted one) is listed with what is there."""
    before = remote.applied if remote else {}
    applied = _measures(declaration, change, remote) if remote else {}
    for name, value in declaration.fields.items():
        hashed, known = fingerprint(value), before.get(name)
        there = remote.fields.get(name) if remote else None
        if name in written or fingerprint(there) == hashed:
            if declaration.recorded is None:
                applied[name] = Applied(hashed)
            else:  # what was not recorded then is there as if nobody had declared it
                applied[name] = declaration.recorded.get(name, Applied(None, hashed))
        elif known is not None and known.declared is not None and not known.open:
            applied[name] = known
        elif remote and contains(there, value, opaque=name in OPAQUE):
            applied[name] = Applied(hashed, fingerprint(there))
    for name in (remote.listed if remote else frozenset()) - {*declaration.fields, *written}:
        if remote and not is_empty(remote.fields.get(name)):
            applied[name] = before[name]
    return {**applied, **change.noted}


def _measures(declaration: Declared, change: Change, remote: Remote) -> dict[str, Applied]:
    """By what edits of fields that nothing declares are told later: what the record says of them,
    or what is there, where there is no record yet or a sync was cut off before it was whole."""
    if remote.applied and not remote.is_open and change.action is not Action.ADOPT:
        return {name: it for name, it in remote.applied.items() if it.declared is None}
    return {
        name: Applied(None, fingerprint(value))
        for name, value in remote.fields.items()
        if name not in {*declaration.fields, *remote.listed} and not is_empty(remote.plain(name))
    }


def _superseded(
    remote: Remote | None, replaced: Collection[Upload], leaving: Collection[Upload]
) -> tuple[Upload, ...]:
    """What nothing uses any more, now or since earlier, so that it can be deleted after a kill."""
    if remote is None:
        return ()
    gone = {upload.id: replace(upload, replaced=True) for upload in replaced}
    gone = {upload.id: upload for upload in remote.superseded} | gone
    # What there may be no room for comes last.
    gone |= {
        upload.id: replace(upload, replaced=False) for upload in leaving if upload.id not in gone
    }
    return tuple(gone.values())
