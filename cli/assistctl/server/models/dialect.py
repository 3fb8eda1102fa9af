"""What is known of how one model at one endpoint wants to be asked.

It begins with what its profile says and grows with each refusal (`refusal_rules.py`); the bodies of
requests are made from it (`chat/body.py`, `responses/body.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from assistctl.server.models.images import has_images, without_images
from assistctl.server.models.protocol import Request

Api: TypeAlias = Literal["chat", "responses"]

DROPPABLE = (
    "temperature",
    "top_p",
    "reasoning_effort",
    "tool_choice",
    "response_format",
    "parallel_tool_calls",
    "stream_options",
    "max_completion_tokens",
)
"""Options that a model may refuse, and that `drop` may name."""

_TOLD = ("temperature", "top_p", "reasoning_effort", "tool_choice", "max_completion_tokens")


class Quirk(StrEnum):
    """What an endpoint wants otherwise than OpenAI's Chat Completions."""

    OLD_CAP = "old_cap"  # max_tokens instead of max_completion_tokens
    EMPTY_CONTENT = "empty_content"  # "" instead of null beside calls
    NO_CONTENT = "no_content"  # no content at all beside calls
    SHORT_IDS = "short_ids"  # call ids of nine letters and digits
    REASONING_OWED = "reasoning_owed"  # reasoning_content with every message of the assistant
    SIGNED_CALLS = "signed_calls"  # Gemini: a thought signature with every round of calls
    NAMED_OUTPUTS = "named_outputs"  # the function's name in tool messages
    NO_SYSTEM = "no_system"  # instructions as part of the first user message
    USER_FIRST = "user_first"  # a user's message at the beginning
    CALLS_IN_WORDS = "calls_in_words"  # past calls told, not sent as calls
    TOOLS_ANSWERED = "tools_answered"  # an assistant's message between outputs and the next user
    EFFORT_NONE = "effort_none"  # reasoning_effort none, or no function is taken
    WHOLE = "whole"  # no stream
    JSON_OBJECT = "json_object"  # json_object instead of json_schema
    FORMAT_OR_CALLS = "format_or_calls"  # no call is made while a response_format is sent
    UNNAMED_CHOICE = "unnamed_choice"  # a tool_choice names no function: it is the only one offered
    NO_IMAGES = "no_images"  # told in words that there was one


@dataclass(frozen=True)
class Dialect:
    """`dropped` are names of options (and of keys that state would bring back) that are left out;
    `cap` is the most output tokens that may be asked for, `context` how many tokens prompt and
    answer may have together; `refused_apis` have been tried."""

    api: Api
    dropped: frozenset[str] = frozenset()
    quirks: frozenset[str] = frozenset()
    cap: int | None = None
    context: int | None = None
    refused_apis: frozenset[str] = frozenset()

    def has(self, quirk: Quirk) -> bool:
        return quirk in self.quirks

    def without(self, names: Iterable[str]) -> Dialect:
        return replace(self, dropped=self.dropped.union(names))

    def but(self, *quirks: Quirk, no_longer: Iterable[Quirk] = ()) -> Dialect:
        return replace(self, quirks=self.quirks.difference(no_longer).union(quirks))

    def to_json(self) -> dict[str, Any]:
        return {
            "api": self.api,
            "dropped": sorted(self.dropped),
            "quirks": sorted(self.quirks),
            "cap": self.cap,
            "context": self.context,
            "refused_apis": sorted(self.refused_apis),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Dialect:
        """KeyError or TypeError for what another version has stored."""
        return cls(
            api=stored["api"],
            dropped=frozenset(stored["dropped"]),
            quirks=frozenset(stored["quirks"]),
            cap=stored["cap"],
            context=stored["context"],
            refused_apis=frozenset(stored["refused_apis"]),
        )


def asks_in_words(request: Request, dialect: Dialect) -> bool:
    """Whether the response_format is asked for in the instructions, and so has to be checked."""
    if request.response_format is None:
        return False
    if no_format_with_calls(request, dialect):
        return True
    kind = request.response_format.get("type")
    if kind == "json_schema" and dialect.has(Quirk.JSON_OBJECT):
        return True
    return "response_format" in dialect.dropped


def no_format_with_calls(request: Request, dialect: Dialect) -> bool:
    """Whether the response_format would keep the model from calling what it is offered."""
    callable_ = bool(request.tools) and request.tool_choice != "none"
    return callable_ and dialect.has(Quirk.FORMAT_OR_CALLS)


def as_seen(request: Request, dialect: Dialect) -> Sequence[Mapping[str, Any]]:
    """The messages, as far as the model can see them."""
    return without_images(request.messages) if dialect.has(Quirk.NO_IMAGES) else request.messages


def notes(request: Request, dialect: Dialect) -> list[str]:
    """What the reader of the run should know: what was asked for and the model does not take."""
    dropped = [name for name in _TOLD if name in dialect.dropped]
    lost = [name for name in dropped if getattr(request, name) is not None]
    if not request.tools and "tool_choice" in lost:
        lost.remove("tool_choice")
    told = [f"the model does not take {name}, which was left out" for name in lost]
    if request.response_format is not None and no_format_with_calls(request, dialect):
        told.append(
            "the model calls no tools under a response_format here: it was asked for in the"
            " instructions, and the answer checked"
        )
    elif asks_in_words(request, dialect):
        told.append(
            "the model does not take this response_format: it was asked for in the instructions,"
            " and the answer checked"
        )
    if request.tools and dialect.has(Quirk.EFFORT_NONE) and request.reasoning_effort != "none":
        told.append(
            "the model takes functions only without reasoning here: reasoning_effort was set to"
            " none"
        )
    if dialect.has(Quirk.NO_IMAGES) and has_images(request.messages):
        told.append("the model takes no images, which were left out")
    most = request.max_completion_tokens
    if most is not None and dialect.cap is not None and dialect.cap < most:
        told.append(f"max_completion_tokens was lowered to {dialect.cap}, the model's own limit")
    return told
