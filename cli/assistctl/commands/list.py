"""assistctl list: declared against existing."""

from __future__ import annotations

import click

from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.folding import FEW
from assistctl.render.listing import listing_json, listing_text
from assistctl.sync.planning import plan_sync
from assistctl.sync.standing import standings
from assistctl.targets import opened


@as_command("list", formats=("text", "json"))
def command(options: Options) -> None:
    """List everything declared, and how it stands at the target.

    synced, changed (here), drifted (at the target), missing, or undeclared (owned, but not
    declared any more). Many files of one status are one line; -v, as --format json, lists each, and
    looks into stores for their ids.

    \b
    Examples:
      assistctl list
      assistctl list -t prod --format json
    """
    workspace = load(options)
    each = options.verbosity > 0 or options.format == "json"
    deep = each or sum(len(store.files) for store in workspace.stores.values()) <= FEW
    with opened(workspace) as surface:
        planned = plan_sync(surface, workspace, options=PlanOptions(deep=deep))
    rows = standings(planned)
    text = listing_json(rows) if options.format == "json" else listing_text(rows, each=each)
    click.echo(text)
