"""reconcile(): the one pure decision between all reads and all writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assistctl.errors import AssistctlError, Refused
from assistctl.plan.changes import Action, Change, ChangedSide, FieldChange, Plan
from assistctl.plan.cleanup import (
    cleanup,
    edited,
    edited_duplicates,
    failed_files,
    leaving,
    mass_prune,
    protected,
    undeclared,
    unseen,
)
from assistctl.plan.compare import contains, edits, is_untouched, leaves
from assistctl.plan.drift import additions, left_alone, lost
from assistctl.plan.fingerprints import OPAQUE
from assistctl.plan.state import RECORD, Declared, Observed, Remote, references
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json
from assistctl.some import some

OnDrift: TypeAlias = Literal["fail", "overwrite", "keep"]

RANK = {FILE: 0, VECTOR_STORE: 1, ASSISTANT: 2}

_CHANGED_THERE = "changed at the target since the last sync"
_GONE = "gone from the target since the last sync"


@dataclass(frozen=True)
class PlanOptions:
    """What the person asked for beside the declaration.

    `partial` says that only some addresses were asked for, so that what else is there is nobody's
    business; `adopt` are addresses whose observed object has no owner yet and shall become ours;
    `on_drift` keep leaves remote edits alone. `known` are addresses that were at the target after
    the last sync, as far as anybody here remembers. `deep` looks for edits of single files in all
    vector stores.
    """

    partial: bool = False
    prune: bool = False
    on_drift: OnDrift = "fail"
    adopt: Collection[Address] = ()
    known: Collection[Address] = ()
    deep: bool = False


def select(
    declared: Mapping[Address, Declared], only: Collection[Address]
) -> Mapping[Address, Declared]:
    """These addresses and, since they cannot live without, all that they refer to."""
    chosen: set[Address] = set()
    queue = list(only)
    while queue:
        address = queue.pop()
        if address not in chosen and address in declared:
            chosen.add(address)
            queue += declared[address].references
    return {address: item for address, item in declared.items() if address in chosen}


def reconcile(
    target: str,
    declared: Mapping[Address, Declared],
    observed: Observed,
    options: PlanOptions = PlanOptions(),
) -> Plan:
    """All Changes that make the target hold what is declared, and nothing else.

    Raises AssistctlError where a create would make a second assistant of a name that an assistant
    without an owner already bears, Refused where prune meets a workspace that declares nothing.
    """
    if options.prune and not any(address.kind == ASSISTANT for address in declared):
        raise Refused(
            "no assistant is declared, so --prune would delete everything that this workspace "
            "owns; if that is meant, delete the objects one by one"
        )
    gone_from = lost(declared, observed, options.known)
    changes = list(_file_changes(declared, observed, gone_from, options))
    created = {change.address for change in changes if change.action is Action.CREATE}
    for declaration in sorted(declared.values(), key=lambda item: RANK[item.address.kind]):
        if declaration.address.kind != FILE:
            for change in _object_changes(declaration, observed, created, gone_from, options):
                changes.append(change)
                if change.action is Action.CREATE:
                    created.add(change.address)
    _refuse_second_names(changes, declared, observed)
    failed = (*failed_files(declared, observed), *unseen(observed))
    aside = tuple(sorted(left_alone(declared, observed), key=lambda it: _rank(it.address)))
    if options.partial:
        ordered = tuple(sorted(changes, key=_order))
        return Plan(target, ordered, notes=failed, partial=True, left_alone=aside)
    changes += cleanup(declared, observed)
    stay = protected(declared, observed)
    kept = edited(declared, observed) if options.on_drift == "keep" else frozenset()
    gone = tuple(undeclared(declared, observed, stay | kept))
    remaining = {*stay, *kept, *(() if options.prune else (change.address for change in gone))}
    notes = (*failed, *edited_duplicates(observed))
    if options.prune:
        changes += gone
        changes += list(leaving(declared, observed, changes))
        notes += tuple(mass_prune(gone, observed))
    return Plan(
        target,
        tuple(sorted(changes, key=_order)),
        tuple(sorted(remaining, key=_rank)),
        notes=notes,
        protected=tuple(sorted(stay, key=_rank)),
        left_alone=aside,
    )


def _file_changes(
    declared: Mapping[Address, Declared],
    observed: Observed,
    gone_from: Collection[Address],
    options: PlanOptions,
) -> Iterator[Change]:
    """A file is uploaded once for all who use it, and again when its content changes."""
    users: dict[Address, list[Address]] = {}
    for declaration in declared.values():
        for address in declaration.references:
            if address.kind == FILE:
                users.setdefault(address, []).append(declaration.address)
    staying = [observed.owned[address] for address in declared if address in observed.owned]
    settled = {remote.address for remote in staying if remote.settled}
    outdated = {
        upload.address: upload
        for remote in staying
        for upload in remote.uploads
        if upload.address in declared
        and not upload.holds(declared[upload.address].fields["sha256"])
    }
    for address, names in users.items():
        sha256 = declared[address].fields["sha256"]
        if address in outdated and outdated[address].duplicate:
            yield Change(Action.UPDATE, address, "uploaded twice; one upload is kept")
        elif address in outdated:
            before = outdated[address].sha256[:12]
            if not outdated[address].altered:
                difference = FieldChange("sha256", before, sha256[:12])
                yield Change(Action.UPDATE, address, "its content changed", (difference,))
            elif options.on_drift != "keep":
                difference = FieldChange("sha256", before, sha256[:12], "remote")
                yield Change(Action.UPDATE, address, _CHANGED_THERE, (difference,))
        elif not settled.issuperset(names) and observed.upload(address, sha256) is None:
            cause, is_lost = f"used by {_some(names)}", address in gone_from
            cause = f"{_GONE}; {cause}" if is_lost else cause
            fields = _all_fields(declared[address])
            yield Change(Action.CREATE, address, cause, fields, lost=is_lost)


def _some(things: Iterable[Address | str]) -> str:
    """The first three in words; a file can have a thousand users."""
    return some(sorted(map(str, things)), 3)


def _object_changes(
    declaration: Declared,
    observed: Observed,
    created: set[Address],
    gone_from: Collection[Address],
    options: PlanOptions,
) -> Iterator[Change]:
    address = declaration.address
    remote = observed.owned.get(address)
    if remote is not None and address in options.adopt:
        fields = tuple(_differences(declaration, remote, created))
        yield Change(Action.ADOPT, address, f"takes over {remote.id}", fields, remote.id)
    elif remote is not None:
        fields = (*_lost_record(remote), *_differences(declaration, remote, created))
        if options.on_drift == "keep":
            fields = tuple(item for item in fields if item.side == "declared")
        if remote.formerly:
            cause = f"moved from {remote.formerly}"
            yield Change(Action.UPDATE, address, cause, fields, remote.id)
        elif fields:
            cause = _cause(fields, created)
            yield Change(Action.UPDATE, address, cause, fields, remote.id)
        elif remote.is_open:
            cause = "as declared, but the last sync was cut off before it could note that"
            yield Change(Action.UPDATE, address, cause, id=remote.id)
        elif _is_recorded_otherwise(declaration, remote):
            cause = "as declared already, which its record at the target does not say yet"
            yield Change(Action.UPDATE, address, cause, id=remote.id)
    elif address in gone_from:
        yield Change(Action.CREATE, address, _GONE, _all_fields(declaration), lost=True)
    else:
        yield Change(Action.CREATE, address, "not at the target yet", _all_fields(declaration))


def _lost_record(remote: Remote) -> Iterator[FieldChange]:
    """Without its record nobody can tell what was edited, so that it is not written unasked."""
    if not remote.recorded:
        yield FieldChange(RECORD, None, "what was applied last", "remote")


def _all_fields(declaration: Declared) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in declaration.fields.items())


def _differences(
    declaration: Declared, remote: Remote, created: set[Address]
) -> Iterator[FieldChange]:
    cleared = sorted(remote.listed - declaration.fields.keys())
    for name in [*declaration.fields, *cleared]:
        declared, observed = declaration.fields.get(name), remote.fields.get(name)
        side = _changed_side(name, declaration, remote)
        if side and (name in remote.unsure or _lacks_only(observed, declared, created)):
            # What it refers to has gone from the target, which is no edit of this field.
            side = "declared"
        if side == "declared":
            for path, before, after in leaves(name, observed, declared):
                yield FieldChange(path, before, after)
        elif side is not None:
            for path, before, after in edits(name, remote, declared):
                yield FieldChange(path, before, after, side)


def _lacks_only(observed: Json, declared: Json, created: set[Address]) -> bool:
    """Whether a field differs by things that are made anew, and by nothing that was added to it."""
    expected = set(references(declared))
    return bool(created & expected) and not any(True for _ in additions(observed, expected))


def _changed_side(name: str, declaration: Declared, remote: Remote) -> ChangedSide | None:
    """Which side of one field changed since the last sync; None where nothing needs to be done.

    A field that an earlier sync listed and that is declared no longer is to be cleared. A record
    without an answer means that the server answered what was declared.
    """
    declared = declaration.fields.get(name)
    observed, applied = remote.fields.get(name), remote.applied.get(name)
    if applied is not None and applied.open:
        return None if contains(observed, declared, opaque=name in OPAQUE) else "declared"
    untouched = is_untouched(remote, name)
    if applied is None or applied.declared is None:
        if contains(observed, declared, opaque=name in OPAQUE):
            return None
        is_new = not remote.applied and remote.recorded  # nothing was ever applied to it
        return "declared" if untouched or remote.is_open or is_new else "both"
    if declared is not None and declaration.fingerprint(name) == applied.declared:
        return None if untouched else "remote"
    if remote.fingerprint(name) == declaration.fingerprint(name):
        return None
    return "declared" if untouched else "both"


def _is_recorded_otherwise(declaration: Declared, remote: Remote) -> bool:
    """Whether the target came to what is declared in another way than by a sync: an edit there was
    brought into the YAML, or what a field refers to has moved. Left so, the next edit of the YAML
    would look like one on both sides."""
    return (
        declaration.recorded is None
        and remote.recorded
        and any(
            declaration.fingerprint(name) != (applied.declared if applied else None)
            and declaration.fingerprint(name) == remote.fingerprint(name)
            and name not in remote.unsure
            and not (applied and applied.open)
            and not is_untouched(remote, name)
            for name in {*remote.listed, *declaration.fields}
            for applied in (remote.applied.get(name),)
        )
    )


def _cause(fields: tuple[FieldChange, ...], created: set[Address]) -> str:
    sides = {item.side for item in fields}
    if "both" in sides:
        return "both the declaration and the target changed since the last sync"
    if sides == {"remote"}:
        return _CHANGED_THERE
    if "remote" in sides:
        return "the declaration changed; other fields were changed at the target"
    renewed = [sorted(created.intersection(references(item.after))) for item in fields]
    if all(renewed):
        return "refers to " + ", ".join(map(str, sorted({a for some in renewed for a in some})))
    return "the declaration changed"


def _refuse_second_names(
    changes: Iterable[Change], declared: Mapping[Address, Declared], observed: Observed
) -> None:
    taken = []
    for change in changes:
        name = declared[change.address].fields.get("name")
        if change.action is not Action.CREATE or change.address.kind != ASSISTANT or not name:
            continue
        if bearers := observed.unmanaged.get(name, ()):
            taken.append(
                f"{declared[change.address].place}: an assistant named {name!r} is at the target "
                f"already and has no owner ({_some(bearers)}); take it over with "
                f"`assistctl adopt {change.address.name} {bearers[0]}`, or give yours another "
                "name"
            )
    if taken:
        raise AssistctlError("\n".join(taken))


def _rank(address: Address) -> tuple[int, str]:
    return RANK[address.kind], address.name


def _order(change: Change) -> tuple[bool, int, str]:
    rank, name = _rank(change.address)
    deletes = change.action is Action.DELETE
    return deletes, -rank if deletes else rank, name
