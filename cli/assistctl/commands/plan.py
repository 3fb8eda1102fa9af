"""assistctl plan: what sync would do."""

from __future__ import annotations

import click

from assistctl.commands._options import Options, as_command, complete_key
from assistctl.commands._survey import refuse_prune_of_some, survey
from assistctl.commands._target import opened
from assistctl.commands._workspace import load
from assistctl.plan.reconcile import Wishes
from assistctl.render.markdown import plan_markdown
from assistctl.render.plan import plan_json, plan_text

CHANGES_PENDING = 2


@as_command("plan", formats=("text", "json", "markdown"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_key)
@click.option("--prune", is_flag=True, help="Plan to delete what is owned but not declared.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
def command(
    options: Options, keys: tuple[str, ...], prune: bool, detailed_exitcode: bool
) -> int | None:
    """Show what `assistctl sync` would do, without doing it.

    With KEYs only for these and what they refer to. -v shows the requests of each change.
    """
    refuse_prune_of_some(keys, prune)
    workspace = load(options)
    with opened(workspace) as surface:
        found = survey(surface, workspace, keys, Wishes(partial=bool(keys), prune=prune))
    if options.format == "json":
        click.echo(plan_json(found.plan))
    elif options.format == "markdown":
        click.echo(plan_markdown(found.plan))
    else:
        requests = found.requests() if options.verbosity > 0 else ()
        click.echo(plan_text(found.plan, requests))
    return CHANGES_PENDING if detailed_exitcode and found.plan else None
