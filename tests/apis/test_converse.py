"""A turn, at each API, with the embedded server's scripted model over a real socket: what is said,
called and answered, and what becomes of it when something breaks.

By default every third request of a turn is broken, others in each way; ALL_FAULTS=1 breaks each.
"""

import os

import pytest

from assistctl.conversation.turns import Limits, turn
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Finished,
    Notice,
    RunStarted,
    TextDelta,
    ThreadStarted,
    ToolCalled,
    ToolReturned,
)
from assistctl.resources import Function
from assistctl.server import EmbeddedServer, Settings
from assistctl.toolbox import mount
from tests.apis.fault_proxy import (
    answer_cut,
    answer_lost,
    cut_after,
    dropped,
    error,
    unseen,
)
from tests.apis.talks import FUNCTIONS, PLACE, SCRIPT, Echo, Shop, said, statuses


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """As elsewhere, with a script; the server knows calls a little after it has told of them."""
    settings = Settings(
        tmp_path_factory.mktemp("target") / "local.db",
        model="scripted",
        embeddings="none",
        scripts={"ws/shop": SCRIPT},
        late_calls=0.05,
    )
    with EmbeddedServer(settings) as server:
        yield server, None


@pytest.fixture
def server(target):
    """The server as the tests before have left it."""
    return target[0]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nobody waits longer than need be for what was made to be seen."""
    monkeypatch.setattr("assistctl.apis.agents.converse.UNSEEN_SECONDS", 0.5)
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)


@pytest.fixture
def shop(bench):
    bench.assistant("shop", *FUNCTIONS, instructions="Sell.")
    bench.apply()
    return Shop(bench)


@pytest.fixture
def talk(shop):
    return shop.talk()


def test_a_turn_without_tools_streams_text_and_finishes(talk):
    events = list(talk.send("hi"))
    started = next(event for event in events if isinstance(event, RunStarted))
    assert [e for e in events if isinstance(e, ThreadStarted | RunStarted)] == [
        ThreadStarted(talk.thread),
        started,
    ]
    assert statuses(events)[-2:] == ["in_progress", "completed"]
    assert sum(isinstance(event, TextDelta) for event in events) > 1
    finished = events[-1]
    assert finished == Finished(
        "completed", talk.thread, started.run, "Hello there.", finished.usage, None
    )
    assert said(events) == "Hello there."
    assert finished.usage["total_tokens"] > finished.usage["completion_tokens"] > 0


def test_that_no_language_model_answers_is_noted_once_in_a_conversation(talk):
    note = Notice("answered by the scripted model, not by a language model")
    turns = [list(turn(talk, Echo(), message)) for message in ("both", "hi")]
    assert [[it for it in events if isinstance(it, Notice)] for events in turns] == [[note], []]


def test_a_turn_with_a_tool_call_is_answered_and_goes_on(talk):
    events = list(turn(talk, Echo(), "3 roses sold"))
    finished = events[-1]
    assert (finished.status, finished.text) == ("completed", "Saved 7.")
    (called,) = [event.call for event in events if isinstance(event, ToolCalled)]
    assert (called.name, called.arguments) == ("save_bill", '{"total": 7}')
    assert finished.tool_calls == (ToolReturned(called, 'got {"total": 7}', 0.0),)


def test_all_calls_of_a_round_are_answered_at_once(talk):
    events = list(turn(talk, Echo(), "both"))
    assert (events[-1].status, events[-1].text) == ("completed", "Done.")
    assert [item.call.name for item in events[-1].tool_calls] == ["save_bill", "refund"]
    assert statuses(events).count("requires_action") == 1
    assert sum(isinstance(event, RunStarted) for event in events) == 1


ANYTHING = {"type": "object"}
TILL = """
import time

def save_bill(total: int) -> str:
    raise ValueError("the till is closed")

def refund(total: int) -> str:
    time.sleep(60)
