"""The events of a response's stream, and how they go over the wire.

What is told of an item that the model is at work on comes from an Open…; how it ended, from the
item as it was written down (`finished`). Numbers are given on the way out, so that none is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from assistctl.server.engine import streaming
from assistctl.server.responses_api.items.views import file_citation
from assistctl.server.responses_api.objects import ACTIVE
from assistctl.server.wire import Document

Event = Document
"""The data of an event, but for its sequence_number."""

_EMPTY: dict[str, Document] = {
    "output_text": {"type": "output_text", "text": "", "annotations": [], "logprobs": []},
    "refusal": {"type": "refusal", "refusal": ""},
}
_ENDED = {"completed": "completed", "failed": "failed"}


class Open(Protocol):
    """An item that has been told of, but not to its end."""

    id: str
    index: int

    def finished(self, item: Document) -> Iterator[Event]:
        """The rest of what is to be told, up to `response.output_item.done`."""


@dataclass
class OpenMessage:
    """`parts` are the types of the parts of its content of which words have come, `noted` is how
    many annotations its text has so far, `cited` are those that were told of where they stand."""

    id: str
    index: int
    noted: int = 0
    parts: list[str] = field(default_factory=list)
    cited: list[Document] = field(default_factory=list)
    _length: int = 0

    def opened(self) -> Iterator[Event]:
        yield _added(
            self.index,
            {
                "id": self.id,
                "type": "message",
                "status": "in_progress",
                "content": [],
                "role": "assistant",
            },
        )

    def text(self, words: str) -> Iterator[Event]:
        place = yield from self._place("output_text")
        if words:
            self._length += len(words)
            yield self._part("response.output_text.delta", place, delta=words, logprobs=[])

    def cites(self, file_id: str, filename: str | None) -> Iterator[Event]:
        """A citation of a file at the end of what was said so far. Without the file's name it is
        told of with the whole text."""
        place = yield from self._place("output_text")
        number, self.noted = self.noted, self.noted + 1
        if filename is not None:
            citation = file_citation(file_id, filename, self._length)
            self.cited.append(citation)
            yield self._annotated(place, number, citation)

    def refusal(self, words: str) -> Iterator[Event]:
        place = yield from self._place("refusal")
        yield self._part("response.refusal.delta", place, delta=words)

    def finished(self, item: Document) -> Iterator[Event]:
        for place, part in enumerate(item["content"]):
            if place >= len(self.parts):
                yield from self._place(part["type"], another=True)
            if part["type"] == "output_text":
                yield from self._text_done(place, part)
            else:
                said = part["refusal"]
                yield self._part("response.refusal.done", place, refusal=said)
            yield self._part("response.content_part.done", place, part=part)
        yield _done(self.index, item)

    def _text_done(self, place: int, part: Document) -> Iterator[Event]:
        for number, annotation in enumerate(part["annotations"]):
            if annotation in self.cited:
                self.cited.remove(annotation)
            else:
                yield self._annotated(place, number, annotation)
        yield self._part("response.output_text.done", place, text=part["text"], logprobs=[])

    def _annotated(self, place: int, number: int, annotation: Document) -> Event:
        name = "response.output_text.annotation.added"
        return self._part(name, place, annotation_index=number, annotation=annotation)

    def _place(self, kind: str, another: bool = False) -> Any:
        """Where in the content the words of this kind stand; a first one opens their part."""
        if another or kind not in self.parts:
            self.parts.append(kind)
            place = len(self.parts) - 1
            yield self._part("response.content_part.added", place, part=_EMPTY[kind])
            return place
        return self.parts.index(kind)

    def _part(self, kind: str, place: int, **details: Any) -> Event:
        return _of_item(self, kind, content_index=place, **details)


@dataclass
class OpenFunction:
    """A call of one of the client's functions; `item` is what was told of it."""

    id: str
    index: int
    item: Document = field(default_factory=dict)

    def opened(self, call_id: str, name: str) -> Iterator[Event]:
        self.item = {
            "id": self.id,
            "type": "function_call",
            "status": "in_progress",
            "arguments": "",
            "call_id": call_id,
            "name": name,
        }
        yield _added(self.index, dict(self.item))

    def arguments(self, more: str) -> Iterator[Event]:
        self.item["arguments"] += more
        if more:
            yield _of_item(self, "response.function_call_arguments.delta", delta=more)

    def is_whole(self) -> bool:
        """Whether its arguments are a JSON object, to which nothing can be added."""
        try:
            return isinstance(json.loads(self.item["arguments"]), dict)
        except (RecursionError, ValueError):
            return False

    def finished(self, item: Document) -> Iterator[Event]:
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield _of_item(self, "response.function_call_arguments.done", **done)
        yield _done(self.index, item)


