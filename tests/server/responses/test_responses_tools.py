"""The server's own tools in responses: file_search and code_interpreter, through the SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.sandbox import Sandboxes
from tests.server.chat_endpoint import ChatEndpoint, call, chat_endpoint_running, say
from tests.server.contract import Contract
from tests.server.responses.streams import names, told

SCRIPTS = {
    "shop": [
        {
            "when": "refund",
            "call": {"file_search": {"query": "refund within hours"}},
            "say": "Within a day【4:0†source】, as the rules say.",
        },
        {
            "when": "total",
            "call": {
                "code_interpreter": {
                    "code": "open('/mnt/data/total.csv', 'w').write('22'); print(9 + 13)"
                }
            },
            "say": "See sandbox:/mnt/data/total.csv for all.",
        },
        {
            "when": "sum",
            "call": {
                "code_interpreter": {
                    "code": "print(sum(int(n) for n in open('/mnt/data/n.txt').read().split()))"
                }
            },
            "say": "Added.",
        },
        {
            "when": "draw",
            "call": {
                "code_interpreter": {
                    "code": "open('/mnt/data/a.png', 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n')"
                }
            },
            "say": "Drawn.",
        },
    ]
}
SHOP = {"assistctl": "shop"}
CODE: Any = {"type": "code_interpreter", "container": {"type": "auto"}}
SEARCH_EVENTS = [
    "output_item.added",
    "file_search_call.in_progress",
    "file_search_call.searching",
    "file_search_call.completed",
    "output_item.done",
]
CODE_EVENTS = [
    "output_item.added",
    "code_interpreter_call.in_progress",
    "code_interpreter_call_code.delta",
    "code_interpreter_call_code.done",
    "code_interpreter_call.interpreting",
    "code_interpreter_call.completed",
    "output_item.done",
]
CITED_EVENTS = [
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.annotation.added",
    "output_text.done",
    "content_part.done",
    "output_item.done",
]


@pytest.fixture(scope="module")
def sandboxed() -> None:
    sandboxes = Sandboxes()
    reason = sandboxes.available()
    sandboxes.close_all()
    if reason:
        pytest.skip(f"no sandbox on this machine: {reason}")


@pytest.fixture
def server(start: Callable[..., EmbeddedServer]) -> EmbeddedServer:
    return start(scripts=SCRIPTS)


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def store(openai: OpenAI) -> str:
    """With two files of different attributes, of which one is found first."""
    store = openai.vector_stores.create()
    for name, text in (("rules.txt", "A refund within 24 hours."), ("old.txt", "No refund.")):
        file = openai.files.create(file=(name, text.encode()), purpose="assistants")
        openai.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store.id, attributes={"year": 2026 if name[0] == "r" else 1999}
        )
    return store.id


def respond(client: OpenAI, given: Any, **options: Any) -> Any:
    usual = {"model": "gpt-6-luna", "input": given, "metadata": SHOP}
    return client.responses.create(**usual | options)


def test_a_search_is_an_item_and_what_it_found_is_cited(
    openai: OpenAI, store: str, contract: Contract
) -> None:
    tool = {"type": "file_search", "vector_store_ids": [store], "max_num_results": 1}
    events = told(contract, respond(openai, "refund?", tools=[tool], stream=True))
    assert names(events) == [
        "created",
        "in_progress",
        *SEARCH_EVENTS,
        *CITED_EVENTS[:4],
        "output_text.delta",
        *CITED_EVENTS[4:],
        "completed",
    ]
    told_where_it_stands = events[len(SEARCH_EVENTS) + 2 :][3]
    final = events[-1]["response"]
    [search, message] = final["output"]
    assert (search["queries"], search["results"]) == (["refund within hours"], None)
    [part] = message["content"]
    assert part["text"] == "Within a day, as the rules say."
    [note] = part["annotations"]
    assert openai.files.retrieve(note["file_id"]).filename == "rules.txt"
    assert note == {
        "type": "file_citation",
        "index": len("Within a day"),
        "file_id": note["file_id"],
        "filename": "rules.txt",
    }
    assert (told_where_it_stands["annotation"], told_where_it_stands["annotation_index"]) == (
        note,
        0,
    )
    deltas = (each["delta"] for each in events if each["type"] == "response.output_text.delta")
    assert "".join(deltas) == part["text"]
    assert openai.responses.retrieve(final["id"]).to_dict() == final
    [result] = (
        openai.responses.retrieve(final["id"], include=["file_search_call.results"])
        .output[0]
        .results
    )  # type: ignore[union-attr]
    assert (result.filename, result.text) == ("rules.txt", "A refund within 24 hours.")


def test_a_search_gives_its_results_if_asked_and_only_of_files_that_pass_the_filter(
    openai: OpenAI, store: str
) -> None:
    tool = {
        "type": "file_search",
        "vector_store_ids": [store],
        "filters": {"type": "eq", "key": "year", "value": 1999},
    }
    response = respond(openai, "refund?", tools=[tool], include=["file_search_call.results"])
    results = response.output[0].results
    assert [(result.filename, result.text) for result in results] == [("old.txt", "No refund.")]
    assert response.tools[0].to_dict() == {
        **tool,
        "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    }


@pytest.mark.usefixtures("sandboxed")
def test_code_is_an_item_and_what_it_wrote_is_cited(openai: OpenAI, contract: Contract) -> None:
    events = told(
        contract,
        respond(
            openai,
            "total?",
            tools=[CODE],
            include=["code_interpreter_call.outputs"],
            stream=True,
        ),
    )
    assert names(events) == [
        "created",
        "in_progress",
        *CODE_EVENTS,
        *CITED_EVENTS,
        "completed",
    ]
    final = events[-1]["response"]
    [code, message] = final["output"]
    assert code["outputs"] == [{"type": "logs", "logs": "22\n"}]
    [part] = message["content"]
    [note] = part["annotations"]
    assert part["text"][note["start_index"] : note["end_index"]] == "sandbox:/mnt/data/total.csv"
    assert (note["type"], note["filename"]) == ("container_file_citation", "total.csv")
    assert note["container_id"] == code["container_id"]
    assert openai.responses.retrieve(final["id"]).output[0].outputs is None  # type: ignore


@pytest.mark.usefixtures("sandboxed")
def test_code_finds_the_files_of_its_container(openai: OpenAI) -> None:
    file = openai.files.create(file=("n.txt", b"1 2 3"), purpose="user_data")
    tool = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file.id]}}
    response = respond(openai, "sum", tools=[tool], include=["code_interpreter_call.outputs"])
    assert response.output[0].outputs[0].logs == "6\n"
    assert response.tools[0].container.to_dict() == {
        "type": "auto",
        "file_ids": [file.id],
        "memory_limit": "1g",
    }


@pytest.mark.usefixtures("sandboxed")
def test_a_picture_that_code_has_made_is_an_output_with_its_bytes(openai: OpenAI) -> None:
    response = respond(openai, "draw", tools=[CODE], include=["code_interpreter_call.outputs"])
    [image] = [each for each in response.output[0].outputs if each.type == "image"]
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    assert image.url == f"data:image/png;base64,{png}"
    later = respond(openai, "sum", tools=[CODE], previous_response_id=response.id)
    assert later.output[0].container_id == response.output[0].container_id


def test_the_servers_tools_are_called_as_often_as_the_request_allows(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: ChatEndpoint,
) -> None:
    client = connect(start(model={"base_url": endpoint.url}))
    store = client.vector_stores.create()
    search = ("file_search", '{"query": "x"}')
    endpoint.answer(call(("a", *search), ("b", *search), ("c", *search)), say("Enough."))
    tool = {"type": "file_search", "vector_store_ids": [store.id]}
    response = respond(client, "look", tools=[tool], max_tool_calls=2)
    assert [item.type for item in response.output] == [
        "file_search_call",
        "file_search_call",
        "message",
    ]
    assert "tools" not in endpoint.requests[-1]
    assert response.max_tool_calls == 2


def test_words_and_calls_of_one_answer_are_told_in_the_order_of_the_output(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: ChatEndpoint,
    contract: Contract,
) -> None:
    client = connect(start(model={"base_url": endpoint.url}))
    store = client.vector_stores.create()
    endpoint.answer(
        call(("a", "file_search", '{"query": "x"}'), ("b", "log", "{}"), text="Looking."),
    )
    tools = [
        {"type": "file_search", "vector_store_ids": [store.id]},
        {"type": "function", "name": "log"},
    ]
    events = told(contract, respond(client, "look", tools=tools, stream=True))
    final = events[-1]["response"]
    assert [item["type"] for item in final["output"]] == [
        "message",
        "file_search_call",
        "function_call",
    ]
    done = {
        each["output_index"]: each["item"]
        for each in events
        if each["type"] == "response.output_item.done"
    }
    assert [done[index] for index in range(3)] == final["output"]
    endpoint.answer(say("Logged."))
    output = {"type": "function_call_output", "call_id": final["output"][2]["call_id"]}
    second = respond(
        client, [{**output, "output": "ok"}], previous_response_id=final["id"], tools=tools
    )
    assert second.output_text == "Logged."
    again = [{**output, "output": "ok"}, {"role": "user", "content": "go on"}]
    assert respond(client, again, previous_response_id=second.id).output_text == "Logged."
    with pytest.raises(sdk.BadRequestError, match="has its output already"):
        respond(client, [{**output, "output": "no"}], previous_response_id=second.id)
