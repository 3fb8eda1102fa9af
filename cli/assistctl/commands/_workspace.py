"""The workspace that a command works on, and what is to be said about it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from assistctl import loading
from assistctl.commands._options import Options
from assistctl.errors import Problem
from assistctl.render.problems import warnings_text
from assistctl.render.terminal import sanitize
from assistctl.resources import Workspace


def load(
    options: Options, *, refuse: bool = True, keyless: bool = False, tests: bool = False
) -> Workspace:
    """As the command line asks for it; see loading.load."""
    return loading.load(
        options.workspace, options.target, refuse=refuse, keyless=keyless, tests=tests
    )


def say(options: Options, text: str) -> None:
    """Tell on stderr whoever has not asked for quiet."""
    if not options.quiet:
        click.echo(sanitize(text), err=True)


def warn(options: Options, warnings: Sequence[Problem]) -> None:
    """Say on stderr what will not be as it is declared."""
    if warnings and not options.quiet:
        click.echo(warnings_text(warnings), err=True)
