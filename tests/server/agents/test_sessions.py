"""Sessions through the SDK and its helpers: turns, functions, steering, and what is refused."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI
from openai.lib.beta.agents import AgentTurnResultError

from assistctl.server import EmbeddedServer
from assistctl.server.agents_api import session_routes
from tests.server.agents.help import (
    BEGINNING,
    END,
    NONE,
    WORDS,
    WORDS_END,
    begin,
    function,
    items,
    make_agent,
    message,
    names,
    result,
    session_of,
)
from tests.server.chat_endpoint import ChatEndpoint, Reply, call, say
from tests.server.runs_help import SCRIPTS

Told = Callable[..., list[dict[str, Any]]]
Send = Callable[..., Any]


def test_a_session_has_used_what_all_of_its_turns_have(openai: OpenAI, told: Told) -> None:
    session_id = session_of(told(begin(openai, make_agent(openai), "hello")))
    sessions = openai.beta.agents.sessions
    for number in range(3):
        with sessions.events.stream(session_id) as events:
            sessions.events.create(session_id, events=[message(f"hello {number}")])
            told(events, until="agent.session.idle")
        turns = [turn.to_dict()["usage"] for turn in sessions.turns.list(session_id)]
        total = sum(usage["total_tokens"] for usage in turns)
        assert (len(turns), sessions.retrieve(session_id).usage.total_tokens) == (number + 2, total)


def test_the_stream_of_a_first_turn_tells_all_of_it_and_ends_with_it(
    openai: OpenAI, told: Told
) -> None:
    heard = told(begin(openai, make_agent(openai), "hello"))
    assert names(heard) == ["agent.session.created", *BEGINNING, *WORDS, *WORDS_END, *END]
    session_id = session_of(heard)
    [turn] = openai.beta.agents.sessions.turns.list(session_id)
    created, asked, *rest = (event for event in heard if "item" in event)
    deltas = [event for event in heard if event["type"].endswith("output_text.delta")]
    assert "".join(event["delta"] for event in deltas) == "Good day to you."
    assert [created["item"], rest[-1]["item"]] == items(openai, session_id)
    assert (created["output_index"], asked["output_index"]) == (None, 0)
    assert created["item"] == {
        "id": created["item"]["id"],
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": "hello"}],
        "phase": None,
        "turn_id": turn.id,
    }
    assert rest[-1]["item"] == {
        "id": asked["item"]["id"],
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": "Good day to you."}],
        "phase": "final_answer",
        "turn_id": turn.id,
    }
    completed, idle = heard[-2:]
    assert completed["turn"] == turn.to_dict()
    assert completed["usage"] == completed["turn"]["usage"]
    assert completed["usage"]["total_tokens"] > 0
    assert idle["session"] == openai.beta.agents.sessions.retrieve(session_id).to_dict()


def test_a_session_shows_its_agent_and_where_it_stands(openai: OpenAI) -> None:
    agent_id = make_agent(openai, name="花店", tools=[function("log"), {"type": "tool_search"}])
    made = openai.beta.agents.sessions.create(
        agent_id=agent_id,
        agent={"model": "gpt-6.1"},
        environment=NONE,
        input="hello",
        metadata={"customer": "7"},
        prompt_cache_options={"ttl": "30m"},
    )
    while openai.beta.agents.sessions.retrieve(made.id).status != "idle":
        time.sleep(0.02)
    seen = openai.beta.agents.sessions.retrieve(made.id).to_dict()
    usage: Any = seen["usage"]
    assert seen == {
        "id": made.id,
        "object": "agent.session",
        "created_at": made.created_at,
        "last_active_at": seen["last_active_at"],
        "status": "idle",
        "error": None,
        "required_actions": [],
        "agent": {
            "id": agent_id,
            "name": "花店",
            "model": "gpt-6.1",
            "instructions": "Be kind.",
            "reasoning": {"effort": None, "summary": None},
            "service_tier": "auto",
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tools": [{**function("log"), "defer_loading": False}],
            "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
            "compaction": {"async": False},
            "experimental": {"time_awareness": False},
        },
        "environment": {"type": "none"},
        "metadata": {"customer": "7"},
        "prompt_cache_options": {"ttl": "30m"},
        "usage": usage,
        "vault_ids": [],
    }
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] > 0


def test_the_helpers_of_the_sdk_call_functions_and_find_the_answer(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    """Also where a call is known only after it was told of, as happens at OpenAI."""
    client = connect(start(scripts=SCRIPTS, late_calls=0.2))
    called: list[Any] = []
    handlers: Any = {"save_bill": lambda given: called.append(given) or {"saved": True}}
    first = begin(client, make_agent(client), "bill", tool_handlers=handlers).get_final_result()
    assert first.output_text == "The bill is saved."
    assert called == [{"totalCost": 12, "totalIncome": 30}]
    sessions = client.beta.agents.sessions
    with sessions.stream(first.session_id, input="hello", tool_handlers=handlers) as stream:
        assert stream.get_final_result().output_text == "Good day to you."
    kinds = [(item["type"], item.get("output")) for item in items(client, first.session_id)]
    assert kinds == [
        ("message", None),
        ("function_call", None),
        ("function_call_output", '{"saved":true}'),
        ("message", None),
        ("message", None),
        ("message", None),
    ]
    assert [turn.status for turn in sessions.turns.list(first.session_id)] == ["completed"] * 2


def test_a_function_that_fails_is_told_to_the_model_and_shown_as_failed(
    modelled: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(call(("c1", "save_bill", "{}")), say("I could not."))

    def fail(given: Any) -> Any:
        raise ValueError(given)

    handlers: Any = {"save_bill": fail}
    done = begin(modelled, make_agent(modelled), "bill", tool_handlers=handlers).get_final_result()
    assert done.output_text == "I could not."
    _, called, output, _ = items(modelled, done.session_id)
    assert (called["status"], called["arguments"]) == ("completed", {})
    assert {**output, "id": ""} == {
        "id": "",
        "type": "function_call_output",
        "call_id": called["call_id"],
        "output": None,
        "error": "Tool handler failed.",
        "status": "failed",
        "turn_id": done.turn_id,
    }
    [told] = [m for m in endpoint.requests[-1]["messages"] if m["role"] == "tool"]
    assert told["content"] == "Tool handler failed."


def test_a_turn_goes_on_once_every_parallel_call_is_answered(openai: OpenAI, told: Told) -> None:
    stream = begin(openai, make_agent(openai), "both")
    heard = told(stream, until="agent.session.requires_action")
    session_id = session_of(heard)
    sessions = openai.beta.agents.sessions
    first, second = (e["item"] for e in heard if e.get("item", {}).get("type") == "function_call")
    keys = ("turn_id", "call_id", "name", "arguments")
    actions = [{"type": "function_call", **{k: it[k] for k in keys}} for it in (first, second)]
    assert heard[-1]["session"]["required_actions"] == actions
    [turn] = sessions.turns.list(session_id)
    assert (turn.status, sessions.retrieve(session_id).status) == ("waiting", "requires_action")

    sessions.events.create(session_id, events=[result(second, "logged")])
    waiting = sessions.retrieve(session_id).to_dict()
    assert (waiting["status"], waiting["required_actions"]) == ("requires_action", actions[:1])
    for wrong in (second, {**first, "call_id": "call_x"}, {**first, "turn_id": "turn_x"}):
        with pytest.raises(sdk.BadRequestError) as refusal:
            sessions.events.create(session_id, events=[result(wrong, "again")])
        assert refusal.value.body == {
            "message": f"Unknown pending tool call: {wrong['call_id']}",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_request_error",
        }

    sessions.events.create(session_id, events=[result(first, "saved")])
    rest = told(stream)
    done, added = "agent.session.turn.item.done", "agent.session.turn.item.added"
    goes_on = ["agent.session.in_progress", *WORDS, *WORDS_END, *END]
    assert names(rest) == [done, added, done, added, *goes_on]
    assert [e["output_index"] for e in rest if "item" in e] == [1, None, 0, None, 2, 2]
    assert [item["type"] for item in items(openai, session_id)] == [
        "message",
        *("function_call", "function_call_output") * 2,
        "message",
    ]


def test_words_beside_calls_are_commentary_and_not_the_answer(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(call(("c1", "log", '{"a": 1}'), text="Let me see."), say("Done."))
    stream = begin(modelled, make_agent(modelled), "x", tool_handlers={"log": lambda given: "ok"})
    heard = told(stream)
    ended = [e["item"] for e in heard if e["type"] == "agent.session.turn.item.done"]
    assert [(it["type"], it.get("phase")) for it in ended] == [
        ("message", "commentary"),
        ("function_call", None),
        ("message", "final_answer"),
    ]
    stored = items(modelled, session_of(heard))
    assert ended == [it for it in stored if it["type"] != "function_call_output"][1:]


def test_a_message_during_a_turn_steers_it_behind_the_answer_that_could_not_know_it(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("Red ", go_on, "roses."), say("Blue ones."))
    stream = begin(modelled, make_agent(modelled), "Which?")
    heard = told(stream, until="agent.session.turn.output_text.delta")
    session_id = session_of(heard)
    sessions = modelled.beta.agents.sessions
    sessions.events.create(session_id, events=[message("Not red.")])
    go_on.set()
    rest = told(stream)
    assert names(rest)[-2:] == END
    said = [
        (it["role"], it["content"][0]["text"], it["phase"]) for it in items(modelled, session_id)
    ]
    assert said == [
        ("user", "Which?", None),
        ("assistant", "Red roses.", "commentary"),
        ("user", "Not red.", None),
        ("assistant", "Blue ones.", "final_answer"),
    ]
    asked = [(m["role"], m["content"]) for m in endpoint.requests[-1]["messages"]]
    assert asked == [
        ("system", "Be kind."),
        ("user", "Which?"),
        ("assistant", "Red roses."),
        ("user", "Not red."),
    ]
    assert len(list(sessions.turns.list(session_id))) == 1


def test_a_turn_at_work_is_cancelled_and_the_session_goes_on(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("Red ", go_on, "roses."), say("Yes."))
    stream = begin(modelled, make_agent(modelled), "Which?")
    session_id = session_of(told(stream, until="agent.session.turn.output_text.delta"))
    sessions = modelled.beta.agents.sessions
    with pytest.raises(sdk.ConflictError, match="is running and cannot be deleted"):
        sessions.delete(session_id)
    sessions.events.create(session_id, events=[{"type": "agent.session.input.cancel"}])
    rest = told(stream)
    go_on.set()
    cancelled = ["agent.session.turn.cancelled", "agent.session.idle"]
    assert names(rest) == [*WORDS_END, *cancelled]
    [turn] = sessions.turns.list(session_id)
    assert (turn.status, turn.error) == ("cancelled", None)
    assert items(modelled, session_id)[-1]["status"] == "incomplete"
    sessions.events.create(session_id, events=[{"type": "agent.session.input.cancel"}])
    with sessions.stream(session_id, input="And now?") as again:
        assert again.get_final_result().output_text == "Yes."


def test_a_turn_that_waits_for_a_function_is_cancelled_at_once(openai: OpenAI, told: Told) -> None:
    stream = begin(openai, make_agent(openai), "bill")
    session_id = session_of(told(stream, until="agent.session.requires_action"))
    sessions = openai.beta.agents.sessions
    sessions.events.create(session_id, events=[{"type": "agent.session.input.cancel"}])
    assert sessions.retrieve(session_id).status == "idle"
    assert names(told(stream)) == ["agent.session.turn.cancelled", "agent.session.idle"]
    assert items(openai, session_id)[-1]["status"] == "incomplete"
    assert sessions.delete(session_id).to_dict() == {
        "id": session_id,
        "object": "agent.session.deleted",
        "deleted": True,
    }
    for gone in (sessions.delete, sessions.retrieve, sessions.items.list, sessions.turns.list):
        with pytest.raises(sdk.NotFoundError):
            gone(session_id)


def test_a_turn_that_a_model_fails_says_why_and_leaves_the_session_idle(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(Reply(401, {"error": {"message": "no such key"}}))
    stream = begin(modelled, make_agent(modelled), "x").with_result_collection()
    with pytest.raises(AgentTurnResultError) as failure:
        stream.get_final_result()
    assert failure.value.reason == "failed"
    turn = failure.value.turn
    assert turn is not None and turn.error is not None
    assert turn.error.code == "server_error"
    assert "no such key" in turn.error.message
    assert modelled.beta.agents.sessions.retrieve(turn.session_id).status == "idle"


def test_an_answer_that_was_cut_short_has_failed_for_that(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(say("Red ro", finish="length"))
    heard = told(begin(modelled, make_agent(modelled), "x"))
    assert names(heard)[-2:] == ["agent.session.turn.failed", "agent.session.idle"]
    assert heard[-2]["turn"]["error"]["code"] == "max_output_tokens"
    assert heard[-2]["turn"]["completed_at"] is not None


def test_a_model_that_says_nothing_has_answered(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(say())
    heard = told(begin(modelled, make_agent(modelled), "x"))
    assert names(heard)[-7:] == [*WORDS, *WORDS_END, *END]
    assert items(modelled, session_of(heard))[-1]["content"] == [
        {"type": "output_text", "text": ""}
    ]


def test_what_an_agent_is_told_to_be_reaches_the_model(
    modelled: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say('{"total": 1}'))
    schema = {
        "type": "object",
        "properties": {"total": {"type": "number"}},
        "required": ["total"],
        "additionalProperties": False,
    }
    agent: Any = {
        "model": "gpt-6-luna",
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", "schema": schema}},
        "tools": [function("log")],
    }
    picture = "data:image/png;base64,aGk="
    parts = [{"type": "input_text", "text": "?"}, {"type": "input_image", "image_url": picture}]
    given: Any = [{"role": "user", "content": parts}]
    modelled.beta.agents.sessions.create(
        agent=agent, environment=NONE, input=given, stream=True
    ).get_final_result()
    asked = endpoint.requests[-1]
    assert asked["reasoning_effort"] == "low"
    assert asked["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": schema,
        "strict": True,
    }
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["log"]
    assert asked["messages"][-1]["content"][1]["image_url"]["url"] == picture


def test_a_session_keeps_its_own_agent_whatever_becomes_of_the_saved_one(openai: OpenAI) -> None:
    agent_id = make_agent(openai, name="before")
    result = begin(openai, agent_id, "hello").get_final_result()
    openai.beta.agents.update(agent_id, name="after", instructions="Be rude.")
    openai.beta.agents.delete(agent_id)
    sessions = openai.beta.agents.sessions
    with sessions.stream(result.session_id, input="hello") as stream:
        assert stream.get_final_result().output_text == "Good day to you."
    agent = sessions.retrieve(result.session_id).agent
    assert (agent.id, agent.name, agent.instructions) == (agent_id, "before", "Be kind.")


def test_a_session_is_changed_for_its_next_turn(modelled: OpenAI, endpoint: ChatEndpoint) -> None:
    endpoint.answer(say("Yes."))
    sessions = modelled.beta.agents.sessions
    made = begin(modelled, make_agent(modelled), "a", metadata={"a": "1"}).get_final_result()
    changed = sessions.update(
        made.session_id,
        agent={"model": "gpt-6.1", "reasoning": {"effort": "high"}, "tools": []},
        metadata={"b": "2"},
        review="auto_review",
    )
    assert (changed.agent.model, changed.agent.tools, changed.metadata) == (
        "gpt-6.1",
        [],
        {"b": "2"},
    )
    assert (changed.agent.instructions, changed.review) == ("Be kind.", "auto_review")
    with sessions.stream(made.session_id, input="b") as stream:
        stream.get_final_result()
    asked = endpoint.requests[-1]
    assert (asked["model"], asked["reasoning_effort"], "tools" in asked) == (
        "gpt-6.1",
        "high",
        False,
    )
    plain = sessions.update(made.session_id, metadata=None, review="none")
    assert (plain.metadata, plain.review) == ({}, None)


def test_functions_that_change_during_a_turn_are_told_when_its_model_is_asked_again(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(call(("c1", "log", "{}")), say("Done."))
    stream = begin(modelled, make_agent(modelled), "x")
    heard = told(stream, until="agent.session.requires_action")
    [asked], session_id = heard[-1]["session"]["required_actions"], session_of(heard)
    sessions = modelled.beta.agents.sessions
    sessions.update(session_id, agent={"model": "gpt-6.1", "tools": [function("look")]})
    sessions.events.create(session_id, events=[result(asked, "logged")])
    assert names(told(stream))[-2:] == END
    request = endpoint.requests[-1]
    functions = [tool["function"]["name"] for tool in request["tools"]]
    assert (request["model"], functions) == ("gpt-6-luna", ["look"])


def test_a_change_of_effort_leaves_the_summary_and_turns_tell_how_long_prompts_are_cached(
    openai: OpenAI,
) -> None:
    sessions = openai.beta.agents.sessions
    agent_id = make_agent(openai, reasoning={"effort": "low", "summary": "auto"})
    made = begin(openai, agent_id, "hello").get_final_result()
    for given, effort in (
        ({"effort": "high"}, "high"),
        ({}, "high"),
        ({"effort": None}, None),
    ):
        changed = sessions.update(made.session_id, agent={"reasoning": given})  # type: ignore[typeddict-item]
        reasoning = {"effort": effort, "summary": "auto"}
        assert changed.agent.reasoning.to_dict() == reasoning
    cached = sessions.update(made.session_id, prompt_cache_options={}).prompt_cache_options
    assert cached is not None
    assert cached.ttl == "30m"
    with sessions.stream(made.session_id, input="hello") as stream:
        stream.get_final_result()
    told = [
        turn.to_dict().get("prompt_cache_options") for turn in sessions.turns.list(made.session_id)
    ]
    assert told == [{"ttl": "30m"}, None]


def test_sessions_are_found_by_their_agent_and_their_metadata(openai: OpenAI) -> None:
    agents = [make_agent(openai) for _ in range(2)]
    made = [
        openai.beta.agents.sessions.create(
            agent_id=agent, environment=NONE, input="hello", metadata={"who": who, "x": "1"}
        ).id
        for agent, who in ((agents[0], "a"), (agents[0], "b' OR 1"), (agents[1], "a"))
    ]
    sessions = openai.beta.agents.sessions
    assert [s.id for s in sessions.list(agent_id=agents[0])] == [made[1], made[0]]
    assert [s.id for s in sessions.list(metadata={"who": "a"}, order="asc")][-2:] == made[::2]
    both = sessions.list(metadata={"who": "b' OR 1", "x": "1"}, agent_id=agents[0])
    assert [s.id for s in both] == [made[1]]
    assert list(sessions.list(metadata={"who": "a", "x": "2"})) == []
    pages = sessions.list(agent_id=agents[0], limit=1)
    assert (pages.has_next_page(), [s.id for s in pages]) == (True, [made[1], made[0]])


def test_items_and_turns_are_listed_in_pages(openai: OpenAI) -> None:
    made = begin(openai, make_agent(openai), "hello").get_final_result()
    sessions = openai.beta.agents.sessions
    with sessions.stream(made.session_id, input="hello") as stream:
        second = stream.get_final_result()
    every = items(openai, made.session_id)
    assert [it.to_dict() for it in sessions.items.list(made.session_id, limit=1)] == every[::-1]
    page = sessions.items.list(made.session_id, order="asc", after=every[1]["id"], limit=1)
    assert ([it.to_dict() for it in page.data], page.has_more) == ([every[2]], True)
    of_turn = sessions.turns.items.list(second.turn_id, session_id=made.session_id, order="asc")
    assert [it.to_dict() for it in of_turn] == every[2:]
    assert [t.id for t in sessions.turns.list(made.session_id)] == [second.turn_id, made.turn_id]
    turn = sessions.turns.retrieve(second.turn_id, session_id=made.session_id)
    assert turn.to_dict() == second.turn.to_dict()
    with pytest.raises(sdk.BadRequestError, match="nothing with id 'msg_x' is in this list"):
        sessions.items.list(made.session_id, after="msg_x")
    with pytest.raises(sdk.NotFoundError):
        sessions.turns.retrieve("turn_x", session_id=made.session_id)


def test_input_that_is_sent_again_with_its_key_is_taken_once(openai: OpenAI, told: Told) -> None:
    heard = told(begin(openai, make_agent(openai), "bill"), until="agent.session.requires_action")
    session_id = session_of(heard)
    for _ in range(2):
        openai.beta.agents.sessions.events.create(
            session_id, events=[message("hello")], idempotency_key="once"
        )
    said = [it for it in items(openai, session_id) if it.get("role") == "user"]
    assert [it["content"][0]["text"] for it in said] == ["bill", "hello"]


def test_a_session_is_a_thread_with_runs_and_steps_for_the_other_apis(openai: OpenAI) -> None:
    handlers: Any = {"save_bill": lambda given: "saved"}
    agent_id = make_agent(openai)
    made = begin(openai, agent_id, "bill", tool_handlers=handlers).get_final_result()
    thread_id = made.session_id.replace("sess_", "thread_")
    threads = openai.beta.threads
    said = [
        (m.role, m.content[0].text.value) for m in threads.messages.list(thread_id, order="asc")
    ]  # type: ignore[union-attr]
    assert said == [("user", "bill"), ("assistant", "The bill is saved.")]
    [run] = threads.runs.list(thread_id)
    assert (run.id, run.assistant_id, run.status) == (
        made.turn_id.replace("turn_", "run_"),
        agent_id,
        "completed",
    )
    steps = [step.type for step in threads.runs.steps.list(run.id, thread_id=thread_id)]
    assert steps == ["message_creation", "tool_calls"]
    seen = openai.conversations.items.list(thread_id, order="asc")
    assert [item.type for item in seen] == [it["type"] for it in items(openai, made.session_id)]
    threads.messages.create(thread_id, role="user", content="from there")
    sessions = openai.beta.agents.sessions
    with sessions.stream(made.session_id, input="hello") as stream:
        assert stream.get_final_result().output_text == "Good day to you."
    last = items(openai, made.session_id)[-3:]
    assert [it["content"][0]["text"] for it in last] == [
        "from there",
        "hello",
        "Good day to you.",
    ]
    assert len({it["turn_id"] for it in last}) == 1


def test_a_listener_is_told_of_what_another_api_has_done(openai: OpenAI, told: Told) -> None:
    stream = begin(openai, make_agent(openai), "bill")
    session_id = session_of(told(stream, until="agent.session.requires_action"))
    thread_id = session_id.replace("sess_", "thread_")
    [run] = openai.beta.threads.runs.list(thread_id)
    openai.beta.threads.runs.cancel(run.id, thread_id=thread_id)
    assert names(told(stream)) == ["agent.session.turn.cancelled", "agent.session.idle"]
    with openai.beta.agents.sessions.events.stream(session_id) as live:
        # One that has begun and ended between two looks is told of, too.
        openai.beta.threads.messages.create(thread_id, role="user", content="hello")
        assistant = openai.beta.assistants.create(model="m", metadata={"assistctl": "shop/flowers"})
        run = openai.beta.threads.runs.create_and_poll(
            thread_id=thread_id, assistant_id=assistant.id
        )
        ended, _ = told(live, until="agent.session.idle")[-2:]
        assert ended["type"] == "agent.session.turn.completed"
        assert ended["turn_id"] == run.id.replace("run_", "turn_")
        openai.beta.threads.delete(thread_id)
        assert told(live) == []
    with pytest.raises(sdk.NotFoundError):
        openai.beta.agents.sessions.retrieve(session_id)


def test_a_listener_is_told_of_calls_that_another_api_was_asked_for(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    endpoint.answer(call(("c1", "log", "{}")), call(("c2", "log", "{}")), say("Logged."))
    stream = begin(modelled, make_agent(modelled), "a")
    asked = told(stream, until="agent.session.requires_action")
    session_id = session_of(asked)
    thread_id = session_id.replace("sess_", "thread_")
    [run] = modelled.beta.threads.runs.list(thread_id)
    first = [action["call_id"] for action in asked[-1]["session"]["required_actions"]]
    with modelled.beta.agents.sessions.events.stream(session_id) as live:
        run = modelled.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=thread_id,
            tool_outputs=[{"tool_call_id": first[0], "output": "ok"}],
        )
        assert run.required_action is not None
        [wanted] = run.required_action.submit_tool_outputs.tool_calls
        [*_, event] = told(live, until="agent.session.requires_action")
        assert [each["call_id"] for each in event["session"]["required_actions"]] == [wanted.id]


def test_a_run_that_another_api_began_is_answered_here_but_not_steered(
    modelled: OpenAI, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("Yes."), call(("c1", "log", "{}")), say("Logged."))
    made = begin(modelled, make_agent(modelled), "a").get_final_result()
    thread_id = made.session_id.replace("sess_", "thread_")
    log: Any = {"type": "function", "function": {"name": "log", "parameters": {"type": "object"}}}
    assistant = modelled.beta.assistants.create(model="m", tools=[log])
    runs = modelled.beta.threads.runs
    run = runs.create_and_poll(thread_id=thread_id, assistant_id=assistant.id)
    sessions = modelled.beta.agents.sessions
    session = sessions.retrieve(made.session_id)
    [action] = session.required_actions
    assert (session.status, action.type) == ("requires_action", "function_call")
    with pytest.raises(sdk.BadRequestError, match="at work on a run of another API") as refusal:
        sessions.events.create(made.session_id, events=[message("b")])
    assert refusal.value.code == "active_turn_not_steerable"
    sessions.events.create(made.session_id, events=[result(action.to_dict(), "ok")])
    assert runs.poll(run.id, thread_id=thread_id).status == "completed"
    assert items(modelled, made.session_id)[-1]["content"][0]["text"] == "Logged."


def test_everybody_who_listens_is_told_the_same_from_when_they_came(
    openai: OpenAI, told: Told
) -> None:
    made = begin(openai, make_agent(openai), "hello").get_final_result()
    sessions = openai.beta.agents.sessions
    with (
        sessions.events.stream(made.session_id, include_obfuscation=False) as one,
        sessions.events.stream(made.session_id) as other,
    ):
        sessions.events.create(made.session_id, events=[message("hello")])
        heard = [told(each, until="agent.session.idle") for each in (one, other)]
    assert heard[0] == heard[1]
    assert names(heard[0]) == [*BEGINNING, *WORDS, *WORDS_END, *END]
    with sessions.events.stream(made.session_id) as late:
        sessions.delete(made.session_id)
        assert told(late) == []


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ({"environment": NONE, "input": "x"}, "agent", "A session needs an agent"),
        (
            {"environment": NONE, "input": "x", "agent": {"instructions": "x"}},
            "agent.model",
            "A session needs an agent",
        ),
        ({"agent": {"model": "m"}, "input": "x"}, "environment", "Missing required parameter"),
        ({"agent": {"model": "m"}, "environment": NONE}, "input", "Missing required parameter"),
        (
            {"agent": {"model": "m"}, "environment": {"type": "self_hosted"}, "input": "x"},
            "environment.type",
            "Environments of type 'self_hosted' are not supported by this server.",
        ),
        (
            {"agent": {"model": "m"}, "environment": NONE, "input": "x", "vault_ids": ["v"]},
            "vault_ids",
            "Vaults are not supported by this server.",
        ),
        (
            {
                "agent": {"model": "m"},
                "environment": NONE,
                "input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}],
            },
            "input[0].role",
            "Invalid value: 'assistant'.",
        ),
    ],
)
def test_what_a_session_cannot_be_is_refused_by_its_name(
    send: Send, body: dict[str, Any], param: str, message: str
) -> None:
    refused = send("POST", "/agents/sessions", body)
    error = refused.body["error"]
    assert (refused.status, error["param"]) == (400, param)
    assert error["message"].startswith(message)


def test_what_a_session_cannot_be_given_is_refused_by_its_name(openai: OpenAI, send: Send) -> None:
    made = begin(openai, make_agent(openai), "hello").get_final_result()
    path = f"/agents/sessions/{made.session_id}/events"
    approval = {"type": "agent.session.input.mcp_approval_request_result", "request_id": "x"}
    picture = [{"type": "input_image", "image_url": "https://a.example/x.png"}]
    call = {"turn_id": made.turn_id, "call_id": "call_x"}
    for given, param in (
        ({"events": []}, "events"),
        ({"events": [{"type": "x"}]}, "events[0].type"),
        ({"events": [approval]}, "events[0].type"),
        ({"events": [{**result(call, None), "output": picture}]}, "events[0].output[0].type"),
        ({"events": [message("")["input"][0]]}, "events[0].type"),
    ):
        refused = send("POST", path, given)
        assert (refused.status, refused.body["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("GET", "/vaults", "Vaults are"),
        ("POST", "/vaults/vault_x/credentials", "Vaults are"),
        ("POST", "/agents/automations", "Automations are"),
        ("POST", "/agents/environments", "Environments apart from a session are"),
        ("GET", "/agents/environments/templates", "Templates of environments are"),
        ("GET", "/agents/sessions/sess_x/subagents", "Subagents are"),
        ("GET", "/agents/sessions/sess_x/traces", "Traces are"),
    ],
)
def test_what_only_the_service_has_is_refused_by_its_name(
    send: Send, method: str, path: str, what: str
) -> None:
    refused = send(method, path, {} if method == "POST" else None)
    assert (refused.status, refused.body["error"]["message"]) == (
        400,
        f"{what} not supported by this server.",
    )
    assert refused.body["error"]["code"] == "unsupported_operation"


def test_a_turn_whose_process_has_died_has_failed_and_its_session_goes_on(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told, database: Path
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("Red ", go_on, "roses."), say("Yes."))
    stream = begin(modelled, make_agent(modelled), "Which?")
    session_id = session_of(told(stream, until="agent.session.turn.output_text.delta"))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE active_runs SET owner = 'dead', lease_until = 0")
        connection.commit()
    rest = told(stream)
    go_on.set()
    assert names(rest)[-2:] == ["agent.session.turn.failed", "agent.session.idle"]
    error = rest[-2]["turn"]["error"]
    assert (error["code"], "stopped before the run ended" in error["message"]) == (
        "server_error",
        True,
    )
    with modelled.beta.agents.sessions.stream(session_id, input="And now?") as again:
        assert again.get_final_result().output_text == "Yes."


def test_a_streamed_session_that_is_sent_again_with_its_key_is_told_once_more(
    openai: OpenAI, told: Told
) -> None:
    agent_id = make_agent(openai)
    for text in ("hello", "bill"):
        first, again = (
            begin(openai, agent_id, text, extra_headers={"idempotency-key": f"stream-{text}"})
            for _ in range(2)
        )
        until = "agent.session.requires_action" if text == "bill" else None
        heard, retold = told(first, until), told(again, until)
        assert names(retold) == names(heard)
        assert [e["item"] for e in retold if "item" in e][-1] == [
            e["item"] for e in heard if "item" in e
        ][-1]
        assert retold[-1]["session"] == heard[-1]["session"]
    session_id, call_ = session_of(heard), heard[-1]["session"]["required_actions"][0]
    openai.beta.agents.sessions.events.create(session_id, events=[result(call_, "saved")])
    assert names(told(again)) == names(told(first))
    assert len(list(openai.beta.agents.sessions.list(agent_id=agent_id))) == 2
    called: list[Any] = []
    handlers: Any = {"save_bill": lambda given: called.append(given) or "saved"}
    stream = again_later(openai, agent_id, tool_handlers=handlers)
    assert (stream.get_final_result().output_text, called) == ("The bill is saved.", [])
    openai.beta.agents.sessions.delete(session_id)
    with pytest.raises(sdk.NotFoundError):
        again_later(openai, agent_id)


def test_what_waits_to_be_heard_is_not_told_after_it_was_told_once_more(
    openai: OpenAI, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function whose call was told twice would be called twice."""
    looked = session_routes._retold

    def late(*about: Any) -> Any:
        time.sleep(0.5)
        return looked(*about)

    monkeypatch.setattr(session_routes, "_retold", late)
    agent_id = make_agent(openai)
    first = begin(openai, agent_id, "bill", extra_headers={"idempotency-key": "stream-late"})
    again = begin(openai, agent_id, "bill", extra_headers={"idempotency-key": "stream-late"})
    until = "agent.session.requires_action"
    heard, retold = told(first, until), told(again, until)
    assert names(retold) == names(heard)
    session_id, call_ = session_of(heard), heard[-1]["session"]["required_actions"][0]
    time.sleep(0.5)
    openai.beta.agents.sessions.events.create(session_id, events=[result(call_, "saved")])
    assert names(told(again)) == names(told(first))


