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

_REASONS: Mapping[str, FinishReason] = {
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


@dataclass
class _OpenCall:
    id: str
    named: bool = False
    held: str = ""


class Chunks:
    """Reads the chunks of one completion in order; a whole completion is one chunk too."""

    def __init__(self) -> None:
        self._calls: list[_OpenCall] = []
        self._numbers: dict[int, int] = {}
        self._reason: FinishReason | None = None
        self._usage: Usage | None = None

    @property
    def finish(self) -> Finish | None:
        """None until a chunk has given the reason why the completion ended."""
        return Finish(self._reason, self._usage) if self._reason else None

    def end(self) -> None:
        """The endpoint has said [DONE]; one that gave no reason has simply stopped."""
        self._reason = self._reason or "stop"

    def read(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        usage = chunk.get("usage")
        if usage:
            self._usage = Usage(
                int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
            )
        for choice in (chunk.get("choices") or [])[:1]:
            yield from self._read_delta(choice.get("delta") or choice.get("message") or {})
            if choice.get("finish_reason"):
                self._reason = _REASONS.get(choice["finish_reason"], "stop")

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        text = _text(delta.get("content"))
        if text:
            yield TextPart(text)
        if delta.get("refusal"):
            yield RefusalPart(delta["refusal"])
        for part in delta.get("tool_calls") or ():
            yield from self._read_call(part)

    def _read_call(self, part: Mapping[str, Any]) -> Iterator[CallPart]:
        function = part.get("function") or {}
        name = function.get("name") or ""
        number = self._number(part.get("index"), part.get("id") or "", name)
        call = self._calls[number]
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if call.named:
            if arguments:
                yield CallPart(number, arguments=arguments)
            return
        call.held += arguments
        if name:
            call.named = True
            yield CallPart(number, call.id, name, call.held)

    def _number(self, index: int | None, call_id: str, name: str) -> int:
        """Which call a part belongs to, counted from 0 in the order of appearance."""
        at = self._numbers.get(index) if index is not None else len(self._calls) - 1
        if at is not None and at >= 0 and not _opens_another(self._calls[at], index, call_id, name):
            self._calls[at].id = self._calls[at].id or call_id
            return at
        self._calls.append(_OpenCall(call_id))
        number = len(self._calls) - 1
        if index is not None:
            self._numbers[index] = number
        return number


def _opens_another(call: _OpenCall, index: int | None, call_id: str, name: str) -> bool:
    """Whether a part that looks like a continuation of `call` is really the next call.

    Some endpoints send no index, some send 0 for every parallel call, some repeat the id in each
    part, some make up a new one each time: a second name is what gives a new call away.
    """
    if not (name and call.named):
        return False
    return call_id != call.id if call_id else index is None


def _text(content: Any) -> str:
    """Content is a string, or a list of parts where an endpoint mixes in its thinking."""
    if isinstance(content, list):
        return "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    return content or ""
