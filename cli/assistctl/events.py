"""What happens while an assistant works, as values: API surfaces yield them, render shows them.

A turn begins with ThreadStarted and RunStarted; StatusChanged, Notice and TextDelta follow as they
come, and so do CodeCalled, CodeReturned and Searched, which tell of tools that the target itself
uses. Where the run waits for tools, ActionRequired is followed by a ToolCalled and a ToolReturned
for each call, and the run goes on. The last event is Finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """The next piece of the answer, to be put after what has come before, as the API gave it. With
    a `source` the text, which may be empty, is the mark of a citation: people read the number of
    the Source, `[1]`, in its place."""

    text: str
    source: int | None = None


@dataclass(frozen=True)
class MadeFile:
    """A file that the assistant has made. `size` in bytes, None where the target does not say;
    `container` is what it lies in, where the API has such a thing (there an `id` is the
    container's); `saved` is where it was saved here, `error` why it could not be."""

    id: str
    name: str
    size: int | None = None
    container: str | None = None
    saved: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class CodeCalled:
    """The target begins to run this code for the assistant."""

    id: str
    code: str


@dataclass(frozen=True)
class CodeReturned:
    """Code that the target has run: what it printed, the pictures that it has shown, and why it
    failed, where the API says so. `seconds` is None of what was not heard as it happened."""

    id: str
    code: str
    output: str = ""
    files: tuple[MadeFile, ...] = ()
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Hit:
    """A passage that was found; `score` and `text` where the API gives them."""

    file_name: str
    file_id: str | None = None
    score: float | None = None
    text: str | None = None


@dataclass(frozen=True)
class Searched:
    """A file_search; of the queries not every API tells."""

    id: str
    queries: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    seconds: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class Source:
    """What the answer cites, by the number that people read in its text. `file_name` is None until
    the target says which file it is; `quote` where the API gives one; a page has a `url`."""

    number: int
    file_name: str | None = None
    file_id: str | None = None
    quote: str | None = None
    url: str | None = None


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
    `trace` where the tool raised, if it did: for people, never for the model. `seconds` is None of
    a call of the past."""

    call: ToolCall
    output: str
    seconds: float | None
    error: str | None = None
    trace: Trace | None = None


Step: TypeAlias = CodeReturned | Searched | ToolReturned
"""What was done on the way to an answer, by the target or here."""


@dataclass(frozen=True)
class Finished:
    """The turn is over. `status` is the run's final word; `error` says why it is not completed.

    `annotations` are the API's own, their places counted in the message that they belong to;
    `steps` are in order of their ends; `seconds` is how long the turn took. `cost` is None unless
    the workspace has a price for the model. `code` is the API's word for why a run failed.
    """

    status: str
    thread: str
    run: str
    text: str
    usage: Mapping[str, Any] | None = None
    error: str | None = None
    tool_calls: tuple[ToolReturned, ...] = ()
    annotations: tuple[Mapping[str, Any], ...] = ()
    sources: tuple[Source, ...] = ()
    files: tuple[MadeFile, ...] = ()
    steps: tuple[Step, ...] = ()
    seconds: float | None = None
    cost: float | None = None
    code: str | None = None


@dataclass(frozen=True)
class PastTurn:
    """A turn as its target remembers it: what was said, when that was taken (seconds since 1970),
    how it ended, and the answer as people read it, with numbers for its sources. What an API does
    not tell any more is empty: a conversation's turns have no run and no usage."""

    message: str
    at: float | None
    finished: Finished
    shown: str


@dataclass(frozen=True)
class PastMessage:
    """A message on a thread, by its id: `text` has numbers for its `sources`, `files` are attached
    to it or came of it, `pictures` are shown in it, as files or by their URLs. `at` is in seconds
    since 1970."""

    id: str
    role: str
    at: float | None
    text: str
    sources: tuple[Source, ...] = ()
    files: tuple[MadeFile, ...] = ()
    pictures: tuple[MadeFile | str, ...] = ()


@dataclass(frozen=True)
class PastRun:
    """A run on a thread: `parts` is what was said and done in it, in order. `assistant` is an id;
    what the API does not tell is None."""

    id: str
    status: str
    at: float | None
    parts: tuple[PastMessage | Step, ...]
    assistant: str | None = None
    model: str | None = None
    seconds: float | None = None
    usage: Mapping[str, Any] | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PastPage:
    """A part of a thread, in order. `older` is where the part before it ends, if there is one, for
    who has given this part."""

    entries: tuple[PastMessage | PastRun, ...]
    older: tuple[str, ...] | None = None


Event: TypeAlias = (
    ThreadStarted
    | RunStarted
    | StatusChanged
    | Notice
    | TextDelta
    | CodeCalled
    | CodeReturned
    | Searched
    | ActionRequired
    | ToolCalled
    | ToolReturned
    | Finished
)
