"""assistctl show: one declared thing, as declared and as the target has it."""

from __future__ import annotations

import click

from assistctl.commands._completion import complete_address
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.plan.reconcile import PlanOptions
from assistctl.plan.state import Observed
from assistctl.render.listing import Shown, shown_json, shown_text
from assistctl.resources import Address
from assistctl.sync.planning import plan_sync
from assistctl.sync.standing import standing
from assistctl.targets import opened


@as_command("show", formats=("text", "json"))
@click.argument("key", metavar="KEY", shell_complete=complete_address)
def command(options: Options, key: str) -> None:
    """Show an assistant (or vector_store/… or file/…) field by field, declared and existing.

    KEY may also be the id of an object that this workspace owns.

    \b
    Examples:
      assistctl show guide
      assistctl show vector_store/handbook -t prod --format json
    """
    workspace = load(options)
    with opened(workspace) as surface:
        declared = surface.declare(workspace)
        address = Address.parse(key)
        if address not in declared:
            address = _owned(surface.observe(declared, deep=True), key) or address
        is_left_over = address not in declared and address != Address.parse(key)
        keys = [] if is_left_over else [key if address == Address.parse(key) else str(address)]
        planned = plan_sync(surface, workspace, keys, PlanOptions(partial=True, deep=True))
        hidden = surface.redaction.value
    remote, plan = planned.observed.owned.get(address), planned.plan
    changes = [it for it in (*plan.changes, *plan.left_alone) if it.address == address]
    shown = Shown(
        standing(planned, address),
        hidden(planned.declared[address].fields) if address in planned.declared else None,
        hidden(remote.fields) if remote else None,
        {it.field for change in changes for it in change.fields},
    )
    click.echo(shown_json(shown) if options.format == "json" else shown_text(shown))


def _owned(observed: Observed, object_id: str) -> Address | None:
    """What of ours has this id at the target."""
    ids = {upload.id: upload.address for upload in observed.held()}
    ids |= {remote.id: remote.address for remote in observed.owned.values() if remote.id}
    return ids.get(object_id)
