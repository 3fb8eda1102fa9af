"""A model for tests, demos and CI: its words are written down, everything around them is real.

A script is a list of turns `{when, call, say}`. The first turn whose `when` (a regular expression,
absent means always) is found in the last user message plays: its calls go out in one round, and
when their outputs are back it says `say`, unless one of them is a JSON object with an `error`: a
script must not claim what a failed tool did not do.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any

from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    ModelError,
    Request,
    TextPart,
    Usage,
)
from assistctl.server.models.tokens import estimate_json, estimate_prompt
from assistctl.server.tokens import count_tokens

_NO_TURN = (
    "This is the scripted model, not a language model: no turn of its script matches this message."
)
_DONE = "The tool outputs have arrived. (This is the scripted model; the turn has no `say`.)"
_FAILED = "A tool call failed: {} (This is the scripted model; it does not try again.)"


class Scripted:
    """`borrowed` turns were written for other assistants: of them only those play that make calls
    on purpose (with `when`) and to functions that the run has."""

    note = "answered by the scripted model, not by a language model"

    def __init__(self, turns: Sequence[Mapping[str, Any]], *, borrowed: bool = False) -> None:
        self._turns = turns
        self._borrowed = borrowed

    def context(self, model: str) -> int | None:
        return None

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        user, answered = _last_user_message(request.messages)
        turns = _fitting(self._turns, request.tools) if self._borrowed else self._turns
        turn = _matching(turns, user)
        calls = turn.get("call") if turn else None
        calling = bool(calls) and not answered and request.tool_choice != "none"
        said = _NO_TURN if turn is None else turn.get("say") or _DONE
        if turn is not None and (failed := _failure(request.messages)):
            said = _FAILED.format(failed)
        for part in _call_parts(calls or {}) if calling else map(TextPart, _pieces(said)):
            yield part
            await asyncio.sleep(0)  # lets each part travel on its own, as from a real endpoint
        usage = Usage(
            estimate_prompt(request.messages, request.tools),
            estimate_json(calls) if calling else count_tokens(said),
        )
        yield Finish("tool_calls" if calling else "stop", usage)


def _last_user_message(messages: Sequence[Mapping[str, Any]]) -> tuple[str, bool]:
    """The text of the last user message, and whether tools have answered since."""
    answered = False
    for message in reversed(messages):
        if message["role"] == "user":
            return _text(message["content"]), answered
        answered = answered or message["role"] == "tool"
    return "", answered


def _failure(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """What the first failed tool said since the last user message."""
    failed = None
    for message in reversed(messages):
        if message["role"] == "user":
            break
        if message["role"] == "tool":
            failed = _error(_text(message["content"])) or failed
    return failed


def _error(output: str) -> str | None:
    try:
        value = json.loads(output)
    except (RecursionError, ValueError):
        return None
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        error = error.get("message") or error
    return str(error) if error else None


def _text(content: str | Sequence[Mapping[str, Any]]) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _fitting(
    turns: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    functions = {tool["function"]["name"] for tool in tools if "function" in tool}
    return [
        turn
        for turn in turns
        if turn.get("when") and turn.get("call") and functions.issuperset(turn["call"])
    ]


def _matching(turns: Sequence[Mapping[str, Any]], user: str) -> Mapping[str, Any] | None:
    for number, turn in enumerate(turns, 1):
        try:
            if re.search(turn.get("when") or "", user):
                return turn
        except re.error as error:
            raise ModelError(
                "server_error",
                f"Turn {number} of the script: `when` is not a regular expression ({error}).",
            ) from error
    return None


def _call_parts(calls: Mapping[str, Any]) -> Iterator[CallPart]:
    for index, (name, arguments) in enumerate(calls.items()):
        yield CallPart(index, name=name)
        for piece in _pieces(json.dumps(arguments or {}, ensure_ascii=False)):
            yield CallPart(index, arguments=piece)


def _pieces(text: str) -> list[str]:
    """The text in parts of up to twelve characters, several even for a short one."""
    size = max(1, min(12, len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]
