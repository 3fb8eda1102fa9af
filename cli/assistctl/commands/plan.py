"""assistctl plan: what sync would do."""

from __future__ import annotations

from pathlib import Path

import click

from assistctl.commands._options import (
    Options,
    as_command,
    check_keys,
    complete_key,
    deep_option,
    parallel_option,
)
from assistctl.commands._report import told_plan
from assistctl.commands._workspace import load, warn
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.markdown import plan_markdown
from assistctl.render.plan import plan_text
from assistctl.render.plan_json import plan_json
from assistctl.sync.planning import plan_sync
from assistctl.sync.saved_plan import save
from assistctl.targets import opened

CHANGES_PENDING = 2


@as_command("plan", formats=("text", "json", "markdown"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_key)
@click.option("--prune", is_flag=True, help="Plan to delete what is owned but not declared.")
@click.option(
    "--drift-only", is_flag=True, help="Only what was edited at the target, or has gone from it."
)
@deep_option
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, for `sync --plan FILE`.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@parallel_option
def command(
    options: Options,
    keys: tuple[str, ...],
    prune: bool,
    drift_only: bool,
    deep: bool,
    out: Path | None,
    detailed_exitcode: bool,
    parallel: int,
) -> int | None:
    """Show what `assistctl sync` would do, without doing it.

    With KEYs only for these and what they refer to. -v shows the requests of each change.
    """
    check_keys(keys, prune)
    if drift_only and (prune or out):
        raise click.UsageError("--drift-only shows a part of a plan; it cannot be saved or prune.")
    workspace = load(options)
    warn(options, workspace.warnings)
    plan_options = PlanOptions(partial=bool(keys), prune=prune, deep=deep or drift_only)
    with opened(workspace, parallel) as surface:
        planned = plan_sync(surface, workspace, keys, plan_options)
    shown = planned.plan.drift if drift_only else planned.plan
    if options.format == "json":
        click.echo(plan_json(shown))
    elif options.format == "markdown":
        click.echo(plan_markdown(shown, planned.stores))
    elif drift_only:
        click.echo(plan_text(shown, stores=None if options.verbosity > 0 else planned.stores))
    else:
        click.echo(told_plan(planned, options))
    if out is not None:
        save(out, workspace, planned, keys, plan_options)
    return CHANGES_PENDING if detailed_exitcode and shown else None
