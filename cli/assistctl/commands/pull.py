"""assistctl pull: edits made at the target become the YAML's."""

from __future__ import annotations

from collections.abc import Iterator

import click

from assistctl.commands._completion import complete_declared
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import Options, as_command, check_keys, parallel_option
from assistctl.commands._pulling import carry_out, pull_document, refuse_left, show_pull
from assistctl.commands._workspace import load
from assistctl.plan.changes import Action
from assistctl.plan.reconcile import PlanOptions
from assistctl.pulling import plan_pull
from assistctl.render.terminal import one_line
from assistctl.render.values import counted, json_document
from assistctl.resources import FILE
from assistctl.sync.planning import PlannedSync, plan_sync
from assistctl.targets import opened


@as_command("pull", formats=("text", "json"))
@click.argument("keys", nargs=-1, metavar="[KEY]...", shell_complete=complete_declared)
@click.option("--all", "everything", is_flag=True, help="All that is declared.")
@click.option(
    "--theirs", is_flag=True, help="Where a field was changed here as well, take the target's."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be written.")
@with_consent
@parallel_option
def command(
    options: Options,
    keys: tuple[str, ...],
    everything: bool,
    theirs: bool,
    dry_run: bool,
    consent: Consent,
    parallel: int,
) -> None:
    """Bring what was edited at the target since the last sync into the files.

    Shows the diff, asks, and writes all files or none: comments, order and whatever else stands
    there stay. What was changed here is left alone. Afterwards `assistctl plan` knows of no edits.

    \b
    Examples:
      assistctl pull guide
      assistctl pull --all --dry-run -t prod
    """
    if bool(keys) == everything:
        raise click.UsageError("Name the KEYs of assistants or stores, or --all.")
    check_keys(keys, prune=False)
    workspace = load(options)
    consent.check(workspace.target)
    with opened(workspace, parallel) as surface:
        planned = plan_sync(surface, workspace, keys, PlanOptions(partial=bool(keys), deep=True))
        pull = plan_pull(surface, planned, workspace, theirs=theirs)
        asks = consent.asks(workspace.target) and not dry_run
        show_pull(pull, options, asking=asks)
        if not options.quiet:
            for line in _others_business(planned):
                click.echo(line, err=True)
        if not dry_run:
            carry_out(surface, workspace, pull, options, consent)
    if options.format == "json":
        click.echo(json_document(pull_document(pull, written=bool(pull.files) and not dry_run)))
    elif not (pull or pull.left or options.quiet):
        target = one_line(workspace.target.name)
        click.echo(f"Nothing to pull: nothing was edited at {target} since the last sync.")
    refuse_left(pull)


def _others_business(planned: PlannedSync) -> Iterator[str]:
    """What is there, or is not, and that no pull is about."""
    for change in planned.plan.changes:
        if change.action is Action.CREATE and change.address.kind != FILE:
            yield f"{change.address}: {change.cause}; `assistctl sync` makes it"
    for address in planned.plan.undeclared:
        yield f"{address}: no longer declared here; declare it anew, or `assistctl sync --prune`"
    if not planned.plan.partial and planned.observed.unmanaged:
        number = sum(map(len, planned.observed.unmanaged.values()))
        who = f"{counted(number, 'assistant')} there without an owner"
        yield f"{who}: `assistctl import` brings them here"
