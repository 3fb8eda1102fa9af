"""What runs make of endpoints that cannot do all that was asked, on a real socket."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest

from assistctl.server.engine import prompt
from assistctl.server.models.tokens import estimate_prompt
from tests.server.chat_endpoint import Reply, Stream, call, chat_endpoint_running, delta, say
from tests.server.runs_help import (
    answer_all,
    calls_of,
    make_assistant,
    make_thread,
    run_to_stop,
    say_and_run,
)

TOO_LONG = Reply(400, {"error": {"message": "maximum context length exceeded"}})


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(start, connect, endpoint):
    return connect(start(model={"base_url": endpoint.url}))


@pytest.fixture
def assistant(client):
    return make_assistant(client, tools=[])


def notes(run):
    return run.to_dict()["notes"]


def numbers(request):
    """Which of the thread's numbered messages a request holds."""
    said = "\n\n".join(message["content"] for message in request["messages"])
    words = (message.split()[0] for message in said.split("\n\n"))
    return [int(word) for word in words if word.isdigit()]


@pytest.fixture
def long_thread(client):
    return make_thread(client, *(f"{number} " + "word " * 60 for number in range(8)))


def test_of_a_thread_too_long_for_the_model_the_middle_is_left_out(
    client, endpoint, assistant, long_thread
):
    endpoint.answer(TOO_LONG, TOO_LONG, say("ok"))
    run = run_to_stop(client, long_thread, assistant)
    assert run.status == "completed"
    assert [numbers(request) for request in endpoint.requests] == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [0, 4, 5, 6, 7],
        [0, 6, 7],
    ]
    assert notes(run) == ["the thread was too long for the model, so older messages were left out"]


def test_an_endpoint_that_says_by_how_much_is_believed(client, endpoint, assistant, long_thread):
    said = "maximum context length is 1000 tokens. However, your messages resulted in 1250 tokens"
    endpoint.answer(Reply(400, {"error": {"message": said}}), say("ok"))
    assert run_to_stop(client, long_thread, assistant).status == "completed"
    assert numbers(endpoint.requests[1]) == [0, 3, 4, 5, 6, 7]


def test_a_message_that_is_too_long_by_itself_fails_the_run(client, endpoint, assistant):
    endpoint.answer(TOO_LONG)
    _, run = say_and_run(client, assistant, "word " * 600)
    assert (run.status, run.last_error.code) == ("failed", "invalid_prompt")
    assert len(endpoint.requests) == 1


def test_messages_that_were_asked_for_by_number_are_not_left_out(
    client, endpoint, assistant, long_thread
):
    endpoint.answer(TOO_LONG, say("ok"))
    strategy = {"type": "last_messages", "last_messages": 5}
    run = run_to_stop(client, long_thread, assistant, truncation_strategy=strategy)
    assert (run.status, run.last_error.code) == ("failed", "invalid_prompt")
    assert len(endpoint.requests) == 1


def test_a_model_that_calls_in_parallel_though_it_must_not_makes_one_call(client, endpoint):
    assistant = make_assistant(client)
    endpoint.answer(call(("x1", "log", '{"n":1}'), ("x2", "log", '{"n":2}')), say("Done"))
    _, run = say_and_run(client, assistant, "hello", parallel_tool_calls=False)
    assert [entry.function.arguments for entry in calls_of(run)] == ['{"n":1}']
    assert notes(run) == [
        "the model called several tools at once although parallel_tool_calls is false; only the"
        " first call was made"
    ]
    run = client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=answer_all(run)
    )
    assert run.status == "completed"
    [asked] = [m["tool_calls"] for m in endpoint.requests[1]["messages"] if m.get("tool_calls")]
    assert [entry["id"] for entry in asked] == ["x1"]


def test_calls_with_one_id_go_back_under_two(client, endpoint):
    assistant = make_assistant(client)
    endpoint.answer(call(("x", "log", '{"n":1}'), ("x", "log", '{"n":2}')), say("Done"))
    _, run = say_and_run(client, assistant, "hello")
    outputs = [
        {"tool_call_id": entry.id, "output": entry.function.arguments} for entry in calls_of(run)
    ]
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs
    )
    messages = endpoint.requests[1]["messages"]
    answered = {m["tool_call_id"]: m["content"] for m in messages if m["role"] == "tool"}
    [first, second] = answered
    assert (first, second.startswith("call_")) == ("x", True)
    assert list(answered.values()) == ['{"n":1}', '{"n":2}']


def test_a_call_of_nothing_fails_the_run_and_says_why(client, endpoint, assistant):
    nameless = {"index": 0, "id": "x", "function": {"name": "", "arguments": "{}"}}
    endpoint.answer(Stream((delta(tool_calls=[nameless]), delta("tool_calls"))))
    _, run = say_and_run(client, assistant, "hello")
    assert (run.status, run.last_error.to_dict()) == (
        "failed",
        {
            "code": "server_error",
            "message": f"The model endpoint {endpoint.url} called a tool without saying which",
        },
    )


def test_a_run_on_an_empty_thread_without_instructions_gives_the_endpoint_something_to_answer(
    client, endpoint
):
    endpoint.answer(say("How can I help?"))
    mute = client.beta.assistants.create(model="gpt-4o")
    assert run_to_stop(client, make_thread(client), mute).status == "completed"
    assert [request["messages"] for request in endpoint.requests] == [
        [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Begin."},
        ]
    ]


@pytest.fixture
def estimates(database, monkeypatch):
    """The threads in which prompts were estimated; fails within a write transaction."""
    threads = []

    def estimate(*given):
        with closing(sqlite3.connect(database, timeout=2)) as other:
            other.execute("BEGIN IMMEDIATE")
        threads.append(threading.current_thread().name)
        return estimate_prompt(*given)

    monkeypatch.setattr(prompt, "estimate_prompt", estimate)
    return threads


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ((TOO_LONG, Stream((delta(content="ok"), delta("stop")))), "completed"),
        ((Stream((delta(content="It is"), delta("length"))),), "incomplete"),
        ((Stream((delta(content="It is"), {"error": {"message": "gone"}})),), "failed"),
    ],
)
def test_a_prompt_is_not_estimated_where_everybody_waits_for_it(
    client, endpoint, assistant, long_thread, estimates, answers, status
):
    """For a long thread it takes seconds: not in the event loop, and not while nobody can write."""
    endpoint.answer(*answers)
    run = run_to_stop(client, long_thread, assistant)
    assert (run.status, run.usage.prompt_tokens > 100) == (status, True)
    assert estimates and "assistctl-server" not in estimates
