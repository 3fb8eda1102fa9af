"""assistctl sync: plan, confirm, apply."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from assistctl.commands._completion import complete_declared
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import (
    Options,
    as_command,
    check_keys,
    deep_option,
    parallel_option,
)
from assistctl.commands._person import can_answer
from assistctl.commands._report import applied, applied_json, intent, refuse_failures, show_plan
from assistctl.commands._workspace import load, say, warn
from assistctl.errors import Refused
from assistctl.plan.cleanup import mass_prune
from assistctl.plan.reconcile import PlanOptions
from assistctl.render.values import counted
from assistctl.sync.drift_policy import drifted_fields, keeping, refuse_drift
from assistctl.sync.planning import PlannedSync, plan_sync
from assistctl.sync.saved_plan import read
from assistctl.targets import opened

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift
    from assistctl.resources import Workspace
    from assistctl.surface import Surface


@as_command("sync", formats=("text", "json"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_declared)
@click.option("--prune", is_flag=True, help="Delete what is owned but not declared any more.")
@click.option("--force", is_flag=True, help="Let --prune delete more than 30 % of what is owned.")
@click.option(
    "--on-drift",
    type=click.Choice(("fail", "overwrite", "keep", "pull")),
    help="What to do with edits made at the target since the last sync; pull brings them into the "
    "YAML.  [default: ask on a terminal, else fail]",
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
    on_drift: OnDrift | Literal["pull"] | None,
    deep: bool,
    saved: Path | None,
    consent: Consent,
    parallel: int,
) -> None:
    """Create and update what is declared, so that the target is as the YAML says.

    Shows the plan, asks, and applies it. Only what this workspace owns is touched.

    \b
    Examples:
      assistctl sync
      assistctl sync -t prod --plan plan.json --yes
      assistctl sync -t prod --on-drift overwrite --prune
    """
    check_keys(keys, prune)
    if saved and (keys or prune or deep):
        raise click.UsageError(
            "--plan FILE says already what is asked for; drop KEY, --prune and --deep."
        )
    if saved and on_drift == "pull":
        raise click.UsageError("A saved plan rests on the YAML as it was; pull first, then plan.")
    reviewed = read(saved) if saved else None
    if reviewed:
        reviewed.check_target(options.target)
        keys, prune = reviewed.keys, reviewed.prune
        options = replace(options, target=reviewed.target)
    workspace = load(options)
    warn(options, workspace.warnings)
    consent.check(workspace.target)
    # Whoever says what becomes of edits wants them to be planned.
    deep = reviewed.deep if reviewed else deep or on_drift is not None
    plan_options = PlanOptions(partial=bool(keys), prune=prune, deep=deep)
    with opened(workspace, parallel) as surface:
        planned = plan_sync(surface, workspace, keys, plan_options)
        if reviewed:
            reviewed.check(workspace, planned)
        if on_drift == "keep" and planned.plan.drifted:
            planned = keeping(surface, workspace, planned, plan_options)
        asks = consent.asks(workspace.target)
        if on_drift != "pull":
            show_plan(planned, options, asking=asks)
        if planned.plan.drifted and asks and on_drift is None and can_answer():
            on_drift = _asked_about_drift(planned)
            if on_drift == "keep":
                planned = keeping(surface, workspace, planned, plan_options)
                show_plan(planned, options, asking=True)
        if on_drift == "pull":
            _pull(surface, workspace, planned, options, consent)
            workspace = load(options)
            planned, on_drift = plan_sync(surface, workspace, keys, plan_options), "fail"
            show_plan(planned, options, asking=asks)
        refuse_drift(planned, on_drift)
        _refuse_mass_prune(planned, force=force)
        if planned.plan:
            consent.obtain(intent(planned), workspace.target)
        results = applied(surface, workspace, planned, quiet=options.quiet)
    if options.format == "json":
        click.echo(applied_json(planned, results))
    refuse_failures(results)
    if planned.plan:
        say(options, f"Synced {workspace.target.name}: {counted(len(results), 'change')}.")


def _pull(
    surface: Surface,
    workspace: Workspace,
    planned: PlannedSync,
    options: Options,
    consent: Consent,
) -> None:
    """Bring the edits at the target into the files, as `assistctl pull` does."""
    # Few syncs need it.
    from assistctl.commands._pulling import carry_out, show_pull
    from assistctl.pulling import plan_pull

    pull = plan_pull(surface, planned, workspace)
    show_pull(pull, options, asking=consent.asks(workspace.target))
    carry_out(surface, workspace, pull, options, consent)


def _refuse_mass_prune(planned: PlannedSync, *, force: bool) -> None:
    for reason in mass_prune(planned.plan.changes, planned.observed):
        if not force:
            raise Refused(f"{reason}; nothing was changed")


def _asked_about_drift(planned: PlannedSync) -> OnDrift | Literal["pull"]:
    """Ask the person what shall become of the edits that the plan shows."""
    click.echo(f"Edited at the target: {', '.join(drifted_fields(planned))}.", err=True)
    answer = click.prompt(
        "Overwrite these edits, keep them, pull them into the YAML, or stop",
        type=click.Choice(("overwrite", "keep", "pull", "stop")),
        default="stop",
        err=True,
    )
    if answer == "stop":
        raise Refused("nothing was changed")
    return cast("OnDrift", answer)
