"""Chat Completions chunks -> Deltas, tolerant of what endpoints are known to get wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    FinishReason,
    RefusalPart,
    TextPart,
    Usage,
)
from assistctl.server.wire import whole_characters

_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}
"""Whatever else is given as a reason (eos, end_turn, …) is a `stop`."""
_FAULTS = ("error", "insufficient_system_resource")


class BadChunk(Exception):
    """What an endpoint sent makes no sense; the text says what it did, as in `The endpoint …`."""


@dataclass
class _OpenCall:
    """`held` are arguments that came before the name."""

    id: str
    name: str = ""
    held: str = ""


class Chunks:
    """Reads the chunks of one completion in order; a whole completion is one chunk too."""

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []
        self._numbers: dict[Any, int] = {}
        self._text = _Pieces()
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    @property
    def finish(self) -> Finish | None:
        """None until a chunk has given the reason why the completion ended."""
        return Finish(self._reason, self._usage) if self._reason else None

    def end(self) -> None:
        """The endpoint has said [DONE]; one that gave no reason has simply stopped."""
        self._reason = self._reason or "stop"

    def check(self) -> None:
        """Raises BadChunk for calls that nobody can answer, having heard the whole."""
        unnamed = [call for call in self._calls if not call.name]
        none_named = self._reason == "tool_calls" and len(unnamed) == len(self._calls) > 0
        if none_named or any(call.held for call in unnamed):
            raise BadChunk("called a tool without saying which")

    def read(self, chunk: Any) -> list[Delta]:
        """Raises BadChunk where it is not a chunk, or tells of a failure."""
        try:
            return list(self._read(chunk))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise BadChunk(f"sent what is not a chunk: {_shortened(chunk)}") from error

    def _read(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        usage = chunk.get("usage")
        if usage:
            self._usage = _usage(usage) or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            yield from self._read_delta(choice.get("delta") or choice.get("message") or {})
            reason = choice.get("finish_reason")
            if reason:
                if str(reason).lower() in _FAULTS:
                    raise BadChunk(f"gave up in the middle of its answer ({reason})")
                self._reason = _REASONS.get(str(reason).lower(), "stop")

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        text = self._text.whole(_text(delta.get("content")))
        if text:
            yield TextPart(text)
        if delta.get("refusal"):
            yield RefusalPart(whole_characters(_string(delta["refusal"])))
        calls = delta.get("tool_calls") or ()
        for part in [calls] if isinstance(calls, dict) else calls:
            if part:
                yield from self._read_call(part)
        if delta.get("function_call"):  # how calls were spelt before there were tools
            yield from self._read_call({"index": 0, "function": delta["function_call"]})

    def _read_call(self, part: Mapping[str, Any]) -> Iterator[CallPart]:
        function = part.get("function") or {}
        name = _string(function.get("name"))
        number = self._number(part.get("index"), str(part.get("id") or ""), name)
        call = self._calls[number]
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        arguments = whole_characters(arguments)
        if call.name:
            if arguments:
                yield CallPart(number, arguments=arguments)
            return
        call.held += arguments
        if name:
            call.name = name
            yield CallPart(number, self._own_id(call), whole_characters(name), call.held)

    def _own_id(self, call: _OpenCall) -> str:
        """Two calls with one id could not be answered apart: the second has none."""
        first = next(other for other in self._calls if other.id == call.id)
        return call.id if first is call else ""

    def _number(self, index: Any, call_id: str, name: str) -> int:
        """Which call a part belongs to, counted from 0 in the order of appearance."""
        at = self._known(index, call_id)
        if at is not None and not _opens_another(self._calls[at], index, call_id, name):
            self._calls[at].id = self._calls[at].id or call_id
            return at
        self._calls.append(_OpenCall(call_id))
        number = len(self._calls) - 1
        if index is not None:
            self._numbers[index] = number
        return number

    def _known(self, index: Any, call_id: str) -> int | None:
        """The call that a part seems to go on with: the one of its index, else that of its id,
        else the last one."""
        if index is not None:
            return self._numbers.get(index)
        if not self._calls:
            return None
        known = [number for number, call in enumerate(self._calls) if call.id == call_id]
        return known[-1] if call_id and known else len(self._calls) - 1


class _Pieces:
    """Text whose characters may be torn: half a surrogate pair waits for its other half."""

    def __init__(self) -> None:
        self._half = ""

    def whole(self, text: str) -> str:
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return whole_characters(text)


def _opens_another(call: _OpenCall, index: Any, call_id: str, name: str) -> bool:
    """Whether a part that looks like a continuation of `call` is really the next call.

    Some endpoints send no index, some send 0 for every parallel call, some repeat the id in each
    part, some make up a new one each time: a second name is what gives a new call away.
    """
    if not (name and call.name):
        return False
    if call_id and call_id != call.id:
        return True
    return index is None and (not call_id or name != call.name)


def _usage(counted: Any) -> Usage | None:
    """None for zeros, which some endpoints send instead of counting, and for nonsense."""
    try:
        usage = Usage(
            int(counted.get("prompt_tokens") or 0), int(counted.get("completion_tokens") or 0)
        )
    except (AttributeError, OverflowError, TypeError, ValueError):
        return None
    return usage if usage.prompt or usage.completion else None


def _text(content: Any) -> str:
    """Content is a string, or a list of parts where an endpoint mixes in its thinking."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return _string(content)


def _string(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value or ""


def _shortened(chunk: Any) -> str:
    return repr(json.dumps(chunk, ensure_ascii=False)[:200])
