"""assistctl doctor: what assistctl rests on, looked at."""

from __future__ import annotations

from itertools import groupby

import click

from assistctl.checks import State
from assistctl.commands._options import Options, as_command
from assistctl.render.checks import check_text, checks_json, subject_text, summary_text


@as_command("doctor", formats=("text", "json"))
def command(options: Options) -> int | None:
    """Look whether all is well: this machine, the workspace, its target, its model.

    Nothing is changed, at the target neither, and no model is asked anything. ✓ is well, ! works or
    is not needed by all, ✗ does not work; below stands what to do. Exits 1 if there is a ✗.

    \b
    Examples:
      assistctl doctor
      assistctl doctor -t prod -q
    """
    from assistctl.checkup import examine

    looked = examine(options.workspace, options.target)
    if options.format == "json":
        checks = list(looked)
        click.echo(checks_json(checks))
    else:
        checks = []
        for subject, each in groupby(looked, lambda it: it.subject):
            if not options.quiet:
                click.echo(subject_text(subject))
            for check in each:
                checks.append(check)
                if not options.quiet or check.state is not State.OK:
                    click.echo(check_text(check))
        click.echo(summary_text(checks))
    return 1 if any(check.state is State.FAILED for check in checks) else None
