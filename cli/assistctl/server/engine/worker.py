"""The work on one run: from in_progress to its end, or to the next call of a client's function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool

from assistctl.server import vector_stores
from assistctl.server.documents import save
from assistctl.server.engine import leases, search
from assistctl.server.engine.answer import Call, Speech, ToolRound, action_required
from assistctl.server.engine.citations import Resolve
from assistctl.server.engine.endings import Ending, end_run
from assistctl.server.engine.leases import CancelAsked, Claim
from assistctl.server.engine.prompt import Prompt, prepare
from assistctl.server.engine.runs import NO_TOKENS, counted, with_usage
from assistctl.server.engine.search import Search, run_search
from assistctl.server.engine.streaming import Channel, Event
from assistctl.server.models import Models
from assistctl.server.models.protocol import (
    CallPart,
    Delta,
    Finish,
    FinishReason,
    ModelError,
    RefusalPart,
    TextPart,
    Usage,
)
from assistctl.server.models.tokens import estimate_json, estimate_prompt
from assistctl.server.store import Store, Transaction
from assistctl.server.text import count_tokens
from assistctl.server.wire import Document, now

T = TypeVar("T")

_MOST_SEARCH_ROUNDS = 20
_INDEX_SECONDS = 60.0
_INDEX_POLL_SECONDS = 0.05
_CUT_SHORT = {
    "length": Ending("incomplete", reason="max_completion_tokens"),
    "content_filter": Ending(
        "failed",
        "server_error",
        "The model's content filter stopped the answer.",
        cut_by="content_filter",
    ),
}


@dataclass
class Worker:
    """Works on a claimed run for `owner`; every write makes sure that it still may."""

    store: Store
    models: Models
    owner: str
    claim: Claim
    channel: Channel
    _speech: Speech | None = field(default=None, init=False)
    _round: ToolRound | None = field(default=None, init=False)

    async def work(self) -> None:
        """Raises RunEnds, ModelError, LeaseLost or CancelAsked where the run stops short."""
        run = await self._write(self._begin)
        model = self.models.answering(run["_script"])
        await self._wait_for_index(run)
        for _ in range(_MOST_SEARCH_ROUNDS):
            prompt = await run_in_threadpool(self._prepare, run)
            finish = await self._hear_out(model.stream(prompt.request), run, prompt.resolve)
            found = await run_in_threadpool(self._search, run, prompt.searches)
            usage = finish.usage or self._estimated(prompt)
            run = await self._write(partial(self._conclude, finish.reason, usage, found))
            if run["status"] != "in_progress":
                return
        raise ModelError(
            "server_error",
            f"The model searched {_MOST_SEARCH_ROUNDS} times in a row without answering.",
        )

    def said(self) -> dict[str, list[Any]]:
        """The content so far of a message that is being written."""
        return {self._speech.message["id"]: self._speech.content()} if self._speech else {}

    def _begin(self, tx: Transaction, run: Document) -> tuple[Document, list[Event]]:
        run |= {"status": "in_progress", "started_at": run["started_at"] or now()}
        save(tx, self.claim.shelf, run)
        return run, [Event("thread.run.in_progress", run)]

    async def _wait_for_index(self, run: Document) -> None:
        """Files attached a moment ago should be found; slow ones are not waited for for ever."""
        if search.search_tool(run) is None:
            return
        for _ in range(int(_INDEX_SECONDS / _INDEX_POLL_SECONDS)):
            if not await run_in_threadpool(self._pending, run["_vector_store_ids"]):
                return
            await asyncio.sleep(_INDEX_POLL_SECONDS)

    def _pending(self, store_ids: list[str]) -> int:
        with self.store.read() as tx:
            return vector_stores.pending(tx, self.claim.project, store_ids)

    def _prepare(self, run: Document) -> Prompt:
        with self.store.read() as tx:
            return prepare(tx, self.claim, run)

    async def _hear_out(
        self, answer: AsyncGenerator[Delta, None], run: Document, resolve: Resolve
    ) -> Finish:
        self._speech = self._round = None
        finish = Finish("stop")
        async with aclosing(answer) as deltas:
            async for delta in deltas:
                if isinstance(delta, Finish):
                    finish = delta
                elif isinstance(delta, CallPart):
                    await self._hear_call(delta, run)
                else:
                    await self._hear_words(delta, run, resolve)
        for part in (self._speech, self._round):
            self.channel.send(part.rest() if part else ())
        return finish

    async def _hear_words(
        self, delta: TextPart | RefusalPart, run: Document, resolve: Resolve
    ) -> None:
        if self._speech is None:
            speech = Speech(self.claim, run, resolve)
            await self._write(lambda tx, _: (None, speech.open(tx)))
            self._speech = speech
        refused = isinstance(delta, RefusalPart)
        said = self._speech.refuse(delta.text) if refused else self._speech.say(delta.text)
        self.channel.send(said)

    async def _hear_call(self, part: CallPart, run: Document) -> None:
        if self._round is None:
            await self._finish_speech()
            name = search.search_name(run) if search.search_tool(run) else None
            opened = ToolRound(self.claim, run, name)
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

    def _search(self, run: Document, number: int) -> dict[str, Search]:
        """Answer the round's searches; their numbers go on from `number`."""
        calls = [call for call in self._calls() if call.is_search]
        if not calls:
            return {}
        with self.store.read() as tx:
            return {
                call.id: run_search(tx, self.claim.project, run, call.arguments, at)
                for at, call in enumerate(calls, number)
            }

    def _conclude(
        self,
        reason: FinishReason,
        usage: Usage,
        found: dict[str, Search],
        tx: Transaction,
        run: Document,
    ) -> tuple[Document, list[Event]]:
        """Store the whole answer, and where the run stands with it, at once."""
        run = with_usage(run, usage)
        cost = counted(usage)
        if self._round:
            self._round.record(tx, cost, found)
            cost = NO_TOKENS
        if reason in _CUT_SHORT:
            if self._speech:
                self._speech.charge(tx, cost)
            return self._ended(tx, run, _CUT_SHORT[reason])
        events = self._speech.close(tx, cost) if self._speech else []
        if self._round is None:
            spoken = events or self._silence(tx, run, cost)
            run, ended = self._ended(tx, run, Ending("completed"))
            return run, spoken + ended
        for store_id in run["_vector_store_ids"] if found else ():
            vector_stores.touch(tx, self.claim.project, store_id)
        if len(found) == len(self._calls()):
            return save(tx, self.claim.shelf, run), events + self._round.close(tx)
        run |= {
            "status": "requires_action",
            "required_action": action_required(self._calls()),
        }
        leases.take(tx, self.claim, None)
        save(tx, self.claim.shelf, run)
        return run, [*events, Event("thread.run.requires_action", run)]

    def _silence(self, tx: Transaction, run: Document, cost: Document) -> list[Event]:
        """A model that said nothing has still answered: clients read the newest message."""
        speech = Speech(self.claim, run, lambda *_: None)
        return speech.open(tx) + speech.close(tx, cost)

    def _ended(
        self, tx: Transaction, run: Document, ending: Ending
    ) -> tuple[Document, list[Event]]:
        events = end_run(tx, self.claim, run, ending, self.said())
        return events[-1].data, events

    def _calls(self) -> list[Call]:
        return self._round.calls if self._round else []

    def _estimated(self, prompt: Prompt) -> Usage:
        said = sum(estimate_json(content) for content in self.said().values())
        called = sum(count_tokens(call.name + call.arguments) for call in self._calls())
        request = prompt.request
        return Usage(estimate_prompt(request.messages, request.tools), said + called)

    async def _write(self, change: Callable[[Transaction, Document], tuple[T, list[Event]]]) -> T:
        """Let `change` write, if the run (which it is given) is still ours; tell the listener."""

        def write() -> tuple[T, list[Event]]:
            with self.store.write() as tx:
                run = leases.held(tx, self.claim, self.owner)
                if run["status"] == "cancelling":
                    raise CancelAsked(self.claim.run_id)
                return change(tx, run)

        result, events = await run_in_threadpool(write)
        self.channel.send(events)
        return result
