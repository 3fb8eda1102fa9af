"""The record of a run on a thread: what the engine tells becomes messages, steps and events."""

from __future__ import annotations

from collections.abc import Sequence

from assistctl.server.assistants_api.record import runs, tool_calls
from assistctl.server.assistants_api.record.endings import write_ending
from assistctl.server.assistants_api.record.events import StreamEvent
from assistctl.server.assistants_api.record.required_action import action_required
from assistctl.server.assistants_api.record.runs import NO_TOKENS, counted
from assistctl.server.assistants_api.record.transcript import read_thread
from assistctl.server.assistants_api.record.writers import MessageWriter, ToolStepWriter
from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.history import History
from assistctl.server.engine.record import (
    Answered,
    AwaitsOutputs,
    Conclusion,
    Ending,
    GoesOn,
    PastCode,
    Run,
    Standing,
    ToolCall,
    ToolResult,
)
from assistctl.server.models.protocol import Usage
from assistctl.server.retrieval.search import Hit
from assistctl.server.storage import Claim, Collection, Transaction, threads
from assistctl.server.storage.documents import find, save, select
from assistctl.server.wire import FILE, MESSAGE, STEP, Document, now


class ThreadRecord:
    """A Record, see engine/record.py. What `begin_…` opens counts as open once it is durable."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self._message: MessageWriter | None = None
        self._step: ToolStepWriter | None = None
        self._pictures: Sequence[str] = ()
        self._charged = False

    def standing(self, tx: Transaction) -> Standing:
        return runs.standing(find(tx, self.claim.collection, self.claim.run_id))

    def run(self, tx: Transaction) -> Run:
        return runs.asked(self._run(tx))

    def history(self, tx: Transaction) -> History:
        return read_thread(tx, self.claim)

    def searches(self, tx: Transaction) -> dict[int, list[Hit]]:
        steps = Collection(STEP, self.claim.project, self.claim.run_id)
        return tool_calls.searches(select(tx, steps, {"type": "tool_calls"}))

    def past_code(self, tx: Transaction) -> PastCode:
        steps = threads.steps(tx, self.claim.project, self.claim.thread_id)
        return tool_calls.past_code(steps, self.claim.run_id)

    def has_more_input(self, tx: Transaction) -> bool:
        """Never: while a run is active, its thread takes no messages."""
        return False

    def begin(self, tx: Transaction) -> list[StreamEvent]:
        run = self._run(tx)
        run |= {"status": "in_progress", "started_at": run["started_at"] or now()}
        return [StreamEvent("thread.run.in_progress", self._save(tx, run))]

    def begin_answer(self, pictures: Sequence[str]) -> None:
        self._message = self._step = None
        self._pictures = pictures
        self._charged = False

    def begin_message(self, tx: Transaction) -> list[StreamEvent]:
        beside = self._step.step["id"] if self._step else None
        message = MessageWriter(self.claim, self._run(tx), self._pictures, beside)

        def is_open() -> None:
            self._message = message

        tx.after_commit(is_open)
        return message.open(tx)

    def text(self, span: TextSpan) -> list[StreamEvent]:
        return self._message.write(span) if self._message else []

    def refusal(self, text: str) -> list[StreamEvent]:
        return self._message.refuse(text) if self._message else []

    def retract(self) -> None:
        if self._message:
            self._message.retract()

    def begin_calls(self, tx: Transaction) -> list[StreamEvent]:
        spoken = self._message.close(tx, NO_TOKENS) if self._message else []
        step = ToolStepWriter(self.claim, self._run(tx))

        def is_open() -> None:
            self._message, self._step = None, step

        tx.after_commit(is_open)
        return spoken + step.open(tx)

    def call(self, call: ToolCall) -> list[StreamEvent]:
        return self._step.call(call) if self._step else []

    def arguments(self, call: ToolCall, more: str) -> list[StreamEvent]:
        return self._step.arguments(call, more) if self._step else []

    def keep_calls(self, tx: Transaction, calls: Sequence[ToolCall], answered: Answered) -> None:
        if self._step:
            cost = counted(answered.usage)
            self._step.keep(tx, calls, cost, answered.results, answered.state)
        self._save(tx, self._charge(self._run(tx), answered.usage))

    def running(self, call: ToolCall) -> list[StreamEvent]:
        return self._step.running(call) if self._step else []

    def result(self, call: ToolCall, result: ToolResult) -> list[StreamEvent]:
        return self._step.result(call, result) if self._step else []

    def conclude(
        self,
        tx: Transaction,
        calls: Sequence[ToolCall],
        answered: Answered,
        conclusion: Conclusion,
    ) -> list[StreamEvent]:
        """The answer is charged to the step of its calls, or else to that of its message."""
        run = self._charge(runs.with_notes(self._run(tx), answered.notes), answered.usage)
        cost, state = counted(answered.usage), answered.state
        if self._step:
            self._step.keep(tx, calls, cost, answered.results, state)
            cost, state = NO_TOKENS, None
        if isinstance(conclusion, Ending) and conclusion.state != "completed":
            if self._message:
                self._message.charge(tx, cost)
            return self._end(tx, run, conclusion)
        made = self._made(tx) if isinstance(conclusion, Ending) else []
        events = self._message.close(tx, cost, state, made) if self._message else []
        match conclusion:
            case Ending():
                events = events or self._silence(tx, run, cost, made)
                return events + self._end(tx, run, conclusion)
            case GoesOn():
                self._save(tx, run)
                return events + (self._step.close(tx) if self._step else [])
            case AwaitsOutputs():
                asked = action_required(conclusion.calls)
                run |= {"status": "requires_action", "required_action": asked}
                return [*events, StreamEvent("thread.run.requires_action", self._save(tx, run))]

    def end(self, tx: Transaction, ending: Ending, usage: Usage | None) -> list[StreamEvent]:
        """What was heard of an answer that was cut off stands in the step that is open, and is
        charged to it."""
        run = self._run(tx)
        if self._step:
            self._step.keep_heard(tx)
        open_step = self._step or self._message
        if usage and open_step and not self._charged:
            open_step.charge(tx, counted(usage))
            run = self._charge(run, usage)
        cancelling = run["status"] == "cancelling"
        told = [StreamEvent("thread.run.cancelling", run)] if cancelling else []
        return told + self._end(tx, run, ending)

    def _end(self, tx: Transaction, run: Document, ending: Ending) -> list[StreamEvent]:
        message = self._message
        contents = {message.message["id"]: message.content()} if message else {}
        made = self._made(tx) if message else []
        return write_ending(tx, self.claim, run, ending, contents, made)

    def _silence(
        self, tx: Transaction, run: Document, cost: Document, made: Sequence[str]
    ) -> list[StreamEvent]:
        """A model that said nothing has still answered: clients read the newest message."""
        message = MessageWriter(self.claim, run, self._pictures)
        return message.open(tx) + message.close(tx, cost, made=made)

    def _made(self, tx: Transaction) -> list[str]:
        """The files that code of the run has written, less those that earlier messages have: they
        go with the last one."""
        steps = select(tx, Collection(STEP, self.claim.project, self.claim.run_id))
        if not (made := tool_calls.made(steps)):
            return []
        messages = Collection(MESSAGE, self.claim.project, self.claim.thread_id)
        said = [
            find(tx, messages, step["step_details"]["message_creation"]["message_id"])
            for step in steps
            if step["type"] == "message_creation"
        ]
        told = {it["file_id"] for message in said if message for it in message["attachments"]}
        there = Collection(FILE, self.claim.project)
        return [at for at in made if at not in told and find(tx, there, at)]

    def _charge(self, run: Document, usage: Usage) -> Document:
        """The run with the cost of the answer, unless it has been charged with that before."""
        run = run if self._charged else runs.with_usage(run, usage)
        self._charged = True
        return run

    def _run(self, tx: Transaction) -> Document:
        return runs.fetch(tx, self.claim)

    def _save(self, tx: Transaction, run: Document) -> Document:
        return save(tx, self.claim.collection, run)
