"""Threads that other clients have filled, seen as the items of a conversation."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, Settings, seed
from tests.server.chat_endpoint import chat_endpoint_running, say
from tests.server.runs_help import answer_all, make_assistant, run_to_stop, say_and_run, upload

Seen = Callable[..., list[Any]]
Connect = Callable[[EmbeddedServer], OpenAI]
Start = Callable[..., EmbeddedServer]


def shorter(items: list[Any]) -> list[Any]:
    """Without ids, and texts alone of messages."""
    return [
        {
            key: [part.get("text", part) for part in value] if key == "content" else value
            for key, value in item.items()
            if key not in ("id", "call_id")
        }
        for item in items
    ]


def test_a_run_with_a_function_is_a_call_its_output_and_the_answer(
    openai: OpenAI, seen: Seen
) -> None:
    thread, run = say_and_run(openai, make_assistant(openai), "Save the bill")
    [_, call] = seen(openai, thread.id)
    assert re.fullmatch(r"fc_[A-Za-z0-9]{24}_0", call["id"])
    assert call == {
        "id": call["id"],
        "type": "function_call",
        "call_id": run.required_action.submit_tool_outputs.tool_calls[0].id,
        "name": "save_bill",
        "arguments": '{"totalCost": 12, "totalIncome": 30}',
        "status": "completed",
    }
    openai.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run, "bills/1.txt")
    )
    items = seen(openai, thread.id)
    assert shorter(items) == [
        {"type": "message", "status": "completed", "role": "user", "content": ["Save the bill"]},
        {
            "type": "function_call",
            "name": "save_bill",
            "arguments": '{"totalCost": 12, "totalIncome": 30}',
            "status": "completed",
        },
        {"type": "function_call_output", "output": "bills/1.txt", "status": "completed"},
        {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": ["The bill is saved."],
        },
    ]
    assert items[1] == call
    assert items[2]["call_id"] == call["call_id"]


def test_a_run_that_was_cancelled_leaves_its_call_incomplete(openai: OpenAI, seen: Seen) -> None:
    thread, run = say_and_run(openai, make_assistant(openai), "Save the bill")
    openai.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    [_, call] = seen(openai, thread.id)
    assert (call["type"], call["status"]) == ("function_call", "incomplete")


def test_a_search_shows_its_hits_if_asked_and_citations_say_where_their_marks_stood(
    openai: OpenAI, seen: Seen
) -> None:
    file = upload(openai, "prices.md", "红玫瑰 8 元一支")
    store = openai.vector_stores.create(file_ids=[file.id])
    assistant = make_assistant(
        openai,
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    thread, _ = say_and_run(openai, assistant, "The price?")
    [_, search, answer] = seen(openai, thread.id)
    assert search == {
        "id": search["id"],
        "type": "file_search_call",
        "status": "completed",
        "queries": ["红玫瑰"],
        "results": None,
    }
    assert answer["content"] == [
        {
            "type": "output_text",
            "text": "It is 8.",
            "logprobs": [],
            "annotations": [
                {
                    "type": "file_citation",
                    "file_id": file.id,
                    "filename": "prices.md",
                    "index": len("It is 8"),
                }
            ],
        }
    ]
    [_, search, _] = seen(openai, thread.id, include=["file_search_call.results"])
    [hit] = search["results"]
    assert hit == {
        "file_id": file.id,
        "filename": "prices.md",
        "score": hit["score"],
        "text": "红玫瑰 8 元一支",
        "attributes": {},
    }


def test_attachments_and_images_of_a_thread_are_parts_of_its_messages(
    openai: OpenAI, seen: Seen
) -> None:
    file = upload(openai, "prices.csv", "rose,8")
    thread = openai.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": "https://a.test/x.png"}},
                    {"type": "image_file", "image_file": {"file_id": file.id, "detail": "high"}},
                ],
                "attachments": [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}],
            }
        ]
    )
    [message] = seen(openai, thread.id)
    url = {"image_url": "https://a.test/x.png", "file_id": None, "detail": "auto"}
    own = {"image_url": None, "file_id": file.id, "detail": "high"}
    assert message["content"] == [
        {"type": "input_text", "text": "Look"},
        {"type": "input_image", **url},
        {"type": "input_image", **own},
        {"type": "input_file", "file_id": file.id, "filename": "prices.csv"},
    ]
    openai.files.delete(file.id)
    [message] = seen(openai, thread.id)
    assert message["content"][-1]["filename"] == file.id


def test_a_run_that_follows_knows_what_was_added_as_items(start: Start, connect: Connect) -> None:
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Good day."))
        openai = connect(start(model={"base_url": endpoint.url}))
        call: Any = {"type": "function_call", "call_id": "call_1", "name": "p", "arguments": "{}"}
        conversation = openai.conversations.create(
            items=[
                {"role": "developer", "content": "Prices are in yuan."},
                {"role": "user", "content": "What is a rose?"},
                call,
                {"type": "function_call_output", "call_id": "call_1", "output": "8"},
                {"role": "assistant", "content": "It is 8."},
                {**call, "call_id": "call_2"},
                {"role": "user", "content": "Hello"},
            ]
        )
        run_to_stop(openai, conversation, make_assistant(openai, tools=[]))
        asked = endpoint.requests[-1]["messages"]
    assert asked[1:] == [
        {"role": "system", "content": "Prices are in yuan."},
        {"role": "user", "content": "What is a rose?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "p", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "8"},
        {"role": "assistant", "content": "It is 8."},
        {"role": "user", "content": "Hello"},
    ]


OLD = 1_712_000_000
DUMP: list[Any] = [
    {"id": "thread_old", "object": "thread", "created_at": OLD, "metadata": {}},
    {
        "id": "msg_q",
        "object": "thread.message",
        "created_at": OLD,
        "thread_id": "thread_old",
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Plot it", "annotations": []}}],
    },
    {
        "id": "run_1",
        "object": "thread.run",
        "created_at": OLD + 1,
        "thread_id": "thread_old",
        "assistant_id": "asst_gone",
        "status": "completed",
        "model": "gpt-4-turbo",
        "instructions": "",
        "tools": [],
    },
    {
        "id": "step_1",
        "object": "thread.run.step",
        "created_at": OLD + 2,
        "thread_id": "thread_old",
        "run_id": "run_1",
        "assistant_id": "asst_gone",
        "type": "tool_calls",
        "status": "completed",
        "step_details": {
            "type": "tool_calls",
            "tool_calls": [
                {
                    "id": "call_code",
                    "type": "code_interpreter",
                    "code_interpreter": {
                        "input": "plot()",
                        "outputs": [
                            {"type": "logs", "logs": "done"},
                            {"type": "image", "image": {"file_id": "file-plot"}},
                            {"type": "image", "image": {"file_id": "file-gone"}},
                        ],
                    },
                },
                {"id": "call_find", "type": "file_search", "file_search": {}},
                {
                    "id": "call_save",
                    "type": "function",
                    "function": {"name": "save", "arguments": "{}", "output": "ok"},
                },
            ],
        },
    },
    {
        "id": "msg_a",
        "object": "thread.message",
        "created_at": OLD + 3,
        "thread_id": "thread_old",
        "run_id": "run_1",
        "assistant_id": "asst_gone",
        "role": "assistant",
        "content": [
            {"type": "image_file", "image_file": {"file_id": "file-plot"}},
            {
                "type": "text",
                "text": {
                    "value": "Here【4:0†p】: [csv](sandbox:/mnt/data/a.csv)",
                    "annotations": [
                        {
                            "type": "file_citation",
                            "text": "【4:0†p】",
                            "start_index": 4,
                            "end_index": 11,
                            "file_citation": {"file_id": "file-gone"},
                        },
                        {
                            "type": "file_path",
                            "text": "sandbox:/mnt/data/a.csv",
                            "start_index": 19,
                            "end_index": 42,
                            "file_path": {"file_id": "file-csv"},
                        },
                    ],
                },
            },
        ],
    },
    {
        "id": "file-plot",
        "object": "file",
        "created_at": OLD + 2,
        "filename": "plot.png",
        "purpose": "assistants_output",
    },
]


@pytest.fixture
def seeded(tmp_path: Path, database: Path) -> Path:
    dump = tmp_path / "dump"
    dump.mkdir()
    (dump / "dump.jsonl").write_text("\n".join(map(json.dumps, DUMP)))
    (dump / "files").mkdir()
    (dump / "files" / "file-plot").write_bytes(b"\x89PNG")
    seed(Settings(database), dump)
    return database


def test_a_thread_of_2024_is_a_conversation_whose_items_keep_their_ids(
    seeded: Path, start: Start, connect: Connect, seen: Seen
) -> None:
    openai = connect(start())
    include = ["code_interpreter_call.outputs", "file_search_call.results"]
    items = seen(openai, "thread_old", include=include)
    plot = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
    cited = {"type": "container_file_citation", "container_id": "cntr_old"}
    assert items == [
        {
            "id": "msg_q",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "Plot it"}],
        },
        {
            "id": "ci_1_0",
            "type": "code_interpreter_call",
            "status": "completed",
            "code": "plot()",
            "container_id": "cntr_old",
            "outputs": [{"type": "logs", "logs": "done"}, {"type": "image", "url": plot}],
        },
        {
            "id": "fs_1_1",
            "type": "file_search_call",
            "status": "completed",
            "queries": [],
            "results": [],
        },
        {
            "id": "fc_1_2",
            "type": "function_call",
            "call_id": "call_save",
            "name": "save",
            "arguments": "{}",
            "status": "completed",
        },
        {
            "id": "fco_1_2",
            "type": "function_call_output",
            "call_id": "call_save",
            "output": "ok",
            "status": "completed",
        },
        {
            "id": "msg_a",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {
                    "type": "output_text",
                    "text": "Here: [csv](sandbox:/mnt/data/a.csv)",
                    "logprobs": [],
                    "annotations": [
                        {
                            **cited,
                            "file_id": "cfile_plot",
                            "filename": "plot.png",
                            "start_index": 0,
                            "end_index": 0,
                        },
                        {
                            "type": "file_citation",
                            "file_id": "file-gone",
                            "filename": "file-gone",
                            "index": 4,
                        },
                        {
                            **cited,
                            "file_id": "cfile_csv",
                            "filename": "file-csv",
                            "start_index": 12,
                            "end_index": 35,
                        },
                    ],
                }
            ],
        },
    ]
    for item in items:
        one = openai.conversations.items.retrieve(
            item["id"],
            conversation_id="thread_old",
            include=["code_interpreter_call.outputs", "file_search_call.results"],
        )
        assert one.to_dict() == item
