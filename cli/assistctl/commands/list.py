"""assistctl list: declared against existing."""

from __future__ import annotations

import click

from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.plan.changes import Action, Change
from assistctl.render.listing import Listed, Status, listing_json, listing_text
from assistctl.resources import FILE, Address
from assistctl.sync.planning import PlannedSync, plan_sync
from assistctl.targets import opened


@as_command("list", formats=("text", "json"))
def command(options: Options) -> int | None:
    """List everything declared, and how it stands at the target.

    synced, changed (here), drifted (at the target), missing, or undeclared (owned, but not
    declared any more). Many files of one status are one line; -v lists each.
    """
    workspace = load(options)
    with opened(workspace) as surface:
        planned = plan_sync(surface, workspace)
    rows = [standing(planned, address) for address in (*planned.declared, *planned.plan.undeclared)]
    each = options.verbosity > 0
    text = listing_json(rows) if options.format == "json" else listing_text(rows, each=each)
    click.echo(text)
    return None


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
