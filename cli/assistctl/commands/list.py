"""assistctl list: declared against existing."""

from __future__ import annotations

from dataclasses import replace

import click

from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.render.listing import listing_json, listing_text, many
from assistctl.sync.planning import plan_sync
from assistctl.sync.standing import standing, standings
from assistctl.targets import opened


@as_command("list", formats=("text", "json"))
def command(options: Options) -> None:
    """List everything declared, and how it stands at the target.

    synced, changed (here), drifted (at the target), missing, or undeclared (owned, but not
    declared any more). Many files of one status are one line; -v, as --format json, lists each.
    How they stand is what `plan` says; `plan --deep` finds edits of single files in stores.

    \b
    Examples:
      assistctl list
      assistctl list -t prod --format json
    """
    workspace = load(options)
    each = options.verbosity > 0 or options.format == "json"
    with opened(workspace) as surface:
        planned = plan_sync(surface, workspace)
        rows = standings(planned)
        folded = set() if each else many(rows)
        if any(it.lacks_id and it.status not in folded for it in rows):
            # How things stand is what `plan` says, whatever is looked into for ids.
            inside = replace(planned, observed=surface.observe(planned.declared, deep=True))
            rows = [standing(inside, it.address) if it.lacks_id else it for it in rows]
    text = listing_json(rows) if options.format == "json" else listing_text(rows, each=each)
    click.echo(text)
