"""One completion on its way into the thread: at most one message, and one step of tool calls.

Deltas are heard as they come; the database hears of the beginning of a message or step and of its
end. The order of events is the API's: what is created precedes its deltas, words are finished
before calls begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from assistctl.server.assistants_api.record import steps
from assistctl.server.assistants_api.record.events import StreamEvent, delta
from assistctl.server.assistants_api.record.messages import text_part
from assistctl.server.assistants_api.record.tool_calls import (
    begun_details,
    call_entry,
    kept_of,
    result_details,
)
from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.record import ToolCall, ToolResult
from assistctl.server.models.protocol import STATE
from assistctl.server.storage import Claim, Collection, Transaction
from assistctl.server.storage.documents import find, insert, save
from assistctl.server.wire import MESSAGE, STEP, Document, now


class MessageWriter:
    """The message of an answer, from its first word to its last.

    It begins with `pictures`, which are file ids. What is said `beside` a step of calls belongs to
    the same completion as they.
    """

    def __init__(
        self,
        claim: Claim,
        run: Document,
        pictures: Sequence[str],
        beside: str | None = None,
    ) -> None:
        self._messages = Collection(MESSAGE, claim.project, claim.thread_id)
        self._steps = Collection(STEP, claim.project, claim.run_id)
        self._text = ""
        self._annotations: list[dict[str, Any]] = []
        self._pictures = [_image_part(file_id) for file_id in pictures]
        self._refusal = ""
        self._places: list[str] = []
        self.message = _new_message(run)
        if beside:
            self.message["_beside"] = beside
        self.step = steps.message_step(run, self.message["id"])

    def open(self, tx: Transaction) -> list[StreamEvent]:
        insert(tx, self._steps, self.step)
        insert(tx, self._messages, self.message)
        return [
            StreamEvent("thread.run.step.created", self.step),
            StreamEvent("thread.run.step.in_progress", self.step),
            StreamEvent("thread.message.created", self.message),
            StreamEvent("thread.message.in_progress", self.message),
            *(self._delta({"index": at, **part}) for at, part in enumerate(self._pictures)),
        ]

    def write(self, span: TextSpan) -> list[StreamEvent]:
        place, is_first = self._place("text")
        text: Document = {"value": span.text}
        annotation = _annotation(span, len(self._text))
        self._text += span.text
        if annotation:  # by its number in the text SDKs put deltas together
            text["annotations"] = [{"index": len(self._annotations), **annotation}]
            self._annotations.append(annotation)
        elif is_first:
            text["annotations"] = []
        return [self._delta({"index": place, "type": "text", "text": text})]

    def retract(self) -> None:
        """What was said were thoughts. Listeners have heard it; the message will not have it."""
        self._text, self._annotations = "", []

    def refuse(self, text: str) -> list[StreamEvent]:
        self._refusal += text
        place, _ = self._place("refusal")
        return [self._delta({"index": place, "type": "refusal", "refusal": text})]

    def charge(self, tx: Transaction, usage: Document) -> None:
        """Store what the step has cost; its end follows."""
        self.step = save(tx, self._steps, {**self.step, "usage": usage})

    def close(
        self,
        tx: Transaction,
        usage: Document,
        state: Mapping[str, Any] | None = None,
        made: Iterable[str] = (),
    ) -> list[StreamEvent]:
        """Store the finished message and step, and the state that its model wants back; `made` as
        in `attachments`. Meanwhile the client may have written metadata on the message, or deleted
        it."""
        events: list[StreamEvent] = []
        message = find(tx, self._messages, self.message["id"])
        if message is not None:
            content = self.content() or [text_part("")]
            message |= {
                "status": "completed",
                "completed_at": now(),
                "content": content,
                "attachments": attachments(content, made),
                **({STATE: dict(state)} if state else {}),
            }
            events.append(
                StreamEvent("thread.message.completed", save(tx, self._messages, message))
            )
        step = steps.completed({**self.step, "usage": usage})
        return [*events, StreamEvent("thread.run.step.completed", save(tx, self._steps, step))]

    def content(self) -> list[Document]:
        """The pictures, and what has been said so far, in the order of first words."""
        parts = {
            "text": text_part(self._text, self._annotations),
            "refusal": {"type": "refusal", "refusal": self._refusal},
        }
        return [*self._pictures, *(parts[kind] for kind in self._places)]

    def _place(self, kind: str) -> tuple[int, bool]:
        is_first = kind not in self._places
        if is_first:
            self._places.append(kind)
        return len(self._pictures) + self._places.index(kind), is_first

    def _delta(self, content: Document) -> StreamEvent:
        return delta("thread.message.delta", self.message, {"content": [content]})


class ToolStepWriter:
    """The tool step of an answer, from the first call's name to the last one's outputs."""

    def __init__(self, claim: Claim, run: Document) -> None:
        self._collection = Collection(STEP, claim.project, claim.run_id)
        self._places: dict[str, int] = {}
        self._heard: dict[str, ToolCall] = {}
        self.step = steps.tool_step(run)

    def open(self, tx: Transaction) -> list[StreamEvent]:
        insert(tx, self._collection, self.step)
        return [
            StreamEvent("thread.run.step.created", self.step),
            StreamEvent("thread.run.step.in_progress", self.step),
        ]

    def call(self, call: ToolCall) -> list[StreamEvent]:
        """A call begins. The arguments of those that the server answers are shown when it does."""
        self._places[call.id] = len(self._places)
        self._heard[call.id] = call
        begun = call if call.is_the_clients else replace(call, arguments="")
        return [self._delta(call, call_entry(begun, None))]

    def arguments(self, call: ToolCall, more: str) -> list[StreamEvent]:
        self._heard[call.id] = call
        if not call.is_the_clients:
            return []
        return [self._delta(call, {"type": "function", "function": {"arguments": more}})]

    def running(self, call: ToolCall) -> list[StreamEvent]:
        """The whole of a call that the server is about to answer, where its step shows it."""
        return self._details(call, begun_details(call))

    def result(self, call: ToolCall, result: ToolResult) -> list[StreamEvent]:
        return self._details(call, result_details(result))

    def charge(self, tx: Transaction, usage: Document) -> None:
        """Store what the step has cost; its end follows."""
        self.step = save(tx, self._collection, {**self.step, "usage": usage})

    def keep(
        self,
        tx: Transaction,
        calls: Sequence[ToolCall],
        usage: Document,
        results: Mapping[str, ToolResult],
        state: Mapping[str, Any] | None,
    ) -> None:
        """Store the calls and the cost, and the state that their model wants back; `results` has
        those of the server's among them, as far as they are answered."""
        entries = [call_entry(call, results.get(call.id)) for call in calls]
        kept = {call.id: kept_of(call, results.get(call.id)) for call in calls}
        step = {**steps.with_calls(self.step, entries), "usage": usage, "_calls": kept}
        if state:
            step[STATE] = dict(state)
        self.step = save(tx, self._collection, step)

    def keep_heard(self, tx: Transaction) -> None:
        """Store what was heard of calls of which nothing is kept yet, as far as it came."""
        if not self.step["_calls"]:
            self.keep(tx, list(self._heard.values()), self.step["usage"], {}, None)

    def close(self, tx: Transaction) -> list[StreamEvent]:
        """Complete the step, with its calls kept before, of which no client has to answer one."""
        step = save(tx, self._collection, steps.completed(self.step))
        return [StreamEvent("thread.run.step.completed", step)]

    def _details(self, call: ToolCall, details: Document) -> list[StreamEvent]:
        return [self._delta(call, {"type": call.tool, call.tool: details})] if details else []

    def _delta(self, call: ToolCall, entry: Document) -> StreamEvent:
        calls = [{"index": self._places[call.id], **entry}]
        details = {"type": "tool_calls", "tool_calls": calls}
        return delta("thread.run.step.delta", self.step, {"step_details": details})


