"""Responses, through the SDK: text, functions, streams, and what is refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.chat_endpoint import (
    ChatEndpoint,
    Reply,
    Stream,
    call,
    chat_endpoint_running,
    delta,
    say,
    usage,
)
from tests.server.contract import Contract
from tests.server.responses.streams import names, told

PRICE: Any = {
    "type": "function",
    "name": "price",
    "description": "The price of a flower.",
    "parameters": {
        "type": "object",
        "properties": {"of": {"type": "string"}},
        "required": ["of"],
        "additionalProperties": False,
    },
    "strict": True,
}
ANSWER_EVENTS = [
    "output_item.added",
    "content_part.added",
    "output_text.delta",
    "output_text.done",
    "content_part.done",
    "output_item.done",
]
CALL_EVENTS = [
    "output_item.added",
    "function_call_arguments.delta",
    "function_call_arguments.done",
    "output_item.done",
]


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def server(start: Callable[..., EmbeddedServer], endpoint: ChatEndpoint) -> EmbeddedServer:
    return start(model={"base_url": endpoint.url})


def respond(client: OpenAI, given: Any, **options: Any) -> Any:
    return client.responses.create(**{"model": "gpt-6-luna", "input": given, **options})


def asked(endpoint: ChatEndpoint) -> list[tuple[str, Any]]:
    """What the model was sent the last time: role and content, or the names of calls."""
    return [
        (
            message["role"],
            message["content"] or [each["function"]["name"] for each in message["tool_calls"]],
        )
        for message in endpoint.requests[-1]["messages"]
    ]


def outputs(response: Any, text: str = "8 yuan") -> list[Any]:
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": text}
        for item in response.output
        if item.type == "function_call"
    ]


def test_a_response_is_the_whole_object_that_the_api_describes(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("你好", "!", prompt=10, completion=5))
    response = respond(
        openai, "hello", instructions="Be kind.", metadata={"shop": "7"}, user="ann"
    ).to_dict()
    assert re.fullmatch("resp_[A-Za-z0-9]{24}", str(response["id"]))
    [item] = response["output"]
    assert response == {
        "id": response["id"],
        "object": "response",
        "created_at": response["created_at"],
        "completed_at": response["completed_at"],
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": "Be kind.",
        "max_output_tokens": None,
        "max_tool_calls": None,
        "model": "gpt-6-luna",
        "output": [
            {
                "id": item["id"],
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [
                    {"type": "output_text", "text": "你好!", "annotations": [], "logprobs": []}
                ],
            }
        ],
        "parallel_tool_calls": True,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "prompt_cache_retention": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 15,
        },
        "user": "ann",
        "metadata": {"shop": "7"},
        "notes": [],
    }
    assert openai.responses.retrieve(str(response["id"])).to_dict() == response
    assert asked(endpoint) == [("system", "Be kind."), ("user", "hello")]


def test_a_stream_tells_a_text_in_the_order_of_the_api(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    endpoint.answer(say("Good ", "day."))
    events = told(contract, respond(openai, "hello", stream=True))
    assert names(events) == ["created", "in_progress", *ANSWER_EVENTS, "completed"]
    deltas = [each["delta"] for each in events if each["type"] == "response.output_text.delta"]
    assert deltas == ["Good ", "day."]
    final = events[-1]["response"]
    assert final["output"][0]["content"][0]["text"] == "Good day."
    assert openai.responses.retrieve(final["id"]).to_dict() == final
    with openai.responses.stream(model="gpt-6-luna", input="hello") as stream:
        assert stream.get_final_response().output_text == "Good day."


def test_functions_are_asked_for_in_parallel_and_answered_with_the_next_response(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(
        call(("a", "price", '{"of": "rose"}'), ("b", "price", '{"of": "lily"}')), say("8 each.")
    )
    first = respond(openai, "prices?", tools=[PRICE])
    assert first.status == "completed"
    assert [(each.name, each.arguments) for each in first.output] == [
        ("price", '{"of": "rose"}'),
        ("price", '{"of": "lily"}'),
    ]
    assert openai.responses.retrieve(first.id).to_dict() == first.to_dict()
    second = respond(openai, outputs(first), previous_response_id=first.id, tools=[PRICE])
    assert second.output_text == "8 each."
    assert asked(endpoint) == [
        ("user", "prices?"),
        ("assistant", ["price", "price"]),
        ("tool", "8 yuan"),
        ("tool", "8 yuan"),
    ]
    assert endpoint.requests[0]["tools"][0]["function"]["strict"] is True


def test_a_stream_tells_calls_with_their_arguments(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    endpoint.answer(call(("a", "price", '{"of": "rose"}'), text="Let me see."))
    events = told(contract, respond(openai, "price?", tools=[PRICE], stream=True))
    assert names(events) == [
        "created",
        "in_progress",
        *ANSWER_EVENTS,
        *CALL_EVENTS,
        "completed",
    ]
    final = events[-1]["response"]
    assert [item["type"] for item in final["output"]] == ["message", "function_call"]
    done = [each["item"] for each in events if each["type"] == "response.output_item.done"]
    assert final["output"] == done
    assert openai.responses.retrieve(final["id"]).to_dict() == final


def test_a_call_that_is_not_answered_is_named(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(call(("a", "price", "{}"), ("b", "price", "{}")), say("Done."))
    first = respond(openai, "prices?", tools=[PRICE])
    given = outputs(first)
    for given_now in ("never mind", given[:1]):
        with pytest.raises(sdk.BadRequestError, match="No tool output found for function call"):
            respond(openai, given_now, previous_response_id=first.id)
    assert respond(openai, given, previous_response_id=first.id).output_text == "Done."


def test_outputs_may_come_twice_each_on_a_branch_of_its_own(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(call(("a", "price", "{}")), say("Eight."), say("Nine."))
    first = respond(openai, "price?", tools=[PRICE])
    one = respond(openai, outputs(first, "8"), previous_response_id=first.id)
    other = respond(openai, outputs(first, "9"), previous_response_id=first.id)
    assert (one.output_text, other.output_text) == ("Eight.", "Nine.")
    assert asked(endpoint)[-1] == ("tool", "9")
    assert openai.responses.retrieve(first.id).to_dict() == first.to_dict()


def test_a_response_that_failed_can_be_continued_with_all_that_came_before(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    refusing = Reply(401, {"error": {"message": "Who are you?"}})
    endpoint.answer(call(("a", "price", "{}")), refusing, say("Eight."), say("Welcome."))
    first = respond(openai, "price?", tools=[PRICE])
    failed = respond(openai, outputs(first), previous_response_id=first.id)
    assert failed.status == "failed"
    history = [("user", "price?"), ("assistant", ["price"]), ("tool", "8 yuan")]
    for said in ("go on", "go on once more"):  # the second one on a branch
        respond(openai, said, previous_response_id=failed.id)
        assert asked(endpoint) == [*history, ("user", said)]


def test_a_previous_response_brings_its_history_but_not_its_instructions_or_tools(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("One."), say("Two."), say("Three."))
    first = respond(openai, "1", instructions="Count.", tools=[PRICE])
    second = respond(openai, "2", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.instructions is None and second.tools == []
    assert "tools" not in endpoint.requests[-1]
    branch = respond(openai, "2 again", previous_response_id=first.id)
    assert asked(endpoint) == [("user", "1"), ("assistant", "One."), ("user", "2 again")]
    endpoint.answer(say("Four."))
    respond(openai, "3", previous_response_id=second.id)
    assert asked(endpoint) == [
        ("user", "1"),
        ("assistant", "One."),
        ("user", "2"),
        ("assistant", "Two."),
        ("user", "3"),
    ]
    respond(openai, "4", previous_response_id=branch.id)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "2 again", "Three.", "4"]


def test_a_conversation_holds_what_was_said_on_it(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say("One."), say("Two."))
    conversation = openai.conversations.create()
    first = respond(openai, "1", conversation=conversation.id)
    assert first.conversation is not None and first.conversation.id == conversation.id
    respond(openai, "2", conversation={"id": conversation.id})
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "2"]
    items = openai.conversations.items.list(conversation.id, order="asc").data
    assert [(item.role, item.content[0].text) for item in items] == [  # type: ignore[union-attr]
        ("user", "1"),
        ("assistant", "One."),
        ("user", "2"),
        ("assistant", "Two."),
    ]
    assert items[1].to_dict() == first.output[0].to_dict()
    # A response of a conversation can be continued elsewhere, which the conversation never sees.
    respond(openai, "aside", previous_response_id=first.id)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "aside"]
    assert len(openai.conversations.items.list(conversation.id).data) == 4


def test_what_is_sent_again_to_a_conversation_is_refused(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("One."))
    conversation = openai.conversations.create()
    first = respond(openai, "1", conversation=conversation.id)
    again: Any = [item.to_dict() for item in first.output]
    with pytest.raises(
        sdk.BadRequestError, match=f"Duplicate item found with id {first.output[0].id}"
    ):
        respond(openai, again, conversation=conversation.id)


def test_a_history_may_be_sent_whole_or_by_references(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(call(("a", "price", "{}")), say("Eight."))
    first = respond(openai, "price?", tools=[PRICE])
    history: list[Any] = [{"role": "user", "content": "price?"}]
    whole = [*history, *(item.to_dict() for item in first.output), *outputs(first)]
    referred = [
        *history,
        *({"type": "item_reference", "id": item.id} for item in first.output),
        *outputs(first),
    ]
    for given in (whole, referred):
        for store in (True, False):
            assert respond(openai, given, store=store).output_text == "Eight."
            assert asked(endpoint) == [
                ("user", "price?"),
                ("assistant", ["price"]),
                ("tool", "8 yuan"),
            ]


def test_what_is_not_stored_leaves_nothing(
    openai: OpenAI, endpoint: ChatEndpoint, server: EmbeddedServer, db: Any, contract: Contract
) -> None:
    endpoint.answer(say("A secret."), call(("a", "price", "{}")), say("A secret."))
    response = respond(openai, "whisper", store=False)
    assert (response.output_text, response.store) == ("A secret.", False)
    with pytest.raises(sdk.NotFoundError):
        openai.responses.retrieve(response.id)
    with pytest.raises(sdk.BadRequestError, match=f"'{response.id}' not found"):
        respond(openai, "and?", previous_response_id=response.id)
    assert respond(openai, "price?", store=False, tools=[PRICE]).output[0].type == "function_call"
    told(contract, respond(openai, "whisper", store=False, stream=True))
    key = {"extra_headers": {"Idempotency-Key": "k1"}}
    respond(openai, "whisper", store=False, instructions="A secret.", **key)
    with db.read() as tx:
        assert "secret" not in str(tx.execute("SELECT * FROM answers"))
        assert tx.execute("SELECT kind, body FROM documents") == []
        assert tx.execute("SELECT * FROM active_runs") == []


def test_what_is_not_stored_may_continue_what_is(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say("One."))
    conversation = openai.conversations.create()
    first = respond(openai, "1", conversation=conversation.id)
    respond(openai, "2", conversation=conversation.id, store=False)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "2"]
    respond(openai, "3", previous_response_id=first.id, store=False)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "3"]
    assert len(openai.conversations.items.list(conversation.id).data) == 2


def test_options_reach_the_model(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say('{"of": "rose"}'))
    response = respond(
        openai,
        "which?",
        temperature=0.2,
        top_p=0.9,
        max_output_tokens=100,
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
        tools=[PRICE],
        tool_choice={"type": "function", "name": "price"},
        text={
            "format": {
                "type": "json_schema",
                "name": "flower",
                "schema": PRICE["parameters"],
                "strict": True,
            }
        },
    )
    sent = endpoint.requests[-1]
    assert (sent["temperature"], sent["top_p"]) == (0.2, 0.9)
    assert sent["reasoning_effort"] == "low"
    assert sent["parallel_tool_calls"] is False
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "price"}}
    assert sent["response_format"]["json_schema"] == {
        "name": "flower",
        "schema": PRICE["parameters"],
        "strict": True,
    }
    assert 100 in (sent.get("max_completion_tokens"), sent.get("max_tokens"))
    assert response.text is not None and response.text.format.type == "json_schema"  # type: ignore[union-attr]
    assert response.tool_choice.to_dict() == {"type": "function", "name": "price"}


def test_only_allowed_tools_are_offered(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say("Well."))
    other = {**PRICE, "name": "order"}
    choice = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "price"}],
    }
    response = respond(openai, "which?", tools=[PRICE, other], tool_choice=choice)
    sent = endpoint.requests[-1]
    assert [tool["function"]["name"] for tool in sent["tools"]] == ["price"]
    assert sent["tool_choice"] == "required"
    assert [tool.name for tool in response.tools] == ["price", "order"]


def test_a_function_without_strict_is_strict_where_its_schema_allows_it(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("Well."))
    loose = {"type": "function", "name": "log", "parameters": {"type": "object", "properties": {}}}
    closed = {key: value for key, value in PRICE.items() if key != "strict"}
    response = respond(openai, "which?", tools=[loose, closed])
    assert [(tool.name, tool.strict) for tool in response.tools] == [
        ("log", False),
        ("price", True),
    ]


def test_an_answer_that_was_cut_is_incomplete(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    for finish, reason in (("length", "max_output_tokens"), ("content_filter", "content_filter")):
        endpoint.answer(say("Half an ans", finish=finish))
        response = respond(openai, "tell me", max_output_tokens=16)
        assert (response.status, response.incomplete_details.reason) == ("incomplete", reason)
        assert response.error is None
        assert response.output[0].status == "incomplete"
        assert response.output_text == "Half an ans"
        assert openai.responses.retrieve(response.id).to_dict() == response.to_dict()
        events = told(contract, respond(openai, "tell me", stream=True))
        assert names(events) == ["created", "in_progress", *ANSWER_EVENTS, "incomplete"]


def test_a_refusal_is_told_as_one(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    refusing = Stream((delta(refusal="I "), delta(refusal="won't."), delta("stop"), usage(1, 1)))
    endpoint.answer(refusing)
    events = told(contract, respond(openai, "do it", stream=True))
    assert names(events) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    [item] = events[-1]["response"]["output"]
    assert item["content"] == [{"type": "refusal", "refusal": "I won't."}]


def test_what_is_sent_again_with_the_outputs_of_its_calls_stands_in_the_history_once(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    """As some frameworks send the question and the calls beside `previous_response_id`."""
    tools: Any = [{"type": "function", "name": "log"}]
    endpoint.answer(call(("c", "log", "{}")), say("Logged."))
    question = {"role": "user", "content": [{"type": "input_text", "text": "Log it."}]}
    asking = respond(openai, [question], tools=tools)
    [called] = asking.output
    again = called.to_dict()
    del again["id"]
    output = {"type": "function_call_output", "call_id": called.call_id, "output": "ok"}
    for sent in ([question, again, output], [question, output]):
        done = respond(openai, sent, tools=tools, previous_response_id=asking.id)
        assert done.output_text == "Logged."
        roles = [message["role"] for message in endpoint.requests[-1]["messages"]]
        assert roles == ["user", "assistant", "tool"]
        given = openai.responses.input_items.list(done.id).data
        assert [item.type for item in given] == ["function_call_output"]


def test_a_function_that_is_not_waited_for_is_refused(openai: OpenAI) -> None:
    def tools(waits: bool) -> Any:
        return [{"type": "function", "name": "log", "async": not waits}]

    assert respond(openai, "hello", tools=tools(True)).tools[0].to_dict()["async"] is False
    with pytest.raises(sdk.BadRequestError) as refused:
        respond(openai, "hello", tools=tools(False))
    assert refused.value.param == "tools[0].async"


def test_a_function_call_that_breaks_off_is_told_to_its_end_as_incomplete(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    begun = {"name": "log", "arguments": '{"text": "Ro'}
    torn = delta(tool_calls=[{"index": 0, "id": "c", "type": "function", "function": begun}])
    endpoint.answer(Stream((torn,), done=False))
    events = told(
        contract, respond(openai, "log", stream=True, tools=[{"type": "function", "name": "log"}])
    )
    assert names(events)[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "failed",
    ]
    [item] = events[-1]["response"]["output"]
    assert (item["arguments"], item["status"]) == (begun["arguments"], "incomplete")
    assert openai.responses.retrieve(events[-1]["response"]["id"]).output[0].to_dict() == item
    endpoint.answer(say("Anew."))
    last = events[-1]["response"]["id"]
    assert respond(openai, "again", previous_response_id=last).output_text == "Anew."


@pytest.mark.parametrize("cut", [False, True])
def test_a_call_that_was_told_as_completed_stays_so_when_the_next_breaks_off(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract, cut: bool
) -> None:
    parts = [
        delta(tool_calls=[{"index": at, "id": f"c{at}", "type": "function", "function": function}])
        for at, text in enumerate(('{"text": "Rose"}', '{"text": "Tul'))
        for function in [{"name": "log", "arguments": text}]
    ]
    endpoint.answer(Stream((*parts, delta("length")) if cut else tuple(parts), done=cut))
    tools = [{"type": "function", "name": "log"}]
    events = told(contract, respond(openai, "log", stream=True, tools=tools))
    last = events[-1]["response"]
    assert last["status"] == ("incomplete" if cut else "failed")
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [item["status"] for item in items] == ["completed", "incomplete"]
    assert items == last["output"] == openai.responses.retrieve(last["id"]).to_dict()["output"]


@pytest.mark.parametrize("torn", [False, True])
def test_a_call_ends_before_the_next_one_begins_unless_more_of_its_arguments_may_come(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract, torn: bool
) -> None:
    begun = [
        {"index": index, "id": f"c{index}", "type": "function", "function": function}
        for index in (0, 1)
        for function in [{"name": "log", "arguments": f'{{"text": "{index}'}]
    ]
    rest = [{"index": index, "function": {"arguments": '"}'}} for index in (0, 1)]
    sent = [*begun, *rest] if torn else [begun[0], rest[0], begun[1], rest[1]]
    parts = [delta(tool_calls=[each]) for each in sent]
    endpoint.answer(Stream((*parts, delta("tool_calls"))))
    tools = [{"type": "function", "name": "log"}]
    events = told(contract, respond(openai, "log", stream=True, tools=tools))
    opened = ["output_item.added", "function_call_arguments.delta"]
    ended = ["function_call_arguments.done", "output_item.done"]
    assert names(events)[2:-1] == (opened * 2 + ended * 2 if torn else (opened + ended) * 2)
    items = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert items == events[-1]["response"]["output"]
    assert [item["arguments"] for item in items] == ['{"text": "0"}', '{"text": "1"}']


def test_reasoning_of_a_responses_endpoint_is_an_item_and_goes_back_to_it(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: ChatEndpoint,
    contract: Contract,
) -> None:
    thought = {
        "type": "reasoning",
        "id": "rs_theirs",
        "summary": [{"type": "summary_text", "text": "Roses are 8."}],
        "encrypted_content": "gAAA",
    }
    said = {
        "type": "message",
        "id": "msg_theirs",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Eight.", "annotations": []}],
    }
    theirs = [
        {"type": "response.output_item.done", "output_index": 0, "item": thought},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "Eight."},
        {"type": "response.output_item.done", "output_index": 1, "item": said},
        {
            "type": "response.completed",
            "response": {
                "status": "completed",
                "output": [thought, said],
                "usage": {
                    "input_tokens": 9,
                    "output_tokens": 4,
                    "output_tokens_details": {"reasoning_tokens": 3},
                },
            },
        },
    ]
    endpoint.answer(Stream(tuple(theirs)))
    client = connect(start(model={"base_url": endpoint.url, "api": "responses"}))
    include: Any = ["reasoning.encrypted_content"]
    events = told(contract, respond(client, "price?", stream=True, include=include))
    assert names(events)[-7:] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "completed",
    ]
    final = events[-1]["response"]
    [message, reasoning] = final["output"]
    assert message["content"][0]["text"] == "Eight."
    assert (reasoning["summary"], reasoning["encrypted_content"]) == (thought["summary"], "gAAA")
    assert final["usage"]["output_tokens_details"] == {"reasoning_tokens": 3}
    plain = client.responses.retrieve(final["id"]).output[1].to_dict()
    assert plain == {key: each for key, each in reasoning.items() if key != "encrypted_content"}
    respond(client, "and?", previous_response_id=final["id"])
    assert [item.get("type") for item in endpoint.requests[-1]["input"]][1] == "reasoning"


def test_a_model_that_fails_fails_the_response(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    endpoint.answer(Reply(401, {"error": {"message": "Who are you?"}}))
    response = respond(openai, "hello")
    assert response.status == "failed"
    assert response.error.code == "server_error"
    assert "Who are you?" in response.error.message
    events = told(contract, respond(openai, "hello", stream=True))
    assert names(events) == ["created", "in_progress", "failed"]


def test_too_long_an_input_fails_unless_it_may_be_shortened(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    too_long = Reply(
        400,
        {
            "error": {
                "message": "This model's maximum context length is 50 tokens.",
                "code": "context_length_exceeded",
            }
        },
    )
    endpoint.answer(say("One."))
    conversation = openai.conversations.create()
    respond(openai, "1 " * 100, conversation=conversation.id)
    endpoint.answer(too_long)
    assert respond(openai, "2", conversation=conversation.id).status == "failed"
    endpoint.answer(too_long, say("Short."))
    response = respond(openai, "3", conversation=conversation.id, truncation="auto")
    assert (response.output_text, response.truncation) == ("Short.", "auto")


def test_instructions_amid_the_input_and_pictures_reach_the_model(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("A rose."))
    picture = "data:image/png;base64,iVBORw0KGgo="
    file = openai.files.create(file=("rose.png", b"\x89PNG\r\n\x1a\n"), purpose="vision")
    given = [
        {"role": "developer", "content": "Be short."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": picture},
                {"type": "input_image", "file_id": file.id},
            ],
        },
    ]
    response = respond(openai, given)
    [instruction, question] = endpoint.requests[-1]["messages"]
    assert instruction == {"role": "system", "content": "Be short."}
    assert [part["type"] for part in question["content"]] == ["text", "image_url", "image_url"]
    items = openai.responses.input_items.list(response.id, order="asc").data
    assert [(item.role, len(item.content)) for item in items] == [("developer", 1), ("user", 3)]  # type: ignore[union-attr]


def test_the_text_of_files_in_the_input_reaches_the_model(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("It costs 8."))
    file = openai.files.create(file=("prices.csv", b"rose,8\n"), purpose="user_data")
    encoded = "data:text/plain;base64," + base64.b64encode("Lily: 9 元".encode()).decode()
    given = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "How much?"},
                {"type": "input_file", "file_id": file.id},
                {"type": "input_file", "filename": "more.txt", "file_data": encoded},
            ],
        }
    ]
    first = respond(openai, given)
    told_of = "File prices.csv:\n\nrose,8\n\nFile more.txt:\n\nLily: 9 元\nHow much?"
    assert asked(endpoint) == [("user", told_of)]
    [item] = openai.responses.input_items.list(first.id).data
    assert [part.type for part in item.content] == ["input_text", "input_file", "input_file"]  # type: ignore[union-attr]
    respond(openai, [{"type": "item_reference", "id": item.id}])
    assert asked(endpoint) == [("user", told_of)]
    respond(openai, "and?", previous_response_id=first.id)
    assert asked(endpoint)[0] == ("user", told_of)
    broken: Any = [{**given[0], "content": [{"type": "input_file", "filename": "a.pdf"}]}]
    for data, words in (
        ("data:application/pdf;base64,AAAA", "The file 'a.pdf' cannot be used as input"),
        ("no base64!", "expected Base64"),
    ):
        broken[0]["content"][0]["file_data"] = data
        with pytest.raises(sdk.BadRequestError, match=words):
            respond(openai, broken)


def test_input_items_are_those_of_the_request_in_pages(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("One."))
    first = respond(openai, "0")
    given = [{"role": "user", "content": str(number)} for number in range(1, 4)]
    second = respond(openai, given, previous_response_id=first.id)

    def page(**options: Any) -> tuple[list[str], bool]:
        listed = openai.responses.input_items.list(second.id, **options)
        return [item.content[0].text for item in listed.data], listed.has_more  # type: ignore

    assert page() == (["3", "2", "1"], False)
    assert page(order="asc", limit=2) == (["1", "2"], True)
    every = list(openai.responses.input_items.list(second.id, order="asc", limit=2))
    assert [item.content[0].text for item in every] == ["1", "2", "3"]  # type: ignore
    with pytest.raises(sdk.BadRequestError, match="no item with id 'msg_x'"):
        page(after="msg_x")


def test_tokens_are_counted_without_a_trace(
    openai: OpenAI, endpoint: ChatEndpoint, db: Any
) -> None:
    few = openai.responses.input_tokens.count(input="hello")
    more = openai.responses.input_tokens.count(
        model="gpt-6-luna", input="hello", tools=[PRICE], instructions="Be kind, be short."
    )
    assert few.object == "response.input_tokens"
    assert 0 < few.input_tokens < more.input_tokens
    with db.read() as tx:
        assert tx.execute("SELECT * FROM documents") == []
    assert endpoint.requests == []


def test_a_deleted_response_is_gone_and_those_that_continue_it_go_on(
    openai: OpenAI, endpoint: ChatEndpoint, db: Any
) -> None:
    endpoint.answer(say("One."))
    first = respond(openai, "1")
    second = respond(openai, "2", previous_response_id=first.id)
    openai.responses.delete(first.id)
    with pytest.raises(sdk.NotFoundError, match=f"Response with id '{first.id}' not found"):
        openai.responses.retrieve(first.id)
    with pytest.raises(sdk.NotFoundError):
        openai.responses.delete(first.id)
    third = respond(openai, "3", previous_response_id=second.id)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "2", "One.", "3"]
    openai.responses.delete(third.id)
    respond(openai, "3 again", previous_response_id=second.id)
    assert [text for _, text in asked(endpoint)] == ["1", "One.", "2", "One.", "3 again"]
    for response in (second.id,):
        openai.responses.delete(response)
    alone = respond(openai, "alone")
    openai.responses.delete(alone.id)
    with db.read() as tx:
        assert tx.execute("SELECT * FROM documents WHERE body LIKE '%alone%'") == []


def test_outputs_go_with_the_response_that_brought_them(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(call(("a", "price", "{}")), say("Eight."), say("Nine."))
    first = respond(openai, "price?", tools=[PRICE])
    second = respond(openai, outputs(first, "8"), previous_response_id=first.id)
    openai.responses.delete(second.id)
    assert openai.responses.retrieve(first.id).to_dict() == first.to_dict()
    with pytest.raises(sdk.BadRequestError, match="No tool output found"):
        respond(openai, "well?", previous_response_id=first.id)
    third = respond(openai, outputs(first, "9"), previous_response_id=first.id)
    assert third.output_text == "Nine."
    assert asked(endpoint)[-1] == ("tool", "9")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tools": [{"type": "web_search"}]}, "tool 'web_search' is not available"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tool 'mcp' is not available"),
        ({"tools": [{"type": "image_generation"}]}, "tool 'image_generation' is not available"),
        ({"tools": [{"type": "computer_use_preview"}]}, "'computer_use_preview' is not available"),
        ({"tool_choice": {"type": "function", "name": "x"}}, "Tool choice 'x' not found"),
        ({"tool_choice": "required"}, "'required' must be specified with 'tools' parameter"),
        ({"prompt": {"id": "pmpt_1"}}, "'prompt' is not supported by this server"),
        ({"include": ["message.output_text.logprobs"]}, "log probabilities are not kept"),
        ({"include": ["everything"]}, "Invalid value: 'everything'"),
        ({"top_logprobs": 3}, "log probabilities are not kept"),
        ({"colour": "red"}, "Unknown parameter: 'colour'"),
        ({"conversation": "conv_1", "previous_response_id": "resp_1"}, "Mutually exclusive"),
        ({"previous_response_id": "resp_1"}, "Previous response with id 'resp_1' not found"),
        ({"background": True, "store": False}, "Background responses are stored"),
        ({"max_output_tokens": 1}, "Expected a value >= 16"),
        ({"input": [{"type": "computer_call_output"}]}, "Invalid value: 'computer_call_output'"),
        ({"input": None}, "Missing required parameter: 'input'"),
        ({"model": None}, "Missing required parameter: 'model'|expected a string"),
    ],
)
def test_what_this_server_cannot_do_is_refused_by_its_name(
    openai: OpenAI, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(sdk.BadRequestError, match=words):
        openai.responses.create(model="gpt-6-luna", input="hello", extra_body=options)


def test_what_codex_says_of_itself_changes_nothing(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say("Hello."))
    said = {"client_metadata": {"session_id": "1", "x-codex-turn-metadata": "{}"}}
    response = openai.responses.create(model="gpt-6-luna", input="hello", extra_body=said)
    assert (response.output_text, response.metadata) == ("Hello.", {})


def test_what_is_not_there_is_not_found(openai: OpenAI) -> None:
    with pytest.raises(sdk.NotFoundError, match="Conversation with id 'conv_1' not found"):
        respond(openai, "hello", conversation="conv_1")
    search = {"type": "file_search", "vector_store_ids": ["vs_1"]}
    with pytest.raises(sdk.NotFoundError, match="No vector store found with id 'vs_1'"):
        respond(openai, "hello", tools=[search])
    with pytest.raises(sdk.NotFoundError, match="Response with id 'resp_1' not found"):
        openai.responses.retrieve("resp_1")
