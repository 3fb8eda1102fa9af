"""What every API surface does for a sync and a conversation, and what it can.

A surface is one API at one target: `apis/assistants` speaks the Assistants API v2. What plans,
syncs, imports and converses knows these Protocols only, and asks nowhere which surface it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from assistctl.plan.changes import Change, Plan
from assistctl.plan.state import Declared, Observed, Remote, Upload
from assistctl.redaction import Redaction
from assistctl.resources import Address, Assistant, Json, Orphan, Workspace

if TYPE_CHECKING:
    from assistctl.events import Event, Finished, MadeFile, PastTurn, ToolReturned

Body: TypeAlias = Mapping[str, Json]
"""An object as the API returned it."""


class Support(Enum):
    """What becomes of a declared feature: the API has it; the command line stands in for it; or it
    cannot be had, which is an error at its place. What is declared under another API's name is
    left out."""

    NATIVE = "native"
    EMULATED = "emulated"
    REFUSED = "refused"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Capability:
    """What becomes of one feature. `how` says what is done, or, of what is refused, what to do
    instead. `on_request`: it is emulated only where the target's YAML asks for it. `hosted`: only
    the hosted service has it, the embedded server does not."""

    support: Support
    how: str = ""
    on_request: bool = False
    hosted: bool = False


Capabilities: TypeAlias = Mapping[str, Capability]
"""What a surface can, by the feature's name in the table of apis/capabilities.py:
`tools.file_search`."""

ATTACHED_TO_SEARCH = "tools.file_search of attached files"
"""The feature that a file can be attached to a message for file_search."""

ONCE_OPTIONS: Mapping[str, str] = {
    "model": "--model",
    "instructions": "--instructions",
    "temperature": "--temperature",
    "top_p": "--top-p",
    "reasoning_effort": "--reasoning-effort",
    "max_completion_tokens": "--max-tokens",
}
"""The settings that may be overridden for one run, and the option for each; that it may be is a
feature under the name of the option."""

ONCE_IN_NEW_THREADS = "told to a new session"
"""`how` of these options at an API whose threads keep the settings that they began with."""

MAX_COST = "--max-cost"
"""The feature that usage is told while a turn goes on, so that a limit of cost can stop it."""

RETRIES = "--retries"
"""The feature that a run which has failed can be tried again."""


COPY = "threads copy"
"""The feature that a thread can be written as a whole."""


class Operation(Protocol):
    """One request of a plan (and what it waits for); see apis/managed/operations.py. As a string it
    says in words what is requested."""

    @property
    def change(self) -> Change:
        """What it is a part of."""

    @property
    def address(self) -> Address:
        """Whose object is written, read or deleted."""


@dataclass(frozen=True)
class Outcome:
    """How one Operation ended. `error` None: it is done. `stopped`: somebody stopped the
    execution before it was done.
    `files` are those that were to be attached, with the reason why one is not in the store."""

    operation: Operation
    seconds: float = 0.0
    id: str | None = None
    error: str | None = None
    stopped: bool = False
    files: Mapping[Address, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Watch:
    """Who looks on while a plan is executed; called from any of its threads.

    `uploading` is told how far each upload is (address, bytes sent, bytes in all), `uploaded` what
    came of it (address, SHA-256, id); `stopped` says whether nothing more is to be begun, `keeps`
    at the end of what was stopped whether uploads that nothing uses yet may stay, for the next sync
    to use.
    """

    uploading: Callable[[Address, int, int], None] = lambda address, sent, total: None
    uploaded: Callable[[Address, str, str], None] = lambda address, sha256, file_id: None
    stopped: Callable[[], bool] = lambda: False
    keeps: Callable[[], bool] = lambda: False


class Conversation(Protocol):
    """One thread with one assistant."""

    @property
    def thread(self) -> str | None:
        """The thread's id; None until the first message."""

    @property
    def deadline(self) -> float | None:
        """When the run expires, by time.monotonic(), if the target says so."""

    until: float | None
    """The deadline, by time.monotonic(): who still waits for the target then gets OutOfTime."""

    def send(self, text: str, attachments: Sequence[Mapping[str, Any]] = ()) -> Iterator[Event]:
        """Say something; ends with ActionRequired or Finished. Raises RemoteError."""

    def submit(self, results: Sequence[ToolReturned]) -> Iterator[Event]:
        """Answer all calls of the round at once and go on; ends like `send`."""

    def again(self) -> Iterator[Event]:
        """Have the last message answered by another run, since the one before has failed before it
        had said or called anything; ends like `send`."""

    def cancel(self) -> str:
        """Ask the target to cancel the turn's run; returns the status it rests in."""

    def cancel_active_run(self) -> None:
        """Cancel whatever run keeps the thread busy."""

    def finished(self) -> Finished:
        """How the turn stands, as its last event."""

    def download(self, file: MadeFile, to: Path) -> None:
        """The content of a file that the assistant has made, into a path. Raises RemoteError."""


@dataclass(frozen=True)
class Attached:
    """A file of a message; `tools` are those that may read it, `size` is in bytes, if known."""

    id: str
    name: str
    tools: tuple[str, ...]
    size: int | None = None


@dataclass(frozen=True)
class Message:
    """What somebody has said: `user` or `assistant`."""

    role: str
    text: str
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True)
class Called:
    """A function that the assistant has called, and what came of it (None: it had no answer)."""

    name: str
    arguments: str
    output: str | None


