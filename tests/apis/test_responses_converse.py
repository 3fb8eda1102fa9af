"""Conversations of responses with the embedded server's scripted model, over a real socket."""

import json
from contextlib import contextmanager

import pytest

from assistctl.apis.responses.converse import NOT_CALLED, Conversation
from assistctl.apis.transport.client import Client
from assistctl.conversation.turns import turn
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Finished,
)
from assistctl.resources import Assistant, CodeInterpreter
from assistctl.server import EmbeddedServer, Settings
from tests.apis.fault_proxy import Answer, answer_lost, error
from tests.apis.talks import FUNCTIONS, PLACE, SCRIPT, Echo, contents, posted


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    database = tmp_path_factory.mktemp("responses") / "local.db"
    with EmbeddedServer(
        Settings(database, model="scripted", scripts={"ws/shop": SCRIPT})
    ) as server:
        yield server


@contextmanager
def talking(base_url, api_key, thread=None, *tools, **more):
    client = Client(base_url, api_key)
    stand_in = client.create("/vector_stores", {"name": "shop"})
    assistant = Assistant(
        "shop", PLACE, {"model": "gpt-6-luna", "instructions": "Sell."}, FUNCTIONS + tools, **more
    )
    yield Conversation(client, assistant, stand_in["id"], "ws/shop", thread)
    client.close()


@pytest.fixture
def talk(server):
    with talking(server.base_url, server.api_key) as talk:
        yield talk


@pytest.fixture
def far(server, proxy):
    """A conversation with the target behind a proxy."""
    with talking(proxy.base_url, server.api_key) as talk:
        yield talk


def asked(proxy):
    return posted(proxy, "/v1/responses")


def items(talk):
    return contents(talk, f"/conversations/{talk.thread}/items")


def without_conversations(number, request):
    return error(404) if "/conversations" in request.path else None


def test_what_an_assistant_is_goes_with_each_response(server, proxy):
    declared = {
        "run": {"tool_choice": "required", "max_completion_tokens": 500},
        "own": {"responses": {"service_tier": "flex", "reasoning": {"summary": "auto"}}},
    }
    with talking(proxy.base_url, server.api_key, None, CodeInterpreter(), **declared) as talk:
        finished = list(turn(talk, Echo(), "3 roses sold"))[-1]
    assert finished.text == "Saved 7."
    first, second = asked(proxy)
    function = {"type": "function", "parameters": {"type": "object"}, "strict": False}
    same = {
        "model": "gpt-6-luna",
        "instructions": "Sell.",
        "tools": [
            {**function, "name": "save_bill", "description": "Does it."},
            {**function, "name": "refund", "description": "Does it."},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ],
        "reasoning": {"summary": "auto"},
        "service_tier": "flex",
        "truncation": "auto",
        "include": ["code_interpreter_call.outputs"],
        "metadata": {"assistctl": "ws/shop"},
        "conversation": talk.thread,
        "stream": True,
    }
    text = [{"type": "input_text", "text": "3 roses sold"}]
    assert first == {
        **same,
        "tool_choice": "required",
        "max_output_tokens": 500,
        "input": [{"type": "message", "role": "user", "content": text}],
    }
    (output,) = second["input"]
    assert (output["type"], output["output"]) == ("function_call_output", 'got {"total": 7}')
    assert second.keys() == first.keys() - {"tool_choice"}
    assert 16 <= second.pop("max_output_tokens") < 500


def test_a_thread_of_the_other_api_can_be_gone_on_with(server, talk):
    old = talk.client.create("/threads", {"messages": [{"role": "user", "content": "Hello?"}]})
    with talking(server.base_url, server.api_key, old["id"]) as again:
        assert list(again.send("hi"))[-1].text == "Hello there."
    messages = list(talk.client.list(f"/threads/{old['id']}/messages", order="asc"))
    assert [it["role"] for it in messages] == ["user", "user", "assistant"]


def test_calls_that_a_killed_turn_left_open_are_answered_first(server, talk):
    assert isinstance(list(talk.send("sold"))[-1], ActionRequired)
    with talking(server.base_url, server.api_key, talk.thread) as again:
        assert list(again.send("hi"))[-1].text == "Hello there."
    assert items(talk) == [
        ("message", "user"),
        ("function_call", "save_bill"),
        ("function_call_output", NOT_CALLED),
        ("message", "user"),
        ("message", "assistant"),
    ]


def test_a_conversation_that_is_busy_is_told_as_a_refusal_and_not_asked_again(far, proxy):
    proxy.fault = lambda number, request: error(409) if request.path == "/v1/responses" else None
    with pytest.raises(RemoteError) as told:
        list(far.send("hi"))
    assert str(told.value) == (
        "POST /responses: 409 fault 409; nothing was taken; wait until what keeps the conversation"
        " busy has ended"
    )
    assert len(asked(proxy)) == 1


def test_a_request_whose_answer_is_lost_is_not_sent_again(far, proxy):
    proxy.fault = lambda number, request: (
        answer_lost if request.method == "POST" and request.path == "/v1/responses" else None
    )
    with pytest.raises(RemoteError, match=r"whether it was taken is not known: see conv_"):
        list(far.send("hi"))
    assert len(asked(proxy)) == 1


def test_a_request_that_was_not_begun_is_sent_again(far, proxy):
    refusals = iter([error(429, retry_after_ms="10")])
    proxy.fault = lambda number, request: (
        next(refusals, None) if request.path == "/v1/responses" else None
    )
    assert list(far.send("hi"))[-1].status == "completed"
    assert len(asked(proxy)) == 2