def again_later(client: OpenAI, agent_id: str, **options: Any) -> Any:
    key = {"idempotency-key": "stream-bill"}
    return begin(client, agent_id, "bill", extra_headers=key, **options)


def test_a_turn_that_is_being_cancelled_takes_no_messages(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    """They would never be answered."""
    go_on = threading.Event()
    endpoint.answer(say("Red ", go_on, "roses."), say("Yes."))
    stream = begin(modelled, make_agent(modelled), "Which?")
    session_id = session_of(told(stream, until="agent.session.turn.output_text.delta"))
    cancel: Any = {"type": "agent.session.input.cancel"}
    sessions = modelled.beta.agents.sessions
    with pytest.raises(sdk.BadRequestError, match="is cancelling its turn") as refusal:
        sessions.events.create(session_id, events=[cancel, message("Instead?")])
    assert refusal.value.code == "active_turn_not_steerable"
    assert sessions.retrieve(session_id).status == "in_progress"
    sessions.events.create(session_id, events=[cancel])
    told(stream)
    go_on.set()
    sessions.events.create(session_id, events=[message("Instead?")])
    while sessions.retrieve(session_id).status != "idle":
        time.sleep(0.02)
    assert items(modelled, session_id)[-1]["content"][0]["text"] == "Yes."


def test_sessions_whose_thread_another_api_has_deleted_are_not_listed(openai: OpenAI) -> None:
    agent_id = make_agent(openai)
    made = [begin(openai, agent_id, "hello").get_final_result().session_id for _ in range(4)]
    for gone in made[1:3]:
        openai.beta.threads.delete(gone.replace("sess_", "thread_"))
    sessions = openai.beta.agents.sessions
    for limit in (1, 2, 20):
        for order, expected in (("asc", [made[0], made[3]]), ("desc", [made[3], made[0]])):
            listed = sessions.list(agent_id=agent_id, limit=limit, order=order)  # type: ignore[arg-type]
            assert [each.id for each in listed] == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("metadata=x", "metadata"),
        ("metadata[a]=x&metadata[a]=y", "metadata"),
        ("metadata[]=x", "metadata"),
        (f"metadata[a]={'x' * 513}", "metadata.a"),
        ("&".join(f"metadata[{n}]=x" for n in range(17)), "metadata"),
        ("agent_id=x", "agent_id"),
    ],
)
def test_what_sessions_cannot_be_searched_for_is_refused(
    send: Send, query: str, param: str
) -> None:
    refused = send("GET", f"/agents/sessions?{query}")
    assert (refused.status, refused.body["error"]["param"]) == (400, param)
