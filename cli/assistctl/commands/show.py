"""assistctl show: one declared thing, as declared and as the target has it."""

from __future__ import annotations

import click

from assistctl.commands._options import Options, as_command, complete_key
from assistctl.commands._survey import survey
from assistctl.commands._target import opened
from assistctl.commands._workspace import load
from assistctl.commands.list import standing
from assistctl.plan.reconcile import Wishes
from assistctl.render.listing import Shown, shown_json, shown_text
from assistctl.resources import Address


@as_command("show", formats=("text", "json"))
@click.argument("key", metavar="KEY", shell_complete=complete_key)
def command(options: Options, key: str) -> int | None:
    """Show an assistant (or vector_store/… or file/…) field by field, declared and existing."""
    workspace = load(options)
    with opened(workspace) as surface:
        found = survey(surface, workspace, [key], Wishes(partial=True))
        hidden = surface.client.redaction.value
    address = Address.parse(key)
    remote = found.observed.owned.get(address)
    shown = Shown(
        standing(found, address),
        hidden(found.declared[address].fields),
        hidden(remote.fields) if remote else None,
    )
    click.echo(shown_json(shown) if options.format == "json" else shown_text(shown))
    return None
