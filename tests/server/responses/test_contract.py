"""How much of the published contract of Responses the server walks through.

Each answer is held against the contract as it comes, see conftest.py, and each event in streams.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.routing import endpoints_below
from assistctl.server.sandbox import Sandboxes
from tests.server.chat_endpoint import Stream, call, chat_endpoint_running, delta, say, usage
from tests.server.contract import Contract, Operation
from tests.server.responses.streams import told

PARTS = ("/responses", "/conversations", "/containers")
EVENTS = {
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.completed",
    "response.failed",
    "response.incomplete",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.annotation.added",
    "response.output_text.done",
    "response.refusal.delta",
    "response.refusal.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.file_search_call.in_progress",
    "response.file_search_call.searching",
    "response.file_search_call.completed",
}
EVENTS_OF_CODE = {
    "response.code_interpreter_call.in_progress",
    "response.code_interpreter_call_code.delta",
    "response.code_interpreter_call_code.done",
    "response.code_interpreter_call.interpreting",
    "response.code_interpreter_call.completed",
}
LOG: Any = {"type": "function", "name": "log"}


def test_the_operations_of_both_parts_are_those_of_the_contract(contract: Contract) -> None:
    published = {each for each in contract.operations if each.path.startswith(PARTS)}
    ours = {
        Operation(each.method, each.path)
        for part in PARTS
        for each in endpoints_below(part.removeprefix("/"))
    }
    assert ours == published


def test_every_event_that_there_can_be_here_is_told_as_the_contract_has_it(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    contract: Contract,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sandboxes = Sandboxes()
    confinable = sandboxes.available() is None
    sandboxes.close_all()
    code = json.dumps({"code": "print(1)"})
    with chat_endpoint_running() as endpoint:
        client = connect(start(model={"base_url": endpoint.url}))
        store = client.vector_stores.create()
        file = client.files.create(file=("a.txt", b"Roses."), purpose="assistants")
        client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id)
        endpoint.answer(
            call(
                ("a", "file_search", '{"query": "roses"}'),
                ("b", "code_interpreter", code),
                text="Let me see.",
            ),
            say("Roses【4:0†source】."),
            call(("c", "log", '{"text": 1}')),
            Stream((delta(refusal="No."), delta("stop"), usage(1, 1))),
            say("Half", finish="length"),
            Stream((delta(content="Half"),), done=False),
        )
        tools: Any = [
            {"type": "file_search", "vector_store_ids": [store.id]},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            LOG,
        ]
        events = [
            event
            for options in ({"background": True}, {}, {}, {}, {"store": False})
            for event in told(
                contract,
                client.responses.create(
                    model="gpt-6-luna",
                    input="hello",
                    tools=tools,
                    stream=True,
                    **options,  # type: ignore[call-overload]
                ),
            )
        ]
    found = {event["type"] for event in events}
    every = contract.resolved(contract.named("ResponseStreamEvent"))
    events_there_are = len(every.get("oneOf") or every["anyOf"])
    published = {each for each in contract.operations if each.path.startswith(PARTS)}
    with capsys.disabled():
        print(
            f"\nresponses, conversations, containers: {len(published)} of {len(published)}"
            f" operations, {len(found)} of {events_there_are} events"
        )
    assert found == EVENTS | (EVENTS_OF_CODE if confinable else set())


def test_every_documented_refusal_has_the_shape_of_an_error(
    server: EmbeddedServer, contract: Contract
) -> None:
    asked: list[tuple[str, str, Any, int]] = [
        ("POST", "/responses", {"model": "m"}, 400),
        ("POST", "/responses", {"model": "m", "input": "x", "tools": [{"type": "mcp"}]}, 400),
        ("POST", "/responses", {"model": "m", "input": "x", "conversation": "conv_1"}, 404),
        ("POST", "/responses/compact", {"model": "m"}, 400),
        ("GET", "/responses/resp_1", None, 404),
        ("GET", "/responses/resp_1?stream=true&starting_after=x", None, 404),
        ("GET", "/responses/run_1", None, 400),
        ("DELETE", "/responses/resp_1", None, 404),
        ("POST", "/responses/resp_1/cancel", {}, 404),
        ("GET", "/responses/resp_1/input_items", None, 404),
        ("PUT", "/responses/resp_1", {}, 405),
    ]
    headers = {"authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(
        base_url=server.base_url, headers=headers, trust_env=False, verify=False
    ) as http:
        for method, path, body, status in asked:
            answer = http.request(method, path, json=body)
            assert answer.status_code == status, (path, answer.text)
            schema = contract.named("ErrorResponse")
            assert contract.faults(schema, answer.json()) == [], answer.text