"""


def test_a_tool_that_raises_and_one_that_hangs_are_told_to_the_model(shop):
    shop.bench.file("tools/till.py", TILL)
    functions = [
        Function(name, PLACE, parameters=ANYTHING, python=f"till:{name}", timeout=0.2)
        for name in ("save_bill", "refund")
    ]
    tools = mount(shop.bench.root, functions)
    finished = list(turn(shop.talk(), tools, "both"))[-1]
    assert {it.call.name: it.error.partition(": ")[0] for it in finished.tool_calls} == {
        "save_bill": "exception",
        "refund": "timeout",
    }
    assert finished.status == "completed"
    assert finished.text.startswith("A tool call failed: ")


def test_a_second_turn_stays_on_the_thread_and_says_each_word_once(shop, talk):
    first, second = list(talk.send("hi")), list(talk.send("hi again"))
    assert first[0] == second[0] == ThreadStarted(talk.thread)
    assert second[-1].run != first[-1].run
    assert (said(second), second[-1].text) == ("Hello there.", "Hello there.")
    assert shop.roles(talk.thread) == ["user", "assistant"] * 2


def test_a_thread_is_gone_on_with_by_its_id(shop, talk):
    list(talk.send("hi"))
    finished = list(turn(shop.talk(talk.thread), Echo(), "3 sold"))[-1]
    assert (finished.thread, finished.text) == (talk.thread, "Saved 7.")
    assert shop.roles(talk.thread) == ["user", "assistant"] * 2


BUSY = pytest.mark.only_at(
    "assistants",
    "agents",
    because="a response waits for nobody: the next message answers the calls that are left open",
)


@BUSY
def test_a_thread_that_waits_for_a_killed_turn_is_busy_until_that_is_cancelled(shop, talk):
    assert isinstance(list(talk.send("sold"))[-1], ActionRequired)
    again = shop.talk(talk.thread)
    with pytest.raises(AssistctlError, match=r"is busy: .*requires_action; wait until"):
        list(again.send("hi"))
    again.cancel_active_run()
    assert list(again.send("hi"))[-1].text == "Hello there."


def test_a_cancelled_turn_is_over_and_the_next_one_goes_on(talk):
    assert isinstance(list(talk.send("both"))[-1], ActionRequired)
    assert talk.cancel() == "cancelled"
    finished = talk.finished()
    assert finished.status == "cancelled"
    assert finished.error.endswith(" was cancelled")
    assert list(talk.send("hi"))[-1].status == "completed"


@pytest.mark.parametrize(
    ("limits", "excess"),
    [
        (Limits(rounds=0), "the model asked for tools in more than 0 rounds"),
        (Limits(calls=1), "the model asked for more than 1 tool calls"),
        (Limits(seconds=0.0), "the turn took longer than 0 s"),
    ],
)
def test_a_turn_that_exceeds_its_limits_is_cancelled_and_says_so(talk, limits, excess):
    finished = list(turn(talk, Echo(), "both", limits=limits))[-1]
    assert (finished.status, finished.error, finished.tool_calls) == ("cancelled", excess, ())
    assert list(talk.send("hi"))[-1].text == "Hello there."


@pytest.mark.parametrize("events", [1, 3, 8])
def test_a_stream_that_breaks_off_loses_nothing_and_says_nothing_twice(shop, proxy, events):
    proxy.fault = lambda number, request: cut_after(events)
    with shop.at(proxy.base_url) as far:
        talk = far.talk()
        told = list(turn(talk, Echo(), "sold"))
    assert any(isinstance(event, Notice) and "broke off" in event.text for event in told)
    finished = told[-1]
    assert (finished.status, finished.text) == ("completed", "Saved 7.")
    assert (len(finished.tool_calls), said(told)) == (1, "Saved 7.")
    assert shop.roles(talk.thread) == ["user", "assistant"]


FAULTS = {
    "answer lost": answer_lost,
    "dropped": dropped,
    "429": error(429, retry_after="1"),
    "carried out, 500": error(500, carried_out=True),
    "cut": answer_cut,
}


THOROUGH = "ALL_FAULTS" in os.environ


@pytest.mark.sweep
@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_request_of_a_turn_fails_it_ends_right_or_is_said_and_nothing_is_said_twice(
    shop, proxy, fault
):
    """A request after which nobody can tell whether it was taken is an error, never sent twice."""
    right, broken = 0, 0
    numbers = range(1, 9) if THOROUGH else range(1 + list(FAULTS).index(fault) % 3, 9, 3)
    with shop.at(proxy.base_url) as far:
        for number in numbers:
            proxy.at(number, FAULTS[fault])
            talk = far.talk()
            try:
                finished = list(turn(talk, Echo(), "sold"))[-1]
            except RemoteError as failure:
                assert str(failure).startswith(("POST /", "GET /")), failure
                assert talk.thread is None or shop.roles(talk.thread).count("user") < 2, number
            else:
                right += 1
                assert (finished.status, finished.text) == ("completed", "Saved 7."), number
                assert shop.roles(talk.thread) == ["user", "assistant"], number
            broken += len(proxy.requests) >= number
    print(f"{shop.bench.api.name}, {fault}: requests broken / turns right: {broken} / {right}")
    assert right >= (4 if THOROUGH else 1)


def test_a_thread_that_was_just_made_may_be_unknown_for_a_while(shop, proxy):
    with shop.at(proxy.base_url) as far:
        talk = far.talk()
        proxy.fault = unseen(3)
        assert list(talk.send("hi"))[-1].text == "Hello there."
