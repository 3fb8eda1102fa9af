"""assistctl show: one declared thing, as declared and as the target has it."""

from __future__ import annotations

import click

from assistctl.commands._completion import complete_address
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.plan.reconcile import PlanOptions
from assistctl.plan.state import Observed
from assistctl.render.listing import Shown, shown_json, shown_text
from assistctl.resources import ASSISTANT, Address
from assistctl.sync.planning import declared_address, plan_sync
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
        address, declared = Address.parse(key), surface.declare(workspace)
        is_declared = address in declared
        # Of an assistant all is known without a look at the files in stores.
        deep = not is_declared or address.kind != ASSISTANT
        asked = PlanOptions(partial=True, deep=deep)
        planned = plan_sync(surface, workspace, [key] if is_declared else [], asked)
        if not is_declared:
            address = _owned(planned.observed, key) or declared_address(key, declared)
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
