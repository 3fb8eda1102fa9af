import re
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

Ask = Callable[..., Any]


def test_a_thread_holds_metadata_and_resources(openai: OpenAI) -> None:
    threads = openai.beta.threads
    made = threads.create(metadata={"user": "1"}).to_dict()
    assert re.fullmatch("thread_[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "thread",
        "created_at": made["created_at"],
        "metadata": {"user": "1"},
        "tool_resources": {},
    }
    file = openai.files.create(file=("a.csv", b"a,b"), purpose="assistants")
    changed = threads.update(
        str(made["id"]), tool_resources={"code_interpreter": {"file_ids": [file.id]}}
    ).to_dict()
    assert changed == {**made, "tool_resources": {"code_interpreter": {"file_ids": [file.id]}}}
    cleared = threads.update(str(made["id"]), metadata=None).to_dict()
    assert cleared == {**changed, "metadata": {}}
    assert threads.retrieve(str(made["id"])).to_dict() == cleared


def test_a_message_of_text(openai: OpenAI) -> None:
    thread = openai.beta.threads.create()
    made = openai.beta.threads.messages.create(
        thread.id, role="user", content="红玫瑰3支 🌹", metadata={"k": "v"}
    ).to_dict()
    assert re.fullmatch("msg_[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "thread.message",
        "created_at": made["created_at"],
        "thread_id": thread.id,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": made["created_at"],
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "红玫瑰3支 🌹", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {"k": "v"},
    }
    retrieved = openai.beta.threads.messages.retrieve(str(made["id"]), thread_id=thread.id)
    assert retrieved.to_dict() == made


def test_a_message_of_parts(openai: OpenAI) -> None:
    image = openai.files.create(file=("a.png", b"\x89PNG"), purpose="vision")
    thread = openai.beta.threads.create(
        messages=[
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_file", "image_file": {"file_id": image.id}},
                    {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low"}},
                ],
            }
        ]
    )
    [message] = openai.beta.threads.messages.list(thread.id)
    assert message.role == "assistant"
    assert [part.to_dict() for part in message.content] == [
        {"type": "text", "text": {"value": "Look:", "annotations": []}},
        {"type": "image_file", "image_file": {"file_id": image.id, "detail": "auto"}},
        {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "low"}},
    ]


def test_messages_made_within_one_second_stay_in_order(openai: OpenAI) -> None:
    thread = openai.beta.threads.create(
        messages=[{"role": "user", "content": str(n)} for n in range(3)]
    )
    for n in range(3, 6):
        openai.beta.threads.messages.create(thread.id, role="user", content=str(n))

    def values(**query: Any) -> list[str]:
        page = openai.beta.threads.messages.list(thread.id, **query)
        return [part.text.value for m in page.data for part in m.content if part.type == "text"]

    assert values() == ["5", "4", "3", "2", "1", "0"]
    assert values(order="asc", limit=2) == ["0", "1"]
    assert values(order="desc", limit=1) == ["5"]
    assert values(run_id="run_none") == []


def test_a_message_changes_in_its_metadata_only(openai: OpenAI, ask: Ask) -> None:
    thread = openai.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    [message] = openai.beta.threads.messages.list(thread.id)
    changed = openai.beta.threads.messages.update(
        message.id, thread_id=thread.id, metadata={"k": "v"}
    )
    assert changed.to_dict() == {**message.to_dict(), "metadata": {"k": "v"}}
    answer = ask("POST", f"/threads/{thread.id}/messages/{message.id}", {"content": "other"})
    assert (answer.status, answer.body["error"]["code"]) == (400, "unknown_parameter")


def test_a_deleted_message_is_gone(openai: OpenAI) -> None:
    thread = openai.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    [message] = openai.beta.threads.messages.list(thread.id)
    gone = openai.beta.threads.messages.delete(message.id, thread_id=thread.id)
    assert gone.to_dict() == {
        "id": message.id,
        "object": "thread.message.deleted",
        "deleted": True,
    }
    assert openai.beta.threads.messages.list(thread.id).data == []


def test_a_deleted_thread_takes_its_messages_along(openai: OpenAI) -> None:
    thread = openai.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    [message] = openai.beta.threads.messages.list(thread.id)
    assert openai.beta.threads.delete(thread.id).deleted
    with pytest.raises(sdk.NotFoundError, match=f"No thread found with id '{thread.id}'"):
        openai.beta.threads.messages.retrieve(message.id, thread_id=thread.id)


