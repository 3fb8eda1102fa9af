"""Threads, messages, runs, steps and streams as v1 had them."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.chat_endpoint import chat_endpoint_running, delta, say
from tests.server.runs_help import SAVE_BILL
from tests.server.v1.conftest import First

Upload = Callable[..., str]
SHOP = {"assistctl": "shop/flowers"}


def shop(first: First, **fields: Any) -> str:
    body = {"model": "m", "tools": [{"type": "retrieval"}, SAVE_BILL], "metadata": SHOP, **fields}
    return str(first.ask("POST", "/assistants", body)["id"])


def asked(first: First, text: str, **fields: Any) -> str:
    message = {"role": "user", "content": text, **fields}
    return str(first.ask("POST", "/threads", {"messages": [message]})["id"])


def test_a_thread_and_its_message_have_files_of_their_own(
    first: First, second: OpenAI, upload: Upload
) -> None:
    file = upload()
    thread = first.ask("POST", "/threads", {"metadata": {"a": "b"}})
    assert thread == {
        "id": thread["id"],
        "object": "thread",
        "created_at": thread["created_at"],
        "metadata": {"a": "b"},
    }
    path = f"/threads/{thread['id']}/messages"
    made = first.ask("POST", path, {"role": "user", "content": "Look.", "file_ids": [file, file]})
    assert made == {
        "id": made["id"],
        "object": "thread.message",
        "created_at": made["created_at"],
        "thread_id": thread["id"],
        "status": "completed",
        "incomplete_details": None,
        "completed_at": made["completed_at"],
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Look.", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "metadata": {},
        "file_ids": [file],
    }
    attached = {
        "id": file,
        "object": "thread.message.file",
        "created_at": made["created_at"],
        "message_id": made["id"],
    }
    assert first.ask("GET", f"{path}/{made['id']}/files")["data"] == [attached]
    assert first.ask("GET", f"{path}/{made['id']}/files/{file}") == attached
    assert first.refused("GET", f"{path}/{made['id']}/files/file-x")[0] == 404
    [seen] = second.beta.threads.messages.list(thread["id"]).data
    tools = [{"type": "code_interpreter"}, {"type": "file_search"}]
    assert [each.to_dict() for each in seen.attachments or []] == [
        {"file_id": file, "tools": tools}
    ]


def test_a_run_finds_what_came_with_the_assistant_and_what_came_with_a_message(
    first: First, upload: Upload
) -> None:
    of_assistant = upload()
    run = first.run(asked(first, "price"), shop(first, file_ids=[of_assistant]))
    assert (run["status"], run["file_ids"]) == ("completed", [of_assistant])
    in_message = first.run(asked(first, "price", file_ids=[upload()]), shop(first))
    assert (in_message["status"], in_message["file_ids"]) == ("completed", [])
    answers = first.ask("GET", f"/threads/{in_message['thread_id']}/messages")["data"]
    assert answers[0]["content"][0]["text"]["value"] == "It is 8【4:0†source】."
    assert answers[0]["content"][0]["text"]["annotations"]


def test_a_run_says_what_runs_of_v1_said(first: First) -> None:
    run = first.run(asked(first, "hello"), shop(first))
    assert {name for name in run if name != "notes"} == {
        "id",
        "object",
        "created_at",
        "assistant_id",
        "thread_id",
        "status",
        "started_at",
        "expires_at",
        "cancelled_at",
        "failed_at",
        "completed_at",
        "required_action",
        "last_error",
        "incomplete_details",
        "model",
        "instructions",
        "tools",
        "file_ids",
        "metadata",
        "usage",
        "temperature",
        "max_prompt_tokens",
        "max_completion_tokens",
        "truncation_strategy",
        "tool_choice",
        "response_format",
    }
    assert run["tools"][0] == {"type": "retrieval"}
    assert "strict" not in run["tools"][1]["function"]


def test_a_run_may_name_other_tools_and_bring_messages(first: First, upload: Upload) -> None:
    assistant = shop(first, tools=[SAVE_BILL], file_ids=[upload()])
    run = first.run(
        first.ask("POST", "/threads")["id"],
        assistant,
        tools=[{"type": "retrieval"}],
        additional_messages=[{"role": "user", "content": "price", "file_ids": [upload()]}],
    )
    assert (run["status"], run["tools"]) == ("completed", [{"type": "retrieval"}])
    messages = first.ask("GET", f"/threads/{run['thread_id']}/messages")["data"]
    assert messages[0]["content"][0]["text"]["value"] == "It is 8【4:0†source】."


def test_a_thread_is_made_and_run_in_one_stream(first: First, upload: Upload) -> None:
    file = upload()
    assistant = shop(first, file_ids=[file])
    message = {"role": "user", "content": "price", "file_ids": [file]}
    body = {"assistant_id": assistant, "thread": {"messages": [message]}}
    events = first.events("/threads/runs", body)
    assert events[-1] == ("done", "[DONE]")
    told = [(name, json.loads(data)) for name, data in events[:-1]]
    assert "tool_resources" not in told[0][1]
    for name, data in told:
        if name in ("thread.run.created", "thread.run.completed"):
            assert data["file_ids"] == [file]
    deltas = [data["delta"] for name, data in told if name == "thread.run.step.delta"]
    calls = [call for each in deltas for call in each["step_details"]["tool_calls"]]
    assert {(call["type"], json.dumps(call["retrieval"])) for call in calls} == {
        ("retrieval", "{}")
    }
    quoted = [
        note["file_citation"]
        for name, data in told
        if name == "thread.message.delta"
        for part in data["delta"]["content"]
        for note in part["text"].get("annotations", ())
    ]
    assert quoted == [{"file_id": file, "quote": ""}]
    [message] = [data for name, data in told if name == "thread.message.completed"]
    assert message["file_ids"] == []


def test_a_run_that_was_cut_off_has_completed_for_a_client_of_v1(
    start: Callable[..., EmbeddedServer],
) -> None:
    """It waits for one of the ends that it knows."""
    with chat_endpoint_running() as endpoint:
        endpoint.answers = [say("Ros", finish="length")]
        server = start(model={"base_url": endpoint.url})
        headers = {
            "authorization": f"Bearer {server.api_key}",
            "openai-beta": "assistants=v1",
        }
        with httpx2.Client(
            base_url=server.base_url, headers=headers, trust_env=False, verify=False
        ) as http:
            first = First(http)
            assistant = first.ask("POST", "/assistants", {"model": "m"})["id"]
            run = first.run(asked(first, "hello"), assistant)
            thread = asked(first, "hello")
            events = first.events(f"/threads/{thread}/runs", {"assistant_id": assistant})
            endpoint.answers = [say(delta(refusal="No."), finish="stop")]
            refused = first.run(asked(first, "hello"), assistant)
            messages = first.ask("GET", f"/threads/{refused['thread_id']}/messages")["data"]
    assert run["status"] == "completed"
    assert run["incomplete_details"] == {"reason": "max_completion_tokens"}
    assert [name for name, _ in events][-2:] == ["thread.run.completed", "done"]
    assert messages[0]["content"] == [{"type": "text", "text": {"value": "No.", "annotations": []}}]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/threads", {"tool_resources": {}}, "tool_resources"),
        ("/threads", {"messages": [{"attachments": []}]}, "messages[0].attachments"),
        ("/threads/runs", {"tool_resources": {}}, "tool_resources"),
        (
            "/threads/runs",
            {"thread": {"messages": [{"attachments": []}]}},
            "thread.messages[0].attachments",
        ),
    ],
)
def test_fields_of_v2_are_unknown_to_v1(first: First, path: str, body: Any, param: str) -> None:
    assert first.refused("POST", path, body) == (400, f"Unknown parameter: '{param}'.", param)


@pytest.mark.parametrize("body", [[7], "x", 7, {"messages": 7}, {"messages": [7]}, {"thread": 7}])
@pytest.mark.parametrize("path", ["/threads", "/threads/runs", "/threads/thread_x/messages"])
def test_bodies_of_another_shape_are_told_by_v2s_checks(first: First, path: str, body: Any) -> None:
    assert first.refused("POST", path, body)[0] == 400


def test_a_message_has_ten_files_at_most(first: First) -> None:
    body = {"messages": [{"role": "user", "content": "x", "file_ids": ["file-x"] * 11}]}
    assert first.refused("POST", "/threads", body)[1:] == (
        "Invalid 'messages[0].file_ids': array too long. Expected an array with maximum length 10,"
        " but got an array with length 11 instead.",
        "messages[0].file_ids",
    )


@pytest.mark.parametrize("path", ["/threads", "/assistants"])
def test_what_can_be_no_file_is_named_as_v1_has_it(first: First, path: str) -> None:
    message = {"role": "user", "content": "x", "file_ids": ["abc"]}
    body, param = {
        "/threads": ({"messages": [message]}, "messages[0].file_ids[0]"),
        "/assistants": ({"model": "m", "file_ids": ["abc"]}, "file_ids[0]"),
    }[path]
    wrong = f"Invalid '{param}': 'abc'. Expected an ID that begins with 'file'."
    assert first.refused("POST", path, body) == (400, wrong, param)
