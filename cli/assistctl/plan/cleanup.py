"""What is at the target beside what is declared: what sync left behind, and what prune deletes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from assistctl.plan.changes import Action, Change, FieldChange
from assistctl.plan.compare import is_untouched
from assistctl.plan.drift import unlisted
from assistctl.plan.state import REFERRING, Declared, Observed, Remote, references
from assistctl.resources import FILE, VECTOR_STORE, Address, Json

CHUNKING = "chunking_strategy"

FEW = 10
LARGEST_SHARE = 0.3
"""Of FEW owned objects or more, prune deletes a larger share only where that is insisted on."""


def cleanup(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[Change]:
    """Deletes of what sync itself left behind: duplicates, and uploads that it has replaced."""
    if not observed.duplicates and not observed.superseded:
        return
    kept = _needed(declared, observed, observed.owned.values())
    for remote in observed.duplicates:
        if _is_as_we_left_it(remote):
            is_duplicate = remote.address in observed.owned
            cause = "a duplicate of ours" if is_duplicate else "expired; a new one takes its place"
            yield from _removal(remote, cause, kept)
    for upload in observed.superseded:
        if upload.replaced and upload.id not in kept:
            cause = "replaced by a newer upload; nothing refers to it"
            yield Change(Action.DELETE, upload.address, cause, id=upload.id)


def edited_duplicates(observed: Observed) -> Iterator[str]:
    """A sentence for each duplicate that somebody has edited, so that it is not ours to delete."""
    for remote in observed.duplicates:
        if not _is_as_we_left_it(remote):
            yield (
                f"{remote.address} is at the target twice, and {remote.id} was edited there, so it "
                "is left alone; delete it, or take the metadata `assistctl` out of it"
            )


def unseen(observed: Observed) -> Iterator[str]:
    """A sentence where nobody can tell which uploads are still in use."""
    if observed.unseen:
        yield (
            "uploads that are not used any more stay for now, since the target does not tell what "
            f"else uses them: {observed.unseen}"
        )


def failed_files(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[str]:
    """A sentence for each file that is declared as it was, and that the target could not index."""
    faulty = (address for address, remote in observed.owned.items() if remote.failed)
    for address in sorted(address for address in faulty if address in declared):
        remote = observed.owned[address]
        for upload in sorted(remote.uploads, key=lambda upload: upload.address):
            file = declared.get(upload.address)
            if file and upload.id in remote.failed and upload.holds(file.fields["sha256"]):
                yield (
                    f"{upload.address} could not be indexed in {address}, and is tried again: "
                    f"{remote.failed[upload.id]}"
                )


def leaving(
    declared: Mapping[Address, Declared], observed: Observed, changes: Collection[Change]
) -> Iterator[Change]:
    """Deletes of the uploads that nothing declares any more and that `changes` take out of use."""
    left = {
        change.address
        for change in changes
        if change.action is not Action.DELETE
        and not {item.field for item in change.fields}.isdisjoint(REFERRING)
    }
    gone = {change.id for change in changes if change.action is Action.DELETE}
    staying = [remote for remote in observed.owned.values() if remote.id not in gone]
    held = {upload.id for it in staying if it.address not in left for upload in it.uploads}
    held |= observed.used_beside
    unused = {upload.id: upload for it in staying for upload in it.uploads}
    for upload in unused.values():
        if upload.address not in declared and upload.id not in held:
            yield Change(Action.DELETE, upload.address, "no longer used", id=upload.id)


def undeclared(
    declared: Mapping[Address, Declared], observed: Observed, kept: Collection[Address]
) -> Iterator[Change]:
    """The deletes that prune would add, with what was edited of what they delete; `kept` stays."""
    staying = {*declared, *kept}
    gone = [remote for address, remote in observed.owned.items() if address not in staying]
    if not gone and not observed.superseded:
        return
    needed = _needed(
        declared,
        observed,
        [remote for address, remote in observed.owned.items() if address in staying],
    )
    for remote in gone:
        yield from _removal(remote, "no longer declared", needed, tuple(_edits(remote)))
    for upload in observed.superseded:
        if not upload.replaced and upload.id not in needed:
            yield Change(Action.DELETE, upload.address, "no longer used", id=upload.id)


def protected(declared: Collection[Address], observed: Observed) -> frozenset[Address]:
    """The owned objects, declared no longer, that prune must spare: those that are protected at the
    target, and the stores that these search."""
    found = (it for it in observed.owned.values() if it.protected and it.address not in declared)
    return _with_searched(found, declared)


def edited(declared: Collection[Address], observed: Observed) -> frozenset[Address]:
    """The owned objects, declared no longer, that somebody has edited at the target since the last
    sync, and the stores that these search."""
    gone = (remote for address, remote in observed.owned.items() if address not in declared)
    return _with_searched((remote for remote in gone if any(_edits(remote))), declared)


def _with_searched(remotes: Iterable[Remote], declared: Collection[Address]) -> frozenset[Address]:
    """These objects and the stores that they search, as far as nothing declares them."""
    found = set()
    for remote in remotes:
        stores = (it for it in references(remote.fields) if it.kind == VECTOR_STORE)
        found |= {remote.address, *(it for it in stores if it not in declared)}
    return frozenset(found)


def mass_prune(gone: Iterable[Change], observed: Observed) -> Iterator[str]:
    """A sentence where prune would delete so much that it is rather a mistake."""
    owned = observed.owned
    ids = {change.id for change in gone if change.action is Action.DELETE}
    pruned = [remote for remote in owned.values() if remote.id in ids]
    if len(owned) >= FEW and len(pruned) > LARGEST_SHARE * len(owned):
        yield (
            f"--prune would delete {len(pruned)} of the {len(owned)} assistants and vector stores "
            f"that this workspace owns, which is more than {LARGEST_SHARE:.0%}; sync wants --force "
            "for that"
        )


def _edits(remote: Remote) -> Iterator[FieldChange]:
    """What would be lost with an object that goes: what somebody has written into it, or added of
    their own. How something refers to what is ours, which may have moved or gone, is no loss."""
    unasked = dict.fromkeys(item.field for item in unlisted(remote))
    for name in (*sorted(remote.listed), *unasked):
        there = remote.fields.get(name)
        is_theirs = name in unasked or not (is_untouched(remote, name) or remote.applied[name].open)
        if is_theirs and (name not in REFERRING or any(_foreign(there))) and name != CHUNKING:
            yield FieldChange(name, there, None, "remote")


def _foreign(value: Json) -> Iterator[str]:
    """The ids of what is not ours in a field that refers to things."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _foreign(item)
    elif isinstance(value, list | tuple):
        yield from (item for item in value if not isinstance(item, Address))


