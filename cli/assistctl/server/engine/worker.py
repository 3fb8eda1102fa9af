"""The work on one run: from in_progress to its end, or to the next call of a client's function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from assistctl.server.engine import search
from assistctl.server.engine.answer import Call, Speech, ToolRound, action_required
from assistctl.server.engine.builtin import Outcome, declared
from assistctl.server.engine.endings import Ending, end_run
from assistctl.server.engine.prompt import Prompt, prepare, truncates_itself
from assistctl.server.engine.runs import NO_TOKENS, counted, with_notes, with_usage
from assistctl.server.engine.streaming import Channel, Event
from assistctl.server.engine.tools import Kit, Workshop
from assistctl.server.models import Models
from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    Model,
    ModelError,
    Note,
    PromptTooLong,
    RefusalPart,
    Retracted,
    TextPart,
    Usage,
)
from assistctl.server.retrieval import vector_stores
from assistctl.server.storage import leases
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import save
from assistctl.server.storage.leases import CancelAsked, Claim
from assistctl.server.tokens import count_tokens
from assistctl.server.wire import Document, now

T = TypeVar("T")

_MOST_ROUNDS = 20
_INDEX_SECONDS = 60.0
_INDEX_POLL_SECONDS = 0.05
_BARELY = 0.98
"""Of what the model says it takes, since we only estimate what it counts."""
_SHORTER = 0.75
_FOR_THE_ANSWER = 0.2
"""Of a declared context, where the run does not say how long its answers may be."""
_SHORTENED = "the thread was too long for the model, so older messages were left out"
_ONE_CALL = (
    "the model called several tools at once although parallel_tool_calls is false; only the first"
    " call was made"
)
_CUT_SHORT = ("length", "content_filter")


@dataclass
class _Answer:
    """One completion, as far as it is heard. A run is `charged` with each once."""

    prompt: Prompt
    words: list[str] = field(default_factory=list)
    finish: Finish = field(default_factory=lambda: Finish("stop"))
    charged: bool = False

    @property
    def kit(self) -> Kit:
        return self.prompt.kit

    @property
    def usage(self) -> Usage:
        """As the endpoint counts at the end, or else as it can be estimated."""
        return self.finish.usage or Usage(self.prompt.tokens, count_tokens("".join(self.words)))

    def charge(self, run: Document) -> Document:
        """The run with the cost of the answer, unless it has been charged with that before."""
        run = run if self.charged else with_usage(run, self.usage)
        self.charged = True
        return run


@dataclass
class Worker:
    """Works on a claimed run for `owner`; every write makes sure that it still may."""

    database: Database
    models: Models
    workshop: Workshop
    owner: str
    claim: Claim
    channel: Channel
    _speech: Speech | None = field(default=None, init=False)
    _round: ToolRound | None = field(default=None, init=False)
    _answer: _Answer | None = field(default=None, init=False)
    _most: int | None = field(default=None, init=False)
    _notes: list[str] = field(default_factory=list, init=False)

    async def work(self) -> None:
        """Raises RunEnds, ModelError, LeaseLost or CancelAsked where the run stops short."""
        run = await self._write(self._begin)
        model = self.models.answering(run["_script"])
        self._most = _declared_context(model, run)
        await self._wait_for_index(run)
        for _ in range(_MOST_ROUNDS):
            answer = await self._complete(model, run)
            outcomes = await self._outcomes(answer)
            run = await self._write(partial(self._conclude, answer, outcomes))
            if run["status"] != "in_progress":
                return
        raise ModelError(
            "server_error",
            f"The model called the server's tools {_MOST_ROUNDS} times in a row without answering.",
        )

    async def _complete(self, model: Model, run: Document) -> _Answer:
        """The next completion, of as much of the thread as the model can take."""
        prompt = await run_in_threadpool(self._prepare, run)
        while True:
            if prompt.shortened:
                self._notes.append(_SHORTENED)
            answer = self._answer = _Answer(prompt)
            try:
                await self._hear_out(model.stream(prompt.request), run, answer)
                await run_in_threadpool(self.weigh)
                return answer
            except PromptTooLong as refusal:
                if not truncates_itself(run):
                    raise
                shorter = await run_in_threadpool(self._shortened, prompt, refusal, run)
                if shorter is None:
                    raise
                prompt = shorter

    def weigh(self) -> None:
        """Estimate ahead what the answer has cost, if its endpoint has not said so."""
        answer = self._answer
        if answer is not None and not answer.charged and answer.finish.usage is None:
            _ = answer.prompt.tokens

    def said(self) -> dict[str, list[Any]]:
        """The content so far of a message that is being written."""
        return {self._speech.message["id"]: self._speech.content()} if self._speech else {}

    def settle(self, tx: Transaction, run: Document) -> Document:
        """The run, which stops short, with the cost of the answer that was cut off, if anything of
        it was heard; the answer's open step bears it."""
        answer, step = self._answer, self._round or self._speech
        if answer is None or answer.charged or step is None:
            return run
        step.charge(tx, counted(answer.usage))
        return answer.charge(run)

    def _begin(self, tx: Transaction, run: Document) -> tuple[Document, list[Event]]:
        if declared(run, search.TYPE):
            for store_id in run["_vector_store_ids"]:
                vector_stores.touch(tx, self.claim.project, store_id)
        run |= {"status": "in_progress", "started_at": run["started_at"] or now()}
        save(tx, self.claim.collection, run)
        return run, [Event("thread.run.in_progress", run)]

    async def _wait_for_index(self, run: Document) -> None:
        """Files attached a moment ago should be found; slow ones are not waited for for ever."""
        if declared(run, search.TYPE) is None:
            return
        for _ in range(int(_INDEX_SECONDS / _INDEX_POLL_SECONDS)):
            if not await run_in_threadpool(self._pending, run["_vector_store_ids"]):
                return
            await asyncio.sleep(_INDEX_POLL_SECONDS)

    def _pending(self, store_ids: list[str]) -> bool:
        with self.database.read() as tx:
            return vector_stores.pending(tx, self.claim.project, store_ids)

    def _prepare(self, run: Document) -> Prompt:
        with self.database.read() as tx:
            return prepare(tx, self.workshop, self.claim, run, self._most)

    def _shortened(self, before: Prompt, refusal: PromptTooLong, run: Document) -> Prompt | None:
        """A prompt of which the model may take all; None if there is nothing to leave out."""
        part = _SHORTER
        if refusal.excess:
            part = _BARELY / refusal.excess
        elif refusal.limit and refusal.limit < before.tokens:
            part = _BARELY * refusal.limit / before.tokens
        self._most = int(before.tokens * part)
        prompt = self._prepare(run)
        return prompt if prompt.tokens < before.tokens else None

    async def _hear_out(
        self, stream: AsyncGenerator[Delta, None], run: Document, answer: _Answer
    ) -> None:
        self._speech = self._round = None
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                if isinstance(delta, Finish):
                    answer.finish = delta
                elif isinstance(delta, Note):
                    self._notes.append(delta.text)
                elif isinstance(delta, Retracted):
                    self._take_back()
                elif isinstance(delta, CallPart):
                    await self._hear_call(delta, run, answer)
                else:
                    await self._hear_words(delta, run, answer)
        for part in (self._speech, self._round):
            self.channel.send(part.rest() if part else ())

    def _take_back(self) -> None:
        if self._speech:
            self._speech.take_back()

    async def _hear_words(
        self, delta: TextPart | RefusalPart, run: Document, answer: _Answer
    ) -> None:
        if self._speech is None:
            beside = self._round.step["id"] if self._round else None
            speech = Speech(self.claim, run, answer.kit.sources, answer.kit.pictures, beside)
            await self._write(lambda tx, _: (None, speech.open(tx)))
            self._speech = speech
        answer.words.append(delta.text)
        refused = isinstance(delta, RefusalPart)
        said = self._speech.refuse(delta.text) if refused else self._speech.say(delta.text)
        self.channel.send(said)

    async def _hear_call(self, part: CallPart, run: Document, answer: _Answer) -> None:
        answer.words += [part.name, part.arguments]
        if part.index and not run["parallel_tool_calls"]:
            self._notes.append(_ONE_CALL)
            return
        if self._round is None:
            await self._finish_speech()
            opened = ToolRound(self.claim, run, answer.kit.tools)
            await self._write(lambda tx, _: (None, opened.open(tx)))
            self._round = opened
        self.channel.send(self._round.hear(part))

    async def _finish_speech(self) -> None:
        """Words that precede calls end before them; the calls' step will bear the cost."""
        speech = self._speech
        if speech is not None:
            self.channel.send(speech.rest())
            await self._write(lambda tx, _: (None, speech.close(tx, NO_TOKENS)))
            self._speech = None

    async def _outcomes(self, answer: _Answer) -> dict[str, Outcome]:
        """Answer the round's calls of built-in tools, one after another, by their ids.

        Calls of an answer that was cut short may be torn, and are not.
        """
        outcomes: dict[str, Outcome] = {}
        opened = self._round
        if opened is None or answer.finish.reason in _CUT_SHORT:
            return outcomes
        for call in opened.calls:
            if call.builtin is not None:
                # Stored first: execution may take long, or be cancelled.
                await self._write(partial(self._show, answer, opened, outcomes))
                self.channel.send(opened.asked(call))
                outcomes[call.id] = await call.builtin.answer(call.arguments)
                self.channel.send(opened.answered(call, outcomes[call.id]))
        return outcomes

    def _show(
        self,
        answer: _Answer,
        opened: ToolRound,
        outcomes: Mapping[str, Outcome],
        tx: Transaction,
        run: Document,
    ) -> tuple[None, list[Event]]:
        """Let those who poll see the calls of an unfinished round, answered as far as they are."""
        opened.record(tx, counted(answer.usage), outcomes, answer.finish.state)
        save(tx, self.claim.collection, answer.charge(run))
        return None, []

    def _conclude(
        self, answer: _Answer, outcomes: Mapping[str, Outcome], tx: Transaction, run: Document
    ) -> tuple[Document, list[Event]]:
        """Store the whole answer, and where the run stands with it, at once."""
        notes = [outcome.note for outcome in outcomes.values() if outcome.note]
        run = answer.charge(with_notes(run, [*self._notes, *notes]))
        cost = counted(answer.usage)
        if self._round:
            self._round.record(tx, cost, outcomes, answer.finish.state)
            cost = NO_TOKENS
        if answer.finish.reason in _CUT_SHORT:
            if self._speech:
                self._speech.charge(tx, cost)
            return self._ended(tx, run, _cut_short(answer.finish))
        state = None if self._round else answer.finish.state
        events = self._speech.close(tx, cost, state) if self._speech else []
        if self._round is None:
            spoken = events or self._silence(tx, run, cost, answer.kit)
            run, ended = self._ended(tx, run, Ending("completed"))
            return run, spoken + ended
        if len(outcomes) == len(self._calls()):
            return save(tx, self.claim.collection, run), events + self._round.close(tx)
        run |= {
            "status": "requires_action",
            "required_action": action_required(self._calls()),
        }
        leases.take(tx, self.claim, None)
        save(tx, self.claim.collection, run)
        return run, [*events, Event("thread.run.requires_action", run)]

    def _silence(self, tx: Transaction, run: Document, cost: Document, kit: Kit) -> list[Event]:
        """A model that said nothing has still answered: clients read the newest message."""
        speech = Speech(self.claim, run, kit.sources, kit.pictures)
        return speech.open(tx) + speech.close(tx, cost)

    def _ended(
        self, tx: Transaction, run: Document, ending: Ending
    ) -> tuple[Document, list[Event]]:
        events = end_run(tx, self.claim, run, ending, self.said())
        return events[-1].data, events

    def _calls(self) -> list[Call]:
        return self._round.calls if self._round else []

    async def _write(self, change: Callable[[Transaction, Document], tuple[T, list[Event]]]) -> T:
        """Let `change` write, if the run (which it is given) is still ours; tell the listener."""

        def write() -> tuple[T, list[Event]]:
            with self.database.write() as tx:
                run = leases.held(tx, self.claim, self.owner)
                if run["status"] == "cancelling":
                    raise CancelAsked(self.claim.run_id)
                return change(tx, run)

        result, events = await run_in_threadpool(write)
        self.channel.send(events)
        return result


def _declared_context(model: Model, run: Document) -> int | None:
    """How many tokens a prompt may have, as was declared: some models cut theirs without a word."""
    context = model.context(run["model"])
    if context is None:
        return None
    answer = run["max_completion_tokens"] or int(context * _FOR_THE_ANSWER)
    return max(context - int(answer), context // 4)


def _cut_short(finish: Finish) -> Ending:
    """How a run ends whose answer was cut."""
    if finish.reason == "length":
        return Ending("incomplete", reason="max_completion_tokens")
    told = f" ({finish.word})" if finish.word not in ("", "content_filter") else ""
    message = f"The model's content filter stopped the answer{told}."
    return Ending("failed", "server_error", message, cut_by="content_filter")
