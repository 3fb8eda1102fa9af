"""The workspace that a command works on, and what is to be said about it."""

from __future__ import annotations

import click

from assistctl import loading
from assistctl.commands._options import Options
from assistctl.render.problems import warnings_text
from assistctl.resources import Workspace


def load(options: Options, *, refuse: bool = True) -> Workspace:
    """As the command line asks for it; see loading.load."""
    return loading.load(options.workspace, options.target, refuse=refuse)


def warn(options: Options, workspace: Workspace) -> None:
    """Say on stderr what will not be as it is declared."""
    if workspace.warnings and not options.quiet:
        click.echo(warnings_text(workspace.warnings), err=True)
