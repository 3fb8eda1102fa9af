"""A conversation at the command line: its options, its questions, and a turn as it is shown."""

from __future__ import annotations

import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistctl.commands._completion import complete_thread
from assistctl.commands._options import Options
from assistctl.commands._person import TypeAhead, can_answer, keys_answer
from assistctl.commands._report import applied, refuse_failures
from assistctl.conversation.sessions import ConversationOptions, NotSynced, Session, session
from assistctl.errors import AssistctlError
from assistctl.events import Event, Finished, ToolCall
from assistctl.render.run import Consumer, called, consumer
from assistctl.render.terminal import one_line
from assistctl.resources import Address, Json, Workspace
from assistctl.sync.apply import Result
from assistctl.sync.planning import PlannedSync

if TYPE_CHECKING:
    from assistctl.surface import Surface


_ANSWERS = {"y": True, "yes": True, "n": False, "no": False, "": False}


def with_conversation_options(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options to a command, which gets them as `conversation`."""

    @click.option("-c", "--continue", "resume", is_flag=True, help="On the thread used last.")
    @click.option("--thread", metavar="ID", shell_complete=complete_thread, help="On this thread.")
    @click.option("--cancel-active", is_flag=True, help="Cancel a run that keeps the thread busy.")
    @click.option("--approve-all", is_flag=True, help="Do not ask before calls that want it.")
    @click.option(
        "--save",
        metavar="DIR",
        type=click.Path(file_okay=False, path_type=Path),
        help="Save the files that the assistant makes here.",
    )
    @functools.wraps(function)
    def call(
        *arguments: Any,
        resume: bool,
        thread: str | None,
        cancel_active: bool,
        approve_all: bool,
        save: Path | None,
        **more: Any,
    ) -> int | None:
        if resume and thread:
            raise click.UsageError("--continue and --thread contradict each other.")
        # Tools work in the workspace's root, wherever the command was started.
        to = save.absolute() if save else None
        asked = ConversationOptions(thread, resume, cancel_active, approve_all, save=to)
        return function(*arguments, conversation=asked, **more)

    return call


@contextmanager
def opened_session(
    options: Options, workspace: Workspace, key: str, conversation: ConversationOptions
) -> Iterator[Session]:
    """The session; what differs at the target is said on stderr."""

    def typed(command: str) -> str:
        name = Address.parse(key).name
        target = ["--target", options.target] if options.target else []
        return shlex.join(["assistctl", command, name, *target])

    def apply(surface: Surface, workspace: Workspace, planned: PlannedSync) -> list[Result]:
        results = applied(surface, workspace, planned, quiet=options.quiet)
        if any(result.stopped for result in results):
            refuse_failures(results)
        return results

    try:
        with session(workspace, key, conversation, apply=apply) as talk:
            if talk.difference and not options.quiet:
                which = "was" if talk.difference.startswith("edited") else "has"
                click.echo(
                    f"note: {talk.assistant.address} {which} {talk.difference} since the last "
                    f"sync; it runs as it is at the target (`{typed('plan')}` shows the "
                    "difference)",
                    err=True,
                )
            yield talk
    except NotSynced as error:
        raise AssistctlError(f"{error}; run `{typed('sync')}` first") from error


def shown_turn(
    talk: Session,
    message: str,
    options: Options,
    attachments: Sequence[Mapping[str, Json]] = (),
    *,
    show: Consumer | None = None,
    heard: Callable[[Event], None] = lambda event: None,
    ahead: TypeAhead | None = None,
) -> Finished:
    """One turn, shown as it happens, in the form that the options say unless it is told by which
    consumer; `heard` is called with each event, too, and what is typed
    before a question is shown is put into `ahead`.

    Whatever ends it early (Ctrl-C, SIGTERM, a reader of stdout that left) cancels the run.
    """
    show = show or consumer(options.format, sys.stdout, sys.stderr, options.verbosity)
    approve = approval("Let the assistant call", options.verbosity, ahead)
    events = talk.say(message, attachments, approve=approve)
    with closing(show), closing(events):
        try:
            for event in events:
                heard(event)
                show(event)
                if isinstance(event, Finished):
                    return event
        except KeyboardInterrupt:
            with suppress(OSError):  # there may be nobody left to read it
                if ahead:
                    ahead.put_aside()
                click.echo("\ncancelling the run …", err=True)
            try:
                events.close()
            finally:  # whoever interrupts it again
                _tell_end(talk.cancel())
            raise
        except BrokenPipeError:
            try:
                events.close()
            finally:
                talk.cancel()
            raise
    raise AssertionError("a turn ends with Finished")


def _tell_end(status: str | None) -> None:
    """How a turn has come to rest that was stopped."""
    told = "the target does not say whether it was cancelled" if status is None else status
    with suppress(OSError):
        click.echo(one_line(told), err=True)


def approval(
    question: str, verbosity: int = 0, ahead: TypeAhead | None = None
) -> Callable[[ToolCall], bool] | None:
    """Ask on a terminal (`Let the assistant call`, and what) before a call whose function says
    `approval: ask`; else nobody can. What was typed before the question is no answer to it: it is
    put into `ahead`."""
    if not (can_answer() and sys.stderr.isatty()):
        return None
    aside = ahead or TypeAhead()

    def ask(call: ToolCall) -> bool:
        with keys_answer():
            while True:
                click.echo(f"{question} {called(call, verbosity)}?", err=True, nl=False)
                aside.put_aside()
                click.echo(" [y/N]: ", err=True, nl=False)
                try:
                    said = input().strip().lower()
                except EOFError:  # nobody will answer any more
                    raise KeyboardInterrupt from None
                if said in _ANSWERS:
                    return _ANSWERS[said]
                click.echo(f"{one_line(said)} is neither y nor n", err=True)

    return ask
