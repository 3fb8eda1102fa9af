"""Conversations with the embedded server's scripted model, streamed over a real socket."""

import re
import time
from contextlib import closing
from dataclasses import replace

import pytest

from assistctl.apis.assistants.converse import Conversation
from assistctl.apis.transport.client import Client
from assistctl.conversation.turns import Limits, turn
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Finished,
    Notice,
    RunStarted,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCalled,
    ToolReturned,
)
from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import answer_cut, answer_lost, dropped, error, proxy_to, unseen
from tests.commands.middleman import staging

pytestmark = pytest.mark.only_at("assistants", because="for now")
SCRIPT = [
    {"when": "sold", "call": {"save_bill": {"total": 7}}, "say": "Saved 7."},
    {"when": "both", "call": {"save_bill": {"total": 1}, "refund": {"total": 2}}, "say": "Done."},
    {"say": "Hello there."},
]
FUNCTIONS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("save_bill", "refund")
]


@pytest.fixture
def server(tmp_path):
    settings = Settings(tmp_path / "local.db", model="scripted", scripts={"ws/shop": SCRIPT})
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def talk(client):
    body = {"model": "gpt-4.1", "metadata": {"assistctl": "ws/shop"}, "tools": FUNCTIONS}
    assistant = client.create("/assistants", body)
    return Conversation(client, assistant["id"], "ws/shop")


class Echo:
    """Tools that answer every call with its arguments."""

    def call(self, calls, **how):
        for call in calls:
            yield ToolReturned(call, f"got {call.arguments}", 0.0)


def names(events):
    return [type(event).__name__ for event in events]


def test_a_turn_without_tools_streams_text_and_finishes(talk):
    events = list(talk.send("hi"))
    assert [e for e in events if isinstance(e, ThreadStarted | RunStarted)] == [
        ThreadStarted(talk.thread),
        RunStarted(talk.run),
    ]
    assert [e.status for e in events if isinstance(e, StatusChanged)] == [
        "queued",
        "in_progress",
        "completed",
    ]
    deltas = [e.text for e in events if isinstance(e, TextDelta)]
    assert len(deltas) > 1
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert (finished.status, finished.text, finished.error) == ("completed", "Hello there.", None)
    assert "".join(deltas) == finished.text
    assert finished.usage["total_tokens"] > 0


def test_a_turn_with_a_tool_call_is_answered_and_goes_on(talk):
    events = list(turn(talk, Echo(), "3 roses sold"))
    finished = events[-1]
    assert (finished.status, finished.text) == ("completed", "Saved 7.")
    (called,) = [event.call for event in events if isinstance(event, ToolCalled)]
    assert (called.name, called.arguments) == ("save_bill", '{"total": 7}')
    assert finished.tool_calls == (ToolReturned(called, 'got {"total": 7}', 0.0),)


def test_all_calls_of_a_round_are_answered_in_one_submit(talk):
    finished = list(turn(talk, Echo(), "both"))[-1]
    assert finished.status == "completed"
    assert [item.call.name for item in finished.tool_calls] == ["save_bill", "refund"]


def test_a_second_turn_stays_on_the_thread(talk):
    list(talk.send("hi"))
    thread = talk.thread
    list(talk.send("hi again"))
    assert talk.thread == thread
    messages = list(talk.client.list(f"/threads/{thread}/messages", order="asc"))
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2


def test_a_busy_thread_is_an_error_that_says_what_to_do(talk):
    assert isinstance(list(talk.send("sold"))[-1], ActionRequired)
    second = Conversation(talk.client, talk.assistant, "ws/shop", talk.thread)
    with pytest.raises(AssistctlError) as error:
        list(second.send("hi"))
    assert str(error.value) == (
        f"thread {talk.thread} is busy: run {talk.run} is requires_action; wait until it ends, or "
        "end it with --cancel-active"
    )
    second.cancel_active_run()
    assert list(second.send("hi"))[-1].status == "completed"


def test_cancelling_a_waiting_run_ends_it(talk):
    list(talk.send("sold"))
    assert talk.cancel() == "cancelled"
    assert talk.finished().error == "the run was cancelled"


def test_a_turn_with_too_many_rounds_is_cancelled(talk):
    finished = list(turn(talk, Echo(), "sold", limits=Limits(rounds=0)))[-1]
    assert (finished.status, finished.error) == (
        "cancelled",
        "the model asked for tools in more than 0 rounds",
    )


class Cutting(Client):
    """A client whose streams break off after so many events."""

    keep = 3

    def stream(self, path, body, **more):
        from contextlib import contextmanager

        from assistctl.apis.transport.failures import LostAnswer

        @contextmanager
        def cut():
            with Client.stream(self, path, body, **more) as stream:

                def some():
                    for number, event in enumerate(stream):
                        if number == self.keep:
                            raise LostAnswer("cut")
                        yield event

                yield replace(stream, events=some())

        return cut()


