"""assistctl sync: plan, confirm, apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands._apply import applied_json, apply, refuse_failures, show_plan
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._drift import ask_about_drift, keeping, refuse_drift
from assistctl.commands._options import (
    Options,
    as_command,
    complete_key,
    deep_option,
    parallel_option,
)
from assistctl.commands._person import can_answer
from assistctl.commands._saved import read
from assistctl.commands._survey import Survey, check_keys, survey
from assistctl.commands._target import opened
from assistctl.commands._workspace import load
from assistctl.errors import Refused
from assistctl.plan.leftovers import mass_prune
from assistctl.plan.reconcile import Wishes
from assistctl.render.values import counted

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift


@as_command("sync", formats=("text", "json"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_key)
@click.option("--prune", is_flag=True, help="Delete what is owned but not declared any more.")
@click.option("--force", is_flag=True, help="Let --prune delete more than 30 % of what is owned.")
@click.option(
    "--on-drift",
    type=click.Choice(("fail", "overwrite", "keep")),
    help="What to do with edits made at the target since the last sync.  [default: ask on a "
    "terminal, else fail]",
)
@deep_option
@click.option(
    "--plan",
    "saved",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Apply exactly this saved plan, or nothing if it is stale.",
)
@with_consent
@parallel_option
def command(
    options: Options,
    keys: tuple[str, ...],
    prune: bool,
    force: bool,
    on_drift: OnDrift | None,
    deep: bool,
    saved: Path | None,
    consent: Consent,
    parallel: int,
) -> int | None:
    """Create and update what is declared, so that the target is as the YAML says.

    Shows the plan, asks, and applies it. Only what this workspace owns is touched.
    """
    check_keys(keys, prune)
    if saved and (keys or prune or deep):
        raise click.UsageError(
            "--plan FILE says already what is asked for; drop KEY, --prune and --deep."
        )
    reviewed = read(saved) if saved else None
    if reviewed:
        reviewed.check_target(options.target)
        keys, prune = reviewed.keys, reviewed.prune
        options = replace(options, target=reviewed.target)
    workspace = load(options)
    consent.check(workspace.target)
    # Whoever says what becomes of edits wants them to be found.
    deep = reviewed.deep if reviewed else deep or on_drift is not None
    wishes = Wishes(partial=bool(keys), prune=prune, deep=deep)
    with opened(workspace, parallel) as surface:
        found = survey(surface, workspace, keys, wishes)
        if reviewed:
            reviewed.check(workspace, found)
        if on_drift == "keep" and found.plan.drifted:
            found = keeping(surface, workspace, found, wishes)
        asks = consent.asks(workspace.target)
        show_plan(found, options, asking=asks)
        if found.plan.drifted and asks and on_drift is None and can_answer():
            on_drift = ask_about_drift(found)
            if on_drift == "keep":
                found = keeping(surface, workspace, found, wishes)
                show_plan(found, options, asking=True)
        refuse_drift(found, on_drift)
        _refuse_mass_prune(found, force=force)
        if found.plan:
            consent.obtain(found.intent, workspace.target)
        results = apply(surface, workspace, found, quiet=options.quiet)
    if options.format == "json":
        click.echo(applied_json(found, results))
    refuse_failures(results)
    if found.plan and not options.quiet:
        click.echo(f"Synced {workspace.target.name}: {counted(len(results), 'change')}.", err=True)
    return None


def _refuse_mass_prune(found: Survey, *, force: bool) -> None:
    for reason in mass_prune(found.plan.changes, found.observed):
        if not force:
            raise Refused(f"{reason}; nothing was changed")
