"""assistctl chat: turn after turn on one thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TextIO

import click

from assistctl.commands._chat import (
    DOES,
    LEAVING,
    Chat,
    Files,
    Heard,
    commanded,
    message_in,
    obey,
    recorded,
    show_last,
    values,
)
from assistctl.commands._completion import complete_key
from assistctl.commands._conversation import opened_session, shown_turn, with_conversation_options
from assistctl.commands._options import Options, as_command
from assistctl.commands._person import TypeAhead, keys_answer, keys_wait
from assistctl.commands._termination import Terminated
from assistctl.commands._turns import turn_options, with_turn_options
from assistctl.commands._workspace import load
from assistctl.conversation.sessions import ConversationOptions, Session
from assistctl.errors import AssistctlError
from assistctl.events import Finished
from assistctl.render.problems import error_text
from assistctl.render.run import Consumer, Story, TextOutput, failure
from assistctl.render.terminal import is_plain_terminal, one_line
from assistctl.spec.wording import is_unicode
from assistctl.state_directory import state_directory

Read = Callable[[], str | None]
"""The next line, or None when the person leaves."""


@as_command("chat", formats=("text",))
@click.argument("key", metavar="KEY", shell_complete=complete_key)
@click.option("--plain", is_flag=True, help="Show answers as they come, Markdown as it is written.")
@with_conversation_options
@with_turn_options
def command(
    options: Options,
    key: str,
    plain: bool,
    conversation: ConversationOptions,
) -> int | None:
    """Talk with the assistant KEY, all on one thread.

    What begins with a slash is a command: /help tells them. A failed turn is told and the
    conversation goes on. Lines may also come from a pipe, one message each.

    \b
    Examples:
      assistctl chat guide
      assistctl chat guide --continue
      assistctl chat guide -t prod --model gpt-6.1
    """
    workspace, start, ahead = load(options), Path.cwd(), TypeAhead()
    terminal = _terminal()
    conversation = turn_options(workspace, key, conversation)
    with (
        keys_wait() if terminal else nullcontext(),
        opened_session(options, workspace, key, conversation) as talk,
    ):

        def say(talk: Session, message: str, files: Files, heard: Heard) -> Finished:
            show = None if plain else _rendered(options)
            return shown_turn(talk, message, options, files, show=show, heard=heard, ahead=ahead)

        if talk.conversation.thread:
            talk.surface.check_thread(talk.conversation.thread)
        chat = Chat(talk, say, start, turns=[*recorded(talk)])
        if terminal and not options.quiet:
            where = f"{talk.assistant.address} at {workspace.target.name}"
            click.echo(f"{where}. /help tells what there is, /exit or Ctrl-D leaves.", err=True)
            show_last(chat)
        read = _asking(terminal, chat, options, ahead) if terminal else _line
        failed = False
        while (line := read()) is not None and line.strip() not in LEAVING:
            failed = not _answer(chat, line.removesuffix("\n")) or failed
    return 1 if failed and not terminal else None


def _answer(chat: Chat, line: str) -> bool:
    """One line of the person's; whether it went well."""
    if not line.strip():
        return True
    try:
        if not is_unicode(line):
            raise AssistctlError("the message is not UTF-8")
        meant = commanded(line)
        finished = obey(chat, *meant) if meant else chat.send(message_in(line))
        if finished and finished.status != "completed":
            raise AssistctlError(failure(finished))
    except Terminated:
        raise
    except KeyboardInterrupt:
        return False  # the answer was stopped, not the conversation
    except AssistctlError as error:
        click.echo(error_text(str(error)), err=True)
        return False
    return True


def _rendered(options: Options) -> Consumer | None:
    """What shows an answer's Markdown where a terminal can."""
    if not sys.stdout.isatty() or options.color is False:
        return None
    from assistctl.render.streaming import MarkdownStream

    answer = MarkdownStream(sys.stdout)
    return TextOutput(answer, Story(sys.stderr, options.verbosity), answer.finish)


def _terminal() -> TextIO | None:
    """Where a person is asked, if one is there: not among the answers if these go elsewhere."""
    shown = [stream for stream in (sys.stderr, sys.stdout) if stream.isatty()]
    return shown[0] if shown and sys.stdin.isatty() else None


def _line() -> str | None:
    return sys.stdin.readline() or None


def _asking(terminal: TextIO, chat: Chat, options: Options, ahead: TypeAhead) -> Read:
    """What asks the person for the next message."""
    ask = _typed if is_plain_terminal() else _prompt(terminal, chat, options)

    def read() -> str | None:
        while True:
            try:
                return ask(ahead.taken())
            except EOFError:
                return None
            except Terminated:
                raise
            except KeyboardInterrupt:
                click.echo("(Ctrl-D leaves)", err=True)

    return read


def _typed(standing: str) -> str:
    """A line, on a terminal that has nothing more to offer, not even to go on with what stands."""
    if standing:
        click.echo(f"not sent: {one_line(standing)}", err=True)
    with keys_answer():
        return input("> ")


def _prompt(terminal: TextIO, chat: Chat, options: Options) -> Callable[[str], str]:
    from assistctl.commands._prompt import prompt

    history = None
    with suppress(OSError):
        history = state_directory(chat.talk.workspace.root) / "chat_history"
    return prompt(
        terminal,
        history,
        DOES,
        lambda name: values(chat, name),
        lambda: chat.status,
        options.color is not False,
    )
