"""assistctl rollback: an object as it was before a sync."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from assistctl.commands import _snapshots
from assistctl.commands._apply import apply, refuse_failures
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._drift import refuse_drift
from assistctl.commands._options import Options, as_command, complete_key, parallel_option
from assistctl.commands._rollback import way_back
from assistctl.commands._target import opened
from assistctl.commands._workspace import load
from assistctl.errors import AssistctlError
from assistctl.render.plan import plan_text
from assistctl.resources import Address, Workspace

if TYPE_CHECKING:
    from assistctl.plan.reconcile import OnDrift


@as_command("rollback")
@click.argument("key", metavar="KEY", shell_complete=complete_key)
@click.option("--list", "listing", is_flag=True, help="Only list the snapshots that have KEY.")
@click.option(
    "--to",
    metavar="SNAPSHOT",
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
    key: str,
    listing: bool,
    to: str | None,
    on_drift: OnDrift,
    consent: Consent,
    parallel: int,
) -> int | None:
    """Make KEY as it was before a sync changed or deleted it.

    Shows the plan of the way back, asks, and applies it. With an assistant goes the store behind
    its own file_search files. The YAML stays as it is, so that the next sync goes forward again.
    """
    workspace = load(options)
    address = workspace.now(Address.parse(key))
    if listing:
        for item in _snapshots.all_of(workspace):
            if address in item.objects:
                click.echo(item.name)
        return None
    consent.check(workspace.target)
    snapshot = _chosen(workspace, address, to)
    with (
        opened(workspace, parallel) as surface,
        TemporaryDirectory(prefix="assistctl-") as directory,
    ):
        sources = Path(directory)
        found = way_back(surface, workspace, snapshot, address, on_drift, sources)
        as_then = f"{address} is as it was before {snapshot.name}"
        if found.plan.kept:
            as_then += ", but for the edits that are kept"
        if not found.plan:
            click.echo(f"{as_then}.", err=True)
            return None
        if consent.asks(workspace.target) or not options.quiet:
            click.echo(plan_text(found.plan, found.requests() if options.verbosity > 0 else ()))
        refuse_drift(found, on_drift)
        consent.obtain(found.intent, workspace.target)
        results = apply(surface, workspace, found, quiet=options.quiet, sources=sources)
        refuse_failures(results, f"`assistctl rollback {key} --to {to or snapshot.name}`")
    if not options.quiet:
        click.echo(
            f"{as_then}. The YAML was not changed: take the change back there too, or the next "
            "sync makes it again.",
            err=True,
        )
    return None


def _chosen(workspace: Workspace, address: Address, to: str | None) -> _snapshots.Snapshot:
    """The snapshot to go back to, which has the address."""
    if to is None:
        having = (item for item in _snapshots.all_of(workspace) if address in item.objects)
        if (newest := next(having, None)) is None:
            raise AssistctlError(
                f"there is no snapshot of {address} at {workspace.target.name}; one is kept "
                "whenever sync changes or deletes it (in CI, as an artifact: name it with --to)"
            )
        return newest
    snapshot = _snapshots.named(workspace, to)
    if address not in snapshot.objects:
        raise AssistctlError(f"the snapshot {to} does not have {address}")
    if snapshot.namespace != workspace.target.namespace:
        raise AssistctlError(
            f"the snapshot {to} is of namespace {snapshot.namespace!r}, and the target "
            f"{workspace.target.name!r} is {workspace.target.namespace!r}"
        )
    return snapshot
