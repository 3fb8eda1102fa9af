"""The work on one run: from its beginning to its end, or to a call of a client's function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from assistctl.server.engine.builtin import Builtin
from assistctl.server.engine.citations import Citer
from assistctl.server.engine.prompt import Prompt, prepare
from assistctl.server.engine.record import (
    Answered,
    AwaitsOutputs,
    Conclusion,
    Ending,
    Events,
    GoesOn,
    Record,
    Run,
    Standing,
    ToolCall,
    ToolResult,
)
from assistctl.server.engine.streaming import Listener
from assistctl.server.engine.tools import ToolFactory
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
from assistctl.server.storage import Database, Transaction, leases
from assistctl.server.storage.leases import LeaseLost
from assistctl.server.tokens import count_tokens
from assistctl.server.wire import CALL

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
_TOO_MANY_CALLS = "the model asked for more tool calls than it may make; those were passed over"
_UNREADABLE = "file_search finds nothing in {}, which could not be read: {}"
_MORE_UNREADABLE = "file_search finds nothing in {} more, which could not be read either"
_MOST_UNREADABLE = 3
_CUT_SHORT = ("length", "content_filter")


class CancelAsked(Exception):
    """Somebody, perhaps by another process, asked for the run to be cancelled."""


@dataclass
class _Answer:
    """One completion, as far as it has come. `calls` are by their number in the completion,
    `results` by the id of the call, `passed_over` those that are one too many; `citer` is that of
    the message which is open."""

    prompt: Prompt
    words: list[str] = field(default_factory=list)
    citer: Citer | None = None
    calls: dict[int, ToolCall] = field(default_factory=dict)
    results: dict[str, ToolResult] = field(default_factory=dict)
    passed_over: set[int] = field(default_factory=set)
    finish: Finish = field(default_factory=lambda: Finish("stop"))

    @property
    def usage(self) -> Usage:
        """As the endpoint counts at the end, or else as it can be estimated: slow the first time,
        see Prompt.tokens."""
        return self.finish.usage or Usage(self.prompt.tokens, count_tokens("".join(self.words)))

    def builtin(self, name: str) -> Builtin | None:
        return next((tool for tool in self.prompt.tools.tools if tool.name == name), None)

    def is_used_up(self) -> bool:
        """Whether the run has made all of the calls to the server's tools that it may make."""
        left = self.prompt.run.calls_left
        made = sum(not call.is_the_clients for call in self.calls.values())
        return left is not None and made >= left

    def answered(self, notes: list[str]) -> Answered:
        results = dict(self.results)
        theirs = [result.note for result in results.values() if result.note]
        return Answered(self.usage, self.finish.state, results, [*notes, *theirs])

    def conclusion(self) -> Conclusion:
        """Where the run stands with the whole answer."""
        asked = [call for call in self.calls.values() if call.is_the_clients]
        if self.finish.reason in _CUT_SHORT:
            return _cut_short(self.finish)
        if asked:
            return AwaitsOutputs(asked)
        return GoesOn() if self.calls else Ending("completed")


