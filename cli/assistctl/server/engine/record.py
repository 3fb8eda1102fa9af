"""The seam between the engine and the APIs: what is told of a run at work, and what is asked.

The engine knows models, tools, leases and time. What a run is to its client (which objects stand
for it, what they are called, which events a stream has) only its record knows. So several APIs can
keep records over one engine and one database.

How a second API would keep its record:

- Its handler makes the objects of a run, and in the same transaction calls `leases.open_run` and
  `Engine.launch`. Outputs of calls are written the same way, with `leases.take` and a new launch.
- What is to be seen through another API as well (a turn of a conversation that is also a run of a
  thread) is written once: by a record that holds the other API's, passes everything on to it, and
  adds what only it shows. Two records never write down one run side by side.
- Its events are of its own type. The engine hands them, unseen, to the Channel that the handler has
  made; the Channel's Wire turns them into bytes, each once and in order, so that it may count.
- Where a client's calls are the end of a run (a response is complete once it has asked), `conclude`
  writes it as ended and `standing` says ENDED: then the engine unlocks the thread.
- Input that may come while a model answers is written where `history` finds it. `has_more_input`
  says so, and the run goes on instead of completing.
- `Engine` is given a function that makes the record of a run whose process has died, whichever API
  asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol, TypeAlias

from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.history import History
from assistctl.server.models.protocol import Usage
from assistctl.server.retrieval.search import Hit
from assistctl.server.storage import Claim, Transaction

Events: TypeAlias = Sequence[Any]
"""For whoever listens, in order; of a type that only the record and its Wire know."""


class Standing(Enum):
    """How a run stands, whoever works on it."""

    ACTIVE = "active"
    CANCELLING = "cancelling"
    """Active; somebody has asked for it to be cancelled."""
    EXPIRED = "expired"
    """Active, though its time is over."""
    ENDED = "ended"
    GONE = "gone"
    """It was deleted."""


@dataclass(frozen=True)
class SearchTool:
    """What file_search searches, how many passages it gives, and its checked ranking options.

    `condition` is a checked filter of the files, see retrieval/filters.py.
    """

    vector_store_ids: Sequence[str]
    limit: int
    ranking: Mapping[str, Any]
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CodeTool:
    """The uploads that code finds in /mnt/data, and the id of what it runs in, if that is not the
    thread's own."""

    file_ids: Sequence[str]
    container: str | None = None


@dataclass(frozen=True)
class Run:
    """What was asked for, and what it has used so far.

    `functions`, `response_format` and `tool_choice` are JSON of Chat Completions; `tool_choice` may
    also name a tool of the server's by its type. Options that are None are left to the model. Of
    the history only the `last_messages` are wanted, if a number is given; `shortens` says that
    what the model cannot take may be left out. `script` names one of the scripted model's. Of the
    server's own tools there may be `calls_left` more calls, or any number.
    """

    model: str
    instructions: str
    functions: Sequence[Mapping[str, Any]]
    search: SearchTool | None
    code: CodeTool | None
    tool_choice: str | Mapping[str, Any]
    parallel_tool_calls: bool
    response_format: Mapping[str, Any] | None
    temperature: float | None
    top_p: float | None
    reasoning_effort: str | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    shortens: bool
    last_messages: int | None
    script: str
    spent: Usage
    completions: int
    calls_left: int | None = None


@dataclass(frozen=True)
class ToolCall:
    """A call as the model makes it; `endpoint_id` is what its endpoint calls it.

    `tool` is the type of the tool: "function" if the client has to answer it.
    """

    id: str
    endpoint_id: str
    name: str
    arguments: str
    tool: str

    @property
    def is_the_clients(self) -> bool:
        """Whether the client answers it, and not the server."""
        return self.tool == "function"


@dataclass(frozen=True)
class SearchResult:
    """A file_search answered. `number` is the search's within the run, see citations; `error` is
    what was wrong with the call, and `note` is for the run's reader."""

    number: int
    ranking: Mapping[str, Any]
    passages: Sequence[Hit] = ()
    error: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class CodeResult:
    """Code that was run, or could not be (`ran`).

    `files` are what it wrote (name below /mnt/data -> file id), `pictures` the file ids of what it
    showed, `images` those of both that are images; `error` is one line, `note` is for the reader.
    """

    code: str
    output: str
    ran: bool
    error: str | None
    files: Mapping[str, str] = field(default_factory=dict)
    pictures: Sequence[str] = ()
    images: Sequence[str] = ()
    note: str | None = None


ToolResult: TypeAlias = SearchResult | CodeResult


