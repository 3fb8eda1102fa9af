"""assistctl gc: uploads that nothing uses."""

from __future__ import annotations

import re
import time

import click

from assistctl.commands._consent import Consent, with_consent
from assistctl.commands._options import Options, as_command, parallel_option
from assistctl.commands._workspace import load, say
from assistctl.render.listing import orphans_json, orphans_text
from assistctl.render.values import counted
from assistctl.targets import opened

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smhd])", value)
    if not match:
        raise click.BadParameter("write a number and s, m, h or d, such as 0s, 90m, 12h or 7d")
    return int(match[1]) * _UNITS[match[2]]


@as_command("gc", formats=("text", "json"))
@click.option("--all", "everything", is_flag=True, help="Whatever they are called.")
@click.option(
    "--older-than",
    metavar="AGE",
    default="1h",
    show_default=True,
    callback=_seconds,
    help="Leave younger ones alone, which a sync at work may be about to use.",
)
@click.option("--list", "listing", is_flag=True, help="Only list them.")
@with_consent
@parallel_option
def command(
    options: Options,
    everything: bool,
    older_than: int,
    listing: bool,
    consent: Consent,
    parallel: int,
) -> None:
    """Find uploads to which no assistant and no vector store refers, and offer to delete them.

    A sync that is killed may leave some behind. Nothing says whose they are, so only those that
    are called like a declared file are meant, unless you say --all. Files that were attached to a
    thread for code_interpreter look the same: read the list before you agree.

    \b
    Examples:
      assistctl gc --list
      assistctl gc -t prod --older-than 7d --yes
    """
    workspace = load(options)
    with opened(workspace, parallel) as surface:
        youngest = time.time() - older_than
        orphans = surface.orphans(surface.declare(workspace))
        old = [orphan for orphan in orphans if orphan.created_at <= youngest]
        found = [orphan for orphan in old if everything or orphan.like]
        if options.format == "json":
            click.echo(orphans_json(found))
        elif found or not options.quiet:
            click.echo(orphans_text(found))
        if len(old) > len(found):
            others = counted(len(old) - len(found), "upload")
            say(
                options,
                f"note: nothing uses {others} that no declared file is called like; whose they "
                "are nobody can tell: `assistctl gc --all --list` names them",
            )
        if len(orphans) > len(old):
            young = counted(len(orphans) - len(old), "upload")
            say(
                options,
                f"note: {young} that nothing uses may be too young to be sure of, and stay; "
                "`assistctl gc --all --older-than 0s --list` names them",
            )
        if listing or not found:
            return
        what = f"delete {counted(len(found), 'file')} at {workspace.target.name}"
        consent.obtain(what, workspace.target)
        for orphan in found:
            surface.delete_file(orphan.id)
    say(options, f"Deleted {counted(len(found), 'file')}.")
