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
    done: bool = False


class Events:
    """Reads the events of one response in order.

    Which item an event is about is said by its index, its id, or both: llama.cpp sends no index,
    some proxies another id in each event, or one index for all.
    """

    def __init__(self, model: str = "") -> None:
        self._calls: dict[Any, _Call] = {}
        self._count = 0
        self._texts: dict[Any, str] = {}
        self._items: list[Mapping[str, Any]] = []
        self.finish: Finish | None = None

    def end(self) -> None:
        if self.finish is None:
            raise BadAnswer("ended its answer in the middle")

    def rest(self) -> list[Delta]:
        finish = self.finish
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
            yield from self._item(event, event["item"])
        elif kind == "response.function_call_arguments.delta":
            yield from self._arguments(self._call(event), event["delta"])
        elif kind == "response.output_item.done":
            yield from self._done(event, event["item"])
        elif "choices" in event or "detail" in event:
            raise Failure(event)

    def _words(self, event: Mapping[str, Any], kind: str, text: str) -> Iterator[Delta]:
        for key in _keys(event):
            place = (key, event.get("content_index") or 0)
            self._texts[place] = self._texts.get(place, "") + text
        if text := whole_characters(text):
            yield TextPart(text) if kind.startswith("response.output_text") else RefusalPart(text)

    def _item(self, event: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Delta]:
        """A call that begins, unless it is known already."""
        call_id = str(item.get("call_id") or item.get("id") or "")
        if item.get("type") != "function_call" or (call_id and call_id in self._calls):
            return
        name, arguments = item.get("name"), item.get("arguments") or ""
        if not name:
            raise BadAnswer("called a tool without saying which")
        call = _Call(self._count, arguments)
        self._count += 1
        self._calls |= dict.fromkeys([*_keys(event), call_id], call)
        yield CallPart(call.number, call_id, whole_characters(name), whole_characters(arguments))

    def _call(self, event: Mapping[str, Any]) -> _Call:
        """By its id first: several may have one index. KeyError for none that has begun."""
        index, *ids = _keys(event)
        return self._calls[ids[0] if ids and ids[0] in self._calls else index]

    def _arguments(self, call: _Call, piece: str) -> Iterator[Delta]:
        call.arguments += piece
        if piece:
            yield CallPart(call.number, arguments=whole_characters(piece))

    def _done(self, event: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Delta]:
        """An item that is whole: what of it has not been heard yet, and what is kept."""
        if item.get("type") == "function_call":
            yield from self._call_done(event, item)
        elif item.get("type") == "message":
            yield from self._rest_of(event, item)
        if item.get("type") not in _NOT_FOR_BACK:
            self._items.append(item)

    def _call_done(self, event: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Delta]:
        keys = [item.get("call_id"), *reversed(_keys(event))]
        call = next((self._calls[key] for key in keys if key in self._calls), None)
        if call is None or call.done:
            yield from self._item(event, item)
            call = self._call(event)
        call.done = True
        whole = item.get("arguments") or ""
        if whole.startswith(call.arguments):
            yield from self._arguments(call, whole[len(call.arguments) :])

    def _rest_of(self, event: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[Delta]:
        for at, part in enumerate(item.get("content") or ()):
            refused = part.get("type") == "refusal"
            if not refused and part.get("type") != "output_text":
                continue
            whole = part.get("refusal" if refused else "text") or ""
            places = [(key, at) for key in _keys(event)]
            heard = next((self._texts[place] for place in places if place in self._texts), "")
            if whole.startswith(heard):
                kind = "response.refusal" if refused else "response.output_text"
                yield from self._words({**event, "content_index": at}, kind, whole[len(heard) :])

    def _whole(self, response: Mapping[str, Any]) -> Iterator[Delta]:
        status = response.get("status") or "completed"
        if response.get("error") or status in ("failed", "cancelled"):
            raise Failure(response.get("error") or {"message": f"the response was {status}"})
        if not self._items:
            for index, item in enumerate(response.get("output") or ()):
                yield from self._done({"output_index": index, "item": item}, item)
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
        self.finish = Finish(reason, _usage(response.get("usage")), state, word)


def _keys(event: Mapping[str, Any]) -> list[Any]:
    """By which the item of an event is known: its index, then its id."""
    item_id = event.get("item_id") or (event.get("item") or {}).get("id")
    return [key for key in (event.get("output_index"), item_id) if key is not None] or [None]


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
