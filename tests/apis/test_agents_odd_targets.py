"""Sessions at targets that fail, want what nobody here does, or answer otherwise than the API."""

import json
from contextlib import contextmanager

import pytest

from assistctl.apis.agents import searching
from assistctl.apis.agents.converse import Conversation
from assistctl.apis.managed.ownership import uses
from assistctl.apis.transport.client import Client
from assistctl.errors import Place, RemoteError
from assistctl.events import ToolCall
from assistctl.resources import Assistant, FileSearch
from tests.apis.fault_proxy import Answer, served

EVENT_STREAM = (("content-type", "text/event-stream"),)
SESSION = {"id": "session_1", "object": "agent.session", "status": "in_progress", "metadata": {}}
TURN = {"id": "turn_1", "object": "agent.session.turn", "status": "in_progress"}
CALL = {"type": "function_call", "turn_id": "turn_1", "call_id": "call_1", "name": "file_search"}
BEGUN = {"type": "agent.session.created", "session": SESSION}
AT_WORK = {"type": "agent.session.turn.created", "turn": TURN}
WAITING = {
    "type": "agent.session.requires_action",
    "session": SESSION | {"status": "requires_action", "required_actions": [CALL]},
}


@contextmanager
def talking(*events, **answers):
    """A conversation with a target that tells these events of a new session, and answers all else
    with what is given for the last word of its path."""
    answers = {"session_1": SESSION, "agent_1": {"id": "agent_1"}, "events": {}, **answers}

    def answer(request):
        word = request.path.partition("?")[0].rpartition("/")[2]
        if request.method == "POST" and word == "sessions":
            told = "".join(f"event: {it['type']}\ndata: {json.dumps(it)}\n\n" for it in events)
            return Answer(200, told.encode(), EVENT_STREAM)
        return Answer(200, json.dumps(answers[word]).encode())

    with served(answer) as address:
        client = Client(f"http://{address}/v1", "sk-secret")
        place = Place("assistants/shop.yaml", 1, 1)
        assistant = Assistant("shop", place, {"model": "gpt-6-luna"}, (FileSearch("handbook"),))
        yield Conversation(client, assistant, "agent_1", "ws/shop")
        client.close()


def refusal(talk):
    with pytest.raises(RemoteError) as told:
        list(talk.send("hi"))
    return str(told.value)


def listed(*items):
    return {"object": "list", "data": items, "has_more": False}


def failed(error):
    session = SESSION | {"status": "failed", "error": error}
    return {"type": "agent.session.failed", "session": session}, session


@pytest.mark.parametrize("events", [[BEGUN], [BEGUN, AT_WORK]], ids=["no turn", "a turn"])
def test_a_session_that_fails_ends_the_turn_at_once_with_its_reason(events):
    event, session = failed("no container for sk-secret")
    with talking(*events, event, session_1=session) as talk:
        failure = (
            "session session_1 has failed: no container for [redacted]; begin another one, without"
            " --continue and --thread"
        )
        assert refusal(talk) == failure
        assert refusal(talk) == failure  # which one does not go on with, either


def test_a_session_that_failed_while_its_stream_was_broken_off_ends_the_turn_too():
    _, session = failed(None)
    with talking(BEGUN, session_1=session, turns=listed()) as talk:
        assert "has failed: the target does not say why; begin" in refusal(talk)


@pytest.mark.parametrize("turns", [[AT_WORK], []], ids=["heard", "read"])
def test_a_session_that_waits_for_what_only_others_can_do_says_so_at_once(turns):
    action = {"type": "environment_connection", "environment_id": "env_1"}
    session = SESSION | {"status": "requires_action", "required_actions": [action]}
    waiting = {"type": "agent.session.requires_action", "session": session}
    told = [*turns, waiting] if turns else []
    with talking(BEGUN, *told, session_1=session, turns=listed(TURN)) as talk:
        assert refusal(talk) == (
            "session session_1 waits for environment_connection, which assistctl does not do; do it"
            " elsewhere, or end the turn with --cancel-active"
        )


def without(thing, name):
    return {key: value for key, value in thing.items() if key != name}


ODD_EVENTS = {
    "session.status": BEGUN | {"session": without(SESSION, "status")},
    "session": {"type": "agent.session.idle"},
    "session.required_actions[0].call_id": WAITING
    | {"session": WAITING["session"] | {"required_actions": [without(CALL, "call_id")]}},
    "turn.id": AT_WORK | {"turn": without(TURN, "id")},
    "turn.usage.total_tokens": AT_WORK | {"turn": TURN | {"usage": {"total_tokens": "7"}}},
    "item.content[0].text": {
        "type": "agent.session.turn.item.done",
        "item": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": 7}],
        },
    },
    "delta": {"type": "agent.session.turn.output_text.delta", "delta": {"text": "7"}},
}


@pytest.mark.parametrize("place", ODD_EVENTS)
def test_an_event_of_impossible_shape_is_the_targets_fault(place):
    event = ODD_EVENTS[place]
    with talking(BEGUN, AT_WORK, event) as talk:
        told = refusal(talk)
    assert told.startswith(
        f"POST /agents/sessions ({event['type']}): in what the target answered, `{place}` of null"
    )
    assert told.endswith("that is a fault of the target, which nothing here can mend")


ODD_ANSWERS = {
    "agent_1|metadata": {"agent_1": {"id": "agent_1", "metadata": []}},
    "sessions/session_1|status": {"session_1": without(SESSION, "status")},
    "sessions/session_1/turns|error": {"turns": listed(TURN | {"error": "no"})},
    "sessions/session_1/turns/turn_1/items|content[0]": {
        "session_1": SESSION | {"status": "idle"},
        "turns": listed(TURN | {"status": "completed"}),
        "items": listed({"id": None, "type": "message", "role": "user", "content": ["hi"]}),
    },
}


@pytest.mark.parametrize("told", ODD_ANSWERS)
def test_an_answer_of_impossible_shape_is_the_targets_fault(told):
    path, place = told.split("|")
    with talking(BEGUN, **ODD_ANSWERS[told]) as talk:
        assert refusal(talk).startswith(
            f"GET /agents/{path}: in what the target answered, `{place}` of "
        )


def test_items_of_a_turn_may_lack_an_id_as_old_messages_of_users_do():
    part = {"type": "output_text", "text": "Hello."}
    theirs = {"id": None, "type": "message", "role": "user", "content": []}
    ours = {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}
    over = TURN | {"status": "completed", "usage": {"total_tokens": 7}}
    session = SESSION | {"status": "idle"}
    items = listed(theirs, ours)
    with talking(BEGUN, session_1=session, turns=listed(over), turn_1=over, items=items) as talk:
        assert list(talk.send("hi"))[-1].text == "Hello."


@pytest.mark.parametrize(
    ("hits", "place"),
    [({"data": None}, "data"), ({"data": [{"content": [{"text": 7}]}]}, "data[0].content[0].text")],
)
def test_a_search_that_is_answered_otherwise_is_an_error_that_the_model_reads(hits, place):
    agent = {"id": "agent_1", "metadata": uses((), ["vs_1"])}
    with talking(agent_1=agent, search=hits) as talk:
        output = searching.output(
            talk._search(ToolCall("call_1", "file_search", '{"query": "roses"}'))
        )
    fault = f"POST /vector_stores/vs_1/search: in what the target answered, `{place}` of null is "
    assert json.loads(output)["error"].startswith(str(fault))
