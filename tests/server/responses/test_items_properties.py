"""Whatever is added to a conversation and deleted from it, by either API. EXAMPLES=1000 tries so
many conversations, other ones each time."""

from __future__ import annotations

import os
from typing import Any

import openai as sdk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import OpenAI

from tests.server.contract import Contract, Operation

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
INCLUDE: Any = [
    "reasoning.encrypted_content",
    "file_search_call.results",
    "code_interpreter_call.outputs",
]
OLD = Contract.read()
CALL_IDS = st.sampled_from(["call_1", "call_2", "call_3"])
OUTPUTS = st.sampled_from(["ok", [{"type": "input_text", "text": "fine"}]])
SAID: list[Any] = [
    {"role": "user", "content": "红玫瑰 🌹"},
    {"role": "user", "content": [{"type": "input_image", "image_url": "https://a.test/x.png"}]},
    {"role": "assistant", "content": "Good day.", "phase": "commentary"},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
    {"role": "developer", "content": "Be brief."},
    {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Roses."}],
        "encrypted_content": "gAAA",
    },
    {"type": "file_search_call", "queries": ["roses"], "results": []},
    {
        "type": "code_interpreter_call",
        "container_id": "cntr_1",
        "code": "1+1",
        "outputs": [{"type": "logs", "logs": "2"}],
    },
]
CALLS = CALL_IDS.map(
    lambda call_id: {"type": "function_call", "call_id": call_id, "name": "f", "arguments": "{}"}
)
ANSWERS = st.builds(
    lambda call_id, output: {
        "type": "function_call_output",
        "call_id": call_id,
        "output": output,
    },
    CALL_IDS,
    OUTPUTS,
)
ITEMS = st.lists(st.sampled_from(SAID) | CALLS | ANSWERS, min_size=1, max_size=4)
ADDS = ITEMS.map(lambda items: ("add", items))
DELETES = st.integers(0, 9).map(lambda place: ("delete", place))
DEEDS = st.lists(ADDS | DELETES | st.just(("say", None)), min_size=1, max_size=6)


@settings(
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 8,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(DEEDS, st.integers(1, 4))
def test_a_conversation_is_one_list_in_any_pages_and_a_thread_by_its_contract(
    openai: OpenAI, deeds: list[tuple[str, Any]], limit: int
) -> None:
    conversation = openai.conversations.create().id
    for deed, what in deeds:
        before = listed(openai, conversation)
        if deed == "add":
            expected = add(openai, conversation, what, before)
            assert listed(openai, conversation) == expected
        elif deed == "delete" and what < len(before):
            gone = before[what]
            openai.conversations.items.delete(gone["id"], conversation_id=conversation)
            assert listed(openai, conversation) == without(before, gone)
        elif deed == "say":
            openai.beta.threads.messages.create(conversation, role="user", content="Hello")
    whole = listed(openai, conversation)
    assert listed(openai, conversation, limit=limit) == whole
    assert listed(openai, conversation, limit=limit, order="desc") == whole[::-1]
    for item in whole:
        one = openai.conversations.items.retrieve(
            item["id"], conversation_id=conversation, include=INCLUDE
        )
        assert one.to_dict() == item
    assert thread_faults(openai, conversation) == []


def add(openai: OpenAI, conversation: str, items: Any, before: list[Any]) -> list[Any]:
    """What the conversation should hold after: all of them, or none. An output comes behind the
    calls of its step."""
    try:
        added = openai.conversations.items.create(conversation, items=items, include=INCLUDE)
    except sdk.BadRequestError:
        return before
    new = [item.to_dict() for item in added.data]
    assert [item["type"] for item in new] == [item.get("type", "message") for item in items]
    known = {item["id"]: item for item in [*before, *new]}
    assert len(known) == len(before) + len(new)
    now = listed(openai, conversation)
    assert sorted(now, key=lambda item: item["id"]) == sorted(
        known.values(), key=lambda item: item["id"]
    )
    moved = {item["id"] for item in new if item["type"] == "function_call_output"}
    rest = [item["id"] for item in now if item["id"] not in moved]
    assert rest == [item["id"] for item in [*before, *new] if item["id"] not in moved]
    return now


def without(items: list[Any], gone: Any) -> list[Any]:
    """A call goes with its output, and an output with its call."""
    step = gone["id"].partition("_")[2] if gone["type"].startswith("function_call") else None
    pair = {f"fc_{step}", f"fco_{step}"} if step else {gone["id"]}
    return [item for item in items if item["id"] not in pair]


def listed(openai: OpenAI, conversation: str, limit: int = 100, order: Any = "asc") -> list[Any]:
    found = openai.conversations.items.list(conversation, limit=limit, order=order, include=INCLUDE)
    return [item.to_dict() for item in found]


def thread_faults(openai: OpenAI, thread_id: str) -> list[str]:
    """What clients of the Assistants API would find wrong."""
    found = []
    runs = openai.beta.threads.runs.list(thread_id).data
    for run in runs:
        found += faults("runs/{run_id}", run)
        for step in openai.beta.threads.runs.steps.list(run.id, thread_id=thread_id):
            found += faults("runs/{run_id}/steps/{step_id}", step)
    for message in openai.beta.threads.messages.list(thread_id):
        found += faults("messages/{message_id}", message)
    return found


def faults(path: str, value: Any) -> list[str]:
    operation = Operation("GET", f"/threads/{{thread_id}}/{path}")
    return OLD.faults(OLD.answer_schema(operation), value.to_dict())
