"""assistctl sync: plan, confirm, apply."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assistctl.commands._apply import apply, confirm, refuse_failures, result_json
from assistctl.commands._options import Options, as_command, complete_key, parallel_option
from assistctl.commands._saved import read
from assistctl.commands._survey import Survey, refuse_prune_of_some, survey
from assistctl.commands._target import opened
from assistctl.commands._workspace import load
from assistctl.errors import Refused
from assistctl.plan.reconcile import Wishes
from assistctl.render.plan import plan_json, plan_text
from assistctl.render.values import counted, json_document

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift


@as_command("sync", formats=("text", "json"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_key)
@click.option("-y", "--yes", is_flag=True, help="Do not ask (for CI).")
@click.option("--prune", is_flag=True, help="Delete what is owned but not declared any more.")
@click.option(
    "--on-drift",
    type=click.Choice(("fail", "overwrite", "keep")),
    help="What to do with edits made at the target since the last sync.  [default: ask on a "
    "terminal, else fail]",
)
@click.option(
    "--plan",
    "saved",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Apply exactly this saved plan, or nothing if it is stale.",
)
@parallel_option
def command(
    options: Options,
    keys: tuple[str, ...],
    yes: bool,
    prune: bool,
    on_drift: OnDrift | None,
    saved: Path | None,
    parallel: int,
) -> int | None:
    """Create and update what is declared, so that the target is as the YAML says.

    Shows the plan, asks, and applies it. Only what this workspace owns is touched.
    """
    refuse_prune_of_some(keys, prune)
    if saved and (keys or prune):
        raise click.UsageError("--plan FILE says already what is asked for; drop KEY and --prune.")
    reviewed = read(saved) if saved else None
    if reviewed:
        keys, prune = reviewed.keys, reviewed.prune
        options = replace(options, target=reviewed.target)
    workspace = load(options)
    wishes = Wishes(partial=bool(keys), prune=prune, on_drift=on_drift or "fail")
    with opened(workspace, parallel) as surface:
        found = survey(surface, workspace, keys, wishes)
        if reviewed:
            reviewed.check(workspace, found)
        _show(found, options, asking=not yes)
        if found.plan.drifted and not yes and on_drift is None and sys.stdin.isatty():
            wishes = replace(wishes, on_drift=_ask_about_drift(found))
            if wishes.on_drift == "keep":
                found = survey(surface, workspace, keys, wishes)
                _show(found, options, asking=True)
        _refuse_drift(found, wishes)
        if found.plan and not yes:
            confirm(found)
        results = apply(surface, workspace, found, quiet=options.quiet)
    if options.format == "json":
        document = json.loads(plan_json(found.plan))
        click.echo(json_document(document | {"results": [result_json(r) for r in results]}))
    refuse_failures(results)
    if found.plan and not options.quiet:
        click.echo(f"Synced {workspace.target.name}: {counted(len(results), 'change')}.", err=True)
    return None


def _ask_about_drift(found: Survey) -> OnDrift:
    """Ask the person what shall become of the edits that the plan shows."""
    click.echo(f"Edited at the target: {', '.join(_drifted_fields(found))}.", err=True)
    answer = click.prompt(
        "Overwrite these edits, keep them, or stop",
        type=click.Choice(("overwrite", "keep", "stop")),
        default="stop",
        err=True,
    )
    if answer == "stop":
        raise Refused("nothing was changed")
    return "overwrite" if answer == "overwrite" else "keep"


def _show(found: Survey, options: Options, *, asking: bool) -> None:
    """The plan in words: on stdout, unless that is for JSON; nobody is asked about it unseen."""
    as_text = options.format == "text"
    if (asking and found.plan) or (as_text and not options.quiet):
        requests = found.requests() if options.verbosity > 0 else ()
        click.echo(plan_text(found.plan, requests), err=not as_text)


def _refuse_drift(found: Survey, wishes: Wishes) -> None:
    if wishes.on_drift == "fail" and (drifted := found.plan.drifted):
        raise Refused(
            f"edited at the target since the last sync: {', '.join(_drifted_fields(found))}; "
            f"nothing was changed. Use --on-drift overwrite to put {_them(len(drifted))} back as "
            "declared, --on-drift keep to leave the edits, or bring them into the YAML"
        )


def _drifted_fields(found: Survey) -> Iterator[str]:
    for change in found.plan.drifted:
        yield f"{change.address} ({', '.join(field.path for field in change.drifted)})"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"
