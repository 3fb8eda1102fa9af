"""Turns of the playground by themselves: what an answer to a question allows."""

import threading
from types import SimpleNamespace

import pytest

from assistctl.console.playground.turns import Spoken, Turn
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import Finished, ToolCall, ToolCalled, ToolReturned


class OneId:
    """A session with a target that gives every call the same id, as some model endpoints do: each
    of `rounds` has the amounts of its calls, which ask first. `done` is what was carried out."""

    conversation = SimpleNamespace(thread="thread_1")

    def __init__(self, *rounds):
        self.rounds, self.done = rounds, []

    def say(self, message, attached, approve):
        for amounts in self.rounds:
            calls = [ToolCall("call_0", "refund", amount) for amount in amounts]
            yield from (ToolCalled(call) for call in calls)
            allowed = []
            for call in calls:
                if approve(call):
                    allowed.append(call)
                else:
                    yield ToolReturned(call, "not approved", 0.0, "not_approved")
            for call in allowed:
                self.done.append(call.arguments)
                yield ToolReturned(call, "refunded", 0.0, None)
        yield Finished("completed", "thread_1", "run_1", "Done.")

    def cancel(self):
        pass


def test_an_error_of_the_target_is_told_in_the_words_of_the_console():
    def unready():
        raise RemoteError("refused", status=401)

    turn = Turn(Spoken("Refund"), unready, lambda error: f"{error}; the target is far")
    turn.start(watched=False)
    turn.wait()
    assert (turn.status, turn.error) == ("failed", "refused; the target is far")


@pytest.fixture
def begin():
    """Begins a turn that somebody watches."""
    turns = []

    def begun(session):
        ready = SimpleNamespace(session=session, how="", is_there=True)
        turns.append(Turn(Spoken("Refund"), lambda: ready))
        turns[-1].start(watched=True)
        return turns[-1]

    yield begun
    for turn in turns:
        turn.stop()
        turn.wait()


def question(turn):
    """The next call that waits for a word: the number of its item, and its arguments."""
    woken = threading.Event()
    with turn.listened(woken.set):
        while not turn.over:
            for item in turn.news(0)[1]:
                if item.asked == "waits":
                    return item.number, item.value.call.arguments
            assert woken.wait(10)
            woken.clear()
    raise AssertionError("nothing is asked any more")


def came_of(turn):
    turn.wait()
    return [(it.value.call.arguments, it.asked, it.value.output) for it in turn.items[:-1]]


def test_a_call_that_is_refused_is_not_made_though_one_with_its_id_was_allowed_before(begin):
    session = OneId(["1"], ["999999"])
    turn = begin(session)
    assert question(turn) == (0, "1")
    turn.answer(0, True)
    assert question(turn) == (1, "999999")
    turn.answer(1, False)
    assert came_of(turn) == [("1", "allowed", "refunded"), ("999999", "refused", "not approved")]
    assert session.done == ["1"]


def test_of_calls_of_one_round_with_one_id_each_is_asked_about_by_itself(begin):
    session = OneId(["1", "999999", "3", "3"])
    turn = begin(session)
    for number, amount, allowed in (
        (0, "1", True),
        (1, "999999", False),
        (2, "3", False),
        (3, "3", True),
    ):
        assert question(turn) == (number, amount)
        turn.answer(number, allowed)
    assert came_of(turn) == [
        ("1", "allowed", "refunded"),
        ("999999", "refused", "not approved"),
        ("3", "refused", "not approved"),
        ("3", "allowed", "refunded"),
    ]
    assert session.done == ["1", "3"]


@pytest.mark.parametrize("number", [-1, 1, 10**30])
def test_an_answer_to_no_question_allows_nothing(begin, number):
    turn = begin(OneId(["1"]))
    assert question(turn) == (0, "1")
    with pytest.raises(AssistctlError, match="nothing waits for an answer here any more"):
        turn.answer(number, True)
    assert question(turn) == (0, "1")
