"""What is different for one conversation, what ends a turn, and what is tried again: at each API,
with a model endpoint on a real socket behind the embedded server."""

import threading

import pytest

from assistctl.conversation.overrides import overridden
from assistctl.conversation.turns import Limits, pause, turn
from assistctl.events import Notice, RunStarted, ThreadStarted
from assistctl.server import EmbeddedServer, Settings
from tests.apis.talks import FUNCTIONS, MESSAGES, Echo
from tests.server.chat_endpoint import Reply, Stream, call, chat_endpoint_running, delta, say

TOO_MUCH = Reply(
    429, {"error": {"message": "Please try again in 5ms.", "code": "rate_limit_exceeded"}}
)


@pytest.fixture(scope="module")
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def target(tmp_path_factory, endpoint):
    settings = Settings(
        tmp_path_factory.mktemp("target") / "local.db",
        model={"base_url": endpoint.url},
        embeddings="none",
    )
    with EmbeddedServer(settings) as server:
        yield server, None


@pytest.fixture
def server(target):
    return target[0]


@pytest.fixture
def shop(bench, endpoint, monkeypatch):
    """The assistant's talk, with what is different in it."""
    monkeypatch.setattr("assistctl.server.models.asking.wait", lambda *refusal: None)
    endpoint.requests.clear()
    bench.assistant("shop", *FUNCTIONS, instructions="Sell flowers.")
    assert bench.apply() == []

    def shop(**different):
        said = overridden(bench.assistants["shop"], different)
        return bench.surface.converse(said, bench.held("shop")["id"], None)

    return shop


def finished(*arguments, **more):
    *_, last = turn(*arguments, **more)
    return last


def test_another_model_other_instructions_and_effort_are_for_one_conversation(shop, endpoint):
    endpoint.answer(say("Hi."))
    different = {"model": "gpt-6.1", "instructions": "Sell trees.", "reasoning_effort": "low"}
    assert finished(shop(**different), Echo(), "Hello").status == "completed"
    assert finished(shop(), Echo(), "Hello").status == "completed"
    first, second = endpoint.requests
    assert (first["model"], first["reasoning_effort"]) == ("gpt-6.1", "low")
    assert "Sell trees." in first["messages"][0]["content"]
    assert (second["model"], second.get("reasoning_effort")) == ("gpt-4.1", None)
    assert "Sell flowers." in second["messages"][0]["content"]


@pytest.mark.only_at("assistants", "responses", because="agents have no such thing")
def test_so_are_numbers(shop, endpoint):
    endpoint.answer(say("Hi."))
    different = {"temperature": 0.3, "top_p": 0.5, "max_completion_tokens": 300}
    assert finished(shop(**different), Echo(), "Hello").status == "completed"
    (request,) = endpoint.requests
    assert (request["temperature"], request["top_p"]) == (0.3, 0.5)
    assert request["max_completion_tokens"] == 300


def test_a_turn_that_takes_too_long_is_cancelled_while_the_model_is_silent(shop, endpoint):
    silence = threading.Event()
    endpoint.answer(Stream((delta(content="Well"), silence)))
    last = finished(shop(), Echo(), "Hello", limits=Limits(seconds=0.5))
    silence.set()
    assert (last.status, last.error) == ("cancelled", "the turn took longer than 0.5 s")


def test_and_after_a_function_that_has_taken_the_time(shop, endpoint):
    endpoint.answer(call(("call_1", "refund", "{}")))

    class Slow(Echo):
        def call(self, calls, deadline, **more):
            assert deadline is not None
            threading.Event().wait(0.6)
            return super().call(calls)

    last = finished(shop(), Slow(), "Hello", limits=Limits(seconds=0.5))
    assert (last.status, last.error) == ("cancelled", "the turn took longer than 0.5 s")
    assert [step.call.name for step in last.tool_calls] == ["refund"]
    assert len(endpoint.requests) == 1


@pytest.mark.only_at("assistants", "responses", because="a session has no turn without a message")
def test_a_run_that_is_rate_limited_is_tried_again_with_the_message_there_once(
    shop, bench, endpoint
):
    endpoint.answer(TOO_MUCH, TOO_MUCH, say("Hi."))
    talk = shop()
    events = [*turn(talk, Echo(), "Hello", limits=Limits(retries=3))]
    assert (events[-1].status, events[-1].text) == ("completed", "Hi.")
    notes = [event.text for event in events if isinstance(event, Notice)]
    runs = [event for event in events if isinstance(event, RunStarted)]
    assert len([event for event in events if isinstance(event, ThreadStarted)]) == 1
    assert (len(runs), len(notes)) == (3, 2)
    assert "Please try again in 5ms." in notes[0]
    assert notes[0].endswith(" s (1 of 3)")
    roles = [
        item["role"]
        for item in bench.client.list(MESSAGES[bench.api.name].format(talk.thread), order="asc")
    ]
    assert roles == ["user", "assistant"]


@pytest.mark.only_at("assistants", "responses", because="a session has no turn without a message")
def test_it_is_given_up_after_as_many_times_as_were_asked_for(shop, endpoint):
    endpoint.answer(TOO_MUCH)
    events = [*turn(shop(), Echo(), "Hello", limits=Limits(retries=1))]
    assert (events[-1].status, events[-1].code) == ("failed", "rate_limit_exceeded")
    assert len([event for event in events if isinstance(event, RunStarted)]) == 2


def test_nothing_is_tried_again_once_a_function_was_called(shop, endpoint):
    endpoint.answer(call(("call_1", "refund", "{}")), TOO_MUCH)
    events = [*turn(shop(), Echo(), "Hello", limits=Limits(retries=1))]
    assert (events[-1].status, events[-1].code) == ("failed", "rate_limit_exceeded")
    assert len([event for event in events if isinstance(event, RunStarted)]) == 1
    assert [step.call.name for step in events[-1].tool_calls] == ["refund"]


@pytest.mark.only_at("assistants", "responses", because="a session has no turn without a message")
def test_there_is_no_time_to_try_again_in_when_the_turn_is_to_be_over(shop, endpoint, monkeypatch):
    monkeypatch.setattr("assistctl.conversation.turns.pause", lambda attempt, reason: 60.0)
    endpoint.answer(TOO_MUCH)
    last = finished(shop(), Echo(), "Hello", limits=Limits(seconds=20))
    assert (last.status, last.error) == ("failed", "the turn took longer than 20 s")


def test_nobody_tries_again_without_the_money(shop, endpoint):
    quota = {"message": "You exceeded your current quota.", "code": "insufficient_quota"}
    endpoint.answer(Reply(429, {"error": quota}))
    events = [*turn(shop(), Echo(), "Hello", limits=Limits(retries=1))]
    assert (events[-1].status, events[-1].code) == ("failed", "rate_limit_exceeded")
    assert len([event for event in events if isinstance(event, RunStarted)]) == 1


def test_a_pause_is_as_long_as_was_asked_for_or_longer_each_time():
    assert 1.0 <= pause(1, "no word of it") <= 2.0
    assert 4.0 <= pause(9, "") <= 8.0
    assert 2.5 <= pause(0, "Please try again in 2.5s.") <= 3.125
    assert 0.5 <= pause(0, "Please try again in 20ms. Visit https://…") <= 1.0
    assert pause(0, "Please try again in 1m2s.") == 60.0
