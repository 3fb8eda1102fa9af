"""Events in the API's order, as server-sent events on the wire and as the SDK reads them."""

from __future__ import annotations

import json
import threading
import time

import httpx2
import pytest

from tests.server.chat_endpoint import Reply, call, chat_endpoint_running, delta, say
from tests.server.chat_endpoint import Stream as Chunks
from tests.server.runs_help import (
    SCRIPTS,
    answer_all,
    make_assistant,
    make_thread,
    steps_of,
    texts,
    upload,
)

TEXT = """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.message.created in_progress
thread.message.in_progress in_progress
thread.message.delta
thread.message.completed completed
thread.run.step.completed completed
thread.run.completed completed
done"""


@pytest.fixture
def client(start, connect):
    return connect(start(scripts=SCRIPTS))


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def modelled(start, connect, endpoint):
    """A client of a server whose model is the test's endpoint."""
    return connect(start(model={"base_url": endpoint.url}))


def post(client, path, body, params=None):
    """The raw events of a streamed POST: (name, data), data parsed where it is JSON."""
    events = []
    with (
        httpx2.Client(trust_env=False, verify=False, timeout=30) as http,
        http.stream(
            "POST",
            f"{client.base_url}{path.lstrip('/')}",
            json=body | {"stream": True},
            params=params,
            headers={"authorization": f"Bearer {client.api_key}"},
        ) as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in httpx2.EventSource(response):
            data = event.data if event.data == "[DONE]" else json.loads(event.data)
            events.append((event.event, data))
    return events


def outline(events):
    """One line per event with the object's status; deltas in a row count once."""
    lines = []
    for name, data in events:
        status = data.get("status") if isinstance(data, dict) else None
        line = f"{name} {status}" if status else name
        if not (name.endswith(".delta") and lines and lines[-1] == line):
            lines.append(line)
    return "\n".join(lines)


def stream_run(client, text, **options):
    assistant = make_assistant(client, **options)
    thread = make_thread(client, text)
    return thread, post(client, f"/threads/{thread.id}/runs", {"assistant_id": assistant.id})


def test_an_answer_in_words(client):
    _, events = stream_run(client, "hello")
    assert outline(events) == TEXT
    assert events[-1] == ("done", "[DONE]")
    deltas = [data["delta"]["content"] for name, data in events if name == "thread.message.delta"]
    assert len(deltas) > 1
    assert "".join(part["text"]["value"] for [part] in deltas) == "Good day to you."
    assert [("annotations" in part["text"], part["index"]) for [part] in deltas[:2]] == [
        (True, 0),
        (False, 0),
    ]


def test_what_is_created_is_still_empty(client):
    _, events = stream_run(client, "hello")
    created = dict(reversed(events))
    assert created["thread.message.created"]["content"] == []
    assert created["thread.run.step.created"]["step_details"]["type"] == "message_creation"
    assert created["thread.run.created"]["usage"] is None
    assert created["thread.run.completed"]["usage"]["total_tokens"] > 0
    for name, data in events:
        if isinstance(data, dict):
            assert not [key for key in data if key.startswith("_")], name


def test_a_thread_made_with_its_run_comes_first(client):
    assistant = make_assistant(client)
    body = {
        "assistant_id": assistant.id,
        "thread": {"messages": [{"role": "user", "content": "hello"}]},
    }
    events = post(client, "/threads/runs", body)
    assert outline(events) == "thread.created\n" + TEXT
    assert events[0][1]["object"] == "thread"


CALL = """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.run.step.delta
thread.run.requires_action requires_action
done"""

SUBMITTED = """\
thread.run.step.completed completed
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.message.created in_progress
thread.message.in_progress in_progress
thread.message.delta
thread.message.completed completed
thread.run.step.completed completed
thread.run.completed completed
done"""


def test_a_function_call_and_its_outputs(client):
    thread, events = stream_run(client, "both")
    assert outline(events) == CALL
    created = dict(reversed(events))["thread.run.step.created"]
    assert created["step_details"] == {"type": "tool_calls", "tool_calls": []}
    joined = {}
    for name, data in events:
        if name == "thread.run.step.delta":
            [part] = data["delta"]["step_details"]["tool_calls"]
            entry = joined.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
            entry["id"] += part.get("id", "")
            entry["name"] += part["function"].get("name", "")
            entry["arguments"] += part["function"]["arguments"]
    run = dict(events)["thread.run.requires_action"]
    asked = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    assert [
        {"id": part["id"], **{key: part["function"][key] for key in ("name", "arguments")}}
        for part in asked
    ] == list(joined.values())
    outputs = [{"tool_call_id": part["id"], "output": f"out {part['id']}"} for part in asked]
    events = post(
        client,
        f"/threads/{thread.id}/runs/{run['id']}/submit_tool_outputs",
        {"tool_outputs": outputs},
    )
    assert outline(events) == SUBMITTED
    answered = events[0][1]["step_details"]["tool_calls"]
    assert [part["function"]["output"] for part in answered] == [
        f"out {part['id']}" for part in asked
    ]


def test_words_end_before_the_calls_of_the_same_completion(modelled, endpoint):
    endpoint.answer(call(("c", "log", "{}"), text="Let me see."))
    _, events = stream_run(modelled, "anything")
    assert (
        outline(events)
        == """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.message.created in_progress
thread.message.in_progress in_progress
thread.message.delta
thread.message.completed completed
thread.run.step.completed completed
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.run.step.delta
thread.run.requires_action requires_action
done"""
    )


def test_a_search_is_a_completed_step_of_its_own_without_its_content(client):
    file = upload(client, "prices.csv", "花名,售价\n红玫瑰,8\n")
    store = client.vector_stores.create(file_ids=[file.id])
    options = {
        "tools": [{"type": "file_search"}],
        "tool_resources": {"file_search": {"vector_store_ids": [store.id]}},
    }
    _, events = stream_run(client, "price", **options)
    assert (
        outline(events)
        == """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.run.step.delta
thread.run.step.completed completed
thread.run.step.created in_progress
thread.run.step.in_progress in_progress
thread.message.created in_progress
thread.message.in_progress in_progress
thread.message.delta
thread.message.completed completed
thread.run.step.completed completed
thread.run.completed completed
done"""
    )
    [search] = next(
        data["step_details"]["tool_calls"]
        for name, data in events
        if name == "thread.run.step.completed"
    )
    [result] = search["file_search"]["results"]
    assert (result["file_id"], result["file_name"]) == (file.id, "prices.csv")
    assert "content" not in result
    cited = [
        part["text"]
        for name, data in events
        if name == "thread.message.delta"
        for part in data["delta"]["content"]
        if part["text"].get("annotations")
    ]
    assert cited == [
        {
            "value": "【4:0†source】",
            "annotations": [
                {
                    "index": 0,
                    "type": "file_citation",
                    "text": "【4:0†source】",
                    "start_index": 7,
                    "end_index": 19,
                    "file_citation": {"file_id": file.id},
                }
            ],
        }
    ]


def test_citations_that_the_endpoint_sends_at_once_stay_apart(modelled, endpoint):
    """SDKs put annotations together by their index."""
    file = upload(modelled, "prices.csv", "花名,售价\n红玫瑰,8\n")
    store = modelled.vector_stores.create(file_ids=[file.id])
    assistant = make_assistant(
        modelled,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    endpoint.answer(
        call(("c1", "file_search", '{"query": "红玫瑰"}')),
        say("🌹 8【4:0†source】【4:0†prices.csv】."),
    )
    thread = make_thread(modelled, "price")
    events = post(modelled, f"/threads/{thread.id}/runs", {"assistant_id": assistant.id})
    notes = [
        (note["index"], note["text"], note["start_index"], note["end_index"])
        for name, data in events
        if name == "thread.message.delta"
        for note in data["delta"]["content"][0]["text"].get("annotations", ())
    ]
    assert notes == [(0, "【4:0†source】", 3, 15), (1, "【4:0†prices.csv】", 15, 31)]


@pytest.mark.parametrize("include", ["include", "include[]", "include[0]"])
def test_include_brings_the_content_of_results_into_the_stream(client, include):
    file = upload(client, "prices.csv", "花名,售价\n红玫瑰,8\n")
    store = client.vector_stores.create(file_ids=[file.id])
    assistant = make_assistant(
        client,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = make_thread(client, "price")
    content = "step_details.tool_calls[*].file_search.results[*].content"
    events = post(
        client,
        f"/threads/{thread.id}/runs",
        {"assistant_id": assistant.id},
        params={include: content},
    )
    step = next(data for name, data in events if name == "thread.run.step.completed")
    [result] = step["step_details"]["tool_calls"][0]["file_search"]["results"]
    assert result["content"] == [{"type": "text", "text": "花名,售价\n红玫瑰,8\n"}]


def test_a_failure_before_the_first_word(modelled, endpoint):
    endpoint.answer(Chunks(('data: {"error":{"message":"boom"}}\n\n',)))
    _, events = stream_run(modelled, "anything")
    assert (
        outline(events)
        == """\
thread.run.created queued
thread.run.queued queued
thread.run.in_progress in_progress
thread.run.failed failed
done"""
    )
    assert events[-2][1]["last_error"] == {
        "code": "server_error",
        "message": f"The model endpoint {endpoint.url} failed while answering: boom",
    }


def test_a_failure_in_the_middle_keeps_what_was_said(modelled, endpoint):
    endpoint.answer(Chunks((delta(content="Once upon"), 'data: {"error":"boom"}\n\n')))
    thread, events = stream_run(modelled, "anything")
    assert outline(events).splitlines()[-4:] == [
        "thread.message.incomplete incomplete",
        "thread.run.step.failed failed",
        "thread.run.failed failed",
        "done",
    ]
    assert texts(modelled, thread) == [("user", "anything"), ("assistant", "Once upon")]
    message = dict(events)["thread.message.incomplete"]
    assert message["incomplete_details"] == {"reason": "run_failed"}


def test_an_answer_that_was_cut_off_has_cost_what_was_heard_of_it(modelled, endpoint):
    endpoint.answer(Chunks((delta(content="Once upon"), 'data: {"error":"boom"}\n\n')))
    _, events = stream_run(modelled, "anything")
    usage = dict(events)["thread.run.failed"]["usage"]
    assert (usage["prompt_tokens"] > 0, usage["completion_tokens"]) == (True, 2)
    assert dict(events)["thread.run.step.failed"]["usage"] == usage
    endpoint.answer(Reply(400, {"error": {"message": "no"}}))
    _, events = stream_run(modelled, "anything")
    assert dict(events)["thread.run.failed"]["usage"]["total_tokens"] == 0


def test_a_content_filter_in_the_middle_fails_message_step_and_run(modelled, endpoint):
    endpoint.answer(Chunks((delta(content="Once"), delta("content_filter"))))
    _, events = stream_run(modelled, "anything")
    assert outline(events).splitlines()[-4:] == [
        "thread.message.incomplete incomplete",
        "thread.run.step.failed failed",
        "thread.run.failed failed",
        "done",
    ]


def test_cancelling_a_streamed_run(modelled, endpoint):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(modelled), make_thread(modelled, "anything")
    seen = []
    with modelled.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id
    ) as stream:
        for event in stream:
            seen.append(event.event)
            if event.event == "thread.message.delta":
                asked = modelled.beta.threads.runs.cancel(
                    stream.current_run.id, thread_id=thread.id
                )
                assert asked.status == "cancelling"
    release.set()
    assert seen[-4:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    [message] = stream.get_final_messages()
    assert message.incomplete_details.reason == "run_cancelled"
    assert texts(modelled, thread)[-1] == ("assistant", "Once")


def test_a_client_that_goes_away_does_not_harm_the_run(modelled, endpoint):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(modelled), make_thread(modelled, "anything")
    with modelled.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id
    ) as stream:
        next(event for event in stream if event.event == "thread.message.delta")
        run = stream.current_run
    release.set()
    run = modelled.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id)
    assert run.status == "completed"
    assert texts(modelled, thread)[-1] == ("assistant", "Once more")
    assert [step["status"] for step in steps_of(modelled, run)] == ["completed"]


def test_a_thread_deleted_in_mid_stream_ends_the_stream_with_an_error(modelled, endpoint):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(modelled), make_thread(modelled, "anything")
    events = []

    def listen():
        events.extend(post(modelled, f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}))

    listener = threading.Thread(target=listen)
    listener.start()
    while not endpoint.requests:
        time.sleep(0.01)
    modelled.beta.threads.delete(thread.id)
    release.set()
    listener.join()
    assert events[-2:] == [
        (
            "error",
            {
                "error": {
                    "message": "The run was deleted, or was ended by another process.",
                    "type": "server_error",
                    "param": None,
                    "code": None,
                }
            },
        ),
        ("done", "[DONE]"),
    ]


