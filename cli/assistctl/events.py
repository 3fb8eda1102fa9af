"""What happens while an assistant works, as values: API surfaces yield them, render shows them.

A turn begins with ThreadStarted and RunStarted; StatusChanged, Notice and TextDelta follow as they
come. Where the run waits for tools, ActionRequired is followed by a ToolCalled and a ToolReturned
for each call, and the run goes on. The last event is Finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class ToolCall:
    """A function that the model asks for; `arguments` is the JSON text exactly as it came. With a
    `server` it is a tool of that MCP server (`<server>.<tool>`), which the target itself calls once
    somebody has consented."""

    id: str
    name: str
    arguments: str
    server: str | None = None


@dataclass(frozen=True)
class ToolContext:
    """What a function learns of the call it is in, if it has a parameter with this annotation:
    the thread and the run (None where a person makes the call), the key of the assistant (None
    where no single one has the function), the workspace's root, the name of the target."""

    thread: str | None
    run: str | None
    assistant: str | None
    workspace: Path
    target: str


@dataclass(frozen=True)
class ThreadStarted:
    """The turn goes to the thread with this id, which is new or was used before."""

    thread: str


@dataclass(frozen=True)
class RunStarted:
    """The target has taken the message and works on it; `run` is the run's id."""

    run: str


@dataclass(frozen=True)
class StatusChanged:
    """The run's status word, as the API spells it: queued, in_progress, requires_action, …"""

    status: str


@dataclass(frozen=True)
class Notice:
    """Something the target wants a person to know, such as a tool that it runs without."""

    text: str


@dataclass(frozen=True)
class TextDelta:
    """The next piece of the answer, to be put after what has come before."""

    text: str


@dataclass(frozen=True)
class ActionRequired:
    """The run waits for the outputs of all these calls, and of some `searches` more, which the
    conversation makes itself when it is given the others."""

    calls: tuple[ToolCall, ...]
    searches: int = 0


@dataclass(frozen=True)
class ToolCalled:
    """A call that is about to be made here."""

    call: ToolCall


@dataclass(frozen=True)
class Trace:
    """Where a tool raised: `short` are the lines of its own code, the innermost last, as
    file:line; `whole` is the traceback."""

    short: str
    whole: str


@dataclass(frozen=True)
class ToolReturned:
    """`output` is what goes to the model; `error` is a short reason when the call failed, and
    `trace` where the tool raised, if it did: for people, never for the model."""

    call: ToolCall
    output: str
    seconds: float
    error: str | None = None
    trace: Trace | None = None


@dataclass(frozen=True)
class Finished:
    """The turn is over. `status` is the run's final word; `error` says why it is not completed."""

    status: str
    thread: str
    run: str
    text: str
    usage: Mapping[str, Any] | None = None
    error: str | None = None
    tool_calls: tuple[ToolReturned, ...] = field(default=())


Event: TypeAlias = (
    ThreadStarted
    | RunStarted
    | StatusChanged
    | Notice
    | TextDelta
    | ActionRequired
    | ToolCalled
    | ToolReturned
    | Finished
)
