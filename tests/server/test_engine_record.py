"""The engine with a record that no API of ours keeps: what it is told, and what follows."""

from __future__ import annotations

import asyncio

import pytest

from assistctl.server import Settings
from assistctl.server.engine import Engine
from assistctl.server.engine.history import History, HistoryItem
from assistctl.server.engine.record import (
    AwaitsOutputs,
    Ending,
    GoesOn,
    PastCode,
    Run,
    Standing,
)
from assistctl.server.engine.streaming import Channel
from assistctl.server.models.protocol import Usage
from assistctl.server.retrieval.search import Searcher
from assistctl.server.storage import leases
from assistctl.server.storage.leases import Claim

SCRIPTS = {
    "desk": [
        {"when": "tulips", "call": {"price": {}}, "say": "Two"},
        {"when": "roses", "say": "三"},
        {"when": "thanks", "say": "好"},
    ]
}
PRICE = {
    "type": "function",
    "function": {
        "name": "price",
        "parameters": {"type": "object", "properties": {}},
    },
}


class Diary:
    """Keeps a run as lines; `later` is what the user says while the model answers."""

    def __init__(self, *questions, later=(), ends_with_calls=False):
        self.claim = Claim("default", "thread_1", "run_1")
        self.lines = []
        self.state = Standing.ACTIVE
        self._questions = list(questions)
        self._later = list(later)
        self._ends_with_calls = ends_with_calls

    def standing(self, tx):
        return self.state

    def run(self, tx):
        return Run(
            model="any",
            instructions="Be short.",
            functions=[PRICE],
            search=None,
            code=None,
            tool_choice="auto",
            parallel_tool_calls=True,
            response_format=None,
            temperature=None,
            top_p=None,
            reasoning_effort=None,
            max_prompt_tokens=None,
            max_completion_tokens=None,
            shortens=True,
            last_messages=None,
            script="desk",
            spent=Usage(0, 0),
            completions=0,
        )

    def history(self, tx):
        said = [({"role": "user", "content": question},) for question in self._questions]
        return History([HistoryItem(messages, None, True) for messages in said], [])

    def searches(self, tx):
        return {}

    def past_code(self, tx):
        return PastCode(False, {}, ())

    def has_more_input(self, tx):
        self._questions += self._later[:1]
        return bool(self._later and self._later.pop(0))

    def begin(self, tx):
        return self._line("begin")

    def begin_answer(self, pictures):
        self._line("ask")

    def begin_message(self, tx):
        return self._line("message")

    def text(self, span):
        return self._line(f"text {span.text!r}")

    def begin_calls(self, tx):
        return self._line("calls")

    def call(self, call):
        return self._line(f"call {call.name} {call.tool} {call.arguments}")

    def arguments(self, call, more):
        return self._line(f"arguments {more}")

    def conclude(self, tx, calls, answered, conclusion):
        match conclusion:
            case GoesOn():
                return self._line("goes on")
            case AwaitsOutputs():
                self.state = Standing.ENDED if self._ends_with_calls else Standing.ACTIVE
                return self._line(f"awaits {[call.name for call in conclusion.calls]}")
            case Ending():
                self.state = Standing.ENDED
                return self._line(f"{conclusion.state} after {answered.usage.completion} tokens")

    def end(self, tx, ending, usage):
        self.state = Standing.ENDED
        return self._line(f"{ending.state}: {ending.message}")

    def _line(self, line):
        self.lines.append(line)
        return [line]


class Numbered:
    """Counts what it sends."""

    last = b"end"

    def __init__(self):
        self._sent = 0

    def encoded(self, event):
        self._sent += 1
        return f"{self._sent} {event}\n".encode()

    def failed(self, message):
        return message.encode()


@pytest.fixture
def work(database, db):
    """Lets the engine work on the run of a record; what a listener got, and who holds the lease."""

    async def work(record, owner=None):
        settings = Settings(database, model="scripted", scripts=SCRIPTS, code_interpreter=False)
        engine = Engine(db, settings, Searcher(db, None), lambda claim: record)
        channel = Channel(Numbered())
        await engine.start()
        with db.write() as tx:
            leases.open_run(tx, record.claim, owner or engine.owner, 2**31)
            engine.launch(tx, record, 60, channel)
        sent = b"".join([part async for part in channel.listen()])
        await engine.stop()
        with db.read() as tx:
            return sent.decode().splitlines(), leases.on_thread(tx, "default", "thread_1")

    return lambda record: asyncio.run(work(record))


def test_a_record_is_told_of_words_and_of_the_end_and_the_thread_is_free(work):
    record = Diary("What are roses?")
    sent, active = work(record)
    assert sent == [
        "1 begin",
        "2 message",
        "3 text '三'",
        "4 completed after 1 tokens",
        "end",
    ]
    assert record.lines[:3] == ["begin", "ask", "message"]
    assert active is None


def test_a_run_that_awaits_outputs_keeps_its_thread(work):
    sent, active = work(record := Diary("What are tulips?"))
    assert sent == [
        "1 begin",
        "2 calls",
        "3 call price function ",
        "4 arguments {",
        "5 arguments }",
        "6 awaits ['price']",
        "end",
    ]
    assert active == record.claim


def test_where_calls_end_a_run_its_thread_is_free(work):
    _, active = work(record := Diary("What are tulips?", ends_with_calls=True))
    assert (active, record.lines[-1]) == (None, "awaits ['price']")


def test_input_that_came_meanwhile_is_answered_by_the_same_run(work):
    sent, active = work(Diary("What are roses?", later=["thanks"]))
    assert sent == [
        "1 begin",
        "2 message",
        "3 text '三'",
        "4 goes on",
        "5 message",
        "6 text '好'",
        "7 completed after 1 tokens",
        "end",
    ]
    assert active is None


def test_what_a_record_does_not_take_fails_the_run_only(work):
    record = Diary("What are roses?")
    record.text = lambda span: 1 / 0
    sent, active = work(record)
    fault = "The server had an error while working on the run; its log says more."
    assert sent == ["1 begin", "2 message", f"3 failed: {fault}", "end"]
    assert active is None
