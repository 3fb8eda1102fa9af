"""Chat Completions chunks -> Deltas, tolerant of what endpoints are known to get wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assistctl.server.models.chat.state import State
from assistctl.server.models.chat.thoughts import Heard, Thoughts, thinks
from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    FinishReason,
    RefusalPart,
    Retracted,
    TextPart,
    Usage,
)
from assistctl.server.models.reading import BadAnswer, Failure
from assistctl.server.wire import whole_characters

_REASONS: Mapping[str, FinishReason] = {
    **dict.fromkeys(("stop", "end_turn", "stop_sequence", "eos", "eos_token", "end"), "stop"),
    **dict.fromkeys(("complete", "completed", "normal", "end_of_turn", "stop_token"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens"), "length"),
    **dict.fromkeys(("content_filter", "safety", "recitation", "blocklist"), "content_filter"),
    **dict.fromkeys(("prohibited_content", "spii"), "content_filter"),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use", "tool_call"), "tool_calls"),
}
"""The good words, and those for an answer that was cut; with any other one it is not whole."""


@dataclass
class _OpenCall:
    """`held` are arguments that came before the name; `arguments` all that came after it."""

    id: str
    name: str = ""
    held: str = ""
    arguments: str = ""

    @property
    def whole(self) -> bool:
        """Whether the arguments are JSON that nothing can follow."""
        return self.arguments.rstrip().endswith("}") and _parses(self.arguments)


class Chunks:
    """Reads the chunks of one completion of `model` in order; a whole completion is one chunk."""

    def __init__(self, model: str = "") -> None:
        self._calls: list[_OpenCall] = []
        self._numbers: dict[Any, int] = {}
        self._half = ""
        self._thoughts = Thoughts(wary=thinks(model))
        self._space = ""
        self._in_words = False
        self._said = False
        self._in_deltas = False
        self._state = State()
        self._reason: FinishReason | None = None
        self._word = ""
        self._usage: Usage | None = None

    @property
    def finish(self) -> Finish | None:
        """None until a chunk has given the reason why the completion ended."""
        if self._reason is None:
            return None
        if self._reason in ("stop", "tool_calls"):
            return Finish(self._reason, self._usage, self._state.kept())
        return Finish(self._reason, self._usage, word=self._word)

    def end(self) -> None:
        """The endpoint has said [DONE]; one that gave no reason has simply stopped."""
        if self._reason is None and any(not _parses(call.arguments) for call in self._calls):
            raise BadAnswer("ended its answer in the middle of a call")
        self._reason = self._reason or "stop"

    def rest(self) -> list[Delta]:
        """What was held back, once all is heard. Raises BadAnswer for what nobody can answer."""
        deltas = list(self._spoken(self._thoughts.end()))
        unnamed = [call for call in self._calls if not call.name]
        none_named = self._reason == "tool_calls" and len(unnamed) == len(self._calls) > 0
        if none_named or any(call.held for call in unnamed):
            raise BadAnswer("called a tool without saying which")
        if self._reason == "stop" and self._thoughts.seen and not (self._said or self._calls):
            raise BadAnswer("has only thought, and given no answer")
        return deltas

    def read(self, chunk: Any) -> list[Delta]:
        """Raises BadAnswer where it is not a chunk, and Failure where it tells of one."""
        if not isinstance(chunk, dict):
            raise BadAnswer(f"sent what is not a chunk: {_shortened(chunk)}")
        if chunk.get("error") or chunk.get("object") == "error":
            raise Failure(chunk)
        if "choices" not in chunk and ("message" in chunk or "detail" in chunk):
            raise Failure(chunk)
        told = chunk.get("base_resp")  # MiniMax
        if isinstance(told, dict) and told.get("status_code"):
            raise Failure({"code": told["status_code"], "message": str(told.get("status_msg"))})
        try:
            return list(self._read(chunk))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise BadAnswer(f"sent what is not a chunk: {_shortened(chunk)}") from error

    def _read(self, chunk: Mapping[str, Any]) -> Iterator[Delta]:
        usage = chunk.get("usage")
        if usage:
            self._usage = _usage(usage) or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            if choice.get("error"):
                raise Failure(choice)
            self._in_deltas = self._in_deltas or bool(choice.get("delta"))
            message = None if self._in_deltas else choice.get("message")
            yield from self._read_delta(choice.get("delta") or message or {})
            reason = choice.get("finish_reason")
            if reason:
                self._reason, self._word = _reason(str(reason)), str(reason)[:200]

    def _read_delta(self, delta: Mapping[str, Any]) -> Iterator[Delta]:
        if self._state.hear(delta) and not self._in_words:
            self._thoughts.elsewhere()
        text = self._whole(_text(delta.get("content")))
        if text:
            yield from self._spoken(self._thoughts.feed(text))
        if delta.get("refusal"):
            self._said = True
            yield RefusalPart(whole_characters(_string(delta["refusal"])))
        calls = delta.get("tool_calls") or ()
        for part in [calls] if isinstance(calls, dict) else calls:
            if part:
                yield from self._read_call(part)
        if delta.get("function_call"):  # how calls were spelt before there were tools
            yield from self._read_call({"index": 0, "function": delta["function_call"]})

    def _whole(self, text: str) -> str:
        """Characters may be torn: half a surrogate pair waits for its other half."""
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return whole_characters(text)

    def _spoken(self, heard: Heard) -> Iterator[Delta]:
        """White space before words counts only if words follow, also after a call."""
        if heard.retracted:
            self._said = self._in_words = False
            self._space = ""
            yield Retracted()
        text = self._space + heard.text
        if text and not self._in_words and text.isspace():
            self._space = text
            return
        self._space = ""
        if text:
            self._said = self._in_words = True
            yield TextPart(text)

    def _read_call(self, part: Mapping[str, Any]) -> Iterator[CallPart]:
        function = part.get("function") or {}
        name = _string(function.get("name"))
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments, ensure_ascii=False)
        arguments = whole_characters(arguments)
        number = self._number(part.get("index"), str(part.get("id") or ""), name, arguments)
        self._state.hear_call(number, part)
        self._in_words, self._space = False, ""
        call = self._calls[number]
        if call.name:
            if part.get("id") == call.id and arguments == call.arguments and call.whole:
                return  # some repeat the whole call at its end
            call.arguments += arguments
            if arguments:
                yield CallPart(number, arguments=arguments)
            return
        call.held += arguments
        if name:
            call.name, call.arguments, call.held = name, call.held, ""
            yield CallPart(number, self._own_id(call), whole_characters(name), call.arguments)

    def _own_id(self, call: _OpenCall) -> str:
        """Two calls with one id could not be answered apart: the second has none."""
        first = next(other for other in self._calls if other.id == call.id)
        return call.id if first is call else ""

    def _number(self, index: Any, call_id: str, name: str, arguments: str) -> int:
        """Which call a part belongs to, counted from 0 in the order of appearance."""
        at = self._known(index, call_id)
        if at is not None and not _opens_another(self._calls[at], index, call_id, name, arguments):
            self._calls[at].id = self._calls[at].id or call_id
            return at
        same = self._calls[at].name if at is not None and not name else ""
        self._calls.append(_OpenCall(call_id, same))
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


def _opens_another(call: _OpenCall, index: Any, call_id: str, name: str, arguments: str) -> bool:
    """Whether a part that looks like a continuation of `call` is really the next call.

    Some endpoints send no index, some send 0 for every parallel call, some repeat the id in each
    part, some make up a new one each time: a second name is what gives a new call away, or a
    second object of arguments.
    """
    if not call.name:
        return False
    another_object = arguments.lstrip().startswith("{") and call.whole
    if not name:
        return another_object and call_id != call.id
    if call_id and call_id != call.id:
        return True
    if index is None:
        return not call_id or name != call.name
    if call_id:
        return another_object and name != call.name
    return name != call.name or another_object


def _reason(given: str) -> FinishReason:
    """Why the completion ended; BadAnswer for a reason that is not among the good ones."""
    word = given.lower().strip()
    known = _REASONS.get(word) or _REASONS.get(word.partition(":")[0].strip())
    if known is None:
        raise BadAnswer(f"gave up in the middle of its answer ({given[:200]})")
    return known


def _parses(arguments: str) -> bool:
    """Whether arguments are whole; a call may have none."""
    try:
        json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return False
    return True


def _usage(counted: Any) -> Usage | None:
    """None for zeros, which some endpoints send instead of counting, and for nonsense."""
    try:
        details = counted.get("completion_tokens_details") or {}
        usage = Usage(
            int(counted.get("prompt_tokens") or 0),
            int(counted.get("completion_tokens") or 0),
            int(details.get("reasoning_tokens") or 0),
        )
    except (AttributeError, OverflowError, TypeError, ValueError):
        return None
    return usage if usage.prompt or usage.completion else None


def _text(content: Any) -> str:
    """Content is a string, or a list of parts where an endpoint mixes in its thinking."""
    if isinstance(content, list):
        return "".join(
            part.get("text") or ""
            for part in content
            if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text")
        )
    return _string(content)


def _string(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a string")
    return value or ""


def _shortened(chunk: Any) -> str:
    return repr(json.dumps(chunk, ensure_ascii=False)[:200])
