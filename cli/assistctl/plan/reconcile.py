"""reconcile(): the one pure decision between all reads and all writes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from assistctl.errors import AssistctlError, Refused
from assistctl.plan.changes import Action, Change, FieldChange, Moved, Plan
from assistctl.plan.compare import OPAQUE, contains, fingerprint, is_untouched, leaves
from assistctl.plan.leftovers import (
    edited,
    edited_copies,
    failed_files,
    leaving,
    leftovers,
    mass_prune,
    protected,
    undeclared,
)
from assistctl.plan.state import Applied, Declared, Observed, Remote, references
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, Json

OnDrift: TypeAlias = Literal["fail", "overwrite", "keep"]

RANK = {FILE: 0, VECTOR_STORE: 1, ASSISTANT: 2}


@dataclass(frozen=True)
class Wishes:
    """What the person asked for beside the declaration.

    `partial` says that only some addresses were asked for, so that what else is there is nobody's
    business; `adopt` are addresses whose observed object has no owner yet and shall become ours;
    `on_drift` keep leaves remote edits alone.
    """

    partial: bool = False
    prune: bool = False
    on_drift: OnDrift = "fail"
    adopt: Collection[Address] = ()


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
    wishes: Wishes = Wishes(),
) -> Plan:
    """All Changes that make the target hold what is declared, and nothing else.

    Raises AssistctlError where a create would make a second assistant of a name that an assistant
    without an owner already bears, Refused where prune meets a workspace that declares nothing.
    """
    if wishes.prune and not any(address.kind == ASSISTANT for address in declared):
        raise Refused(
            "no assistant is declared, so --prune would delete everything that this workspace "
            "owns; if that is meant, delete the objects one by one"
        )
    changes = list(_file_changes(declared, observed))
    fresh = {change.address for change in changes if change.action is Action.CREATE}
    for declaration in sorted(declared.values(), key=lambda item: RANK[item.address.kind]):
        if declaration.address.kind != FILE:
            for change in _object_changes(declaration, observed, fresh, wishes):
                changes.append(change)
                if change.action is Action.CREATE:
                    fresh.add(change.address)
    _refuse_second_names(changes, declared, observed)
    failed = tuple(failed_files(declared, observed))
    if wishes.partial:
        return Plan(target, tuple(sorted(changes, key=_order)), notes=failed, partial=True)
    changes += leftovers(declared, observed)
    stay = protected(declared, observed)
    edits = edited(declared, observed) if wishes.on_drift == "keep" else frozenset()
    gone = tuple(undeclared(declared, observed, stay | edits))
    remaining = {*stay, *edits, *(() if wishes.prune else (change.address for change in gone))}
    notes = (*failed, *edited_copies(observed))
    if wishes.prune:
        changes += (*gone, *leaving(declared, observed, changes))
        notes += tuple(mass_prune(gone, observed))
    return Plan(
        target,
        tuple(sorted(changes, key=_order)),
        tuple(sorted(remaining, key=_rank)),
        notes=notes,
        protected=tuple(sorted(stay, key=_rank)),
    )


def _file_changes(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[Change]:
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
        if address in outdated and outdated[address].copy:
            yield Change(Action.UPDATE, address, "uploaded twice; one upload is kept")
        elif address in outdated:
            difference = FieldChange("sha256", outdated[address].sha256[:12], sha256[:12])
            yield Change(Action.UPDATE, address, "its content changed", (difference,))
        elif not settled.issuperset(names) and observed.upload(address, sha256) is None:
            yield Change(
                Action.CREATE, address, f"used by {_some(names)}", _all_fields(declared[address])
            )


def _some(things: Iterable[Address | str]) -> str:
    """The first three in words; a file can have a thousand users."""
    names = sorted(map(str, things))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _object_changes(
    declaration: Declared, observed: Observed, fresh: set[Address], wishes: Wishes
) -> Iterator[Change]:
    address = declaration.address
    remote = observed.owned.get(address)
    if remote is not None and address in wishes.adopt:
        fields = tuple(_differences(declaration, remote, fresh))
        yield Change(Action.ADOPT, address, f"takes over {remote.id}", fields, remote.id)
    elif remote is not None:
        fields = tuple(_differences(declaration, remote, fresh))
        if wishes.on_drift == "keep":
            fields = tuple(item for item in fields if item.moved == "declared")
        if remote.formerly:
            cause = f"moved from {remote.formerly}"
            yield Change(Action.UPDATE, address, cause, fields, remote.id)
        elif fields:
            cause = _cause(fields, fresh)
            yield Change(Action.UPDATE, address, cause, fields, remote.id)
        elif any(item.open for item in remote.applied.values()):
            cause = "as declared, but the last sync was cut off before it could note that"
            yield Change(Action.UPDATE, address, cause, id=remote.id)
        elif _is_recorded_otherwise(declaration, remote):
            cause = "as declared already, which its record at the target does not say yet"
            yield Change(Action.UPDATE, address, cause, id=remote.id)
    else:
        yield Change(Action.CREATE, address, "not at the target yet", _all_fields(declaration))


def _all_fields(declaration: Declared) -> tuple[FieldChange, ...]:
    return tuple(FieldChange(name, None, value) for name, value in declaration.fields.items())


def _differences(
    declaration: Declared, remote: Remote, fresh: set[Address]
) -> Iterator[FieldChange]:
    cleared = sorted(set(remote.applied) - set(declaration.fields))
    for name in [*declaration.fields, *cleared]:
        wanted, there = declaration.fields.get(name), remote.fields.get(name)
        moved = _moved(name, wanted, there, remote.applied.get(name))
        if moved and (name in remote.unsure or fresh.intersection(references(wanted))):
            # What it refers to has gone from the target, which is no edit of this field.
            moved = "declared"
        if moved is not None:
            for path, before, after in leaves(name, there, wanted):
                yield FieldChange(path, before, after, moved)


def _moved(name: str, wanted: Json, there: Json, applied: Applied | None) -> Moved | None:
    """Which side of one field moved since the last sync; None where nothing needs to be done.

    `wanted` is None for a field that an earlier sync listed and that is declared no longer: it is
    to be cleared. A record without an answer means that the server answered what was declared.
    """
    opaque = name in OPAQUE
    if applied is None or applied.open:
        return None if contains(there, wanted, opaque=opaque) else "declared"
    untouched = is_untouched(there, applied)
    if wanted is not None and fingerprint(wanted) == applied.declared:
        return None if untouched or contains(there, wanted, opaque=opaque) else "remote"
    if fingerprint(there) == fingerprint(wanted):
        return None
    return "declared" if untouched else "both"


def _is_recorded_otherwise(declaration: Declared, remote: Remote) -> bool:
    """Whether the target came to what is declared in another way than by a sync: an edit there was
    brought into the YAML, or what a field refers to has moved. Left so, the next edit of the YAML
    would look like one on both sides."""
    return declaration.recorded is None and any(
        name not in remote.unsure
        and not applied.open
        and fingerprint(declaration.fields.get(name)) != applied.declared
        and fingerprint(declaration.fields.get(name)) == fingerprint(remote.fields.get(name))
        and not is_untouched(remote.fields.get(name), applied)
        for name, applied in remote.applied.items()
    )


def _cause(fields: tuple[FieldChange, ...], fresh: set[Address]) -> str:
    moved = {item.moved for item in fields}
    if "both" in moved:
        return "both the declaration and the target changed since the last sync"
    if moved == {"remote"}:
        return "changed at the target since the last sync"
    if "remote" in moved:
        return "the declaration changed; other fields were changed at the target"
    renewed = [sorted(fresh.intersection(references(item.after))) for item in fields]
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
        if strangers := observed.strangers.get(name, ()):
            taken.append(
                f"{declared[change.address].place}: an assistant named {name!r} is at the target "
                f"already and has no owner ({_some(strangers)}); take it over with "
                f"`assistctl adopt {change.address.name} {strangers[0]}`, or give yours another "
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
