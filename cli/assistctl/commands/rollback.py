"""assistctl rollback: an object as it was before a sync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from assistctl.commands._completion import complete_address, complete_snapshot
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import Options, as_command, parallel_option
from assistctl.commands._report import applied, applied_json, intent, refuse_failures, show_plan
from assistctl.commands._workspace import load, say
from assistctl.errors import AssistctlError, RemoteError
from assistctl.plan.changes import Action, Plan
from assistctl.render.snapshots import (
    KeptSnapshot,
    ListedSnapshot,
    kept_json,
    kept_text,
    snapshots_json,
    snapshots_text,
)
from assistctl.render.terminal import sanitize
from assistctl.resources import Address, Workspace
from assistctl.sync import snapshots
from assistctl.sync.drift_policy import refuse_drift
from assistctl.sync.rollback import plan_rollback
from assistctl.targets import opened

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift
    from assistctl.surface import Surface


@as_command("rollback", formats=("text", "json"))
@click.argument("key", metavar="[KEY]", required=False, shell_complete=complete_address)
@click.option(
    "--list",
    "listing",
    is_flag=True,
    help="Only list what each snapshot would change; without KEY, what each has.",
)
@click.option(
    "--to",
    metavar="SNAPSHOT",
    shell_complete=complete_snapshot,
    help="A snapshot by its name in --list, or by its path.  [default: the newest that has KEY]",
)
@click.option(
    "--on-drift",
    type=click.Choice(("fail", "overwrite", "keep")),
    default="fail",
    show_default=True,
    help="What to do with edits made at the target since the last sync.",
)
@with_consent
@parallel_option
def command(
    options: Options,
    key: str | None,
    listing: bool,
    to: str | None,
    on_drift: OnDrift,
    consent: Consent,
    parallel: int,
) -> None:
    """Make KEY as it was before a sync changed or deleted it.

    Shows the plan of the way back, asks, and applies it. With an assistant goes the store behind
    its own file_search files. The YAML stays as it is, so that the next sync goes forward again.

    \b
    Examples:
      assistctl rollback --list
      assistctl rollback guide --list
      assistctl rollback guide
      assistctl rollback guide --to 2027-05-01T101500.123456Z
    """
    if key is None and not listing:
        raise click.UsageError("Name the KEY of what is to go back; --list says what can.")
    workspace = load(options)
    if key is None:
        kept = [_kept(it) for it in snapshots.all_of(workspace)]
        click.echo(
            kept_json(kept) if options.format == "json" else kept_text(kept),
            nl=bool(kept) or options.format == "json",
        )
        return
    address = workspace.now(Address.parse(key))
    if listing:
        having = [item for item in snapshots.all_of(workspace) if address in item.objects]
        listed = list(_listed(having, workspace, address, parallel))
        as_json = options.format == "json"
        click.echo(
            snapshots_json(listed) if as_json else snapshots_text(listed),
            nl=bool(listed) or as_json,
        )
        return
    consent.check(workspace.target)
    snapshot, note = snapshots.chosen(workspace, address, to)
    if note:
        click.echo(f"note: {note}", err=True)
    with (
        opened(workspace, parallel) as surface,
        TemporaryDirectory(prefix="assistctl-") as directory,
    ):
        sources = Path(directory)
        found = plan_rollback(surface, workspace, snapshot, address, on_drift, sources)
        as_then = f"{address} is as it was before {snapshot.name}"
        if found.plan.kept:
            as_then += ", but for the edits that are kept"
        if found.plan.notes:
            as_then += ", as far as it could be had again"
        asks = consent.asks(workspace.target)
        if not found.plan or (options.quiet and not asks):
            for note in found.plan.notes:
                click.echo(f"Note: {sanitize(note)}", err=True)
        if not found.plan:
            click.echo(f"{as_then}.", err=True)
            if options.format == "json":
                click.echo(applied_json(found, []))
            snapshots.finish_all(workspace, snapshot.name)
            return
        show_plan(found, options, asking=asks)
        refuse_drift(found, on_drift)
        consent.obtain(intent(found), workspace.target)
        results = applied(
            surface,
            workspace,
            found,
            quiet=options.quiet,
            sources=sources,
            back_to=snapshot.name,
        )
        if options.format == "json":
            click.echo(applied_json(found, results))
        refuse_failures(results, f"`assistctl rollback {key} --to {to or snapshot.name}`")
    made = next((it for it in results if it.change.address == address), None)
    if made and made.change.action is Action.CREATE:
        as_then += f", under a new id ({made.id}), which threads and clients do not know"
    say(
        options,
        f"{as_then}. The YAML was not changed: take the change back there too, or the next sync "
        "makes it again.",
    )


def _kept(snapshot: snapshots.Snapshot) -> KeptSnapshot:
    return KeptSnapshot(
        snapshot.name,
        str(snapshot.contents.parent),
        snapshot.unfinished is not None,
        tuple(map(str, snapshot.objects)),
    )


def _listed(
    having: Sequence[snapshots.Snapshot], workspace: Workspace, address: Address, parallel: int
) -> Iterator[ListedSnapshot]:
    """What going back to each would change, as far as the target can be asked for it."""
    if not having:
        return
    try:
        with opened(workspace, parallel) as surface:
            plans: list[Plan | str | None] = [
                _plan_or_reason(surface, workspace, item, address) for item in having
            ]
    except RemoteError as error:
        click.echo(f"note: what each would change is not known: {error}", err=True)
        plans = [None] * len(having)
    for item, plan in zip(having, plans, strict=True):
        yield ListedSnapshot(
            item.name, str(item.contents.parent), item.unfinished is not None, plan
        )


def _plan_or_reason(
    surface: Surface, workspace: Workspace, snapshot: snapshots.Snapshot, address: Address
) -> Plan | str:
    try:
        return plan_rollback(surface, workspace, snapshot, address, "fail").plan
    except RemoteError:
        raise
    except AssistctlError as error:
        return str(error)
