"""Histories made short: POST /responses/compact, and how one goes on from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.chat_endpoint import ChatEndpoint, Reply, call, chat_endpoint_running, say

MODEL = "gpt-6-luna"
LOG: Any = {"type": "function", "name": "log"}


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: ChatEndpoint,
) -> OpenAI:
    return connect(start(model={"base_url": endpoint.url}))


def test_a_history_is_compacted_to_what_the_user_said_and_a_summary(
    client: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(call(("c", "log", "{}")), say("Logged."), say(" Roses were logged. "))
    asking = client.responses.create(model=MODEL, input="Log roses.", tools=[LOG])
    [called] = asking.output
    assert called.type == "function_call"
    output: Any = {"type": "function_call_output", "call_id": called.call_id, "output": "ok"}
    answered = client.responses.create(
        model=MODEL, input=[output], tools=[LOG], previous_response_id=asking.id
    )
    compacted = client.responses.compact(
        model=MODEL, instructions="Be brief.", previous_response_id=answered.id
    )
    sent = endpoint.requests[-1]
    roles = [message["role"] for message in sent["messages"]]
    assert "tools" not in sent
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    [said, summary] = compacted.output
    assert said.type == "message"
    assert [part.to_dict() for part in said.content] == [
        {"type": "input_text", "text": "Log roses."}
    ]
    assert (summary.type, compacted.usage.total_tokens) == ("compaction", 15)

    endpoint.answer(say("Two."))
    given: Any = [item.to_dict(warnings=False) for item in compacted.output]
    conversation = client.conversations.create()
    more: Any = [*given, {"role": "user", "content": "How many?"}]
    client.responses.create(model=MODEL, input=more, conversation=conversation.id)
    assert endpoint.requests[-1]["messages"] == [
        {"role": "user", "content": "Log roses."},
        {
            "role": "system",
            "content": "What was said and done before, in short:\n\nRoses were logged.",
        },
        {"role": "user", "content": "How many?"},
    ]
    kept = [item.type for item in client.conversations.items.list(conversation.id, order="asc")]
    assert kept == ["message", "compaction", "message", "message"]


def test_to_compact_keeps_nothing_and_changes_nothing(
    client: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("Short."))
    first = client.responses.create(model=MODEL, input="Roses.")
    compacted = client.responses.compact(
        model=MODEL, input="Tulips.", previous_response_id=first.id
    )
    with pytest.raises(sdk.NotFoundError):
        client.responses.retrieve(compacted.id)
    client.responses.create(model=MODEL, input="Lilies.", previous_response_id=first.id)
    said = [message["content"] for message in endpoint.requests[-1]["messages"]]
    assert said == ["Roses.", "Short.", "Lilies."]


def test_what_another_server_has_compacted_is_refused(client: OpenAI) -> None:
    theirs: Any = {"type": "compaction", "encrypted_content": "gAAAAAB"}
    with pytest.raises(sdk.BadRequestError) as refused:
        client.responses.create(model=MODEL, input=[theirs])
    assert refused.value.param == "input[0].encrypted_content"
    assert refused.value.code == "invalid_encrypted_content"


def test_a_model_that_gives_no_summary_is_an_error(client: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say(""))
    with pytest.raises(sdk.InternalServerError, match="no summary"):
        client.responses.compact(model=MODEL, input="Roses.")
    endpoint.answer(Reply(400, {"error": {"message": "not so"}}))
    with pytest.raises(sdk.BadRequestError, match="not so"):
        client.responses.compact(model=MODEL, input="Roses.")