def test_messages_of_another_thread_are_not_found(openai: OpenAI) -> None:
    one = openai.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
    other = openai.beta.threads.create()
    [message] = openai.beta.threads.messages.list(one.id)
    with pytest.raises(sdk.NotFoundError, match=f"No message found with id '{message.id}'"):
        openai.beta.threads.messages.retrieve(message.id, thread_id=other.id)


def test_attachments_become_resources_of_the_thread(openai: OpenAI) -> None:
    csv = openai.files.create(file=("a.csv", b"a,b"), purpose="assistants").id
    text = openai.files.create(file=("b.txt", b"roses"), purpose="assistants").id
    thread = openai.beta.threads.create(
        messages=[
            {
                "role": "user",
                "content": "hi",
                "attachments": [{"file_id": csv, "tools": [{"type": "code_interpreter"}]}],
            }
        ]
    )
    assert thread.to_dict()["tool_resources"] == {"code_interpreter": {"file_ids": [csv]}}
    message = openai.beta.threads.messages.create(
        thread.id,
        role="user",
        content="again",
        attachments=[
            {"file_id": text, "tools": [{"type": "file_search"}, {"type": "code_interpreter"}]}
        ],
    )
    assert message.to_dict()["attachments"] == [
        {"file_id": text, "tools": [{"type": "file_search"}, {"type": "code_interpreter"}]}
    ]
    [store] = openai.vector_stores.list().data
    assert store.to_dict()["expires_after"] == {"anchor": "last_active_at", "days": 7}
    assert openai.beta.threads.retrieve(thread.id).to_dict()["tool_resources"] == {
        "code_interpreter": {"file_ids": [csv, text]},
        "file_search": {"vector_store_ids": [store.id]},
    }
    openai.beta.threads.messages.create(
        thread.id,
        role="user",
        content="more",
        attachments=[{"file_id": csv, "tools": [{"type": "file_search"}]}],
    )
    held = openai.vector_stores.files.list(store.id, order="asc")
    assert [file.id for file in held] == [text, csv]
    assert len(openai.vector_stores.list().data) == 1


def test_a_store_given_inline_expires_with_the_thread(openai: OpenAI) -> None:
    file = openai.files.create(file=("b.txt", b"roses"), purpose="assistants").id
    thread = openai.beta.threads.create(
        tool_resources={"file_search": {"vector_stores": [{"file_ids": [file]}]}}
    )
    [store] = openai.vector_stores.list().data
    assert thread.to_dict()["tool_resources"] == {"file_search": {"vector_store_ids": [store.id]}}
    assert store.expires_at == (store.last_active_at or 0) + 7 * 86_400


WRONG: list[tuple[dict[str, Any], int, str | None, str]] = [
    ({"content": "x"}, 400, "role", "Missing required parameter: 'role'."),
    (
        {"role": "system", "content": "x"},
        400,
        "role",
        "Invalid value: 'system'. Supported values are: 'user' and 'assistant'.",
    ),
    ({"role": "user", "content": ""}, 400, "content", "Message content must be non-empty."),
    ({"role": "user", "content": []}, 400, "content", "Message content must be non-empty."),
    (
        {"role": "user", "content": 1},
        400,
        "content",
        "Invalid type for 'content': expected one of a string or array of objects, but got an"
        " integer instead.",
    ),
    (
        {"role": "user", "content": [{"type": "text", "text": {"value": "x"}}]},
        400,
        "content[0].text",
        "Invalid type for 'content[0].text': expected a string, but got an object instead.",
    ),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "rose.png"}}]},
        400,
        "content[0].image_url.url",
        "Invalid 'content[0].image_url.url'. Expected a valid URL, but got a value with an invalid"
        " format.",
    ),
    (
        {"role": "user", "content": "x", "attachments": [{"file_id": "file-x", "tools": []}]},
        404,
        None,
        "No file found with id 'file-x'.",
    ),
    (
        {"role": "user", "content": "x", "attachments": [{"file_id": "31abac64", "tools": []}]},
        400,
        "attachments[0].file_id",
        "Invalid 'attachments[0].file_id': '31abac64'. Expected an ID that begins with 'file'.",
    ),
    (
        {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "file-x"}}]},
        404,
        None,
        "No file found with id 'file-x'.",
    ),
]