@dataclass
class OpenTool:
    """A call that the server answers; `kind` is the type of its item."""

    id: str
    index: int
    kind: str
    answered: bool = False

    def opened(self, container_id: str) -> Iterator[Event]:
        empty: Document = {"code": "", "container_id": container_id, "outputs": None}
        if self._searches:
            empty = {"queries": [], "results": None}
        begun = {"id": self.id, "type": self.kind, "status": "in_progress"}
        yield _added(self.index, {**begun, **empty})
        yield self._is("in_progress")

    def running(self, code: str) -> Iterator[Event]:
        if self._searches:
            yield self._is("searching")
            return
        if code:
            yield _of_item(self, "response.code_interpreter_call_code.delta", delta=code)
        yield _of_item(self, "response.code_interpreter_call_code.done", code=code)
        yield self._is("interpreting")

    def result(self) -> Iterator[Event]:
        self.answered = True
        yield self._is("completed")

    def finished(self, item: Document) -> Iterator[Event]:
        if item["status"] == "completed" and not self.answered:
            yield from self.running(item.get("code") or "")
            yield from self.result()
        yield _done(self.index, item)

    @property
    def _searches(self) -> bool:
        return self.kind == "file_search_call"

    def _is(self, state: str) -> Event:
        return _of_item(self, f"response.{self.kind}.{state}")


@dataclass
class OpenReasoning:
    """What a model has thought, of which is told once it is known: a summary of it in parts, or
    the thoughts themselves."""

    id: str
    index: int

    def opened(self, item: Document) -> Iterator[Event]:
        yield _added(self.index, {"id": self.id, "type": "reasoning", "summary": []})
        for place, part in enumerate(item["summary"]):
            yield from self._summary(place, part)
        for place, part in enumerate(item.get("content") or ()):
            if text := part["text"]:
                yield self._said("text.delta", "content_index", place, delta=text)
            yield self._said("text.done", "content_index", place, text=text)

    def finished(self, item: Document) -> Iterator[Event]:
        yield _done(self.index, item)

    def _summary(self, place: int, part: Document) -> Iterator[Event]:
        text, where = part["text"], "summary_index"
        empty = {"type": "summary_text", "text": ""}
        yield self._said("summary_part.added", where, place, part=empty)
        if text:
            yield self._said("summary_text.delta", where, place, delta=text)
        yield self._said("summary_text.done", where, place, text=text)
        yield self._said("summary_part.done", where, place, part=part)

    def _said(self, name: str, where: str, place: int, **details: Any) -> Event:
        return _of_item(self, f"response.reasoning_{name}", **{where: place}, **details)


def whole(index: int, item: Document) -> Iterator[Event]:
    """A finished item, told from its beginning."""
    match item["type"]:
        case "message":
            message = OpenMessage(item["id"], index)
            yield from message.opened()
            for part in item["content"]:
                spoken = part["type"] == "output_text"
                yield from (
                    message.text(part["text"]) if spoken else message.refusal(part["refusal"])
                )
            yield from message.finished(item)
        case "function_call":
            function = OpenFunction(item["id"], index)
            yield from function.opened(item["call_id"], item["name"])
            yield from function.arguments(item["arguments"])
            yield from function.finished(item)
        case "file_search_call" | "code_interpreter_call" as kind:
            tool = OpenTool(item["id"], index, kind)
            yield from tool.opened(item.get("container_id", ""))
            yield from tool.finished(item)
        case "reasoning":
            reasoning = OpenReasoning(item["id"], index)
            yield from reasoning.opened(item)
            yield from reasoning.finished(item)
        case _:
            yield _added(index, {**item, "status": "in_progress"})
            yield _done(index, item)


def begun(response: Document) -> Iterator[Event]:
    fresh = {**response, "output": []}
    yield {"type": "response.created", "response": fresh}
    if response["background"]:
        yield {"type": "response.queued", "response": fresh}


def in_progress(response: Document) -> Event:
    return {"type": "response.in_progress", "response": response}


def ended(response: Document) -> Event:
    """The last event. A response that was cancelled has none of its own in this API."""
    name = _ENDED.get(response["status"], "incomplete")
    return {"type": f"response.{name}", "response": response}


def retold(response: Document) -> Iterator[Event]:
    """The stream of a response that has ended, as it is written down: the deltas of then are gone,
    so that what was said comes in one."""
    status = "queued" if response["background"] else "in_progress"
    unended: Document = {
        "status": status,
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "completed_at": None,
    }
    yield from begun({**response, **unended})
    yield in_progress({**response, **unended, "status": "in_progress"})
    for index, item in enumerate(response["output"]):
        yield from whole(index, item)
    yield ended(response)


def is_last(event: Event) -> bool:
    return "response" in event and event["response"]["status"] not in ACTIVE


def failure(message: str) -> Event:
    """Says that the stream, not the response, has failed."""
    return {"type": "error", "code": "server_error", "message": message, "param": None}


@dataclass
class ResponseStream:
    """The Wire of this API's streams. The end of one is its last event: nothing follows."""

    number: int = 0
    last: bytes = b""

    def encoded(self, event: Event) -> bytes:
        numbered = {"type": event["type"], "sequence_number": self.number, **event}
        self.number += 1
        return streaming.encoded(event["type"], numbered)

    def failed(self, message: str) -> bytes:
        return self.encoded(failure(message))


def _added(index: int, item: Document) -> Event:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def _done(index: int, item: Document) -> Event:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def _of_item(item: Open | Any, kind: str, **details: Any) -> Event:
    return {"type": kind, "item_id": item.id, "output_index": item.index, **details}