def test_metadata_that_a_client_writes_on_a_message_in_the_making_stays(modelled, endpoint):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(modelled), make_thread(modelled, "anything")
    messages = modelled.beta.threads.messages
    completed = []
    with modelled.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id
    ) as stream:
        for event in stream:
            if event.event == "thread.message.created":
                messages.update(event.data.id, thread_id=thread.id, metadata={"row": "42"})
                release.set()
            elif event.event == "thread.message.completed":
                completed.append(event.data)
    stored = messages.retrieve(completed[0].id, thread_id=thread.id)
    for message in (*completed, stored):
        assert (message.status, message.metadata) == ("completed", {"row": "42"})


def test_a_message_that_is_deleted_in_the_making_does_not_fail_its_run(modelled, endpoint):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(modelled), make_thread(modelled, "anything")
    seen = []
    with modelled.beta.threads.runs.stream(
        thread_id=thread.id, assistant_id=assistant.id
    ) as stream:
        for event in stream:
            seen.append(event.event)
            if event.event == "thread.message.created":
                modelled.beta.threads.messages.delete(event.data.id, thread_id=thread.id)
                release.set()
    assert seen[-4:] == [
        "thread.message.delta",
        "thread.message.delta",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert texts(modelled, thread) == [("user", "anything")]


def test_a_refused_run_answers_an_error_and_no_stream(client):
    assistant, thread = make_assistant(client), make_thread(client, "bill")
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    response = httpx2.post(
        f"{client.base_url}threads/{thread.id}/runs",
        json={"assistant_id": assistant.id, "stream": True},
        headers={"authorization": f"Bearer {client.api_key}"},
        trust_env=False,
        verify=False,
    )
    assert (response.status_code, response.json()["error"]["message"]) == (
        400,
        f"Thread {thread.id} already has an active run {run.id}.",
    )
    assert len(answer_all(run)) == 1
