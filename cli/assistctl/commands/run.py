"""assistctl run: one turn with a declared assistant."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from assistctl.apis import capabilities
from assistctl.commands._completion import complete_key
from assistctl.commands._conversation import opened_session, shown_turn, with_conversation_options
from assistctl.commands._options import Options, as_command
from assistctl.commands._turns import turn_options, with_turn_options
from assistctl.commands._workspace import load
from assistctl.conversation.dry_run import would_send
from assistctl.conversation.sessions import ConversationOptions
from assistctl.errors import AssistctlError, RunFailed
from assistctl.render.dry_run import would_send_text
from assistctl.render.run import failure
from assistctl.render.terminal import one_line
from assistctl.render.values import json_document, json_line
from assistctl.spec.wording import is_unicode


@as_command("run", formats=("text", "json", "jsonl"))
@click.argument("key", metavar="KEY", shell_complete=complete_key)
@click.argument("message", required=False)
@click.option(
    "--attach",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Give the message a file (again for more).",
)
@click.option(
    "--dry-run", is_flag=True, help="Tell what would be sent; send nothing, import no tools."
)
@with_conversation_options
@with_turn_options
def command(
    options: Options,
    key: str,
    message: str | None,
    files: tuple[Path, ...],
    dry_run: bool,
    conversation: ConversationOptions,
) -> None:
    """Send MESSAGE (or what comes on standard input) to the assistant KEY.

    The answer goes to standard output as it comes; the tool calls and the rest of the story go to
    standard error. Exits 0 only if the run completed.

    \b
    Examples:
      assistctl run guide "When are you open on Saturday?"
      assistctl run guide --continue "And on Monday?"
      git diff | assistctl run guide - --format json
    """
    text = _message(message)
    workspace = load(options)
    conversation = turn_options(workspace, key, conversation)
    files = tuple(path.absolute() for path in files)  # tools work in the workspace's root
    if dry_run:
        there = capabilities.at(workspace.target)
        sent = would_send(workspace, key, conversation, text, files, there)
        form = {"text": would_send_text, "json": json_document, "jsonl": json_line}
        click.echo(form[options.format](sent))
        return
    with opened_session(options, workspace, key, conversation) as talk:
        for path in files:
            talk.check_attachment(path)
        attachments = [talk.attach(path) for path in files]
        finished = shown_turn(talk, text, options, attachments)
    if finished.status != "completed":
        raise RunFailed(failure(finished))
    if lost := [file for file in finished.files if file.error]:
        told = "; ".join(f"{one_line(file.name)}: {file.error}" for file in lost)
        raise AssistctlError(f"not all that was made could be saved: {told}")


def _message(argument: str | None) -> str:
    if argument is None or argument == "-":
        if argument is None and sys.stdin.isatty():
            raise click.UsageError("Say something: a MESSAGE, or text on standard input.")
        argument = sys.stdin.read().removeprefix("\ufeff")
    if not argument.strip():
        raise click.UsageError("The message is empty.")
    if not is_unicode(argument):
        raise click.UsageError("The message is not UTF-8.")
    if "\0" in argument:
        raise click.UsageError("The message is no text, since it holds a NUL; use --attach.")
    return argument
