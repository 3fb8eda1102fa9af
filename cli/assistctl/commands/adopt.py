"""assistctl adopt: take over an existing object that nobody owns."""

from __future__ import annotations

import click

from assistctl.commands._completion import complete_declared
from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import Options, as_command, parallel_option
from assistctl.commands._report import applied, intent, refuse_failures, told_plan
from assistctl.commands._workspace import load
from assistctl.sync.adoption import adoption
from assistctl.targets import opened


@as_command("adopt")
@click.argument("key", metavar="KEY", shell_complete=complete_declared)
@click.argument("object_id", metavar="ID")
@with_consent
@parallel_option
def command(options: Options, key: str, object_id: str, consent: Consent, parallel: int) -> None:
    """Make the existing assistant (or vector store) ID the one that KEY declares.

    Its id stays, so that threads and clients that know it go on working; what differs from the
    declaration is changed, after the plan is shown. Only objects without an owner can be taken.

    \b
    Examples:
      assistctl adopt guide asst_abc123
      assistctl adopt vector_store/handbook vs_abc123 -t prod --yes
    """
    workspace = load(options)
    with opened(workspace, parallel) as surface:
        found = adoption(surface, workspace, {key: object_id})
        if consent.asks(workspace.target) or not options.quiet:
            click.echo(told_plan(found, options))
        consent.obtain(intent(found), workspace.target)
        refuse_failures(applied(surface, workspace, found, quiet=options.quiet))
