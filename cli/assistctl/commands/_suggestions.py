"""What to use instead of an option that there is not: none that deletes, forces or consents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from assistctl.suggestion import suggestion

NEVER = frozenset(
    {
        "--all",
        "--approve-all",
        "--cancel-active",
        "--confirm",
        "--force",
        "--prune",
        "--without-files",
        "--yes",
    }
)
"""Whoever wants one of these types it out: a slip of the finger must not become a deletion."""

_DRY_RUN = frozenset({"--dry-run", "--dryrun", "--preview", "--check", "--diff", "--what-if"})
_LOOKS = {
    "sync": "`assistctl plan` shows what sync would do.",
    "gc": "Use --list to see what it would delete.",
    "import": "Use --no-adopt to leave the target alone.",
    "rollback": "Use --list to see what each snapshot would change.",
}
"""By the command's name, how to look before anything is done."""

_ALIKE = 0.75


@contextmanager
def with_own_suggestions(command: click.Command, context: click.Context) -> Iterator[None]:
    """Replace what click would suggest, which is whatever is spelled a little like it."""
    try:
        yield
    except click.NoSuchOption as error:
        advice = _instead_of(error.option_name, command, context)
        message = " ".join(filter(None, (f"No such option '{error.option_name}'.", advice)))
        raise click.NoSuchOption(error.option_name, message, ctx=error.ctx or context) from error


def _instead_of(option: str, command: click.Command, context: click.Context) -> str:
    if option in _DRY_RUN and command.name in _LOOKS:
        return _LOOKS[command.name]
    options = [it for it in command.get_params(context) if isinstance(it, click.Option)]
    for it in options:
        if isinstance(it.type, click.Choice) and option.removeprefix("--") in it.type.choices:
            return f"Use {it.opts[-1]} {option.removeprefix('--')}."
    names = {name for it in options if not it.hidden for name in (*it.opts, *it.secondary_opts)}
    harmless = sorted(name for name in names - NEVER if name.startswith("--"))
    close = suggestion(option, harmless, _ALIKE)
    return f"Did you mean '{close}'?" if close else ""
