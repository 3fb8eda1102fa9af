"""What is at the target beside what is declared: leftovers of a sync, and what prune deletes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from assistctl.plan.changes import Action, Change
from assistctl.plan.compare import is_untouched
from assistctl.plan.state import Declared, Observed, Remote, references
from assistctl.resources import FILE, VECTOR_STORE, Address

HOLDING = ("tool_resources", "files")
"""The fields by which objects hold uploads."""

FEW = 10
LARGEST_SHARE = 0.3
"""Of FEW owned objects or more, prune deletes a larger share only where that is insisted on."""


def leftovers(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[Change]:
    """What sync itself left behind: second copies of ours, and uploads that it has replaced."""
    kept = _needed(declared, observed, observed.owned.values())
    for remote in observed.duplicates:
        if _is_as_we_left_it(remote):
            copy = remote.address in observed.owned
            cause = "a second copy of ours" if copy else "expired; a new one takes its place"
            yield from _removal(remote, cause, kept)
    for upload in observed.stale:
        if upload.replaced and upload.id not in kept:
            cause = "replaced by a newer upload; nothing refers to it"
            yield Change(Action.DELETE, upload.address, cause, id=upload.id)


def edited_copies(observed: Observed) -> Iterator[str]:
    """Second copies that somebody has worked on, so that they are not ours to delete."""
    for remote in observed.duplicates:
        if not _is_as_we_left_it(remote):
            yield (
                f"{remote.address} is at the target twice, and {remote.id} was edited there, so it "
                "is left alone; delete it, or take the metadata `assistctl` out of it"
            )


def failed_files(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[str]:
    """What the target could not index of the files as they are declared still."""
    for address in sorted(declared):
        if (remote := observed.owned.get(address)) is None:
            continue
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
    """The uploads that nothing declares any more and that these changes take out of use."""
    left = {
        change.address
        for change in changes
        if change.action is not Action.DELETE
        and not {item.field for item in change.fields}.isdisjoint(HOLDING)
    }
    gone = {change.id for change in changes if change.action is Action.DELETE}
    staying = [remote for remote in observed.owned.values() if remote.id not in gone]
    held = {upload.id for it in staying if it.address not in left for upload in it.uploads}
    unused = {upload.id: upload for it in staying for upload in it.uploads}
    for upload in unused.values():
        if upload.address not in declared and upload.id not in held:
            yield Change(Action.DELETE, upload.address, "no longer used", id=upload.id)


def undeclared(declared: Mapping[Address, Declared], observed: Observed) -> Iterator[Change]:
    """The deletes that prune would add."""
    staying = {*declared, *kept_by_protection(declared, observed)}
    gone = [remote for address, remote in observed.owned.items() if address not in staying]
    kept = _needed(
        declared,
        observed,
        [remote for address, remote in observed.owned.items() if address in staying],
    )
    for remote in gone:
        yield from _removal(remote, "no longer declared", kept)
    for upload in observed.stale:
        if not upload.replaced and upload.id not in kept:
            yield Change(Action.DELETE, upload.address, "no longer used", id=upload.id)


def kept_by_protection(declared: Collection[Address], observed: Observed) -> frozenset[Address]:
    """What is declared no longer but may not be pruned: the target says that it is protected, or
    a protected object searches it."""
    protected = {
        address: remote
        for address, remote in observed.owned.items()
        if remote.protected and address not in declared
    }
    searched = {
        reference
        for remote in protected.values()
        for reference in references(remote.fields)
        if reference.kind == VECTOR_STORE and reference not in declared
    }
    return frozenset(protected) | searched


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


def _is_as_we_left_it(remote: Remote) -> bool:
    """Whether a sync of ours wrote the object, and nobody has edited it since."""
    return bool(remote.applied) and all(
        item.open or name in remote.unsure or is_untouched(remote.fields.get(name), item)
        for name, item in remote.applied.items()
    )


def _needed(
    declared: Mapping[Address, Declared], observed: Observed, staying: Iterable[Remote]
) -> set[str]:
    """The ids of the uploads that must stay: what these objects hold, and what the others are
    served from, whoever holds it."""
    needed = {upload.id for remote in staying for upload in remote.uploads}
    settled = {address for address, remote in observed.owned.items() if remote.settled}
    unsettled = [declared[address].references for address in declared.keys() - settled]
    for file in declared.keys() & frozenset().union(*unsettled):
        if file.kind == FILE:
            upload = observed.upload(file, declared[file].fields["sha256"])
            needed |= {upload.id} if upload else set()
    return needed


def _removal(remote: Remote, cause: str, kept: set[str]) -> Iterator[Change]:
    yield Change(Action.DELETE, remote.address, cause, id=remote.id)
    for upload in remote.uploads:
        if upload.id not in kept:
            kept.add(upload.id)  # once, even if two removed objects refer to it
            yield Change(
                Action.DELETE, upload.address, f"only {remote.address} used it", id=upload.id
            )