def _is_as_we_left_it(remote: Remote) -> bool:
    """Whether a sync of ours wrote the object, and nobody has edited it since."""
    return bool(remote.applied) and not any(_edits(remote))


def _needed(
    declared: Mapping[Address, Declared], observed: Observed, staying: Iterable[Remote]
) -> set[str]:
    """The ids of the uploads that must stay: what these objects hold, what the others are served
    from, whoever holds it, and what others use."""
    needed = {upload.id for remote in staying for upload in remote.uploads}
    needed |= observed.used_beside
    settled = {address for address, remote in observed.owned.items() if remote.settled}
    unsettled = [declared[address].references for address in declared.keys() - settled]
    for file in declared.keys() & frozenset().union(*unsettled):
        if file.kind == FILE:
            upload = observed.upload(file, declared[file].fields["sha256"])
            needed |= {upload.id} if upload else set()
    return needed


def _removal(
    remote: Remote, cause: str, kept: set[str], fields: tuple[FieldChange, ...] = ()
) -> Iterator[Change]:
    yield Change(Action.DELETE, remote.address, cause, fields, remote.id)
    for upload in remote.uploads:
        if upload.id not in kept:
            kept.add(upload.id)  # once, even if two removed objects refer to it
            yield Change(
                Action.DELETE, upload.address, f"only {remote.address} used it", id=upload.id
            )
