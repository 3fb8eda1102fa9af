"""An assistant made ready to talk to: its target opened, its tools mounted, on one thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from assistctl import toolbox
from assistctl.conversation.attachments import attach, readers
from assistctl.conversation.overrides import (
    Overrides,
    overridden,
    problems,
    refusal,
    wants_values,
)
from assistctl.conversation.recording import Recorded, recorded
from assistctl.conversation.saving import save
from assistctl.conversation.turns import Limits, turn
from assistctl.errors import AssistctlError, DeclarationError, Place, Problem, SyncFailed
from assistctl.events import Event, Finished, ToolCall
from assistctl.plan.reconcile import PlanOptions
from assistctl.record import store
from assistctl.resources import Assistant, Json, Price, Workspace
from assistctl.spec.instructions import text_with
from assistctl.spec.wording import shown
from assistctl.surface import (
    MAX_COST,
    ONCE_OPTIONS,
    RETRIES,
    Capabilities,
    Conversation,
    Support,
    Surface,
)
from assistctl.sync.apply import Result, apply_plan
from assistctl.sync.planning import PlannedSync, find_assistant, make_plan, plan_sync
from assistctl.targets import opened

Difference = Literal["edited at the target", "changed here"]


class NotSynced(AssistctlError):
    """The assistant is declared, but it is not at the target yet."""


@dataclass(frozen=True)
class ConversationOptions:
    """Which thread (None: a new one; `resume`: the one used last from here), whether a run that
    keeps it busy is cancelled first, whether functions with `approval: ask` are called without
    asking, and the directory in which files are saved that the assistant makes. What is
    `remembered` can be resumed from here. `overrides` are what is different from the declaration,
    with the `variables` of which its instructions are made (None: these are made already), `limits`
    what ends a turn."""

    thread: str | None = None
    resume: bool = False
    cancel_active: bool = False
    approve_all: bool = False
    remembered: bool = True
    save: Path | None = None
    overrides: Overrides = field(default_factory=dict)
    limits: Limits = Limits()
    variables: Mapping[str, str] | None = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """An assistant at its target, its tools mounted, on one thread. `difference` says how
    the assistant at the target differs from the declared one; None: it does not."""

    workspace: Workspace
    assistant: Assistant
    surface: Surface
    conversation: Conversation
    tools: toolbox.Toolbox
    options: ConversationOptions
    difference: Difference | None = None
    remote_id: str | None = None
    """The id of what holds the assistant."""

    def say(
        self,
        message: str,
        attachments: Sequence[Mapping[str, Json]] = (),
        *,
        approve: Callable[[ToolCall], bool] | None = None,
    ) -> Generator[Event, None, None]:
        """One turn, as it happens; the last event is Finished. `approve` is asked before a function
        with `approval: ask` is called, unless the options approve all; without it such a call is
        refused. Whoever stops listening closes the events and cancels the run by `cancel`, in this
        order: some targets cancel only what nobody listens to."""
        if self.options.approve_all:
            approve = _always
        limits = self.options.limits
        if self.surface.capabilities[RETRIES].support is Support.REFUSED:
            limits = replace(limits, retries=0)
        limits = replace(limits, price=self._price)
        told = turn(
            self.conversation,
            self.tools,
            message,
            attachments=attachments,
            approve=approve,
            limits=limits,
        )
        events: Iterator[Event] = map(self._concluded, told)
        if self.options.remembered:
            place = Recorded(
                self.workspace, self.assistant, self.conversation, self.surface.redaction
            )
            names = [str(it.get("name") or it.get("file_id")) for it in attachments]
            events = recorded(place, message, names, events)
        yield from events

    @property
    def _price(self) -> Price | None:
        return self.workspace.prices.get(str(self.assistant.settings.get("model")))

    def _concluded(self, event: Event) -> Event:
        """Of the last event, what it has cost, if that is known, and its files saved, where they
        are to be."""
        if not isinstance(event, Finished):
            return event
        if self._price and event.usage:
            event = replace(event, cost=self._price.of(event.usage))
        if self.options.save and event.files:
            saved = save(event.files, self.options.save, self.conversation.download)
            event = replace(event, files=tuple(saved))
        return event

    def on(self, thread: str | None, more: Overrides | None = None) -> Session:
        """This session on another thread (None: a new one), with more overrides on top of its own.
        Raises AssistctlError for what cannot be."""
        target, there = self.workspace.target, self.surface.capabilities
        overrides = {**self.options.overrides, **(more or {})}
        if wrong := [*problems(overrides, target, there, goes_on=thread is not None)]:
            raise AssistctlError("; ".join(map(str, wrong)))
        options = replace(self.options, overrides=overrides)
        assistant = overridden(self.assistant, overrides) if overrides else self.assistant
        conversation = self.surface.converse(assistant, self.remote_id, thread)
        return replace(self, assistant=assistant, conversation=conversation, options=options)

    def cancel(self) -> str | None:
        """Stop the run, if there is one; the status it rests in, None where nobody can tell.
        Nothing is raised."""
        with contextlib.suppress(AssistctlError, KeyboardInterrupt):
            return self.conversation.cancel()
        return None

    def attach(self, path: Path) -> Mapping[str, Json]:
        """Upload a file for a message; see attachments.py. Raises as `check_attachment`."""
        return attach(self.surface, self.assistant, self.workspace.target, path)

    def check_attachment(self, path: Path) -> None:
        """Raises AssistctlError where nothing that the assistant has would read this file."""
        readers(path, self.assistant, self.workspace.target, self.surface.capabilities)


Apply = Callable[[Surface, Workspace, PlannedSync], Iterable[Result]]
"""Makes a plan true, and shows it in the doing: sync.apply_plan, or what a command makes of it."""


@contextmanager
def session(
    workspace: Workspace,
    key: str,
    options: ConversationOptions = ConversationOptions(),
    *,
    apply: Apply = apply_plan,
) -> Iterator[Session]:
    """Everything that must be in order before the first word is said. A local target is synced
    first (by `apply`), but for edits that were made there; any other is only compared.

    The working directory is the workspace's root until the session is left. Raises NotSynced, as
    `prepared`, and AssistctlError for what is not in order.
    """
    assistant = find_assistant(workspace, key)
    thread = thread_for(workspace, assistant, options)
    with ExitStack() as stack:
        # Tools are at home in the workspace, wherever the command was started.
        stack.enter_context(contextlib.chdir(workspace.root))
        tools = toolbox.mounted(workspace, assistant.functions, assistant.key)
        stack.callback(tools.close)
        surface = stack.enter_context(opened(workspace))
        options = prepared(workspace, assistant, options, surface.capabilities)
        planned = _ready(surface, workspace, assistant, apply)
        remote = planned.observed.owned[assistant.address]
        assistant = overridden(assistant, options.overrides)
        conversation = surface.converse(assistant, remote.id, thread)
        if options.cancel_active:
            conversation.cancel_active_run()
        drifted = any(change.drifted for change in planned.plan.changes)
        which: Difference = "edited at the target" if drifted else "changed here"
        difference = which if planned.plan else None
        yield Session(
            workspace, assistant, surface, conversation, tools, options, difference, remote.id
        )


def thread_for(
    workspace: Workspace, assistant: Assistant, options: ConversationOptions
) -> str | None:
    """The thread to go on with; None for a new one. Raises AssistctlError where none is known."""
    if not options.resume:
        return options.thread
    thread = store.last_thread(workspace.root, workspace.target.name, assistant.key)
    if thread is None:
        raise AssistctlError(
            f"no conversation with {assistant.address} at {workspace.target.name} is known "
            "here yet; run it without --continue, or name a --thread"
        )
    return thread


def prepared(
    workspace: Workspace,
    assistant: Assistant,
    asked: ConversationOptions,
    capabilities: Capabilities,
) -> ConversationOptions:
    """With the instructions as the variables make them. Raises DeclarationError for what no
    assistant can be declared to be, and for what cannot be had at the target."""
    if asked.variables is None:
        return asked
    target, options, told = workspace.target, dict(ONCE_OPTIONS), dict(asked.overrides)
    other = told.get("instructions")
    if asked.variables or wants_values(assistant) or (other and assistant.template):
        told["instructions"] = text_with(assistant, asked.variables, other)
        options["instructions"] = "--instructions" if other is not None else "--var"
    goes_on = asked.resume or asked.thread is not None
    found = [*problems(told, target, capabilities, goes_on=goes_on, options=options)]
    if asked.limits.retries and capabilities[RETRIES].support is Support.REFUSED:
        found.append(refusal(RETRIES, target, capabilities))
    if asked.limits.cost is not None:
        model = str(told.get("model") or assistant.settings.get("model"))
        if capabilities[MAX_COST].support is Support.REFUSED:
            found.append(refusal(MAX_COST, target, capabilities))
        elif model not in workspace.prices:
            what = f"{shown(model)} has no price"
            found.append(Problem(Place(MAX_COST), what, "declare it under `prices`"))
    if found:
        raise DeclarationError(found)
    return replace(asked, overrides=told, variables=None)


def _always(call: ToolCall) -> bool:
    return True


def _ready(
    surface: Surface, workspace: Workspace, assistant: Assistant, apply: Apply
) -> PlannedSync:
    """The assistant as it is at the target, which may be synced for it."""
    keys, address = [assistant.key], assistant.address
    planned = plan_sync(surface, workspace, keys, PlanOptions(partial=True))
    if planned.plan and workspace.target.local:
        keep = PlanOptions(partial=True, on_drift="keep")
        wanted = make_plan(surface, workspace, planned.declared, planned.observed, keep)
        results = list(apply(surface, workspace, wanted))
        if failed := [f"{r.change.address}: {r.error}" for r in results if r.error]:
            raise SyncFailed("could not sync before the run; " + "; ".join(failed))
        planned = plan_sync(surface, workspace, keys, PlanOptions(partial=True))
    if address not in planned.observed.owned:
        raise NotSynced(f"{address} is declared, but not at {workspace.target.name} yet")
    return planned
