"""A streamed request that is sent again with its Idempotency-Key: the same run, told again."""

from __future__ import annotations

import json
import threading

import httpx2
import pytest
from openai import AssistantEventHandler

from assistctl.server.assistants_api.record import follow
from assistctl.server.engine import streaming
from tests.server.chat_endpoint import chat_endpoint_running, say
from tests.server.runs_help import SCRIPTS, answer_all, make_assistant, make_thread, upload

KEY = {"Idempotency-Key": "once"}
CODE = "open('/mnt/data/a.csv', 'w').write('42')\nprint(42)"


@pytest.fixture
def client(start, connect):
    return connect(start(scripts=SCRIPTS))


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


def post(client, path, body, params=None):
    """The raw stream, and its events with what differs between the live one and its retelling
    left out: deltas in a row count as one, and what they add up to is in the next event."""
    with httpx2.Client(trust_env=False, verify=False, timeout=30) as http:
        response = http.post(
            f"{client.base_url}{path.lstrip('/')}",
            json=body | {"stream": True},
            params=params,
            headers={"authorization": f"Bearer {client.api_key}", **KEY},
        )
    assert response.headers["content-type"].startswith("text/event-stream")
    return response


def events(response):
    found = []
    for block in response.text.strip().split("\n\n"):
        name, data = block.split("\n")
        name = name.removeprefix("event: ")
        data = data.removeprefix("data: ")
        found.append((name, data if data == "[DONE]" else json.loads(data)))
    return found


def whole(found):
    """Without deltas."""
    return [(name, data) for name, data in found if not name.endswith(".delta")]


def without_times(found):
    """Without what an object gets when it ends and when it is looked at again."""
    later = {"started_at", "usage", "expires_at"}
    return [
        (name, {key: value for key, value in data.items() if key not in later})
        if isinstance(data, dict)
        else (name, data)
        for name, data in found
    ]


def text_of(found):
    return "".join(
        part["text"]["value"]
        for name, data in found
        if name == "thread.message.delta"
        for part in data["delta"]["content"]
    )


def test_a_run_is_told_again_as_it_went(client):
    assistant = make_assistant(client)
    thread = make_thread(client, "hello")
    path, body = f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}
    first, again = post(client, path, body), post(client, path, body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert without_times(whole(events(again))) == without_times(whole(events(first)))
    assert text_of(events(again)) == text_of(events(first)) == "Good day to you."
    assert len(client.beta.threads.runs.list(thread.id).data) == 1


def test_thread_calls_and_outputs_are_told_again(client):
    assistant = make_assistant(client)
    message = {"role": "user", "content": "both"}
    body = {"assistant_id": assistant.id, "thread": {"messages": [message]}}
    first, again = (events(post(client, "/threads/runs", body)) for _ in range(2))
    assert [name for name, _ in first[:2]] == ["thread.created", "thread.run.created"]
    assert without_times(whole(again)) == without_times(whole(first))
    run = first[-2][1]
    calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    [told] = [data["delta"] for name, data in again if name.endswith("step.delta")]
    assert told["step_details"]["tool_calls"] == [
        {
            "index": index,
            "id": call["id"],
            "type": "function",
            "function": {**call["function"], "output": None},
        }
        for index, call in enumerate(calls)
    ]
    path = f"/threads/{run['thread_id']}/runs/{run['id']}/submit_tool_outputs"
    outputs = {"tool_outputs": [{"tool_call_id": call["id"], "output": "ok"} for call in calls]}
    first, again = (events(post(client, path, outputs)) for _ in range(2))
    assert first[0][0] == "thread.run.step.completed"
    assert without_times(whole(again)) == without_times(whole(first))
    assert text_of(again) == "Both done."


def test_what_a_search_found_is_told_again_with_its_citation(client):
    file = upload(client, "prices.txt", "红玫瑰 8")
    store = client.vector_stores.create(file_ids=[file.id])
    assistant = make_assistant(
        client,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread = make_thread(client, "price")
    path, body = f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}
    content = {"include[]": "step_details.tool_calls[*].file_search.results[*].content"}
    first, again = (events(post(client, path, body, content)) for _ in range(2))
    assert without_times(whole(again)) == without_times(whole(first))
    [annotation] = [
        annotation
        for name, data in again
        if name == "thread.message.delta"
        for annotation in data["delta"]["content"][0]["text"]["annotations"]
    ]
    assert (annotation["index"], annotation["file_citation"]) == (0, {"file_id": file.id})


def test_code_and_what_it_made_are_told_again(start, connect):
    coding = {"call": {"code_interpreter": {"code": CODE}}, "say": "sandbox:/mnt/data/a.csv"}
    client = connect(start(scripts={"shop/flowers": [coding]}))
    assistant = make_assistant(client, tools=[{"type": "code_interpreter"}])
    thread = make_thread(client, "sum")
    path, body = f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}
    first, again = (events(post(client, path, body)) for _ in range(2))
    assert without_times(whole(again)) == without_times(whole(first))
    [code] = [
        call["code_interpreter"]
        for name, data in again
        if name == "thread.run.step.delta"
        for call in data["delta"]["step_details"]["tool_calls"]
    ]
    assert code["input"] == CODE
    assert [output["index"] for output in code["outputs"]] == list(range(len(code["outputs"])))
    assert code["outputs"]


