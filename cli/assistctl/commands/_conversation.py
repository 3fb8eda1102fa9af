"""Getting an assistant ready to talk to, and one turn with it: what `run` and `chat` share."""

from __future__ import annotations

import contextlib
import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assistctl import toolbox
from assistctl.commands import _memory
from assistctl.commands._apply import apply, refuse_failures
from assistctl.commands._options import Options
from assistctl.commands._person import can_answer
from assistctl.commands._survey import assistant as find_assistant
from assistctl.commands._survey import survey
from assistctl.commands._target import opened
from assistctl.dialogue import turn
from assistctl.errors import AssistctlError, SyncFailed
from assistctl.events import Event, Finished, ToolCall
from assistctl.plan.reconcile import Wishes
from assistctl.render.run import consumer
from assistctl.render.terminal import one_line
from assistctl.resources import Assistant, CodeInterpreter, FileSearch, Json, Workspace
from assistctl.spec.wording import is_unicode

if TYPE_CHECKING:
    from assistctl.apis.assistants import Assistants, Conversation


@dataclass(frozen=True)
class Session:
    """An assistant at its target, its tools mounted, on one thread."""

    workspace: Workspace
    assistant: Assistant
    surface: Assistants
    conversation: Conversation
    tools: toolbox.Toolbox
    options: Options
    approve_all: bool = False

    def say(self, message: str, attachments: Sequence[Mapping[str, Json]] = ()) -> Finished:
        """One turn, shown as it happens.

        Whatever ends it early (Ctrl-C, SIGTERM, a reader of stdout that left) cancels the run.
        """
        show = consumer(self.options.format, sys.stdout, sys.stderr, self.options.verbosity)
        with closing(show):
            try:
                for event in self._turn(message, attachments):
                    show(event)
                    if isinstance(event, Finished):
                        return event
            except KeyboardInterrupt:
                with contextlib.suppress(OSError):  # there may be nobody left to read it
                    click.echo("\ncancelling the run …", err=True)
                self._cancel()
                raise
            except BrokenPipeError:
                self._cancel()
                raise
        raise AssertionError("a turn ends with Finished")

    def attach(self, path: Path) -> Mapping[str, Json]:
        """Upload a file for a message; the tools that the assistant has may use it."""
        tools = [
            {"type": "code_interpreter" if isinstance(tool, CodeInterpreter) else "file_search"}
            for tool in self.assistant.tools
            if isinstance(tool, CodeInterpreter | FileSearch)
        ]
        if not tools:
            raise AssistctlError(
                f"{self.assistant.address} has no tool that reads files; "
                "give it code_interpreter or file_search to use --attach"
            )
        if not is_unicode(path.name):
            raise AssistctlError(f"the name of {path.name} is not UTF-8; rename the file")
        uploaded = self.surface.client.upload(path, path.name)
        return {"file_id": uploaded["id"], "tools": tools}

    def _turn(self, message: str, attachments: Sequence[Mapping[str, Json]]) -> Iterator[Event]:
        remembered = False
        for event in turn(
            self.conversation,
            self.tools,
            message,
            attachments=attachments,
            approve=(lambda call: True) if self.approve_all else _approval(),
        ):
            if not remembered and self.conversation.thread:
                _memory.remember(self.workspace, self.assistant, self.conversation.thread, message)
                remembered = True
            yield event

    def _cancel(self) -> None:
        with contextlib.suppress(AssistctlError, KeyboardInterrupt):
            self.conversation.cancel()


@dataclass(frozen=True)
class Manner:
    """Which thread, and what is done without asking, as the command line says it."""

    thread: str | None = None
    resume: bool = False
    cancel_active: bool = False
    approve_all: bool = False