@dataclass
class Worker:
    """Works on the run of `record` for `owner`; every write makes sure that it still may."""

    database: Database
    models: Models
    factory: ToolFactory
    owner: str
    record: Record
    channel: Listener
    _answer: _Answer | None = field(default=None, init=False)
    _most: int | None = field(default=None, init=False)
    _notes: list[str] = field(default_factory=list, init=False)

    async def work(self) -> None:
        """Raises RunEnds, ModelError, LeaseLost or CancelAsked where the run stops short."""
        run = await self._write(self._begin)
        model = self.models.answering(run.script)
        self._most = _declared_context(model, run)
        await self._wait_for_index(run)
        self._notes += await run_in_threadpool(self._unreadable, run)
        for _ in range(_MOST_ROUNDS):
            answer = await self._complete(model)
            await self._call_tools(answer)
            conclusion = await self._write(partial(self._conclude, answer))
            if not isinstance(conclusion, GoesOn):
                return
        raise ModelError(
            "server_error",
            f"The model called the server's tools {_MOST_ROUNDS} times in a row without answering.",
        )

    def usage(self) -> Usage | None:
        """What the answer at work has cost so far; slow, see Prompt.tokens."""
        return self._answer.usage if self._answer else None

    def _begin(self, tx: Transaction) -> tuple[Run, Events]:
        run = self.record.run(tx)
        if run.search is not None:
            for store_id in run.search.vector_store_ids:
                vector_stores.touch(tx, self.record.claim.project, store_id)
        return run, self.record.begin(tx)

    async def _wait_for_index(self, run: Run) -> None:
        """Files attached a moment ago should be found; slow ones are not waited for for ever."""
        if run.search is None:
            return
        for _ in range(int(_INDEX_SECONDS / _INDEX_POLL_SECONDS)):
            if not await run_in_threadpool(self._pending, list(run.search.vector_store_ids)):
                return
            await asyncio.sleep(_INDEX_POLL_SECONDS)

    def _pending(self, store_ids: list[str]) -> bool:
        with self.database.read() as tx:
            return vector_stores.pending(tx, self.record.claim.project, store_ids)

    def _unreadable(self, run: Run) -> list[str]:
        """What the reader of an answer should know: that it was given without a file of theirs."""
        if run.search is None:
            return []
        project = self.record.claim.project
        with self.database.read() as tx:
            found = list(vector_stores.unreadable(tx, project, run.search.vector_store_ids))
        told = [_UNREADABLE.format(name, why) for name, why in found[:_MOST_UNREADABLE]]
        more = len(found) - len(told)
        return [*told, _MORE_UNREADABLE.format(more)] if more else told

    async def _complete(self, model: Model) -> _Answer:
        """The next completion, of as much of the thread as the model can take."""
        prompt = await run_in_threadpool(self._prepare)
        while True:
            if prompt.shortened:
                self._notes.append(_SHORTENED)
            answer = self._answer = _Answer(prompt)
            self.record.begin_answer(prompt.tools.pictures)
            try:
                await self._receive(model.stream(prompt.request), answer)
                await run_in_threadpool(self.usage)  # not in the writes that follow
                return answer
            except PromptTooLong as refusal:
                if not prompt.run.shortens:
                    raise
                shorter = await run_in_threadpool(self._shortened, prompt, refusal)
                if shorter is None:
                    raise
                prompt = shorter

    def _prepare(self) -> Prompt:
        with self.database.read() as tx:
            return prepare(tx, self.factory, self.record, self._most)

    def _shortened(self, before: Prompt, refusal: PromptTooLong) -> Prompt | None:
        """A prompt of which the model may take all; None if there is nothing to leave out."""
        part = _SHORTER
        if refusal.excess:
            part = _BARELY / refusal.excess
        elif refusal.limit and refusal.limit < before.tokens:
            part = _BARELY * refusal.limit / before.tokens
        self._most = int(before.tokens * part)
        prompt = self._prepare()
        return prompt if prompt.tokens < before.tokens else None

    async def _receive(self, stream: AsyncGenerator[Delta, None], answer: _Answer) -> None:
        async with aclosing(stream) as deltas:
            async for delta in deltas:
                await self._on_delta(delta, answer)
        self._end_text(answer)
        for index, call in answer.calls.items():
            if not call.arguments:  # clients parse the JSON
                self._add_arguments(answer, index, "{}")

    async def _on_delta(self, delta: Delta, answer: _Answer) -> None:
        match delta:
            case Finish():
                answer.finish = delta
            case Note():
                self._notes.append(delta.text)
            case Retracted():
                if answer.citer:
                    answer.citer = Citer(answer.prompt.tools.sources)
                    self.record.retract()
            case CallPart():
                await self._on_call(delta, answer)
            case _:
                await self._on_words(delta, answer)

    async def _on_words(self, delta: TextPart | RefusalPart, answer: _Answer) -> None:
        if answer.citer is None:
            await self._write(lambda tx: (None, self.record.begin_message(tx)))
            answer.citer = Citer(answer.prompt.tools.sources)
        answer.words.append(delta.text)
        if isinstance(delta, RefusalPart):
            self.channel.send(self.record.refusal(delta.text))
            return
        for span in answer.citer.feed(delta.text):
            self.channel.send(self.record.text(span))

    def _end_text(self, answer: _Answer) -> None:
        """Tell what was held back as a possible mark."""
        for span in answer.citer.flush() if answer.citer else ():
            self.channel.send(self.record.text(span))

    async def _on_call(self, part: CallPart, answer: _Answer) -> None:
        answer.words += [part.name, part.arguments]
        if part.index and not answer.prompt.run.parallel_tool_calls:
            self._notes.append(_ONE_CALL)
            return
        if part.index in answer.passed_over or (
            part.index not in answer.calls and answer.builtin(part.name) and answer.is_used_up()
        ):
            self._notes.append(_TOO_MANY_CALLS)
            answer.passed_over.add(part.index)
            return
        if not answer.calls:
            self._end_text(answer)
            await self._write(lambda tx: (None, self.record.begin_calls(tx)))
            answer.citer = None
        if part.index in answer.calls:
            self._add_arguments(answer, part.index, part.arguments)
            return
        builtin = answer.builtin(part.name)
        tool = builtin.type if builtin else "function"
        call = ToolCall(CALL.new_id(), part.id, part.name, part.arguments, tool)
        answer.calls[part.index] = call
        self.channel.send(self.record.call(call))

    def _add_arguments(self, answer: _Answer, index: int, more: str) -> None:
        call = answer.calls[index]
        call = answer.calls[index] = replace(call, arguments=call.arguments + more)
        self.channel.send(self.record.arguments(call, more))

    async def _call_tools(self, answer: _Answer) -> None:
        """Answer the calls of built-in tools, one after another.

        Calls of an answer that was cut short may be torn, and are not.
        """
        if answer.finish.reason in _CUT_SHORT:
            return
        for call in answer.calls.values():
            builtin = answer.builtin(call.name)
            if builtin is not None:
                # Stored first: execution may take long, or be cancelled.
                await self._write(partial(self._keep_calls, answer))
                self.channel.send(self.record.running(call))
                result = answer.results[call.id] = await builtin.answer(call.arguments)
                self.channel.send(self.record.result(call, result))

    def _keep_calls(self, answer: _Answer, tx: Transaction) -> tuple[None, Events]:
        self.record.keep_calls(tx, list(answer.calls.values()), answer.answered([]))
        return None, ()

    def _conclude(self, answer: _Answer, tx: Transaction) -> tuple[Conclusion, Events]:
        """Store the whole answer, and where the run stands with it, at once."""
        conclusion = answer.conclusion()
        if conclusion == Ending("completed") and self.record.has_more_input(tx):
            conclusion = GoesOn()
        calls, answered = list(answer.calls.values()), answer.answered(self._notes)
        events = self.record.conclude(tx, calls, answered, conclusion)
        match conclusion:
            case Ending():
                leases.close_run(tx, self.record.claim)
            case AwaitsOutputs() if self.record.standing(tx) is Standing.ENDED:
                leases.close_run(tx, self.record.claim)
            case AwaitsOutputs():
                leases.take(tx, self.record.claim, None)
        return conclusion, events

    async def _write(self, change: Callable[[Transaction], tuple[T, Events]]) -> T:
        """Let `change` write, if the run is still ours; tell the listener."""

        def write() -> tuple[T, Events]:
            with self.database.write() as tx:
                leases.check_held(tx, self.record.claim, self.owner)
                standing = self.record.standing(tx)
                if standing is Standing.GONE:
                    raise LeaseLost(self.record.claim.run_id)
                if standing is Standing.CANCELLING:
                    raise CancelAsked(self.record.claim.run_id)
                return change(tx)

        result, events = await run_in_threadpool(write)
        self.channel.send(events)
        return result


def _declared_context(model: Model, run: Run) -> int | None:
    """How many tokens a prompt may have, as was declared: some models cut theirs without a word."""
    context = model.context(run.model)
    if context is None:
        return None
    answer = run.max_completion_tokens or int(context * _FOR_THE_ANSWER)
    return max(context - int(answer), context // 4)


def _cut_short(finish: Finish) -> Ending:
    """How a run ends whose answer was cut."""
    if finish.reason == "length":
        return Ending("incomplete", reason="max_completion_tokens")
    word = f" ({finish.word})" if finish.word not in ("", "content_filter") else ""
    message = f"The model's content filter stopped the answer{word}."
    return Ending("failed", "server_error", message, cut_by="content_filter")
