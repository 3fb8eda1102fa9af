"""How what is declared, and what is ours, stands at the target: what `list` and `show` say."""

from __future__ import annotations

from assistctl.plan.changes import Action, Change
from assistctl.render.listing import Listed, Status
from assistctl.resources import FILE, Address
from assistctl.sync.planning import PlannedSync


def standings(planned: PlannedSync) -> list[Listed]:
    """How each declared address stands, and each of ours that is declared no longer."""
    return [standing(planned, it) for it in (*planned.declared, *planned.plan.undeclared)]


def standing(planned: PlannedSync, address: Address) -> Listed:
    """How one address stands."""
    remote = planned.observed.owned.get(address)
    known = remote.id if remote else None
    if address not in planned.declared:
        return Listed(address, known, "undeclared")
    if address.kind == FILE:
        upload = planned.observed.upload(address, planned.declared[address].fields["sha256"])
        known = upload.id if upload else None
    edited = any(change.address == address for change in planned.plan.left_alone)
    return Listed(address, known, _status(planned.plan.written.get(address), edited))


def _status(change: Change | None, edited: bool) -> Status:
    if change is None:
        return "drifted" if edited else "synced"
    if change.action is Action.CREATE:
        return "missing"
    return "drifted" if change.drifted else "changed"
