"""assistctl steps: what happened on a thread, shown again."""

from __future__ import annotations

import click

from assistctl.commands._completion import complete_thread
from assistctl.commands._options import Options, as_command
from assistctl.commands._workspace import load
from assistctl.conversation.looking_back import past_turns
from assistctl.render.past import past_json, past_text
from assistctl.targets import opened


@as_command("steps", formats=("text", "json"))
@click.argument("wanted", metavar="[RUN|THREAD]", required=False, shell_complete=complete_thread)
def command(options: Options, wanted: str | None) -> None:
    """Show what happened on a thread: code, searches, calls, answers, tokens.

    THREAD is its id, RUN that of one run on a thread that was used from here; without either it is
    the thread used last. Nothing of it is cut with -v.

    \b
    Examples:
      assistctl steps
      assistctl steps thread_abc123 -v
    """
    workspace = load(options)
    with opened(workspace) as surface:
        turns = past_turns(workspace, surface, wanted)
        hidden = surface.redaction
        told = past_json(turns) if options.format == "json" else past_text(turns, options.verbosity)
        click.echo(hidden.text(told))
