"""The events of a response -> Deltas. A response that is not streamed is one event too."""

from __future__ import annotations

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
from assistctl.server.models.reading import BadAnswer, Failure
from assistctl.server.wire import whole_characters

_CUT: Mapping[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
}
_ENDED = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_NOT_FOR_BACK = frozenset({"file_search_call", "web_search_call", "code_interpreter_call"})


@dataclass
class _Call:
    number: int
    arguments: str = ""


class Events:
    """Reads the events of one response in order."""

    def __init__(self, model: str = "") -> None:
        self._calls: dict[Any, _Call] = {}
        self._texts: dict[Any, str] = {}
        self._items: list[Mapping[str, Any]] = []
        self._finish: Finish | None = None

    @property
    def finish(self) -> Finish | None:
        return self._finish

    def end(self) -> None:
        if self._finish is None:
            raise BadAnswer("ended its answer in the middle")

    def rest(self) -> list[Delta]:
        finish = self._finish
        thought = any(item.get("type") == "reasoning" for item in self._items)
        silent = not self._calls and not any(self._texts.values())
        if finish and finish.reason == "stop" and thought and silent:
            raise BadAnswer("has only thought, and given no answer")
        return []

    def read(self, event: Any) -> list[Delta]:
        if not isinstance(event, dict):
            raise BadAnswer(f"sent what is not an event: {str(event)[:200]!r}")
        try:
            return list(self._read(event))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise BadAnswer(f"sent what is not an event: {str(event)[:200]!r}") from error

    def _read(self, event: Mapping[str, Any]) -> Iterator[Delta]:
        kind = event.get("type") or ""
        if kind == "error" or (event.get("error") and not kind.startswith("response.")):
            raise Failure(event)
        if event.get("object") == "response" and not kind:
            yield from self._whole(event)
        elif kind in _ENDED:
            yield from self._whole(event["response"])
        elif kind in ("response.output_text.delta", "response.refusal.delta"):
            yield from self._words(event, kind, event["delta"])
        elif kind == "response.output_item.added":
            yield from self._item(event.get("output_index"), event["item"])
        elif kind == "response.function_call_arguments.delta":
            yield from self._arguments(event.get("output_index"), event["delta"])
        elif kind == "response.output_item.done":
            yield from self._done(event.get("output_index"), event["item"])
        elif "choices" in event or "detail" in event:
            raise Failure(event)

    def _words(self, event: Mapping[str, Any], kind: str, text: str) -> Iterator[Delta]:
        place = (event.get("output_index"), event.get("content_index"))
        self._texts[place] = self._texts.get(place, "") + text
        if text := whole_characters(text):
            yield TextPart(text) if kind.startswith("response.output_text") else RefusalPart(text)

    def _item(self, index: Any, item: Mapping[str, Any]) -> Iterator[Delta]:
        if item.get("type") != "function_call" or index in self._calls:
            return
        name, arguments = item.get("name"), item.get("arguments") or ""
        if not name:
            raise BadAnswer("called a tool without saying which")
        call = self._calls[index] = _Call(len(self._calls), arguments)
        call_id = str(item.get("call_id") or item.get("id") or "")
        yield CallPart(call.number, call_id, whole_characters(name), whole_characters(arguments))

    def _arguments(self, index: Any, piece: str) -> Iterator[Delta]:
        call = self._calls[index]
        call.arguments += piece
        if piece:
            yield CallPart(call.number, arguments=whole_characters(piece))

    def _done(self, index: Any, item: Mapping[str, Any]) -> Iterator[Delta]:
        """An item that is whole: what of it has not been heard yet, and what is kept."""
        if item.get("type") == "function_call":
            yield from self._item(index, item)
            call = self._calls[index]
            whole = item.get("arguments") or ""
            if whole.startswith(call.arguments):
                yield from self._arguments(index, whole[len(call.arguments) :])
        elif item.get("type") == "message":
            yield from self._rest_of(index, item)
        if item.get("type") not in _NOT_FOR_BACK:
            self._items.append(item)

    def _rest_of(self, index: Any, item: Mapping[str, Any]) -> Iterator[Delta]:
        for at, part in enumerate(item.get("content") or ()):
            refused = part.get("type") == "refusal"
            if not refused and part.get("type") != "output_text":
                continue
            whole = part.get("refusal" if refused else "text") or ""
            heard = self._texts.get((index, at), "")
            if whole.startswith(heard):
                kind = "response.refusal" if refused else "response.output_text"
                place = {"output_index": index, "content_index": at}
                yield from self._words(place, kind, whole[len(heard) :])

    def _whole(self, response: Mapping[str, Any]) -> Iterator[Delta]:
        status = response.get("status") or "completed"
        if response.get("error") or status in ("failed", "cancelled"):
            raise Failure(response.get("error") or {"message": f"the response was {status}"})
        if not self._items:
            for index, item in enumerate(response.get("output") or ()):
                yield from self._done(index, item)
        reason: FinishReason = "tool_calls" if self._calls else "stop"
        word = ""
        if status == "incomplete":
            given = str((response.get("incomplete_details") or {}).get("reason"))
            if given not in _CUT:
                raise BadAnswer(f"gave up in the middle of its answer ({given[:200]})")
            reason, word = _CUT[given], given
        elif status != "completed":
            raise BadAnswer(f"ended its answer with the status {status}")
        state = {"items": self._items} if self._items and status == "completed" else None
        self._finish = Finish(reason, _usage(response.get("usage")), state, word)


def _usage(counted: Any) -> Usage | None:
    """None where nothing was counted."""
    if not isinstance(counted, dict):
        return None
    details = counted.get("output_tokens_details") or {}
    usage = Usage(
        int(counted.get("input_tokens") or 0),
        int(counted.get("output_tokens") or 0),
        int(details.get("reasoning_tokens") or 0),
    )
    return usage if usage.prompt or usage.completion else None