@dataclass(frozen=True)
class Transcript:
    """What was said on a thread, in order; `left` has a sentence for each thing that could not be
    read."""

    entries: tuple[Message | Called, ...]
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrittenThread:
    """The id of a thread that a transcript was written to; `left` has a sentence for each thing
    that could not be written."""

    id: str
    left: tuple[str, ...] = ()


class Surface(Protocol):
    """One API at one target. Reads and writes raise RemoteError."""

    @property
    def capabilities(self) -> Capabilities:
        """What it makes of declared features."""

    @property
    def redaction(self) -> Redaction:
        """Takes out of texts what is secret at this target."""

    def declare(self, workspace: Workspace) -> dict[Address, Declared]:
        """Everything the workspace declares, as this API would hold it. Pure."""

    def in_yaml(self, kind: str, fields: Mapping[str, Json]) -> dict[str, Json]:
        """Fields of an object, as `declare` and `observe` have them, under the names that they have
        in the YAML; what it has no name for is left out. Pure."""

    def observe(
        self,
        declared: Mapping[Address, Declared],
        *,
        deep: bool = False,
        left: Collection[Upload] = (),
    ) -> Observed:
        """All reads of a sync; `deep` lists the files of all our stores, `left` are uploads of a
        sync that was cut off."""

    def unmanaged(
        self, address: Address, object_id: str, declared: Mapping[Address, Declared]
    ) -> Remote:
        """An object that nobody owns, seen as if it were ours under this address. Raises
        AssistctlError for one that has an owner."""

    def compile(
        self, plan: Plan, declared: Mapping[Address, Declared], observed: Observed
    ) -> tuple[Operation, ...]:
        """The plan as ordered requests. Pure."""

    def execute(
        self,
        root: Path,
        operations: Sequence[Operation],
        declared: Mapping[Address, Declared],
        observed: Observed,
        watch: Watch = Watch(),
    ) -> Iterator[Outcome]:
        """Send the requests of `compile`, reading files below `root`; yields how each ended, errors
        included."""

    def models(self, wanted: Collection[str]) -> dict[str, str | None]:
        """The models at the target, of which it may not list all: whichever of the `wanted` there
        is, is among them. Each with its last day (YYYY-MM-DD), if the target says so."""

    def orphans(self, declared: Mapping[Address, Declared]) -> tuple[Orphan, ...]:
        """The uploads to which nothing that can be seen at the target refers."""

    def uses(
        self, file_ids: Collection[str], declared: Mapping[Address, Declared]
    ) -> Mapping[str, tuple[Use, ...]]:
        """What refers to each of these uploads, whoever owns it, as far as the target can be asked
        for that: what threads refer to cannot be seen."""

    def delete_file(self, file_id: str) -> None:
        """Delete an upload; one that is not there any more counts as deleted."""

    def existing(self) -> dict[str, Body]:
        """All assistants at the target by id, whoever owns them, oldest first."""

    def resources(self, store_ids: Collection[str], *, files: bool) -> RemoteResources:
        """All vector stores with the files of those that are named, and, with `files`, all files;
        no stores are read if none is named."""

    def upload(self, path: Path, filename: str) -> dict[str, Json]:
        """Upload a file for a message; the file object."""

    def picture(self, path: Path, kind: str, file_id: str | None) -> dict[str, Json]:
        """The part of a message that shows a picture of this media type to the model. It is
        uploaded where the API wants that, unless it was already, under a `file_id`."""

    def download(
        self,
        file: Body,
        to: Path,
        progress: Callable[[int], None] = lambda received: None,
    ) -> None:
        """The content of a file object into a path; `progress` is told the bytes received."""

    def converse(
        self, assistant: Assistant, remote_id: str | None, thread: str | None
    ) -> Conversation:
        """A conversation with this assistant, on a thread of its own unless one is given.
        `remote_id` is that of what holds the assistant, None where nothing does, nor has to."""

    def check_thread(self, thread: str) -> None:
        """Raises RemoteError where the target says that there is no such thread."""

    def read_thread(self, thread: str) -> Transcript:
        """What was said on a thread. Raises AssistctlError where the target does not tell it."""

    def write_thread(
        self,
        assistant: Assistant,
        remote_id: str | None,
        entries: Sequence[Message | Called],
        upload: Callable[[Attached], str],
        begun: Callable[[str], None],
    ) -> WrittenThread:
        """A new thread with this assistant on which this was said, as far as the API takes it.
        `upload` brings a file to the target; its id there. `begun` is told the thread's id as soon
        as it is there: where this fails, it is to be deleted."""

    def delete_thread(self, thread: str) -> None:
        """Delete a thread by its id; one that is not there any more counts as deleted."""

    def turns(self, thread: str) -> list[PastTurn]:
        """What happened on a thread, oldest first. Raises RemoteError."""

    def pool(self) -> ThreadPoolExecutor:
        """Threads for requests at the same time, as many as the target is to be troubled with."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True)
class Use:
    """Something at a target that refers to an upload: an assistant, or a vector store, which says
    by a `status` how it has read it. `owner` is its address where sync has made it, `file` that of
    the upload, where it is known."""

    kind: str
    id: str
    name: str
    owner: Address | None = None
    file: Address | None = None
    status: str | None = None


@dataclass(frozen=True)
class RemoteResources:
    """What assistants refer to, by id: vector stores, the files in those that were asked for, and
    all files. An id that is not here is not at the target (any more)."""

    stores: Mapping[str, Body] = field(default_factory=dict)
    members: Mapping[str, tuple[Body, ...]] = field(default_factory=dict)
    files: Mapping[str, Body] = field(default_factory=dict)
