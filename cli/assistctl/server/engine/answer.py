"""One completion on its way into the thread: at most one message, and one step of tool calls.

Deltas go to the listener as they come; the database hears of the beginning of a message or step
and of its end. The order of events is the API's: what is created precedes its deltas, words are
finished before calls begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistctl.server.engine import steps
from assistctl.server.engine.builtin import Builtin, Outcome
from assistctl.server.engine.citations import Citer, Piece, Sources, attachments
from assistctl.server.engine.streaming import Event
from assistctl.server.models.protocol import STATE, CallPart
from assistctl.server.storage.database import Transaction
from assistctl.server.storage.documents import Collection, find, insert, save
from assistctl.server.storage.leases import Claim
from assistctl.server.wire import CALL, MESSAGE, STEP, Document, now


@dataclass(frozen=True)
class Call:
    """A tool call; `endpoint_id` is what the model's endpoint calls it, and `builtin` the tool if
    the server has to answer it, None if the client has."""

    id: str
    endpoint_id: str
    name: str
    arguments: str
    builtin: Builtin | None


class Speech:
    """The message of an answer, from its first word to its last.

    It begins with `pictures`, which are file ids. What is said `beside` a step of calls belongs to
    the same completion as they.
    """

    def __init__(
        self,
        claim: Claim,
        run: Document,
        sources: Sources,
        pictures: Sequence[str],
        beside: str | None = None,
    ) -> None:
        self._messages = Collection(MESSAGE, claim.project, claim.thread_id)
        self._steps = Collection(STEP, claim.project, claim.run_id)
        self._sources = sources
        self._citer = Citer(sources)
        self._pictures = [_image_part(file_id) for file_id in pictures]
        self._refusal = ""
        self._places: list[str] = []
        self.message = _new_message(run)
        if beside:
            self.message["_beside"] = beside
        self.step = steps.message_step(run, self.message["id"])

    def open(self, tx: Transaction) -> list[Event]:
        insert(tx, self._steps, self.step)
        insert(tx, self._messages, self.message)
        return [
            Event("thread.run.step.created", self.step),
            Event("thread.run.step.in_progress", self.step),
            Event("thread.message.created", self.message),
            Event("thread.message.in_progress", self.message),
            *(self._delta({"index": at, **part}) for at, part in enumerate(self._pictures)),
        ]

    def say(self, text: str) -> list[Event]:
        return [self._text(piece) for piece in self._citer.feed(text)]

    def rest(self) -> list[Event]:
        """What was held back as a possible mark."""
        return [self._text(piece) for piece in self._citer.flush()]

    def take_back(self) -> None:
        """What was said were thoughts. Listeners have heard it; the message will not have it."""
        self._citer = Citer(self._sources)

    def refuse(self, text: str) -> list[Event]:
        self._refusal += text
        place, _ = self._place("refusal")
        return [self._delta({"index": place, "type": "refusal", "refusal": text})]

    def charge(self, tx: Transaction, usage: Document) -> None:
        """Store what the step has cost; its end follows."""
        self.step = save(tx, self._steps, {**self.step, "usage": usage})

    def close(
        self, tx: Transaction, usage: Document, state: Mapping[str, Any] | None = None
    ) -> list[Event]:
        """Store the finished message and step, and the state that its model wants back. Meanwhile
        the client may have written metadata on the message, or deleted it."""
        events: list[Event] = []
        message = find(tx, self._messages, self.message["id"])
        if message is not None:
            content = self.content() or [_text_part("", [])]
            message |= {
                "status": "completed",
                "completed_at": now(),
                "content": content,
                "attachments": attachments(content),
                **({STATE: dict(state)} if state else {}),
            }
            events.append(Event("thread.message.completed", save(tx, self._messages, message)))
        step = steps.completed({**self.step, "usage": usage})
        return [*events, Event("thread.run.step.completed", save(tx, self._steps, step))]

    def content(self) -> list[Document]:
        """The pictures, and what has been said so far, in the order of first words."""
        parts = {
            "text": _text_part(self._citer.text, self._citer.annotations),
            "refusal": {"type": "refusal", "refusal": self._refusal},
        }
        return [*self._pictures, *(parts[kind] for kind in self._places)]

    def _text(self, piece: Piece) -> Event:
        place, is_first = self._place("text")
        text: Document = {"value": piece.text}
        if is_first or piece.annotations:
            text["annotations"] = list(piece.annotations)
        return self._delta({"index": place, "type": "text", "text": text})

    def _place(self, kind: str) -> tuple[int, bool]:
        is_first = kind not in self._places
        if is_first:
            self._places.append(kind)
        return len(self._pictures) + self._places.index(kind), is_first

    def _delta(self, content: Document) -> Event:
        return Event(
            "thread.message.delta",
            {
                "id": self.message["id"],
                "object": "thread.message.delta",
                "delta": {"content": [content]},
            },
        )


class ToolRound:
    """The tool step of an answer, from the first call's name to the last one's outputs."""

    def __init__(self, claim: Claim, run: Document, builtins: Iterable[Builtin]) -> None:
        self._collection = Collection(STEP, claim.project, claim.run_id)
        self._builtins = {tool.name: tool for tool in builtins}
        self._calls: dict[int, Call] = {}
        self.step = steps.tool_step(run)

    @property
    def calls(self) -> list[Call]:
        return list(self._calls.values())

    def open(self, tx: Transaction) -> list[Event]:
        insert(tx, self._collection, self.step)
        return [
            Event("thread.run.step.created", self.step),
            Event("thread.run.step.in_progress", self.step),
        ]

    def hear(self, part: CallPart) -> list[Event]:
        call = self._calls.get(part.index)
        if call is None:
            builtin = self._builtins.get(part.name)
            call = Call(CALL.new_id(), part.id, part.name, part.arguments, builtin)
            self._calls[part.index] = call
            begun = replace(call, arguments="") if builtin else call
            return [self._delta(part.index, _entry(begun, None))]
        self._calls[part.index] = replace(call, arguments=call.arguments + part.arguments)
        return [] if call.builtin else [self._more(part.index, part.arguments)]

    def rest(self) -> list[Event]:
        """A call without any arguments has an empty object of them: clients parse the JSON."""
        bare = [index for index, call in self._calls.items() if not call.arguments]
        return [event for index in bare for event in self.hear(CallPart(index, arguments="{}"))]

    def asked(self, call: Call) -> list[Event]:
        """The whole of a call that the server is about to answer, where its step shows it."""
        assert call.builtin is not None
        blank, begun = call.builtin.begun(""), call.builtin.begun(call.arguments)
        return self._details(call, {key: begun[key] for key in begun if begun[key] != blank[key]})

    def answered(self, call: Call, outcome: Outcome) -> list[Event]:
        return self._details(call, outcome.delta or {})

    def charge(self, tx: Transaction, usage: Document) -> None:
        """Store what the step has cost; its end follows."""
        self.step = save(tx, self._collection, {**self.step, "usage": usage})

    def record(
        self,
        tx: Transaction,
        usage: Document,
        outcomes: Mapping[str, Outcome],
        state: Mapping[str, Any] | None,
    ) -> None:
        """Store the calls and the cost, and the state that their model wants back; `outcomes` has
        those of the built-in ones among them, as far as they are answered."""
        calls = [_entry(call, outcomes.get(call.id)) for call in self.calls]
        hidden = {call.id: _hidden(call, outcomes.get(call.id)) for call in self.calls}
        step = {**steps.with_calls(self.step, calls), "usage": usage, "_calls": hidden}
        if state:
            step[STATE] = dict(state)
        self.step = save(tx, self._collection, step)

    def close(self, tx: Transaction) -> list[Event]:
        """Complete the recorded step of a round that no client has to answer."""
        step = save(tx, self._collection, steps.completed(self.step))
        return [Event("thread.run.step.completed", step)]

    def _more(self, index: int, arguments: str) -> Event:
        return self._delta(index, {"type": "function", "function": {"arguments": arguments}})

    def _details(self, call: Call, details: Document) -> list[Event]:
        if call.builtin is None or not details:
            return []
        index = next(index for index, known in self._calls.items() if known.id == call.id)
        return [self._delta(index, {"type": call.builtin.type, call.builtin.type: details})]

    def _delta(self, index: int, call: Document) -> Event:
        details = {"type": "tool_calls", "tool_calls": [{"index": index, **call}]}
        return Event(
            "thread.run.step.delta",
            {
                "id": self.step["id"],
                "object": "thread.run.step.delta",
                "delta": {"step_details": details},
            },
        )


def action_required(calls: Iterable[Call]) -> Document:
    """What the client is asked to do: answer every function call of the round."""
    asked = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
        if call.builtin is None
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": asked}}


def _entry(call: Call, outcome: Outcome | None) -> Document:
    """A call as its step shows it."""
    if call.builtin is None:
        function = {"name": call.name, "arguments": call.arguments, "output": None}
        return {"id": call.id, "type": "function", "function": function}
    shown = outcome.shown if outcome else call.builtin.begun(call.arguments)
    return {"id": call.id, "type": call.builtin.type, call.builtin.type: shown}


def _hidden(call: Call, outcome: Outcome | None) -> Document:
    """What `_calls` keeps of a call."""
    if outcome is None:
        return {"id": call.endpoint_id}
    known = {"id": call.endpoint_id, "name": call.name, "arguments": call.arguments}
    return {**known, **outcome.kept}


def _image_part(file_id: str) -> Document:
    return {"type": "image_file", "image_file": {"file_id": file_id}}


def _text_part(value: str, annotations: list[dict[str, Any]]) -> Document:
    return {"type": "text", "text": {"value": value, "annotations": list(annotations)}}


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
    }
