"""The record of a turn: what the engine tells of its run, as the run of a thread and as events.

All that is written down is written by a ThreadRecord, so that the turn is there for clients of the
other APIs. What comes to that here are the events, and input that comes while the model answers:
it stands in the thread as a message that names the run (INPUT_OF). An answer that could not know
it yet is not the last one; the message is moved behind it, and the model is asked again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from assistctl.server.agents_api import environments, events, items, sessions, turns
from assistctl.server.agents_api.events import Event, Teller
from assistctl.server.agents_api.turns import ASKED_AT, ORDER
from assistctl.server.assistants_api.record import runs
from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.assistants_api.record.transcript import INPUT_OF
from assistctl.server.engine.audience import Audience
from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.coding import code_of
from assistctl.server.engine.history import History
from assistctl.server.engine.record import (
    Answered,
    AwaitsOutputs,
    CodeResult,
    Conclusion,
    Ending,
    Events,
    PastCode,
    Run,
    Standing,
    ToolCall,
    ToolResult,
)
from assistctl.server.models.protocol import Usage
from assistctl.server.retrieval.search import Hit
from assistctl.server.storage import Claim, Collection, Transaction, documents
from assistctl.server.wire import MESSAGE, Document, now


@dataclass(frozen=True)
class Listeners:
    """All who listen to a session, as the listener of a turn's run. The end of a run is not the end
    of a session."""

    audience: Audience
    project: str
    session_id: str

    def send(self, events: Events) -> None:
        self.audience.tell((self.project, self.session_id), events)

    def fail(self, message: str) -> None:
        self.send([events.failed(self.session_id, message)])

    def close(self) -> None:
        """They go on listening."""


@dataclass
class _Open:
    """A message or command that was told of but has not ended; `item` is what was told."""

    item: Document
    index: int


class SessionRecord:
    """A Record, see engine/record.py."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.session_id = turns.session_id(claim.thread_id)
        self._thread = ThreadRecord(claim)
        self._tell = Teller(self.session_id, turns.turn_id(claim.run_id))
        self._message: _Open | None = None
        self._known: frozenset[str] | None = None
        self._step_id = ""
        self._commands: dict[str, _Open] = {}

    def standing(self, tx: Transaction) -> Standing:
        return self._thread.standing(tx)

    def run(self, tx: Transaction) -> Run:
        return self._thread.run(tx)

    def history(self, tx: Transaction) -> History:
        self._known = frozenset(message["id"] for message in self._input(tx))
        return self._thread.history(tx)

    def searches(self, tx: Transaction) -> Mapping[int, Sequence[Hit]]:
        return self._thread.searches(tx)

    def past_code(self, tx: Transaction) -> PastCode:
        """What the session was given lies where its code has left what it wrote."""
        past = self._thread.past_code(tx)
        session = documents.find(tx, sessions.collection(self.claim.project), self.session_id)
        given = (session or {}).get(environments.FILES, {})
        return replace(past, files={**given, **past.files})

    def has_more_input(self, tx: Transaction) -> bool:
        return bool(self._unheard(tx))

    def begin(self, tx: Transaction) -> list[Event]:
        """A turn that goes on after its client has answered was begun before."""
        before = self._run(tx)
        self._thread.begin(tx)
        return [] if before["started_at"] else [events.turn("in_progress", self._run(tx))]

    def begin_answer(self, pictures: Sequence[str]) -> None:
        self._thread.begin_answer(pictures)
        self._message = None

    def begin_message(self, tx: Transaction) -> list[Event]:
        told = self._thread.begin_message(tx)
        [created] = [event.data for event in told if event.name == "thread.message.created"]
        item = items.message(created, None)
        begun = _Open(item, self._place(tx, item))

        def is_open() -> None:
            self._message = begun

        tx.after_commit(is_open)
        return self._tell.message_added(item, begun.index)

    def text(self, span: TextSpan) -> list[Event]:
        self._thread.text(span)
        return self._said(span.text)

    def refusal(self, text: str) -> list[Event]:
        """Words like any other: this API has no part of its own for them."""
        self._thread.refusal(text)
        return self._said(text)

    def retract(self) -> None:
        self._thread.retract()

    def begin_calls(self, tx: Transaction) -> list[Event]:
        """What was said before is not the answer, but what accompanies the calls."""
        told = self._thread.begin_calls(tx)
        steps = [event.data for event in told if event.name == "thread.run.step.created"]

        def is_open() -> None:
            self._step_id, self._commands = steps[-1]["id"], {}

        tx.after_commit(is_open)
        return self._message_ends(tx, "commentary")

    def call(self, call: ToolCall) -> list[Event]:
        """Of a function is told when its arguments are there, which is all at once."""
        self._thread.call(call)
        return []

    def arguments(self, call: ToolCall, more: str) -> list[Event]:
        self._thread.arguments(call, more)
        return []

    def keep_calls(self, tx: Transaction, calls: Sequence[ToolCall], answered: Answered) -> None:
        """Code is about to be run, each after the other: it has its place from now on."""
        self._thread.keep_calls(tx, calls, answered)
        begun = {}
        for place, call in enumerate(calls):
            if call.tool == "code_interpreter" and call.id not in self._commands:
                code, run_id = code_of(call.arguments), self.claim.run_id
                item = items.begun_command(self._step_id, run_id, place, code)
                begun[call.id] = _Open(item, self._place(tx, item))
        tx.after_commit(partial(self._commands.update, begun))

    def running(self, call: ToolCall) -> list[Event]:
        self._thread.running(call)
        command = self._commands.get(call.id)
        return [self._tell.added(command.item, command.index)] if command else []

    def result(self, call: ToolCall, result: ToolResult) -> list[Event]:
        self._thread.result(call, result)
        command = self._commands.get(call.id)
        if command is None or not isinstance(result, CodeResult):
            return []
        ended = items.ended_command(command.item, result.output, result.error)
        said = [self._tell.output(ended, command.index, result.output)] if result.output else []
        return [*said, self._tell.done(ended, command.index)]

    def conclude(
        self,
        tx: Transaction,
        calls: Sequence[ToolCall],
        answered: Answered,
        conclusion: Conclusion,
    ) -> list[Event]:
        unheard = self._unheard(tx)
        told = self._thread.conclude(tx, calls, answered, conclusion)
        for message in unheard:
            documents.move_to_end(tx, self._messages, message["id"])
        if isinstance(conclusion, Ending):
            silent = [event.data for event in told if event.name == "thread.message.created"]
            return [*self._silence(tx, silent), *self._stopped(tx)]
        ended = self._message_ends(tx, "commentary")
        if isinstance(conclusion, AwaitsOutputs):
            return [*ended, *self._asks(tx)]
        return ended

    def end(self, tx: Transaction, ending: Ending, usage: Usage | None) -> list[Event]:
        self._thread.end(tx, ending, usage)
        return self._stopped(tx)

    def _said(self, text: str) -> list[Event]:
        message = self._message
        return [self._tell.delta(message.item, message.index, text)] if message else []

    def _message_ends(self, tx: Transaction, phase: str) -> list[Event]:
        message = self._message
        if message is None:
            return []

        def is_closed() -> None:
            self._message = None

        tx.after_commit(is_closed)
        document = documents.find(tx, self._messages, message.item["id"])
        if document is None:
            return []  # a client of another API has deleted it
        return self._tell.message_done(items.message(document, phase), message.index)

    def _asks(self, tx: Transaction) -> list[Event]:
        """The calls are known by now to whoever answers them."""
        asked = items.open_calls(tx, self.claim.project, self.claim.run_id)
        told = [self._tell.added(item, self._place(tx, item)) for item in asked]
        documents.save(tx, self.claim.collection, {**self._run(tx), ASKED_AT: time.time()})
        return [*told, *self._standing_of_session(tx)]

    def _silence(self, tx: Transaction, created: Sequence[Document]) -> list[Event]:
        """A model that said nothing has answered with an empty message."""
        told: list[Event] = []
        for message in created:
            document = documents.find(tx, self._messages, message["id"])
            if document is not None:
                begun = items.message(message, None)
                index = self._place(tx, begun)
                told += self._tell.message_added(begun, index)
                told += self._tell.message_done(items.message(document, "final_answer"), index)
        return told

    def _stopped(self, tx: Transaction) -> list[Event]:
        """The turn has ended, however it did, and its session is idle."""
        told = self._message_ends(tx, "final_answer")
        run = documents.save(tx, self.claim.collection, {**self._run(tx), "_ended_at": now()})
        session = documents.find(tx, sessions.collection(self.claim.project), self.session_id)
        if session is not None:
            session["last_active_at"] = now()
            documents.save(tx, sessions.collection(self.claim.project), session)
        return [*told, events.ended(run), *self._standing_of_session(tx)]

    def _standing_of_session(self, tx: Transaction) -> list[Event]:
        session = documents.find(tx, sessions.collection(self.claim.project), self.session_id)
        if session is None:
            return []
        view = sessions.view(tx, self.claim.project, session)
        return [events.session(view["status"], view)]

    def _input(self, tx: Transaction) -> list[Document]:
        """The messages that were meant for this turn."""
        run = self.claim.collection, self.claim.run_id
        return documents.select(tx, self._messages, {INPUT_OF: self.claim.run_id}, run)

    def _unheard(self, tx: Transaction) -> list[Document]:
        """Those of them that the present answer could not know."""
        known = self._known
        return [] if known is None else [m for m in self._input(tx) if m["id"] not in known]

    def _place(self, tx: Transaction, item: Document) -> int:
        """Where in the turn's output the item is told to stand: behind what was told before."""
        run = self._run(tx)
        order = [*run.get(ORDER, ()), item["id"]]
        documents.save(tx, self.claim.collection, {**run, ORDER: order})
        return len(order) - 1

    @property
    def _messages(self) -> Collection:
        return Collection(MESSAGE, self.claim.project, self.claim.thread_id)

    def _run(self, tx: Transaction) -> Document:
        return runs.fetch(tx, self.claim)