def attachments(
    content: Iterable[Mapping[str, Any]], made: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """What a message has attached, each once: the files that its text links to, as it was at the
    hosted API, and of those that were `made` (ids) all others, which nothing else would tell of.
    Clients look here for what code has made."""
    linked = [
        annotation["file_path"]["file_id"]
        for part in content
        if part["type"] == "text"
        for annotation in part["text"]["annotations"]
        if annotation["type"] == "file_path"
    ]
    return [
        {"file_id": file_id, "tools": [{"type": "code_interpreter"}]}
        for file_id in dict.fromkeys([*linked, *made])
    ]


def _annotation(span: TextSpan, start: int) -> Document | None:
    """What a message shows of a reference in its text, which stands there from `start`."""
    if span.reference is None:
        return None
    kind = "file_path" if span.reference.kind == "path" else "file_citation"
    return {
        "type": kind,
        "text": span.text,
        "start_index": start,
        "end_index": start + len(span.text),
        kind: {"file_id": span.reference.file_id},
    }


def _image_part(file_id: str) -> Document:
    return {"type": "image_file", "image_file": {"file_id": file_id}}


def _new_message(run: Document) -> Document:
    return {
        "id": MESSAGE.new_id(),
        "object": "thread.message",
        "created_at": now(),
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "run_id": run["id"],
        "status": "in_progress",
        "incomplete_details": None,
        "incomplete_at": None,
        "completed_at": None,
        "role": "assistant",
        "content": [],
        "attachments": [],
        "metadata": {},
        **({"_container": run["_container"]} if run.get("_container") else {}),
    }
