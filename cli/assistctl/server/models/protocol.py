"""What the run engine and a model say to each other: a Request in, Deltas out.

The shapes inside `Request` are those of Chat Completions, the one dialect that every endpoint
speaks; the assistant's own vocabulary (threads, steps, file_search) stays in the engine.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

ErrorCode: TypeAlias = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]

STATE = "_state"
"""The key of an assistant's message under which it keeps what its model wants back: the `state` of
the Finish with which it came."""


@dataclass(frozen=True)
class Request:
    """One completion to make. `messages`, `tools` and the options are Chat Completions JSON (and
    STATE); an option that is None is left to the endpoint."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    parallel_tool_calls: bool = True
    response_format: Mapping[str, Any] | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning_effort: str | None = None
    max_completion_tokens: int | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one completion, as the endpoint counted them or as estimated. `reasoning` says how
    many of `completion` were spent on thoughts, where that is known."""

    prompt: int
    completion: int
    reasoning: int = 0


@dataclass(frozen=True)
class TextPart:
    """A piece of what the model says."""

    text: str


@dataclass(frozen=True)
class RefusalPart:
    """A piece of why it will not answer."""

    text: str


@dataclass(frozen=True)
class CallPart:
    """A piece of the tool call number `index` of this completion.

    `id` (the endpoint's own, may be empty) and `name` come with a call's first part only;
    `arguments` are to be joined.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class Retracted:
    """All text so far was the model's thoughts, as has turned out only now."""


@dataclass(frozen=True)
class Note:
    """What the reader of the run should know about how the model was asked."""

    text: str


@dataclass(frozen=True)
class Finish:
    """The last delta of every completion; `usage` is None where the endpoint did not count.

    `state` (JSON) is what the model wants to get back with this answer, hidden from clients; `word`
    is what the endpoint itself gave as the reason of an answer that was cut.
    """

    reason: FinishReason
    usage: Usage | None = None
    state: Mapping[str, Any] | None = None
    word: str = ""


Delta: TypeAlias = TextPart | RefusalPart | CallPart | Retracted | Note | Finish


class ModelError(Exception):
    """No (further) answer: becomes the run's `last_error`."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message


class PromptTooLong(ModelError):
    """The model cannot take so much at once; `excess` is how many times too much it was, or else
    `limit` how many tokens it takes; None where nobody said. Raised before anything of an answer.
    """

    def __init__(self, message: str, excess: float | None = None, limit: int | None = None) -> None:
        super().__init__("invalid_prompt", message)
        self.excess = excess
        self.limit = limit


class Model(Protocol):
    """What answers prompts, one completion at a time."""

    @property
    def note(self) -> str | None:
        """What a run answered by this model tells its reader about it."""

    def context(self, model: str) -> int | None:
        """About how many tokens of a prompt this model takes, if it was declared."""

    def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        """Answer once: parts as they come, then one Finish. Raises ModelError."""
