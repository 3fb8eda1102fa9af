"""The record of a response: what the engine tells of its run, as the run of a thread and as events.

All that is written down is written by a ThreadRecord, so that the turn is there for clients of the
Assistants API. What is told beyond that are the events, and that a response is complete once it has
asked its client for something: the calls stay open in their step until their outputs come with the
next response (see items/adding.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from dataclasses import replace
from functools import partial

from assistctl.server.assistants_api.record import runs
from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.coding import code_of
from assistctl.server.engine.history import History
from assistctl.server.engine.record import (
    Answered,
    AwaitsOutputs,
    CodeResult,
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
from assistctl.server.responses_api import containers, events, objects
from assistctl.server.responses_api.events import Event, Open, OpenFunction, OpenMessage, OpenTool
from assistctl.server.responses_api.items import ids
from assistctl.server.responses_api.items.views import WHOLE, container_of
from assistctl.server.responses_api.objects import ASKED
from assistctl.server.retrieval.search import Hit
from assistctl.server.storage import Claim, Collection, Transaction, documents
from assistctl.server.wire import STEP, THREAD, Document, now


class ResponseRecord:
    """A Record, see engine/record.py. `include` names what its events show only if asked for;
    `forget` is told project and thread of a response that was not to be stored, once it is over.

    Made for a run of the other API, which some process has left behind, it ends that as well.
    """

    def __init__(
        self,
        claim: Claim,
        include: Names[str] = (),
        forget: Callable[[str, str], None] | None = None,
    ) -> None:
        self.claim = claim
        self._forget = forget
        self._thread = ThreadRecord(claim)
        self._include = include
        self._order: list[str] = []
        self._open: dict[str, Open] = {}
        self._message: OpenMessage | None = None
        self._step_id = ""
        self._container = ""
        self._calls: dict[str, Open] = {}
        self._whole: list[str] = []
        self._names: dict[str, str] = {}
        self._pictures = 0
        self._gone = False

    def standing(self, tx: Transaction) -> Standing:
        return Standing.ENDED if self._gone else self._thread.standing(tx)

    def run(self, tx: Transaction) -> Run:
        document = self._run(tx)
        self._container = container_of(document)
        run, asked = self._thread.run(tx), document[ASKED]
        search = run.search and replace(run.search, condition=asked["filters"])
        most = asked["most_calls"]
        left = None if most is None else max(0, most - self._calls_made(tx))
        return replace(run, search=search, shortens=asked["shortens"], calls_left=left)

    def history(self, tx: Transaction) -> History:
        return self._thread.history(tx)

    def searches(self, tx: Transaction) -> Mapping[int, Sequence[Hit]]:
        found = self._thread.searches(tx)
        self._names = {hit.file_id: hit.filename for hits in found.values() for hit in hits}
        return found

    def past_code(self, tx: Transaction) -> PastCode:
        """In a container that was named, of whichever conversations have used it."""
        past = self._thread.past_code(tx)
        if "_container" not in self._run(tx):
            return past
        container = containers.find(tx, self.claim.project, self._container)
        return replace(containers.past_code(container), pictures=past.pictures)

    def has_more_input(self, tx: Transaction) -> bool:
        return self._thread.has_more_input(tx)

    def begin(self, tx: Transaction) -> list[Event]:
        self._thread.begin(tx)
        return [events.in_progress(objects.response(self._run(tx), []))]

    def begin_answer(self, pictures: Sequence[str]) -> None:
        self._thread.begin_answer(pictures)
        self._message, self._calls, self._pictures = None, {}, len(pictures)

    def begin_message(self, tx: Transaction) -> list[Event]:
        told = self._thread.begin_message(tx)
        [created] = [event.data for event in told if event.name == "thread.message.created"]
        message = OpenMessage(created["id"], len(self._order), self._pictures)

        def is_open() -> None:
            self._message = message
            self._opens(message)

        tx.after_commit(is_open)
        return list(message.opened())

    def text(self, span: TextSpan) -> list[Event]:
        """A citation's mark is no part of the text here."""
        self._thread.text(span)
        if self._message is None:
            return []
        if span.reference is not None and span.reference.kind == "passage":
            file_id = span.reference.file_id
            return list(self._message.cites(file_id, self._names.get(file_id)))
        self._message.noted += span.reference is not None
        return list(self._message.text(span.text))

    def refusal(self, text: str) -> list[Event]:
        self._thread.refusal(text)
        return list(self._message.refusal(text)) if self._message else []

    def retract(self) -> None:
        self._thread.retract()

    def begin_calls(self, tx: Transaction) -> list[Event]:
        told = self._thread.begin_calls(tx)
        steps = [event.data for event in told if event.name == "thread.run.step.created"]
        ended = self._finished(tx, self._run(tx))

        def is_open() -> None:
            self._message, self._calls, self._whole = None, {}, []
            self._step_id = steps[-1]["id"]
            self._open.clear()

        tx.after_commit(is_open)
        return ended

    def call(self, call: ToolCall) -> list[Event]:
        self._thread.call(call)
        kind = {"file_search": "fs", "code_interpreter": "ci"}.get(call.tool, "fc")
        place, index = len(self._calls), len(self._order)
        identity = ids.of_call(kind, self._step_id, place)
        begun: Open
        if call.is_the_clients:
            begun = function = OpenFunction(identity, index)
            opened = [*function.opened(call.id, call.name), *function.arguments(call.arguments)]
        else:
            begun = tool = OpenTool(identity, index, f"{call.tool}_call")
            opened = list(tool.opened(self._container))
        told = [*self._end_whole_calls(), *opened]
        self._calls[call.id] = begun
        self._opens(begun)
        return told

    def _end_whole_calls(self) -> list[Event]:
        """Clients that keep one call open at a time take what ends for the last that began."""
        functions = [each for each in self._open.values() if isinstance(each, OpenFunction)]
        told: list[Event] = []
        for function in functions:
            if function.is_whole():
                del self._open[function.id]
                self._whole.append(function.item["call_id"])
                told += function.finished({**function.item, "status": "completed"})
        return told

    def arguments(self, call: ToolCall, more: str) -> list[Event]:
        self._thread.arguments(call, more)
        begun = self._calls.get(call.id)
        if not isinstance(begun, OpenFunction) or begun.id not in self._open:
            return []
        return list(begun.arguments(more))

    def keep_calls(self, tx: Transaction, calls: Sequence[ToolCall], answered: Answered) -> None:
        self._thread.keep_calls(tx, calls, answered)
        self._note_code(tx, answered)

    def running(self, call: ToolCall) -> list[Event]:
        self._thread.running(call)
        begun = self._calls.get(call.id)
        if not isinstance(begun, OpenTool):
            return []
        return list(begun.running(code_of(call.arguments)))

    def result(self, call: ToolCall, result: ToolResult) -> list[Event]:
        self._thread.result(call, result)
        begun = self._calls.get(call.id)
        return list(begun.result()) if isinstance(begun, OpenTool) else []

    def conclude(
        self,
        tx: Transaction,
        calls: Sequence[ToolCall],
        answered: Answered,
        conclusion: Conclusion,
    ) -> list[Event]:
        self._thread.conclude(tx, calls, answered, conclusion)
        self._note_code(tx, answered)
        run = self._run(tx)
        match conclusion:
            case GoesOn():
                told = self._finished(tx, run)
                tx.after_commit(self._open.clear)
                return told
            case AwaitsOutputs(asked):
                return self._end(tx, _asking(run, asked))
            case Ending(cut_by=cut):
                return self._end(tx, {**run, ASKED: {**run[ASKED], "cut": cut}})

    def end(self, tx: Transaction, ending: Ending, usage: Usage | None) -> list[Event]:
        self._thread.end(tx, ending, usage)
        run = self._run(tx)
        return self._end(tx, run) if ASKED in run else []

    def _end(self, tx: Transaction, run: Document) -> list[Event]:
        """The run is written as ended; of one that was not to be stored nothing is left."""
        if self._whole and run["status"] != "completed":
            steps = Collection(STEP, self.claim.project, self.claim.run_id)
            documents.update(tx, steps, self._step_id, {WHOLE: self._whole})
        told = self._finished(tx, run)
        last = objects.read(tx, self.claim.project, run, self._include)
        run[ASKED]["order"] = [item["id"] for item in last["output"]]
        documents.save(tx, self.claim.collection, run)
        if not objects.is_stored(run):
            documents.purge(tx, Collection(THREAD, self.claim.project), self.claim.thread_id)
            self._gone = True
            if self._forget:
                claim = self.claim
                tx.after_commit(partial(self._forget, claim.project, claim.thread_id))
        return [*told, events.ended(last)]

    def _finished(self, tx: Transaction, run: Document) -> list[Event]:
        """The end of each item that is open, and what has come beside them; the run is to show
        its items in the order in which they were told of."""
        run[ASKED]["order"] = self._order
        told: list[Event] = []
        for item in objects.output(tx, self.claim.project, run, self._include):
            if item["id"] in self._open:
                told += self._open[item["id"]].finished(item)
            elif item["id"] not in self._order:
                told += events.whole(len(self._order), item)
                self._order.append(item["id"])
        return told

    def _note_code(self, tx: Transaction, answered: Answered) -> None:
        """What was written in a container that was named is to be found there."""
        results = [each for each in answered.results.values() if isinstance(each, CodeResult)]
        if results and "_container" in self._run(tx):
            container = containers.find(tx, self.claim.project, self._container)
            written = {name: at for each in results for name, at in each.files.items()}
            shown = [at for each in results for at in each.pictures]
            containers.note(tx, container, written, shown)

    def _calls_made(self, tx: Transaction) -> int:
        """To the server's own tools."""
        steps = documents.select(tx, Collection(STEP, self.claim.project, self.claim.run_id))
        calls = (call for step in steps for call in step["step_details"].get("tool_calls", ()))
        return sum(call["type"] != "function" for call in calls)

    def _opens(self, item: Open) -> None:
        self._order.append(item.id)
        self._open[item.id] = item

    def _run(self, tx: Transaction) -> Document:
        return runs.fetch(tx, self.claim)


def _asking(run: Document, calls: Sequence[ToolCall]) -> Document:
    """A run that waits for its client, as one that is complete with the calls that it makes."""
    ended = {
        **run,
        "status": "completed",
        "completed_at": now(),
        "expires_at": None,
        "required_action": None,
        "usage": run["_usage"] or runs.NO_TOKENS,
    }
    return {**ended, ASKED: {**run[ASKED], "awaits": [call.id for call in calls]}}