@pytest.mark.parametrize(("body", "status", "param", "message"), WRONG)
def test_a_wrong_message_is_refused_and_leaves_nothing(
    openai: OpenAI, ask: Ask, body: dict[str, Any], status: int, param: str | None, message: str
) -> None:
    thread = openai.beta.threads.create()
    answer = ask("POST", f"/threads/{thread.id}/messages", body)
    assert (answer.status, answer.body["error"]["param"], answer.body["error"]["message"]) == (
        status,
        param,
        message,
    )
    assert openai.beta.threads.messages.list(thread.id).data == []


def test_a_thread_has_at_most_20_files_for_code(openai: OpenAI, ask: Ask) -> None:
    files = [
        openai.files.create(file=(f"{n}.csv", b"x"), purpose="assistants").id for n in range(21)
    ]
    thread = openai.beta.threads.create(
        tool_resources={"code_interpreter": {"file_ids": files[:20]}}
    )
    attachments = [{"file_id": files[20], "tools": [{"type": "code_interpreter"}]}]
    body = {"role": "user", "content": "x", "attachments": attachments}
    answer = ask("POST", f"/threads/{thread.id}/messages", body)
    assert (answer.status, answer.body["error"]["code"]) == (400, "array_above_max_length")


def listed(openai: OpenAI, **query: str) -> Any:
    return openai.get("/threads", cast_to=object, options={"params": query})


def ids(page: Any) -> list[str]:
    return [thread["id"] for thread in page["data"]]


@pytest.fixture
def three(openai: OpenAI) -> list[str]:
    """Threads about roses, tulips and nothing, the oldest first."""
    threads = openai.beta.threads
    roses = threads.create(
        messages=[{"role": "user", "content": 'What do "红玫瑰" cost?\nToday.'}],
        metadata={"user": "1", "shop": "a"},
    )
    tulips = threads.create(
        messages=[
            {"role": "user", "content": "Tulips, 100% fresh_ones"},
            {"role": "assistant", "content": "None today."},
        ],
        metadata={"user": "2", "shop": "a"},
    )
    return [roses.id, tulips.id, threads.create().id]


def test_the_threads_of_a_project_are_listed_the_newest_first(
    openai: OpenAI, three: list[str]
) -> None:
    first = listed(openai, limit="2")
    assert (ids(first), first["has_more"]) == ([three[2], three[1]], True)
    assert first["data"][0]["object"] == "thread"
    rest = listed(openai, limit="2", after=first["last_id"])
    assert (ids(rest), rest["has_more"]) == ([three[0]], False)
    assert ids(listed(openai, order="asc")) == three


def test_each_listed_thread_says_what_it_is_about(openai: OpenAI, three: list[str]) -> None:
    empty, tulips, _ = [thread["summary"] for thread in listed(openai)["data"]]
    assert empty == {
        "messages": 0,
        "first_message": None,
        "last_message_at": None,
        "assistant_id": None,
        "status": None,
    }
    assert tulips == {
        "messages": 2,
        "first_message": "Tulips, 100% fresh_ones",
        "last_message_at": tulips["last_message_at"],
        "assistant_id": None,
        "status": None,
    }
    assistant = openai.beta.assistants.create(model="gpt-6-luna")
    run = openai.beta.threads.runs.create(three[2], assistant_id=assistant.id)
    assert listed(openai)["data"][0]["summary"]["assistant_id"] == run.assistant_id


def test_threads_are_found_by_metadata_assistant_and_words(
    openai: OpenAI, three: list[str]
) -> None:
    roses, tulips, empty = three
    assistant = openai.beta.assistants.create(model="gpt-6-luna")
    openai.beta.threads.runs.create(empty, assistant_id=assistant.id)
    assert ids(listed(openai, **{"metadata[shop]": "a"})) == [tulips, roses]
    assert ids(listed(openai, **{"metadata[shop]": "a", "metadata[user]": "1"})) == [roses]
    assert ids(listed(openai, assistant_id=assistant.id)) == [empty]
    assert ids(listed(openai, query="玫瑰 TODAY")) == [roses]
    assert ids(listed(openai, query="today")) == [tulips, roses]
    for nothing in ("Tulips None", "0% f%h", "f_esh", "user", "\\n", "text", "' OR 1=1 --"):
        assert ids(listed(openai, query=nothing)) == [], nothing
    for some in ("0% fr", "h_o", "100%"):
        assert ids(listed(openai, query=some)) == [tulips], some
    assert ids(listed(openai, query='"红玫瑰"')) == [roses]


def test_too_many_words_are_refused(openai: OpenAI) -> None:
    with pytest.raises(sdk.BadRequestError, match="at most 32 words can be looked for"):
        listed(openai, query="a " * 33)