def test_where_a_server_has_no_conversations_each_response_names_the_one_before(far, proxy, server):
    proxy.fault = without_conversations
    first = list(turn(far, Echo(), "3 roses sold"))
    assert (first[-1].status, first[-1].text) == ("completed", "Saved 7.")
    assert far.thread == first[-1].thread == first[-1].run
    assert [type(it).__name__ for it in first[:2]] == ["ThreadStarted", "RunStarted"]
    list(far.send("hi"))
    started, answered, third = asked(proxy)
    assert "previous_response_id" not in started
    assert answered["previous_response_id"] == first[0].thread
    assert third["previous_response_id"] == first[-1].run
    with talking(proxy.base_url, server.api_key, far.thread) as again:
        list(again.send("hi"))
    assert asked(proxy)[-1]["previous_response_id"] == far.thread


def test_calls_left_open_in_a_chain_are_answered_first(far, proxy, server):
    proxy.fault = without_conversations
    assert isinstance(list(far.send("sold"))[-1], ActionRequired)
    with talking(proxy.base_url, server.api_key, far.thread) as again:
        assert list(again.send("hi"))[-1].text == "Hello there."
    assert [it["type"] for it in asked(proxy)[-1]["input"]] == ["function_call_output", "message"]


def refuses_the_first_outputs():
    """A target that has no conversations and once cannot take the outputs of calls."""
    refused = []

    def fault(number, request):
        outputs = request.method == "POST" and b'"function_call_output"' in (request.body or b"")
        if outputs and not refused:
            refused.append(number)
            return error(400)
        return without_conversations(number, request)

    return fault


def test_calls_whose_outputs_were_refused_in_a_chain_are_answered_first(far, proxy):
    proxy.fault = refuses_the_first_outputs()
    with pytest.raises(RemoteError):
        list(turn(far, Echo(), "3 roses sold"))
    assert list(far.send("hi"))[-1].text == "Hello there."
    assert [it["type"] for it in asked(proxy)[-1]["input"]] == ["function_call_output", "message"]


def test_a_file_for_code_goes_into_the_container_and_another_into_the_message(
    server, proxy, tmp_path
):
    path = tmp_path / "note.txt"
    path.write_text("Roses are red.")
    with talking(proxy.base_url, server.api_key, None, CodeInterpreter()) as talk:
        with path.open("rb") as file:
            upload = talk.client.send("/files", "file", "note.txt", file, {"purpose": "assistants"})
        for kind in ("code_interpreter", "file_search"):
            list(talk.send("hi", [{"file_id": upload["id"], "tools": [{"type": kind}]}]))
    first, second = asked(proxy)
    code = {"type": "code_interpreter", "container": {"type": "auto", "file_ids": [upload["id"]]}}
    assert code in first["tools"]
    assert code in second["tools"]
    assert [it["type"] for it in first["input"][0]["content"]] == ["input_text"]
    assert second["input"][0]["content"][1] == {"type": "input_file", "file_id": upload["id"]}


def test_a_server_that_has_responses_and_nothing_else_will_do(far, proxy):
    proxy.fault = lambda number, request: None if "/responses" in request.path else error(404)
    far.stand_in = None
    assert list(turn(far, Echo(), "3 roses sold"))[-1].text == "Saved 7."


def test_a_conversation_does_not_tell_what_keeps_it_busy(server, talk):
    list(talk.send("hi"))
    with pytest.raises(AssistctlError, match="does not tell which response keeps it busy"):
        talk.cancel_active_run()


def test_a_model_that_is_not_there_is_an_error(server, proxy):
    proxy.fault = lambda number, request: error(404) if "/responses" in request.path else None
    with talking(proxy.base_url, server.api_key) as talk:
        talk._just_made = False
        client, talk.thread = talk.client, talk.client.create("/conversations", {})["id"]
        with pytest.raises(RemoteError, match="POST /responses: 404"):
            list(talk.send("hi"))
    assert client is talk.client


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (
            {"type": "response.completed", "response": {"id": "resp_1", "output": {}}},
            "`response.output` of null is {} instead of a list",
        ),
        (
            {"type": "response.output_text.delta", "item_id": "msg_1", "delta": 7},
            "`delta` of null is 7 instead of a text",
        ),
    ],
)
def test_events_of_an_impossible_shape_are_the_targets_fault(far, proxy, event, fault):
    answer = Answer(
        200,
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode(),
        (("content-type", "text/event-stream"),),
    )
    proxy.fault = lambda number, request: (
        (lambda request, forward: answer) if request.path == "/v1/responses" else None
    )
    with pytest.raises(RemoteError) as caught:
        list(far.send("hi"))
    assert fault in str(caught.value)
    assert "that is a fault of the target" in str(caught.value)


def test_finished_says_why_a_response_failed(talk):
    failed = {"id": "resp_1", "status": "failed", "error": {"code": "server_error", "message": "x"}}
    list(talk._read({"type": "response.failed", "response": failed}))
    assert talk.finished() == Finished(
        "failed", "resp_1", "resp_1", "", None, "server_error: x", code="server_error"
    )
    cut = {"id": "resp_1", "status": "incomplete", "incomplete_details": {"reason": "max_tokens"}}
    list(talk._read({"type": "response.incomplete", "response": cut}))
    assert talk.finished().error == "stopped early: max_tokens"
