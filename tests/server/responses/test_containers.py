"""Containers and their files, through the SDK."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.runs_help import make_assistant, say_and_run, upload
from tests.server.test_code_interpreter import PNG, SCRIPT, TOOLS
from tests.server.test_code_interpreter import confinable as confinable  # a fixture

Connect = Callable[[EmbeddedServer], OpenAI]
Seen = Callable[..., list[Any]]


def paths(client: OpenAI, container_id: str) -> list[tuple[str, str]]:
    return [
        (file.path, file.source) for file in client.containers.files.list(container_id, order="asc")
    ]


def test_a_container_is_made_read_listed_and_deleted(openai: OpenAI) -> None:
    made = openai.containers.create(
        name="Books",
        expires_after={"anchor": "last_active_at", "minutes": 5},
        memory_limit="4g",
        network_policy={"type": "disabled"},
    ).to_dict()
    assert re.fullmatch("cntr_[A-Za-z0-9]{24}", str(made["id"]))
    assert made == {
        "id": made["id"],
        "object": "container",
        "created_at": made["created_at"],
        "status": "running",
        "name": "Books",
        "last_active_at": made["created_at"],
        "expires_after": {"anchor": "last_active_at", "minutes": 5},
        "memory_limit": "4g",
        "network_policy": {"type": "disabled"},
    }
    assert openai.containers.retrieve(str(made["id"])).to_dict() == made
    other = openai.containers.create(name="Other").to_dict()
    assert (other["memory_limit"], other["expires_after"]) == (
        "1g",
        {"anchor": "last_active_at", "minutes": 20},
    )
    assert [c.to_dict() for c in openai.containers.list(name="Books")] == [made]
    assert [c.id for c in openai.containers.list()][:2] == [other["id"], made["id"]]
    openai.containers.delete(str(made["id"]))
    with pytest.raises(sdk.NotFoundError, match="No container found with id"):
        openai.containers.retrieve(str(made["id"]))


def test_files_are_put_into_a_container_by_id_or_as_they_are(openai: OpenAI) -> None:
    given = upload(openai, "prices.csv", "rose,8")
    late = upload(openai, "late.csv", "tulip,6")
    container = openai.containers.create(name="Books", file_ids=[given.id])
    files = openai.containers.files
    by_id = files.create(container.id, file_id=late.id).to_dict()
    assert by_id == {
        "id": late.id.replace("file-", "cfile_"),
        "object": "container.file",
        "container_id": container.id,
        "created_at": late.created_at,
        "bytes": 7,
        "path": "/mnt/data/late.csv",
        "source": "user",
    }
    sent = files.create(container.id, file=("note.txt", "红玫瑰".encode()))
    assert paths(openai, container.id) == [
        ("/mnt/data/prices.csv", "user"),
        ("/mnt/data/late.csv", "user"),
        ("/mnt/data/note.txt", "user"),
    ]
    assert files.retrieve(sent.id, container_id=container.id).to_dict() == sent.to_dict()
    assert files.content.retrieve(sent.id, container_id=container.id).read().decode() == "红玫瑰"
    [first, *_] = files.list(container.id, limit=1, order="asc").data
    page = files.list(container.id, limit=1, order="asc", after=first.id)
    assert ([file.id for file in page.data], page.has_more) == ([by_id["id"]], True)
    with pytest.raises(sdk.BadRequestError, match="no file with id 'cfile_none'"):
        files.list(container.id, after="cfile_none")


def test_what_was_uploaded_elsewhere_outlives_its_container_and_what_came_into_it_does_not(
    openai: OpenAI,
) -> None:
    given = upload(openai, "prices.csv", "rose,8")
    container = openai.containers.create(name="Books", file_ids=[given.id])
    files = openai.containers.files
    sent = files.create(container.id, file=("note.txt", b"x"))
    more = files.create(container.id, file=("more.txt", b"y"))
    files.delete(sent.id, container_id=container.id)
    with pytest.raises(sdk.NotFoundError, match="No container file found"):
        files.content.retrieve(sent.id, container_id=container.id)
    openai.containers.delete(container.id)
    assert openai.files.retrieve(given.id).filename == "prices.csv"
    for gone in (sent, more):
        with pytest.raises(sdk.NotFoundError):
            openai.files.retrieve(gone.id.replace("cfile_", "file-"))


@pytest.mark.parametrize(
    ("given", "param", "said"),
    [
        ({}, "name", "Missing required parameter: 'name'"),
        ({"name": "x", "memory_limit": "2g"}, "memory_limit", "Invalid value: '2g'"),
        (
            {"name": "x", "network_policy": {"type": "allowlist", "allowed_domains": ["a.test"]}},
            "network_policy",
            "code has no network on this server",
        ),
        (
            {"name": "x", "skills": [{"type": "skill_reference", "skill_id": "s"}]},
            "skills",
            "this server has no skills",
        ),
        ({"name": "x", "file_ids": ["file-none"]}, None, "No file found with id 'file-none'"),
    ],
    ids=["name", "memory", "network", "skills", "file"],
)
def test_what_a_container_cannot_be_here_is_refused(
    openai: OpenAI, given: Any, param: str | None, said: str
) -> None:
    with pytest.raises(sdk.APIStatusError) as refused:
        openai.containers.create(**given) if given else openai.post("/containers", cast_to=object)
    assert refused.value.param == param  # type: ignore[attr-defined]
    assert said in str(refused.value)


def test_the_container_of_a_conversation_has_what_its_code_was_given_and_has_made(
    confinable: None, start: Callable[..., EmbeddedServer], connect: Connect, seen: Seen
) -> None:
    openai = connect(start(scripts={"shop/flowers": SCRIPT}))
    prices = upload(openai, "prices.csv", "name,price\nrose,8\n")
    note = upload(openai, "note.txt", "x")
    coder = make_assistant(
        openai, tools=TOOLS, tool_resources={"code_interpreter": {"file_ids": [prices.id, note.id]}}
    )
    thread, _ = say_and_run(openai, coder, "total")
    [_, call, answer] = seen(openai, thread.id)
    container = openai.containers.retrieve(call["container_id"])
    assert (container.id, container.name) == (thread.id.replace("thread_", "cntr_"), thread.id)
    assert paths(openai, container.id) == [
        ("/mnt/data/prices.csv", "user"),
        ("/mnt/data/note.txt", "user"),
        ("/mnt/data/total of all.csv", "assistant"),
    ]
    [cited, _] = answer["content"][0]["annotations"]
    assert cited["type"] == "container_file_citation"
    assert cited["filename"] == "total of all.csv"
    text = answer["content"][0]["text"]
    assert text[cited["start_index"] : cited["end_index"]].endswith("total%20of%20all.csv")
    content = openai.containers.files.content.retrieve(
        cited["file_id"], container_id=cited["container_id"]
    )
    assert content.read() == b"total\n8\n"

    files = openai.containers.files
    more = files.create(container.id, file=("more.txt", b"more"))
    assert openai.beta.threads.retrieve(thread.id).to_dict()["tool_resources"] == {
        "code_interpreter": {"file_ids": [more.id.replace("cfile_", "file-")]}
    }
    files.delete(more.id, container_id=container.id)
    files.delete(cited["file_id"], container_id=container.id)
    assert [path for path, _ in paths(openai, container.id)] == [
        "/mnt/data/prices.csv",
        "/mnt/data/note.txt",
    ]
    with pytest.raises(sdk.BadRequestError, match="was given to the assistant or the response"):
        files.delete(prices.id.replace("file-", "cfile_"), container_id=container.id)
    with pytest.raises(sdk.BadRequestError, match=f"belongs to '{thread.id}' and goes with it"):
        openai.containers.delete(container.id)
    openai.conversations.delete(thread.id)
    with pytest.raises(sdk.NotFoundError):
        openai.containers.retrieve(container.id)


def test_a_picture_that_code_has_shown_is_cited_by_the_answer(
    confinable: None, start: Callable[..., EmbeddedServer], connect: Connect, seen: Seen
) -> None:
    openai = connect(start(scripts={"shop/flowers": SCRIPT}))
    thread, _ = say_and_run(openai, make_assistant(openai, tools=TOOLS), "picture")
    [_, call, answer] = seen(openai, thread.id, include=["code_interpreter_call.outputs"])
    assert [output["type"] for output in call["outputs"]] == ["logs", "image", "image"]
    [cited] = answer["content"][0]["annotations"]
    assert (cited["start_index"], cited["end_index"]) == (0, 0)
    content = openai.containers.files.content.retrieve(
        cited["file_id"], container_id=call["container_id"]
    )
    assert content.read() == bytes.fromhex(PNG)


@pytest.fixture
def coding(
    confinable: None, start: Callable[..., EmbeddedServer], connect: Connect
) -> Callable[..., Any]:
    """Has code of SCRIPT run in a container: `coding(text, container)`; `coding.openai`."""
    openai = connect(start(scripts={"shop": SCRIPT}))

    def coding(text: str, container: str, **options: Any) -> Any:
        return openai.responses.create(
            model="gpt-6-luna",
            input=text,
            metadata={"assistctl": "shop"},
            tools=[{"type": "code_interpreter", "container": container}],
            include=["code_interpreter_call.outputs"],
            **options,
        )

    coding.openai = openai  # type: ignore[attr-defined]
    return coding


def test_code_runs_in_the_container_that_is_named_whichever_conversation_it_is_of(
    coding: Any,
) -> None:
    openai: OpenAI = coding.openai
    prices = upload(openai, "prices.csv", "name,price\nrose,8\n")
    note = upload(openai, "note.txt", "x")
    container = openai.containers.create(name="Books", file_ids=[prices.id])
    openai.containers.files.create(container.id, file_id=note.id)

    first = coding("total", container.id)
    [call, answer] = first.output
    assert (call.type, call.container_id) == ("code_interpreter_call", container.id)
    [cited, _] = answer.content[0].annotations
    assert (cited.container_id, cited.filename) == (container.id, "total of all.csv")
    assert paths(openai, container.id) == [
        ("/mnt/data/prices.csv", "user"),
        ("/mnt/data/note.txt", "user"),
        ("/mnt/data/total of all.csv", "assistant"),
    ]
    content = openai.containers.files.content.retrieve(cited.file_id, container_id=container.id)
    assert content.read() == b"total\n8\n"

    conversation = openai.conversations.create()
    second = coding("look", container.id, conversation=conversation.id)
    assert second.output[0].outputs[0].logs == "'total\\n8\\n'\n"
    own = openai.containers.retrieve(conversation.id.replace("conv_", "cntr_"))
    assert paths(openai, own.id) == []


def test_variables_of_a_container_last_until_it_is_deleted(coding: Any) -> None:
    openai: OpenAI = coding.openai
    container = openai.containers.create(name="Books")
    assert coding("add", container.id).output[0].outputs[0].logs == "adding\n22\n"
    assert coding("again", container.id).output[0].outputs[0].logs == "22\n"
    shown = openai.containers.retrieve(container.id)
    assert (shown.last_active_at or 0) >= shown.created_at
    openai.containers.delete(container.id)
    with pytest.raises(sdk.NotFoundError, match="No container found") as refused:
        coding("again", container.id)
    assert refused.value.param == "tools"


def test_a_picture_shown_in_a_named_container_is_found_there(coding: Any) -> None:
    openai: OpenAI = coding.openai
    container = openai.containers.create(name="Books")
    [_, answer] = coding("picture", container.id).output
    [cited] = answer.content[0].annotations
    assert cited.container_id == container.id
    content = openai.containers.files.content.retrieve(cited.file_id, container_id=container.id)
    assert content.read() == bytes.fromhex(PNG)


def test_what_code_has_written_is_at_the_path_of_its_citation_without_a_conversation_too(
    coding: Any,
) -> None:
    openai: OpenAI = coding.openai
    given = [upload(openai, "prices.csv", "name,price\nrose,8\n"), upload(openai, "note.txt", "x")]
    auto = {"type": "auto", "file_ids": [file.id for file in given]}
    first = coding("total", auto)
    second = coding("look", {"type": "auto"}, previous_response_id=first.id)
    branch = coding("look", {"type": "auto"}, previous_response_id=first.id)
    for response in (second, branch):
        assert response.output[0].outputs[0].logs.endswith("'total\\n8\\n'\n")
    [cited, _] = first.output[1].content[0].annotations
    content = openai.containers.files.content.retrieve(
        cited.file_id, container_id=cited.container_id
    )
    assert content.read() == b"total\n8\n"


def test_the_container_of_another_conversation_cannot_be_named(coding: Any) -> None:
    conversation = coding.openai.conversations.create()
    with pytest.raises(sdk.BadRequestError, match=f"belongs to '{conversation.id}'"):
        coding("add", conversation.id.replace("conv_", "cntr_"))
    own = coding("add", conversation.id.replace("conv_", "cntr_"), conversation=conversation.id)
    assert own.output[0].outputs[0].logs == "adding\n22\n"
