"""One record, several views: what a response does is there for clients of the Assistants API, and a
thread of theirs is a conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.chat_endpoint import ChatEndpoint, call, say
from tests.server.responses.test_responses import PRICE, asked, endpoint, outputs, respond, server
from tests.server.runs_help import steps_of, texts

__all__ = ["endpoint", "server"]


def test_a_response_on_a_thread_is_a_run_with_its_messages_and_steps(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    threads = openai.beta.threads
    thread = threads.create(messages=[{"role": "user", "content": "hello"}])
    endpoint.answer(call(("a", "price", '{"of": "rose"}')), say("Eight."))
    first = respond(
        openai, "price?", conversation=thread.id, tools=[PRICE], instructions="Be kind."
    )
    second = respond(openai, outputs(first), conversation=thread.id, tools=[PRICE])
    assert second.output_text == "Eight."
    assert texts(openai, thread) == [
        ("user", "hello"),
        ("user", "price?"),
        ("assistant", "Eight."),
    ]
    asking, answering = threads.runs.list(thread.id, order="asc").data
    assert (asking.status, answering.status) == ("completed", "completed")
    assert asking.id.removeprefix("run_") == first.id.removeprefix("resp_")
    assert (asking.instructions, asking.model) == ("Be kind.", "gpt-6-luna")
    assert asking.tools[0].to_dict()["function"]["name"] == "price"
    assert asking.usage is not None and asking.usage.total_tokens == first.usage.total_tokens
    [step] = steps_of(openai, asking)
    [made] = step["step_details"]["tool_calls"]
    assert step["status"] == "completed"
    assert made["function"] == {
        "name": "price",
        "arguments": '{"of": "rose"}',
        "output": "8 yuan",
    }


def test_a_run_of_the_assistants_api_is_history_for_responses(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    assistant = openai.beta.assistants.create(
        model="gpt-6-luna",
        tools=[{"type": "function", "function": {"name": "price"}}],
    )
    endpoint.answer(call(("a", "price", "{}")), say("Eight."), say("You're welcome."))
    thread = openai.beta.threads.create(messages=[{"role": "user", "content": "price?"}])
    run = openai.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
    with pytest.raises(sdk.BadRequestError) as refused:
        respond(openai, "hello?", conversation=thread.id)
    assert refused.value.code == "conversation_locked"
    assert run.required_action is not None
    [pending] = run.required_action.submit_tool_outputs.tool_calls
    openai.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": pending.id, "output": "8"}],
    )
    response = respond(openai, "thanks", conversation=thread.id)
    assert asked(endpoint) == [
        ("user", "price?"),
        ("assistant", ["price"]),
        ("tool", "8"),
        ("assistant", "Eight."),
        ("user", "thanks"),
    ]
    assert response.conversation is not None and response.conversation.id == thread.id
    items = openai.conversations.items.list(thread.id, order="asc").data
    assert [item.type for item in items] == [
        "message",
        "function_call",
        "function_call_output",
        "message",
        "message",
        "message",
    ]
    with pytest.raises(sdk.NotFoundError):  # a run is no response
        openai.responses.retrieve(run.id.replace("run_", "resp_"))


def test_an_old_client_cancels_a_response_and_deletes_its_thread(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("One."))
    thread = openai.beta.threads.create()
    response = respond(openai, "1", conversation=thread.id)
    openai.beta.threads.delete(thread.id)
    with pytest.raises(sdk.NotFoundError):
        openai.responses.retrieve(response.id)


def test_projects_do_not_see_each_others_responses(
    start: Callable[..., EmbeddedServer], endpoint: ChatEndpoint, openai: OpenAI, db: Any
) -> None:
    endpoint.answer(say("One."))
    response = respond(openai, "1")
    with db.write() as tx:
        tx.execute("UPDATE documents SET project = 'another'")
    with pytest.raises(sdk.NotFoundError):
        openai.responses.retrieve(response.id)
    with pytest.raises(sdk.BadRequestError, match="Previous response"):
        respond(openai, "2", previous_response_id=response.id)
    given: Any = [{"type": "item_reference", "id": response.output[0].id}]
    with pytest.raises(sdk.NotFoundError, match="not found"):
        respond(openai, given)


def test_what_a_chain_rests_on_is_a_thread_that_an_old_client_can_go_on_with(
    openai: OpenAI, endpoint: ChatEndpoint, db: Any
) -> None:
    endpoint.answer(say("One."), say("Two."), say("Three."))
    first = respond(openai, "1")
    with db.read() as tx:
        [(thread_id,)] = tx.execute("SELECT id FROM documents WHERE kind = 'thread'")
    assistant = openai.beta.assistants.create(model="gpt-6-luna")
    openai.beta.threads.messages.create(thread_id, role="user", content="2")
    openai.beta.threads.runs.create_and_poll(thread_id=thread_id, assistant_id=assistant.id)
    # The response has been gone on with by another API, so that the next begins a branch.
    respond(openai, "3", previous_response_id=first.id)
    assert asked(endpoint) == [("user", "1"), ("assistant", "One."), ("user", "3")]