@pytest.mark.parametrize("keep", [0, 1, 3, 8])
def test_a_stream_that_breaks_off_loses_nothing(server, talk, keep):
    client = Cutting(server.base_url, server.api_key)
    client.keep = keep
    broken = Conversation(client, talk.assistant, "ws/shop")
    events = list(turn(broken, Echo(), "sold"))
    assert any(isinstance(event, Notice) and "broke off" in event.text for event in events)
    finished = events[-1]
    assert (finished.status, finished.text) == ("completed", "Saved 7.")
    assert len(finished.tool_calls) == 1
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == "Saved 7."
    runs = list(client.list(f"/threads/{broken.thread}/runs"))
    assert len(runs) == 1
    client.close()


def test_a_run_that_never_ends_is_not_asked_after_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr("assistctl.apis.assistants.converse.WAIT_SECONDS", 0.5)

    def stuck(method, path, ask):
        status, body = ask()
        if method == "POST" and path.endswith("/runs"):
            return status, b""
        return status, body.replace(b'"completed"', b'"in_progress"')

    with staging(tmp_path, stuck) as (direct, environ):
        assistant = direct.create("/assistants", {"model": "gpt-4.1"})
        client = Client(environ["STAGING_URL"], environ["STAGING_KEY"])
        talk = Conversation(client, assistant["id"], "ws/shop")
        with closing(client), pytest.raises(RemoteError) as caught:
            list(talk.send("hi"))
        assert str(caught.value) == (
            f"run {talk.run} is in_progress still, 0 s after its stream broke off; "
            "end it with --cancel-active"
        )


def test_a_run_expires_by_our_clock_whatever_the_targets_says(tmp_path):
    def an_hour_late(method, path, ask):
        def hour_ago(found):
            return found[1] + str(int(found[2]) - 3600).encode()

        status, body = ask()
        return status, re.sub(rb'("(?:created|expires)_at": ?)(\d+)', hour_ago, body)

    with staging(tmp_path, an_hour_late) as (direct, environ):
        assistant = direct.create("/assistants", {"model": "gpt-4.1"})
        client = Client(environ["STAGING_URL"], environ["STAGING_KEY"])
        talk = Conversation(client, assistant["id"], "ws/shop")
        with closing(client):
            before = time.monotonic()
            events = talk.send("hi")
            while not isinstance(next(events), RunStarted):
                assert talk.deadline is None
            assert before + 600 <= talk.deadline <= time.monotonic() + 600
            events.close()


def test_defaults_are_sent_with_every_run(talk):
    talk.defaults = {"tool_choice": "none", "max_completion_tokens": 300}
    list(talk.send("hi"))
    run = talk.client.get(f"/threads/{talk.thread}/runs/{talk.run}")
    assert (run["tool_choice"], run["max_completion_tokens"]) == ("none", 300)


FAULTS = {
    "answer lost": answer_lost,
    "dropped": dropped,
    "429": error(429, retry_after="1"),
    "carried out, 500": error(500, carried_out=True),
    "cut": answer_cut,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_request_of_a_turn_fails_there_is_one_message_and_one_run(
    server, talk, fault, monkeypatch
):
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)
    tried = 0
    with proxy_to(server.base_url) as proxy:
        client = Client(proxy.base_url, server.api_key)
        for number in range(1, 6):
            proxy.at(number, FAULTS[fault])
            through = Conversation(client, talk.assistant, "ws/shop")
            try:
                finished = list(turn(through, Echo(), "sold"))[-1]
            except RemoteError as failure:
                assert number == 1, f"{fault} at {number}: {failure}"
                assert str(failure).startswith("POST /threads: ")
                continue
            tried += 1
            assert (finished.status, finished.text) == ("completed", "Saved 7."), number
            messages = talk.client.list(f"/threads/{through.thread}/messages", order="asc")
            assert [message["role"] for message in messages] == ["user", "assistant"]
            assert len(list(talk.client.list(f"/threads/{through.thread}/runs"))) == 1
        client.close()
    assert tried >= 4


def test_a_thread_that_was_just_made_may_be_unknown_for_a_while(server, talk, monkeypatch):
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)
    with proxy_to(server.base_url) as proxy:
        proxy.fault = unseen(3)
        client = Client(proxy.base_url, server.api_key)
        through = Conversation(client, talk.assistant, "ws/shop")
        assert list(through.send("hi"))[-1].text == "Hello there."
        client.close()
    assert sum(str(request).endswith("/messages") for request in proxy.requests) == 4
