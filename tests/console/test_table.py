"""Playgrounds by themselves: what becomes of them when somebody begins anew, or leaves."""

import threading
from types import SimpleNamespace

import pytest

from assistctl.console.playground.table import Table, Tables
from assistctl.console.playground.turns import Spoken
from assistctl.errors import Refused
from assistctl.events import Finished


class Opened:
    """Somebody to talk to, who says nothing until it is `free`."""

    how, is_there = "", True

    def __init__(self):
        self.free, self.closed, self.done = threading.Event(), threading.Event(), []
        self.session = self
        self.conversation = SimpleNamespace(thread="thread_1")

    def say(self, message, attached, approve):
        assert self.free.wait(10)
        yield Finished("completed", "thread_1", "run_1", "Done.")

    def cancel(self):
        self.done.append("cancelled, closed" if self.closed.is_set() else "cancelled")

    def close(self):
        self.closed.set()


@pytest.fixture
def table():
    made = Table("assistant/clerk")
    yield made
    made.close()


def begun(table, make):
    return table.say(Spoken("Hello?"), [("As declared", None)], make, watched=True).turns[0]


@pytest.mark.parametrize("end", [Table.clear, Table.close], ids=["begun anew", "left"])
def test_what_is_made_ready_for_a_conversation_that_is_over_is_closed_again(table, end):
    making, may_go_on, made = threading.Event(), threading.Event(), Opened()

    def make(version, before):
        making.set()
        assert may_go_on.wait(10)
        return made

    turn = begun(table, make)
    assert making.wait(10)
    threading.Timer(0.1, may_go_on.set).start()
    end(table)
    assert made.closed.wait(10)
    turn.wait()
    assert (turn.status, table.columns) == ("cancelled", [])


def test_nothing_is_said_for_somebody_who_has_left_meanwhile(table):
    made = []
    table.close()
    with pytest.raises(Refused, match="its session has ended"):
        begun(table, lambda version, before: made.append(1))
    assert made == []


def test_no_playground_is_made_for_somebody_who_has_left_meanwhile():
    tables = Tables()
    tables.close()
    with pytest.raises(Refused, match="its session has ended"):
        tables.of("new")


def test_a_turn_that_is_stopped_before_it_begins_makes_nobody_ready(table):
    made = []
    turn = begun(table, lambda version, before: Opened())
    turn.stop()
    turn.wait()
    turn = type(turn)(Spoken("Hello?"), lambda: made.append(1))
    turn.stop()
    turn.start(watched=True)
    turn.wait()
    assert (turn.status, made) == ("cancelled", [])


def test_who_leaves_waits_for_a_run_to_be_cancelled_before_its_connection_is_closed(table):
    made = Opened()
    turn = begun(table, lambda version, before: made)
    while turn.session is None:
        threading.Event().wait(0.01)
    threading.Timer(0.1, made.free.set).start()
    table.close()
    assert made.done == ["cancelled", "cancelled, closed"]