@dataclass(frozen=True)
class PastCode:
    """What earlier calls on the thread have left: whether there were any, the files they wrote
    (name below /mnt/data -> file id), and the pictures that no message of the run shows yet."""

    ran: bool
    files: Mapping[str, str]
    pictures: Sequence[str]


@dataclass(frozen=True)
class Answered:
    """A completion as far as there is one: what it cost, the state that its model wants back, the
    results of those of its calls that the server has answered (by id), notes for the run's reader.

    It is told with each write of an answer; the run bears its cost once.
    """

    usage: Usage
    state: Mapping[str, Any] | None = None
    results: Mapping[str, ToolResult] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Ending:
    """A run is over. Of one that failed, `code` and `message` say why; `reason` is why it is
    incomplete (max_prompt_tokens, max_completion_tokens); `cut_by` is what cut off the message
    (content_filter), where the state is not `incomplete`."""

    state: Literal["completed", "failed", "incomplete", "cancelled", "expired"]
    code: str | None = None
    message: str | None = None
    reason: str | None = None
    cut_by: str | None = None


@dataclass(frozen=True)
class GoesOn:
    """The model is asked again: all of its calls are answered, or there is more input."""


@dataclass(frozen=True)
class AwaitsOutputs:
    """The client is to answer these calls; those of the server's are answered."""

    calls: Sequence[ToolCall]


Conclusion: TypeAlias = GoesOn | AwaitsOutputs | Ending
"""Where a run stands after a completion."""


def failed(code: str, message: str) -> Ending:
    """`code` is one of models.protocol.ErrorCode; clients read both."""
    return Ending("failed", code, message)


class Record(Protocol):
    """One run as its API writes it down. It belongs to whoever works on the run, and remembers what
    of the present answer is open; made anew, it can only `end` what an earlier process has left.

    What is told with a transaction is written in it, by one who holds the lease; the events that
    come back are heard once that is durable. What is told without one is heard at once and written
    with what follows. An exception fails the run.
    """

    @property
    def claim(self) -> Claim:
        """Whose lease it is."""

    def standing(self, tx: Transaction) -> Standing:
        """As the database has it, whatever was told before."""

    def run(self, tx: Transaction) -> Run:
        """As it stands. Raises LeaseLost if it was deleted."""

    def history(self, tx: Transaction) -> History:
        """What the model is to know, oldest first: from before the run, and the run's own."""

    def searches(self, tx: Transaction) -> Mapping[int, Sequence[Hit]]:
        """What every search of this run has found, by the search's number."""

    def past_code(self, tx: Transaction) -> PastCode:
        """The files and pictures may have been deleted since."""

    def has_more_input(self, tx: Transaction) -> bool:
        """Whether there is input that the answer which ends now could not know, and this run has
        to answer."""

    def begin(self, tx: Transaction) -> Events:
        """The run is worked on, for the first time or again."""

    def begin_answer(self, pictures: Sequence[str]) -> None:
        """The model is asked; a message of its answer is to begin with these pictures (file ids).
        No message is opened by it."""

    def begin_message(self, tx: Transaction) -> Events:
        """Words come. Where calls are open, the words belong to the same completion as they."""

    def text(self, span: TextSpan) -> Events:
        """More of the text of the open message."""

    def refusal(self, text: str) -> Events:
        """More of what the model says of why it will not answer, in the open message."""

    def retract(self) -> None:
        """All text of the open message was thoughts: it must not stay, though it was heard."""

    def begin_calls(self, tx: Transaction) -> Events:
        """Tool calls come. A message that is open ends here; the calls will bear the cost."""

    def call(self, call: ToolCall) -> Events:
        """A call with the first piece of its arguments, perhaps empty."""

    def arguments(self, call: ToolCall, more: str) -> Events:
        """`more` was added to the call's arguments."""

    def keep_calls(self, tx: Transaction, calls: Sequence[ToolCall], answered: Answered) -> None:
        """All calls are heard, and are stored now: to answer them may take long, and whoever reads
        the run meanwhile should see them."""

    def running(self, call: ToolCall) -> Events:
        """The server is about to answer the call."""

    def result(self, call: ToolCall, result: ToolResult) -> Events:
        """The server has answered the call."""

    def conclude(
        self,
        tx: Transaction,
        calls: Sequence[ToolCall],
        answered: Answered,
        conclusion: Conclusion,
    ) -> Events:
        """The answer is complete, or as complete as it will be, and this is what follows of it."""

    def end(self, tx: Transaction, ending: Ending, usage: Usage | None) -> Events:
        """The run stops, with what is open; `usage` is what an answer that was cut has cost."""
