"""Consent to what an MCP server is to be asked: at stand-ins for the services, which alone ask."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
from openai.types.beta import AgentSessionInputParam
from pydantic import TypeAdapter

from assistctl import toolbox
from assistctl.apis.agents.converse import Conversation as AgentsConversation
from assistctl.apis.responses.converse import NOT_CALLED, Conversation, open_conversation
from assistctl.apis.transport.client import Client
from assistctl.conversation.turns import turn
from assistctl.errors import Place
from assistctl.events import Finished, ToolCalled, ToolReturned
from assistctl.resources import Assistant
from tests.apis.fault_proxy import Answer, served
from tests.apis.hosted_responses import hosted_responses

PLACE = Place("assistants/shop.yaml", 1, 1)
STOCK = {"type": "mcp", "server_label": "stock", "server_url": "https://stock.example.com/mcp"}
SHOP = Assistant("shop", PLACE, {"model": "gpt-6.1"}, own={"responses": {"tools": [STOCK]}})
NOBODY = "not_approved: stock.count needs approval, and nobody can be asked"
REFUSED = "not_approved: the user did not approve this call of stock.count"


@pytest.fixture
def hosted():
    with hosted_responses() as hosted:
        yield hosted


@pytest.fixture
def talk(hosted):
    client = Client(hosted.base_url, "key")
    yield Conversation(client, SHOP, None, "ws/shop")
    client.close()


def told(talk, root, message="How many roses?", **options):
    tools = toolbox.mount(root, ())
    events = list(turn(talk, tools, message, **options))
    assert isinstance(events[-1], Finished)
    return events


def test_a_person_is_asked_what_is_asked_of_which_server_and_then_it_is_asked(
    talk, hosted, tmp_path
):
    asked = []
    events = told(talk, tmp_path, approve=lambda call: not asked.append(call))
    (call,) = asked
    assert (call.name, call.arguments, call.server) == (
        *("stock.count", '{"flower": "rose"}', "stock"),
    )
    assert [type(it) for it in events if isinstance(it, ToolCalled | ToolReturned)] == [
        *(ToolCalled, ToolReturned),
    ]
    assert hosted.sent[0]["tools"] == [STOCK]
    assert hosted.sent[1]["input"] == [
        {"type": "mcp_approval_response", "approval_request_id": call.id, "approve": True}
    ]
    finished = events[-1]
    assert (finished.status, finished.text) == ("completed", "There are 12.")
    assert [(it.call.name, it.output, it.error) for it in finished.tool_calls] == [
        ("stock.count", "approved", None)
    ]


@pytest.mark.parametrize(
    ("options", "reason"), [({}, NOBODY), ({"approve": lambda call: False}, REFUSED)]
)
def test_without_consent_it_is_refused_and_the_model_is_told_why(
    talk, hosted, tmp_path, options, reason
):
    finished = told(talk, tmp_path, **options)[-1]
    (answer,) = hosted.sent[1]["input"]
    assert (answer["approve"], answer["reason"]) == (False, reason)
    assert finished.text == "Then I cannot say."
    assert [it.error for it in finished.tool_calls] == [reason]


def test_a_request_that_a_killed_turn_left_open_is_refused_by_the_next_message(talk, hosted):
    for _ in talk.send("How many roses?"):
        pass
    (request,) = (it for it in hosted.items if it["type"] == "mcp_approval_request")
    later = Conversation(talk.client, SHOP, None, "ws/shop", "conv_1")
    for _ in later.send("Never mind."):
        pass
    refused, message = hosted.sent[1]["input"]
    assert refused == {
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": False,
        "reason": NOT_CALLED,
    }
    assert message["type"] == "message"


ASKED = {
    "type": "mcp_approval_request",
    "turn_id": "turn_1",
    "request_id": "req_1",
    "request": {
        "type": "mcp_tool_call",
        "server_label": "stock",
        "name": "count",
        "arguments": {"flower": "rose"},
        "message": "Count the roses?",
    },
}


@contextmanager
def session_that_asks(given):
    """A target whose only session wants consent, and ends its turn with whatever is decided, which
    is put among the `given`."""
    session = {"id": "session_1", "object": "agent.session", "metadata": {}}
    waits = {**session, "status": "requires_action", "required_actions": [ASKED]}
    turn = {"id": "turn_1", "object": "agent.session.turn", "status": "in_progress"}
    begun = [
        {"type": "agent.session.created", "session": {**session, "status": "in_progress"}},
        {"type": "agent.session.turn.created", "turn": turn},
        {"type": "agent.session.requires_action", "session": waits},
    ]
    ended = [
        {"type": "agent.session.turn.completed", "turn": {**turn, "status": "completed"}},
        {"type": "agent.session.idle", "session": {**session, "status": "idle"}},
    ]

    def answer(request):
        match request.method, request.path.rpartition("/")[2].partition("?")[0]:
            case "POST", "sessions":
                return stream(begun)
            case "GET", "events":
                return stream(ended)
            case "POST", "events":
                events = json.loads(request.body)["events"]
                TypeAdapter(list[AgentSessionInputParam]).validate_python(events)
                given.extend(events)
            case "GET", "turn_1":
                return told({**turn, "status": "completed", "usage": {"total_tokens": 1}})
        return told({"id": "agent_1", "metadata": {}})

    def told(body):
        return Answer(200, json.dumps(body).encode())

    def stream(events):
        text = "".join(f"event: {it['type']}\ndata: {json.dumps(it)}\n\n" for it in events)
        return Answer(200, text.encode(), (("content-type", "text/event-stream"),))

    with served(answer) as address:
        client = Client(f"http://{address}/v1", "key")
        yield AgentsConversation(client, replace(SHOP, own={}), "agent_1", "ws/shop")
        client.close()


@pytest.mark.parametrize(
    ("options", "decision"), [({"approve": lambda call: True}, "approve"), ({}, "deny")]
)
def test_a_session_is_told_what_a_person_has_decided(tmp_path, options, decision):
    given = []
    with session_that_asks(given) as talk:
        finished = told(talk, tmp_path, **options)[-1]
    assert given == [
        {
            "type": "agent.session.input.mcp_approval_request_result",
            "request_id": "req_1",
            "response": {"type": "mcp_tool_call", "decision": decision},
        }
    ]
    assert finished.status == "completed"
    assert [(it.call.name, it.call.arguments) for it in finished.tool_calls] == [
        ("stock.count", '{"flower": "rose"}')
    ]


def test_what_a_server_is_shown_is_sent_and_never_told(hosted):
    token = "secret-of-the-stock"
    own = {"responses": {"tools": [{**STOCK, "authorization": token}]}}
    client = Client(hosted.base_url, "key")
    talk = open_conversation(client, replace(SHOP, own=own), None, "ws/shop", None)
    for _ in talk.send("How many roses?"):
        pass
    assert hosted.sent[0]["tools"][0]["authorization"] == token
    assert client.redaction.text(f"401 from stock with {token}") == "401 from stock with [redacted]"
    client.close()