def with_manner(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options to a command, which gets a Manner by the name `manner`."""

    @click.option("-c", "--continue", "resume", is_flag=True, help="On the thread used last.")
    @click.option("--thread", metavar="ID", help="On this thread.")
    @click.option("--cancel-active", is_flag=True, help="Cancel a run that keeps the thread busy.")
    @click.option("--approve-all", is_flag=True, help="Do not ask before functions that say so.")
    @functools.wraps(function)
    def call(
        *arguments: Any,
        resume: bool,
        thread: str | None,
        cancel_active: bool,
        approve_all: bool,
        **more: Any,
    ) -> int | None:
        if resume and thread:
            raise click.UsageError("--continue and --thread contradict each other.")
        manner = Manner(thread, resume, cancel_active, approve_all)
        return function(*arguments, manner=manner, **more)

    return call


@contextmanager
def session(options: Options, workspace: Workspace, key: str, manner: Manner) -> Iterator[Session]:
    """Everything that must be in order before the first word is said."""
    assistant, thread = find_assistant(workspace, key), manner.thread
    if manner.resume:
        thread = _memory.last_thread(workspace, assistant)
        if thread is None:
            raise AssistctlError(
                f"no conversation with {assistant.address} at {workspace.target.name} is known "
                "here yet; run it without --continue, or name a --thread"
            )
    with ExitStack() as stack:
        # Tools are at home in the workspace, wherever the command was started.
        stack.enter_context(contextlib.chdir(workspace.root))
        tools = toolbox.mount(workspace.root, assistant.functions)
        surface = stack.enter_context(opened(workspace))
        remote_id = _ready(surface, workspace, assistant, options)
        conversation = surface.converse(assistant, remote_id, thread)
        if manner.cancel_active:
            conversation.cancel_active_run()
        approve_all = manner.approve_all
        yield Session(workspace, assistant, surface, conversation, tools, options, approve_all)


def _ready(
    surface: Assistants, workspace: Workspace, assistant: Assistant, options: Options
) -> str:
    """The assistant's id at the target. A local target is synced first, but for edits that were
    made there; any other is only compared. What differs then is said."""
    keys, address = [assistant.key], assistant.address
    found = survey(surface, workspace, keys, Wishes(partial=True))
    if found.plan and workspace.target.local:
        wanted = survey(surface, workspace, keys, Wishes(partial=True, on_drift="keep"))
        results = apply(surface, workspace, wanted, quiet=options.quiet)
        if any(result.stopped for result in results):
            refuse_failures(results)
        if failed := [f"{r.change.address}: {r.error}" for r in results if r.error]:
            raise SyncFailed("could not sync before the run; " + "; ".join(failed))
        found = survey(surface, workspace, keys, Wishes(partial=True))
    remote = found.observed.owned.get(address)
    if remote is None:
        raise AssistctlError(
            f"{address} is declared, but not at {workspace.target.name} yet; "
            f"run `{_typed('sync', assistant, options)}` first"
        )
    if found.plan and not options.quiet:
        drifted = any(change.drifted for change in found.plan.changes)
        which = "was edited at the target" if drifted else "has changed here"
        click.echo(
            f"note: {address} {which} since the last sync; it runs as it is at the target "
            f"(`{_typed('plan', assistant, options)}` shows the difference)",
            err=True,
        )
    return remote.id


def _typed(command: str, assistant: Assistant, options: Options) -> str:
    """A command about this assistant and target as a person would type it."""
    target = ["--target", options.target] if options.target else []
    return shlex.join(["assistctl", command, assistant.key, *target])


def _approval() -> Callable[[ToolCall], bool] | None:
    """Ask on a terminal before a call whose function says `approval: ask`; else nobody can."""
    if not (can_answer() and sys.stderr.isatty()):
        return None

    def ask(call: ToolCall) -> bool:
        question = f"Let the assistant call {one_line(call.name)}({one_line(call.arguments)})?"
        try:
            return click.confirm(question, err=True)
        except click.Abort:  # how click spells Ctrl-C, which shall stop the turn
            raise KeyboardInterrupt from None

    return ask