def test_the_helpers_of_the_sdk_read_a_retelling(client):
    assistant = make_assistant(client)
    thread = make_thread(client, "bill")

    def stream():
        return client.beta.threads.runs.stream(
            thread_id=thread.id,
            assistant_id=assistant.id,
            event_handler=AssistantEventHandler(),
            extra_headers=KEY,
        )

    with stream() as first:
        run = first.get_final_run()
    with stream() as again:
        assert again.get_final_run() == run
        [step] = again.get_final_run_steps()
    assert [call.function.name for call in step.step_details.tool_calls] == ["save_bill"]

    def submit():
        return client.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id,
            thread_id=thread.id,
            tool_outputs=answer_all(run),
            event_handler=AssistantEventHandler(),
            extra_headers=KEY,
        )

    with submit() as first:
        first.until_done()
    with submit() as again:
        [message] = again.get_final_messages()
        assert message.content[0].text.value == "The bill is saved."
        assert again.get_final_run().status == "completed"


def test_a_run_at_work_is_waited_for(start, connect, endpoint, monkeypatch):
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(follow, "KEEP_ALIVE_SECONDS", 0.0)
    go_on, waited = threading.Event(), threading.Event()
    endpoint.answer(say("Wait", go_on, " for it."))
    client = connect(start(model={"base_url": endpoint.url}))
    assistant, thread = make_assistant(client), make_thread(client, "hi")
    body = {"assistant_id": assistant.id, "stream": True}
    told = []

    def listen():
        with (
            httpx2.Client(trust_env=False, verify=False, timeout=30) as http,
            http.stream(
                "POST",
                f"{client.base_url}threads/{thread.id}/runs",
                json=body,
                headers={"authorization": f"Bearer {client.api_key}", **KEY},
            ) as response,
        ):
            for line in response.iter_lines():
                told.append(line)
                if line == ": keep-alive":
                    waited.set()

    first = threading.Thread(target=listen)
    first.start()
    assert waited.wait(10)
    waited.clear()
    again = threading.Thread(target=listen)
    again.start()
    assert waited.wait(10)
    go_on.set()
    first.join()
    again.join()
    for name in ("thread.run.created", "thread.run.completed", "done"):
        assert told.count(f"event: {name}") == 2
    assert len(client.beta.threads.runs.list(thread.id).data) == 1


def test_a_run_that_was_deleted_with_its_thread_ends_the_stream(client):
    assistant, thread = make_assistant(client), make_thread(client, "hello")
    path, body = f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}
    post(client, path, body)
    client.beta.threads.delete(thread.id)
    (name, data), end = events(post(client, path, body))
    assert (name, end) == ("error", ("done", "[DONE]"))
    assert data["error"]["message"].endswith("was deleted.")


def test_a_message_that_was_deleted_since_is_left_out(client):
    assistant, thread = make_assistant(client), make_thread(client, "hello")
    path, body = f"/threads/{thread.id}/runs", {"assistant_id": assistant.id}
    post(client, path, body)
    [newest, *_] = client.beta.threads.messages.list(thread.id)
    client.beta.threads.messages.delete(newest.id, thread_id=thread.id)
    names = [name for name, _ in events(post(client, path, body))]
    assert "thread.run.completed" in names
    assert not [name for name in names if name.startswith("thread.message")]


def test_a_poll_that_is_sent_again_is_no_stream(client):
    assistant, thread = make_assistant(client), make_thread(client, "hello")
    create = client.beta.threads.runs.create
    first, again = (
        create(thread.id, assistant_id=assistant.id, extra_headers=KEY) for _ in range(2)
    )
    assert again == first
