"""Conversations and their items, through the SDK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.responses_api import items
from assistctl.server.storage.database import Database
from assistctl.server.storage.leases import Claim, open_run

Connect = Callable[[EmbeddedServer], OpenAI]
Seen = Callable[..., list[Any]]
Ask = Callable[..., Any]
HELLO = {"type": "message", "role": "user", "content": "你好 🌹"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "price", "arguments": '{"of":"rose"}'}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "8 yuan"}


def text_of(item: Any) -> tuple[str, str]:
    return item["role"], "".join(part["text"] for part in item["content"])


def test_a_conversation_is_made_read_changed_and_deleted(openai: OpenAI) -> None:
    made = openai.conversations.create(metadata={"user": "42"}).to_dict()
    assert re.fullmatch("conv_[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "conversation",
        "created_at": made["created_at"],
        "metadata": {"user": "42"},
    }
    changed = openai.conversations.update(str(made["id"]), metadata={"user": "43"}).to_dict()
    assert changed == {**made, "metadata": {"user": "43"}}
    assert openai.conversations.retrieve(str(made["id"])).to_dict() == changed
    gone = openai.conversations.delete(str(made["id"])).to_dict()
    assert gone == {"id": made["id"], "object": "conversation.deleted", "deleted": True}
    with pytest.raises(sdk.NotFoundError, match=f"No conversation found with id '{made['id']}'"):
        openai.conversations.retrieve(str(made["id"]))


def test_items_are_added_and_shown_as_they_came(openai: OpenAI, seen: Seen) -> None:
    conversation = openai.conversations.create(items=[HELLO])
    added = openai.conversations.items.create(
        conversation.id,
        items=[
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Good day.", "annotations": []}],
                "phase": "final_answer",
            },
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "https://a.test/x.png", "detail": "low"},
                ],
            },
        ],
    ).to_dict()
    shown = seen(openai, conversation.id)
    assert added == {
        "object": "list",
        "data": shown[1:],
        "first_id": shown[1]["id"],
        "last_id": shown[2]["id"],
        "has_more": False,
    }
    assert [{**item, "id": ""} for item in shown] == [
        {
            "id": "",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_text", "text": "你好 🌹"}],
        },
        {
            "id": "",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Good day.", "annotations": [], "logprobs": []}
            ],
            "phase": "final_answer",
        },
        {
            "id": "",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {
                    "type": "input_image",
                    "image_url": "https://a.test/x.png",
                    "file_id": None,
                    "detail": "low",
                },
            ],
        },
    ]
    assert all(re.fullmatch("msg_[A-Za-z0-9]{24}", item["id"]) for item in shown)
    [first, *_] = shown
    retrieved = openai.conversations.items.retrieve(first["id"], conversation_id=conversation.id)
    assert retrieved.to_dict() == first


def test_a_conversation_is_a_thread_and_a_thread_is_a_conversation(
    openai: OpenAI, seen: Seen
) -> None:
    conversation = openai.conversations.create(metadata={"k": "v"}, items=[HELLO])
    thread = openai.beta.threads.retrieve(conversation.id).to_dict()
    assert thread == {
        "id": conversation.id,
        "object": "thread",
        "created_at": conversation.created_at,
        "metadata": {"k": "v"},
        "tool_resources": {},
    }
    openai.beta.threads.messages.create(conversation.id, role="user", content="And again")
    assert [text_of(item) for item in seen(openai, conversation.id)] == [
        ("user", "你好 🌹"),
        ("user", "And again"),
    ]

    thread_id = openai.beta.threads.create(messages=[{"role": "user", "content": "Old"}]).id
    assert openai.conversations.retrieve(thread_id).to_dict() == {
        "id": thread_id,
        "object": "conversation",
        "created_at": openai.beta.threads.retrieve(thread_id).created_at,
        "metadata": {},
    }
    openai.conversations.items.create(thread_id, items=[HELLO])
    messages = openai.beta.threads.messages.list(thread_id, order="asc").data
    assert [message.content[0].to_dict()["text"] for message in messages] == [
        {"value": "Old", "annotations": []},
        {"value": "你好 🌹", "annotations": []},
    ]
    openai.conversations.delete(thread_id)
    with pytest.raises(sdk.NotFoundError):
        openai.beta.threads.retrieve(thread_id)


def test_a_call_and_its_output_are_items_and_for_old_clients_a_step(
    openai: OpenAI, seen: Seen
) -> None:
    conversation = openai.conversations.create(items=[HELLO, CALL])
    [_, call] = seen(openai, conversation.id)
    assert re.fullmatch("fc_[A-Za-z0-9]{24}_0", call["id"])
    assert call == {**CALL, "id": call["id"], "status": "completed"}
    [run] = openai.beta.threads.runs.list(conversation.id)
    assert (run.status, run.assistant_id) == ("completed", "asst_responses")
    [step] = openai.beta.threads.runs.steps.list(run.id, thread_id=conversation.id)
    assert (step.status, step.completed_at) == ("in_progress", None)

    [output] = openai.conversations.items.create(conversation.id, items=[OUTPUT]).data
    assert output.to_dict() == {
        **OUTPUT,
        "id": call["id"].replace("fc_", "fco_"),
        "status": "completed",
    }
    assert seen(openai, conversation.id)[1:] == [call, output.to_dict()]
    [step] = openai.beta.threads.runs.steps.list(run.id, thread_id=conversation.id)
    assert step.status == "completed"
    assert step.step_details.to_dict() == {
        "type": "tool_calls",
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "price", "arguments": '{"of":"rose"}', "output": "8 yuan"},
            }
        ],
    }


def test_calls_that_follow_one_another_are_one_round_which_ends_with_its_last_output(
    openai: OpenAI, seen: Seen
) -> None:
    second = {**CALL, "call_id": "call_2"}
    parts = [{"type": "input_text", "text": "9"}, {"type": "input_text", "text": "yuan"}]
    conversation = openai.conversations.create(items=[CALL, second])
    openai.conversations.items.create(
        conversation.id, items=[{**OUTPUT, "call_id": "call_2", "output": parts}]
    )
    [step] = [
        step
        for run in openai.beta.threads.runs.list(conversation.id)
        for step in openai.beta.threads.runs.steps.list(run.id, thread_id=conversation.id)
    ]
    assert step.status == "in_progress"
    openai.conversations.items.create(conversation.id, items=[OUTPUT])
    shown = [
        (item["type"], item["call_id"], item.get("output"))
        for item in seen(openai, conversation.id)
    ]
    assert shown == [
        ("function_call", "call_1", None),
        ("function_call", "call_2", None),
        ("function_call_output", "call_1", "8 yuan"),
        ("function_call_output", "call_2", parts),
    ]
    step = openai.beta.threads.runs.steps.retrieve(
        step.id, thread_id=conversation.id, run_id=step.run_id
    )
    assert step.status == "completed"
    [_, call] = step.step_details.to_dict()["tool_calls"]  # type: ignore[misc]
    assert call["function"]["output"] == "9\nyuan"  # type: ignore[index]


def test_an_output_without_a_call_or_with_an_answered_one_is_refused(openai: OpenAI) -> None:
    conversation = openai.conversations.create(items=[CALL, OUTPUT])
    of = openai.conversations.items
    with pytest.raises(sdk.BadRequestError, match=r"No tool call found for .* call_9"):
        of.create(conversation.id, items=[{**OUTPUT, "call_id": "call_9"}])
    with pytest.raises(sdk.BadRequestError, match="call_1 has its output already"):
        of.create(conversation.id, items=[{**OUTPUT, "output": "9 yuan"}])
    again = of.create(conversation.id, items=[OUTPUT])  # as some clients send it
    assert again.data is not None and again.data[0].type == "function_call_output"
    assert len(of.list(conversation.id).data) == 2


def test_a_call_id_may_come_again_once_it_is_answered(openai: OpenAI, seen: Seen) -> None:
    conversation = openai.conversations.create(items=[CALL, OUTPUT, CALL])
    openai.conversations.items.create(conversation.id, items=[{**OUTPUT, "output": "9 yuan"}])
    shown = seen(openai, conversation.id)
    assert [item.get("output") for item in shown] == [None, "8 yuan", None, "9 yuan"]
    assert len({item["id"] for item in shown}) == 4


def test_what_the_old_api_has_no_object_for_is_kept_and_shown(openai: OpenAI, seen: Seen) -> None:
    sent: list[Any] = [
        {"type": "message", "role": "developer", "content": "Be brief."},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Roses."}],
            "encrypted_content": "gAAA",
        },
        {"type": "file_search_call", "queries": ["roses"], "results": [], "status": "completed"},
        {
            "type": "code_interpreter_call",
            "container_id": "cntr_1",
            "code": "1+1",
            "outputs": [{"type": "logs", "logs": "2"}],
        },
    ]
    conversation = openai.conversations.create(items=sent)
    bare = [{**item, "id": ""} for item in seen(openai, conversation.id)]
    assert bare == [
        {
            "id": "",
            "type": "message",
            "role": "developer",
            "status": "completed",
            "content": [{"type": "input_text", "text": "Be brief."}],
        },
        {"id": "", "type": "reasoning", "summary": sent[1]["summary"]},
        {**sent[2], "id": "", "results": None},
        {**sent[3], "id": "", "status": "completed", "outputs": None},
    ]
    whole = seen(
        openai,
        conversation.id,
        include=[
            "reasoning.encrypted_content",
            "file_search_call.results",
            "code_interpreter_call.outputs",
        ],
    )
    assert [item.get("encrypted_content") for item in whole] == [None, "gAAA", None, None]
    assert (whole[2]["results"], whole[3]["outputs"]) == ([], sent[3]["outputs"])
    assert openai.beta.threads.messages.list(conversation.id).data == []


def test_a_list_has_pages_in_either_order(openai: OpenAI) -> None:
    said: list[Any] = [{**HELLO, "content": str(number)} for number in range(3)]
    conversation = openai.conversations.create(
        items=[*said, CALL, {**CALL, "call_id": "call_2"}, OUTPUT, {**HELLO, "content": "3"}]
    )
    of = openai.conversations.items
    whole = [item.id for item in of.list(conversation.id, order="asc", limit=100)]
    assert len(whole) == 7
    for limit in (1, 2, 3, 7):
        rising = [item.id for item in of.list(conversation.id, order="asc", limit=limit)]
        falling = [item.id for item in of.list(conversation.id, limit=limit)]
        assert (rising, falling) == (whole, whole[::-1])
    page = of.list(conversation.id, order="asc", limit=4, after=str(whole[1])).to_dict()
    assert (page["first_id"], page["last_id"], page["has_more"]) == (whole[2], whole[5], True)
    with pytest.raises(sdk.BadRequestError, match="no item with id 'msg_none' is in this list"):
        of.list(conversation.id, after="msg_none")


def test_a_long_conversation_is_listed_to_its_end(openai: OpenAI) -> None:
    conversation = openai.conversations.create()
    of, added = openai.conversations.items, []
    for number in range(8):
        said: list[Any] = [{**HELLO, "content": f"{number}.{place}"} for place in range(19)]
        call = {**CALL, "call_id": f"call_{number}"}
        added += of.create(conversation.id, items=[*said, call]).data
    whole = [item.id for item in added]
    assert [item.id for item in of.list(conversation.id, order="asc", limit=100)] == whole
    assert [item.id for item in of.list(conversation.id, limit=100)] == whole[::-1]


def test_a_client_that_deletes_while_it_pages_goes_on(openai: OpenAI) -> None:
    said: list[Any] = [{**HELLO, "content": str(number)} for number in range(3)]
    second = {**CALL, "call_id": "call_2"}
    conversation = openai.conversations.create(items=[*said, CALL, second, HELLO])
    of = openai.conversations.items
    seen = []
    for item in of.list(conversation.id, order="asc", limit=1):
        seen.append(item.type)
        of.delete(str(item.id), conversation_id=conversation.id)
    assert seen == ["message"] * 3 + ["function_call"] * 2 + ["message"]
    assert of.list(conversation.id).to_dict() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_an_item_is_deleted_and_a_call_goes_with_its_output(openai: OpenAI, seen: Seen) -> None:
    second = {**CALL, "call_id": "call_2"}
    conversation = openai.conversations.create(items=[HELLO, CALL, second, OUTPUT])
    [hello, first, other, output] = seen(openai, conversation.id)
    of = openai.conversations.items
    answer = of.delete(output["id"], conversation_id=conversation.id)
    assert answer.to_dict() == openai.conversations.retrieve(conversation.id).to_dict()
    assert seen(openai, conversation.id) == [hello, other]
    with pytest.raises(sdk.NotFoundError, match=f"No item found with id '{first['id']}'"):
        of.retrieve(first["id"], conversation_id=conversation.id)
    of.create(conversation.id, items=[{**OUTPUT, "call_id": "call_2"}])
    assert [item["id"] for item in seen(openai, conversation.id)] == [
        hello["id"],
        other["id"],
        other["id"].replace("fc_", "fco_"),
    ]
    with pytest.raises(sdk.NotFoundError):
        of.delete("msg_none", conversation_id=conversation.id)


def test_a_reference_copies_an_item_of_another_conversation(openai: OpenAI, seen: Seen) -> None:
    first = openai.conversations.create(
        items=[HELLO, CALL, OUTPUT, {"role": "developer", "content": "Be brief."}]
    )
    originals = seen(openai, first.id)
    second = openai.conversations.create(
        items=[{"type": "item_reference", "id": item["id"]} for item in originals]
    )
    copies = seen(openai, second.id)
    assert [{**item, "id": ""} for item in copies] == [{**item, "id": ""} for item in originals]
    assert {item["id"] for item in copies} & {item["id"] for item in originals} == set()
    with pytest.raises(sdk.NotFoundError, match="Item with id 'msg_none' not found"):
        openai.conversations.create(items=[{"type": "item_reference", "id": "msg_none"}])


@pytest.mark.parametrize("kind", ["item_reference", "message"])
def test_an_item_that_is_there_already_is_a_duplicate(
    openai: OpenAI, seen: Seen, kind: str
) -> None:
    conversation = openai.conversations.create(items=[HELLO])
    [item] = seen(openai, conversation.id)
    again: Any = {"type": kind, "id": item["id"]} if kind == "item_reference" else item
    with pytest.raises(sdk.BadRequestError, match=f"Duplicate item found with id {item['id']}"):
        openai.conversations.items.create(conversation.id, items=[again])


@pytest.mark.parametrize(
    ("item", "param", "said"),
    [
        ({"type": "mcp_call"}, "items[0].type", "Invalid value: 'mcp_call'."),
        ({"content": "x"}, "items[0].type", "Missing required parameter: 'items[0].type'."),
        ({"role": "critic", "content": "x"}, "items[0].role", "Invalid value: 'critic'."),
        ({"role": "user", "content": []}, "items[0].content", "empty array"),
        (
            {"role": "user", "content": [{"type": "output_text", "text": "x"}]},
            "items[0].content[0].type",
            "Invalid value: 'output_text'.",
        ),
        (
            {"role": "user", "content": [{"type": "input_file", "file_url": "https://a.test"}]},
            "items[0].content[0].file_url",
            "this server fetches no files",
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "detail": "low"}]},
            "items[0].content[0]",
            "give exactly one of 'image_url' and 'file_id'",
        ),
        ({**CALL, "weather": 1}, "items[0].weather", "Unknown parameter"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_item_that_cannot_be_kept_is_refused_by_its_place(
    openai: OpenAI, item: Any, param: str, said: str
) -> None:
    with pytest.raises(sdk.BadRequestError) as refused:
        openai.conversations.create(items=[item])
    assert refused.value.param == param
    assert said in str(refused.value)


def test_at_most_twenty_items_come_at_once_and_all_or_none(openai: OpenAI, seen: Seen) -> None:
    conversation = openai.conversations.create(items=[HELLO] * 20)
    with pytest.raises(sdk.BadRequestError, match="maximum length 20"):
        openai.conversations.items.create(conversation.id, items=[HELLO] * 21)
    with pytest.raises(sdk.BadRequestError, match="No tool call found"):
        openai.conversations.items.create(conversation.id, items=[HELLO, OUTPUT])
    assert len(seen(openai, conversation.id)) == 20


def test_a_conversation_at_which_a_run_works_is_locked(
    start: Callable[..., EmbeddedServer], connect: Connect, seen: Seen, db: Database
) -> None:
    openai = connect(start())
    conversation = openai.conversations.create(items=[HELLO])
    [item] = seen(openai, conversation.id)
    with db.write() as tx:
        open_run(tx, Claim("default", conversation.id, "run_1"), "elsewhere", 2**40)
    for attempt in (
        lambda: openai.conversations.items.create(conversation.id, items=[HELLO]),
        lambda: openai.conversations.items.delete(item["id"], conversation_id=conversation.id),
    ):
        with pytest.raises(sdk.BadRequestError) as refused:
            attempt()
        assert (refused.value.code, refused.value.param) == ("conversation_locked", "conversation")


def test_a_request_with_the_same_idempotency_key_adds_once(openai: OpenAI, seen: Seen) -> None:
    conversation = openai.conversations.create()
    key = {"Idempotency-Key": "k1"}
    first = openai.conversations.items.create(conversation.id, items=[HELLO], extra_headers=key)
    again = openai.conversations.items.create(conversation.id, items=[HELLO], extra_headers=key)
    assert again.to_dict() == first.to_dict()
    assert len(seen(openai, conversation.id)) == 1


def test_what_another_project_has_is_not_there(
    start: Callable[..., EmbeddedServer], connect: Connect, seen: Seen, db: Database
) -> None:
    openai = connect(start())
    conversation = openai.conversations.create(items=[HELLO, CALL])
    found = seen(openai, conversation.id)
    with db.read() as tx:
        for item in found:
            assert items.find(tx, "default", item["id"]) == item
            assert items.find(tx, "other", item["id"]) is None
        assert items.of_thread(tx, "other", conversation.id) == []


def test_an_id_of_something_else_is_told_at_once(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError, match="Expected an ID that begins with 'conv'"):
        openai.conversations.retrieve("msg_1")
    with pytest.raises(sdk.BadRequestError, match="Invalid value: 'everything'"):
        openai.conversations.items.list(
            openai.conversations.create().id,
            include=["everything"],  # type: ignore[list-item]
        )


def test_of_two_wrong_includes_the_first_is_named_however_it_is_spelled(openai: OpenAI) -> None:
    identity = openai.conversations.create().id
    for query, named in (
        ("include=one&include[]=other", "one"),
        ("include[]=other&include=one", "other"),
    ):
        with pytest.raises(sdk.BadRequestError, match=f"Invalid value: '{named}'"):
            openai.get(f"/conversations/{identity}/items?{query}", cast_to=object)
