"""What happened at the target since the last sync beside edits of what is declared: edits where
nothing is, and things that have gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from assistctl.plan.changes import Action, Change, FieldChange
from assistctl.plan.compare import is_untouched, leaves
from assistctl.plan.state import Declared, Observed, Remote
from assistctl.resources import FILE, Address, Json

ASIDE = "edited at the target since the last sync; not declared, so left alone"


def left_alone(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[Change]:
    """Edits at the target of fields that nothing declares, in objects that are declared: an update
    for each such object, to be told and not to be made."""
    for address, declaration in declared.items():
        remote = observed.owned.get(address)
        fields = tuple(unlisted(remote, declaration.fields)) if remote else ()
        if remote and fields:
            yield Change(Action.UPDATE, address, ASIDE, fields, remote.id)


def unlisted(remote: Remote, declared: Collection[str] = ()) -> Iterator[FieldChange]:
    """What was edited of the fields that were not declared when the object was written, and are
    not now. What a sync that was cut off could not note is not known."""
    if not remote.applied or remote.is_open:
        return
    for name in remote.fields:
        skipped = name in remote.unsure or name in remote.listed or name in declared
        if not skipped and not is_untouched(remote, name):
            for path, before, after in leaves(name, None, remote.plain(name)):
                yield FieldChange(path, before, after, "remote")


def lost(
    declared: Mapping[Address, Declared], observed: Observed, known: Collection[Address]
) -> frozenset[Address]:
    """The declared addresses that are not there now and of which we know that they were at the
    target after the last sync: `known` are those that are remembered here, and an object's record
    proves it of those to which the object referred."""
    absent = declared.keys() - observed.owned.keys() - {it.address for it in observed.duplicates}
    absent -= {
        address
        for address in absent
        if address.kind == FILE and observed.upload(address, declared[address].fields["sha256"])
    }
    found = absent & set(known)
    for address, declaration in declared.items():
        remote = observed.owned.get(address)
        if remote is None or absent.isdisjoint(declaration.references):
            continue
        for name, addresses in declaration.referring.items():
            applied = remote.applied.get(name)
            if applied and not applied.open and applied.declared == declaration.fingerprint(name):
                found |= addresses & absent
    return frozenset(found)


def additions(observed: Json, expected: Collection[Address]) -> Iterator[Json]:
    """What is referred to beside what is expected: ids of others', and things of ours."""
    if isinstance(observed, Mapping):
        for item in observed.values():
            yield from additions(item, expected)
    elif isinstance(observed, list | tuple):
        yield from (item for item in observed if item not in expected)
