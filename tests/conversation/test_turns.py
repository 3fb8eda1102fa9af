"""One turn, between a conversation and tools that do as they are told."""

import time
from dataclasses import replace

import pytest

from assistctl.conversation.turns import Limits, turn
from assistctl.events import (
    ActionRequired,
    CodeCalled,
    CodeReturned,
    Finished,
    RunStarted,
    Searched,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolCalled,
    ToolReturned,
)

ADD, FAIL = ToolCall("call_1", "add", "{}"), ToolCall("call_2", "fail", "{}")
STARTED, TEXT = ThreadStarted("thread_1"), TextDelta("3")
ADDED, FAILED = ToolReturned(ADD, "3", 0.1), ToolReturned(FAIL, "{}", 0.1, "exception")


class Talk:
    """Says what was written down for each request, and keeps what it was given."""

    thread = "thread_1"

    def __init__(self, *answers, deadline=None):
        self.deadline = deadline
        self.given = []
        self._answers = iter(answers)
        self._status = "completed"

    def send(self, text, attachments=()):
        self.given.append((text, *attachments))
        yield from self._next()

    def submit(self, results):
        self.given.append(tuple(results))
        yield from self._next()

    def cancel(self):
        self._status = "cancelled"
        return self._status

    def finished(self):
        return Finished(self._status, "thread_1", "run_1", "")

    def _next(self):
        yield from next(self._answers, [ActionRequired((ADD,))])


class Tools:
    """Knows add and fail, and answers in the order that suits it; keeps what it was told."""

    def call(self, calls, *, approve=None, deadline=None, thread=None, run=None):
        self.deadline, self.within = deadline, (thread, run)
        results = {"add": ADDED, "fail": FAILED}
        yield from (results[call.name] for call in reversed(calls))


def test_tools_are_told_the_thread_and_the_run():
    end = Finished("completed", "thread_1", "run_1", "3")
    talk = Talk([STARTED, RunStarted("run_1"), ActionRequired((ADD,))], [end])
    tools = Tools()
    list(turn(talk, tools, "1 + 2?"))
    assert tools.within == ("thread_1", "run_1")


def test_all_calls_of_a_round_are_answered_in_one_submit_failures_too():
    end = Finished("completed", "thread_1", "run_1", "3")
    talk = Talk([STARTED, ActionRequired((ADD, FAIL))], [TEXT, end])
    file = {"file_id": "file-1"}
    *events, last = turn(talk, Tools(), "1 + 2?", attachments=[file])
    assert 0 <= last.seconds < 60
    assert [*events, replace(last, seconds=None)] == [
        STARTED,
        ToolCalled(ADD),
        ToolCalled(FAIL),
        FAILED,
        ADDED,
        TEXT,
        replace(end, tool_calls=(FAILED, ADDED), steps=(FAILED, ADDED)),
    ]
    assert talk.given == [("1 + 2?", file), (FAILED, ADDED)]


@pytest.mark.parametrize(
    ("limits", "error", "made"),
    [
        (Limits(rounds=2), "the model asked for tools in more than 2 rounds", 2),
        (Limits(calls=3), "the model asked for more than 3 tool calls", 3),
        (Limits(seconds=0), "the turn took longer than 0 s", 0),
    ],
)
def test_a_model_that_calls_without_end_is_cancelled(limits, error, made):
    *_, last = turn(Talk(), Tools(), "Go", limits=limits)
    end, calls = Finished("cancelled", "thread_1", "run_1", "", error=error), (ADDED,) * made
    assert replace(last, seconds=None) == replace(end, tool_calls=calls, steps=calls)


def test_what_the_target_did_and_what_was_done_here_are_steps_in_the_order_of_their_ends():
    end = Finished("completed", "thread_1", "run_1", "3")
    code, found = CodeReturned("call_3", "1 + 2", "3"), Searched("call_4", ("sums",))
    talk = Talk([CodeCalled("call_3", "1 + 2"), code, ActionRequired((ADD,))], [found, end])
    assert list(turn(talk, Tools(), "1 + 2?"))[-1].steps == (code, ADDED, found)


def test_tools_have_time_until_shortly_before_the_run_expires():
    tools = Tools()
    for deadline, seconds in ((time.monotonic() + 65, 60), (time.monotonic() - 9, 1)):
        list(turn(Talk(deadline=deadline), tools, "Go", limits=Limits(rounds=1)))
        assert seconds - 30 < tools.deadline - time.monotonic() <= seconds
    list(turn(Talk(), tools, "Go", limits=Limits(rounds=1, seconds=30)))
    assert 0 < tools.deadline - time.monotonic() <= 30
