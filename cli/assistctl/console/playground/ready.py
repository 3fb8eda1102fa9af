"""An assistant made ready to talk to: as it is at the target, with what is different told to each
run; or, where a run cannot be told that, as it is declared, on a server of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from assistctl import toolbox
from assistctl.apis.capabilities import ASSISTANT
from assistctl.console.playground.fields import NAMES
from assistctl.conversation import ConversationOptions, Session
from assistctl.conversation.overrides import Overrides, overridden, problems, wants_values
from assistctl.errors import DeclarationError, Place
from assistctl.plan.reconcile import PlanOptions
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    FileSearch,
    Function,
    FunctionTool,
    Json,
    Workspace,
    digest,
)
from assistctl.some import some
from assistctl.spec.instructions import text_with
from assistctl.surface import ONCE_OPTIONS, Body, Support, Surface
from assistctl.sync.planning import PlannedSync, plan_sync
from assistctl.testing.laboratory import as_declared

_UNHEARD = ("name", "description", "metadata", "protect")
"""What no model is told of an assistant."""


@dataclass(frozen=True)
class Version:
    """Whom somebody wants to talk to: an assistant of a workspace (as its files are, or would be
    with a draft), or one that is only at the target, by its id, where `overrides` are different."""

    workspace: Workspace
    assistant: Assistant
    remote_id: str | None = None
    overrides: Overrides = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """Somebody to talk to, at the target (`is_there`) or on a server of its own, which closing it
    ends, and the tools. `how` says in words what it is, `mark` changes with whatever the version
    says."""

    session: Session
    how: str
    mark: str
    is_there: bool
    remote_id: str | None
    stack: ExitStack = field(repr=False)
    closed: threading.Event = field(default_factory=threading.Event, repr=False)

    def close(self) -> None:
        self.closed.set()
        self.stack.close()


@dataclass(frozen=True)
class _There:
    """How a version is had at the target: what holds it, and what each run is told besides."""

    remote_id: str | None
    overrides: Overrides


def make_ready(surface: Surface, version: Version, before: Ready | None) -> Ready:
    """Somebody to talk to, who goes on with the thread of `before` (which is closed unless it is
    the same) if that is possible. Raises AssistctlError for what is not in order."""
    there = _at_target(surface, version)
    mark = _mark(version, there)
    if before and before.mark == mark and not before.closed.is_set():
        return before
    thread = None
    if before:
        if there and before.remote_id and before.remote_id == there.remote_id:
            thread = before.session.conversation.thread
        before.close()
    with ExitStack() as stack:
        if there is None:
            session, how = _apart(stack, version)
        else:
            session, how = _there(stack, surface, version, there, thread)
        remote_id = there.remote_id if there else None
        return Ready(session, how, mark, there is not None, remote_id, stack.pop_all())


def existing(body: Body, workspace: Workspace) -> Assistant:
    """An assistant that is only at the target. Its functions are those of the workspace that bear
    their names; others are declared to the model, but nothing here implements them."""
    place = Place(f"{workspace.target.name}: {body['id']}")
    settings = {name: body[name] for name in ("name", *NAMES) if body.get(name) is not None}
    tools: list[CodeInterpreter | FileSearch | FunctionTool] = []
    for tool in body.get("tools") or ():
        match tool.get("type"):
            case "code_interpreter":
                tools.append(CodeInterpreter())
            case "file_search":
                tools.append(FileSearch())
            case "function":
                tools.append(FunctionTool(_function(tool["function"], workspace, place)))
    return Assistant(f"id.{body['id']}", place, settings, tuple(tools))


def _function(told: Mapping[str, Json], workspace: Workspace, place: Place) -> Function:
    name = str(told.get("name"))
    ours = [workspace.functions] + [
        {it.name: it for it in other.functions} for other in workspace.assistants.values()
    ]
    if found := next((known[name] for known in ours if name in known), None):
        return found
    return Function(name, place, told.get("description"), told.get("parameters"))


def _at_target(surface: Surface, version: Version) -> _There | None:
    """How the version can be had at the target; None if that has it not, or has it otherwise than
    a run can be told."""
    if version.remote_id is not None:
        return _There(version.remote_id, version.overrides)
    workspace, assistant = version.workspace, version.assistant
    keys = [assistant.key]
    planned = plan_sync(surface, workspace, keys, PlanOptions(partial=True))
    remote = planned.observed.owned.get(assistant.address)
    different = _different(planned, assistant)
    if remote is None or different is None:
        return None
    if assistant.template and (version.variables or wants_values(assistant)):
        different["instructions"] = text_with(assistant, version.variables)
    if any(problems(different, workspace.target, surface.capabilities, goes_on=False)):
        return None
    return _There(remote.id, different)


def _different(planned: PlannedSync, assistant: Assistant) -> dict[str, Json] | None:
    """What the target has otherwise; None if that is more than can be told to a run."""
    found: dict[str, Json] = {}
    for change in planned.plan.written.values():
        if change.address != assistant.address:
            return None
        for name in sorted({it.field for it in change.fields} - {*_UNHEARD}):
            if name not in ONCE_OPTIONS or name not in assistant.settings:
                return None
            found[name] = assistant.settings[name]
    return found


def _there(
    stack: ExitStack, surface: Surface, version: Version, there: _There, thread: str | None
) -> tuple[Session, str]:
    workspace, overrides = version.workspace, there.overrides
    target = workspace.target
    assistant = version.assistant
    tools = toolbox.mounted(workspace, assistant.functions, assistant.key)
    stack.callback(tools.close)
    how = f"as it is at {target.name}"
    if surface.capabilities[ASSISTANT].support is Support.EMULATED:
        how = f"at {target.name}, which is told all of it with each request"
    elif overrides:
        words = some(name.replace("_", " ") for name in overrides)
        how += f", but each run is told its own {words}"
    if thread and any(problems(overrides, target, surface.capabilities, goes_on=True)):
        thread = None  # it would go on as it began
    elif wrong := [*problems(overrides, target, surface.capabilities, goes_on=False)]:
        raise DeclarationError(wrong)
    assistant = overridden(version.assistant, overrides) if overrides else version.assistant
    options = ConversationOptions(overrides=overrides, remembered=version.remote_id is None)
    conversation = surface.converse(assistant, there.remote_id, thread)
    session = Session(
        workspace, assistant, surface, conversation, tools, options, None, there.remote_id
    )
    return session, how


def _apart(stack: ExitStack, version: Version) -> tuple[Session, str]:
    """On a server that ends with this conversation, as tests are tried."""
    key = version.assistant.key
    (subject,) = stack.enter_context(as_declared(version.workspace, [key]))
    assistant = subject.assistant
    if assistant.template and (version.variables or wants_values(assistant)):
        told = {"instructions": text_with(assistant, version.variables)}
        assistant = overridden(assistant, told)
    conversation = subject.surface.converse(assistant, subject.remote_id, None)
    session = Session(
        subject.workspace,
        assistant,
        subject.surface,
        conversation,
        subject.tools,
        ConversationOptions(remembered=False),
    )
    target = version.workspace.target.name
    return session, (
        f"not synced to {target}: it runs on a temporary server with the model of {target}, and"
        " what is said is forgotten when you leave"
    )


def _mark(version: Version, there: _There | None) -> str:
    assistant = version.assistant
    said = [assistant.key, assistant.settings, assistant.run, assistant.own, version.variables]
    where = [there.remote_id, there.overrides] if there else None
    return digest([said, repr(assistant.tools), where])
