"""assistctl chat: turn after turn on one thread."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import click

from assistctl.commands._conversation import opened_session, shown_turn, with_conversation_options
from assistctl.commands._options import Options, as_command, complete_key
from assistctl.commands._termination import Terminated
from assistctl.commands._turns import turn_options, with_turn_options
from assistctl.commands._workspace import load
from assistctl.conversation.sessions import ConversationOptions, Session
from assistctl.errors import AssistctlError
from assistctl.events import Finished
from assistctl.render.problems import error_text
from assistctl.render.run import failure
from assistctl.spec.wording import is_unicode

HELP = "/exit (or Ctrl-D) leaves, /thread shows the thread's id; Ctrl-C stops an answer."


@as_command("chat", formats=("text",))
@click.argument("key", metavar="KEY", shell_complete=complete_key)
@with_conversation_options
@with_turn_options
def command(
    options: Options,
    key: str,
    conversation: ConversationOptions,
) -> int | None:
    """Talk with the assistant KEY, all on one thread.

    A failed turn is told and the conversation goes on. Lines may also come from a pipe, one
    message each.
    """
    workspace = load(options)
    conversation = turn_options(workspace, key, conversation)
    with opened_session(options, workspace, key, conversation) as talk:
        interactive = sys.stdin.isatty()
        if interactive:
            _editable_lines()
            if not options.quiet:
                click.echo(f"{talk.assistant.address} at {workspace.target.name}. {HELP}", err=True)

        def say(message: str) -> Finished:
            return shown_turn(talk, message, options)

        failed = False
        while (line := _read(interactive)) is not None:
            failed = not _answer(talk, line, say) or failed
    return 1 if failed and not interactive else None


def _answer(talk: Session, line: str, say: Callable[[str], Finished]) -> bool:
    """One line of the person's; whether it went well."""
    message = line.strip()
    if message == "/thread":
        click.echo(talk.conversation.thread or "no thread yet", err=True)
    elif message in ("/help", "/?"):
        click.echo(HELP, err=True)
    elif not is_unicode(message):
        click.echo(error_text("the message is not UTF-8"), err=True)
        return False
    elif message:
        try:
            finished = say(line.removesuffix("\n"))
        except Terminated:
            raise
        except KeyboardInterrupt:
            return False  # the answer was stopped, not the conversation
        except AssistctlError as error:
            click.echo(error_text(str(error)), err=True)
            return False
        if finished.status != "completed":
            click.echo(error_text(failure(finished)), err=True)
            return False
    return True


def _read(interactive: bool) -> str | None:
    """The next line, or None when the person leaves."""
    line = _typed() if interactive else sys.stdin.readline()
    return None if not line or line.strip() in ("/exit", "/quit") else line


def _typed() -> str | None:
    """A line with its line break, as a file has it."""
    while True:
        try:
            return input("> ") + "\n"
        except EOFError:
            click.echo(err=True)
            return None
        except Terminated:
            raise
        except KeyboardInterrupt:
            click.echo("\n(Ctrl-D leaves)", err=True)


def _editable_lines() -> None:
    """Arrow keys and history in input(), where Python was built with it."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401
