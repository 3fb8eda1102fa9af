import re
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI
from openai.types import beta

from tests.server.sdk_types import misfits

Send = Callable[..., Any]
SAVE_BILL = {
    "type": "function",
    "name": "save_bill",
    "description": "Save a bill.",
    "parameters": {"type": "object", "properties": {"totalCost": {"type": "number"}}},
}


def test_an_agent_of_which_little_is_said_is_completed_as_the_service_completes_it(
    send: Send,
) -> None:
    made = send("POST", "/agents", {"model": "gpt-6-luna"}).body
    assert re.fullmatch("agent_[A-Za-z0-9]{24}", made["id"])
    assert misfits(beta.Agent, made) == []
    assert made == {
        "id": made["id"],
        "object": "agent",
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
        "name": None,
        "model": "gpt-6-luna",
        "metadata": {},
        "instructions": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "auto",
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tools": [],
        "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
        "compaction": {"async": False},
        "experimental": {"time_awareness": False},
    }
    assert send("GET", f"/agents/{made['id']}").body == made


def test_what_is_said_of_an_agent_is_read_back_and_what_is_not_is_filled_in(openai: OpenAI) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    made = openai.beta.agents.create(
        model="gpt-6.1",
        name="花店",
        instructions="Sell.",
        metadata={"a": "1"},
        reasoning={"effort": "low"},
        service_tier="flex",
        text={"format": {"type": "json_schema", "schema": schema}},
        tools=[SAVE_BILL, {"type": "tool_search"}],
        compaction={"async": True},
        multi_agent={"enabled": False},
        experimental={"time_awareness": False},
    ).to_dict()
    assert misfits(beta.Agent, made) == []
    assert made == {
        "id": made["id"],
        "object": "agent",
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
        "name": "花店",
        "model": "gpt-6.1",
        "metadata": {"a": "1"},
        "instructions": "Sell.",
        "reasoning": {"effort": "low", "summary": None},
        "service_tier": "flex",
        "text": {"format": {"type": "json_schema", "schema": schema}, "verbosity": "medium"},
        "tools": [{**SAVE_BILL, "defer_loading": False}, {"type": "tool_search"}],
        "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
        "compaction": {"async": True},
        "experimental": {"time_awareness": False},
    }


def test_only_what_is_given_changes_null_resets_and_tools_and_metadata_are_replaced(
    openai: OpenAI,
) -> None:
    agents = openai.beta.agents
    made = agents.create(
        model="m",
        name="花店",
        instructions="Sell.",
        metadata={"a": "1", "b": "2"},
        reasoning={"effort": "high"},
        tools=[SAVE_BILL],
    ).to_dict()
    changed = agents.update(made["id"], name="店", metadata={"b": "3"}).to_dict()
    expected = {**made, "name": "店", "metadata": {"b": "3"}}
    assert {**changed, "updated_at": 0} == {**expected, "updated_at": 0}
    other = {**SAVE_BILL, "name": "log"}
    changed = agents.update(made["id"], tools=[other], model="n").to_dict()
    expected |= {"tools": [{**other, "defer_loading": False}], "model": "n"}
    assert {**changed, "updated_at": 0} == {**expected, "updated_at": 0}
    reset = agents.update(
        made["id"], name=None, instructions=None, metadata=None, reasoning=None, tools=None
    ).to_dict()
    expected |= {"name": None, "instructions": None, "metadata": {}, "tools": []}
    expected["reasoning"] = {"effort": None, "summary": None}
    assert {**reset, "updated_at": 0} == {**expected, "updated_at": 0}
    assert agents.retrieve(made["id"]).to_dict() == reset


def test_agents_are_listed_in_pages_newest_first(openai: OpenAI, send: Send) -> None:
    made = [openai.beta.agents.create(model="m", name=str(n)).id for n in range(3)]
    page = send("GET", f"/agents?limit=2&order=asc&after={made[0]}").body
    assert [agent["id"] for agent in page["data"]] == made[1:]
    assert page | {"data": []} == {
        "object": "list",
        "data": [],
        "first_id": made[1],
        "last_id": made[2],
        "has_more": False,
    }
    newest = send("GET", "/agents?limit=1").body
    assert (newest["last_id"], newest["has_more"]) == (made[2], True)
    assert [agent.id for agent in openai.beta.agents.list(limit=2)][:3] == made[::-1]


def test_a_deleted_agent_is_gone_and_cannot_be_deleted_twice(openai: OpenAI) -> None:
    made = openai.beta.agents.create(model="m")
    gone = openai.beta.agents.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "agent.deleted", "deleted": True}
    for again in (openai.beta.agents.delete, openai.beta.agents.retrieve):
        with pytest.raises(sdk.NotFoundError, match=f"No agent found with id '{made.id}'"):
            again(made.id)


def test_without_the_header_of_the_beta_nothing_of_agents_is_answered(
    ask: Callable[..., Any],
) -> None:
    for headers in ({}, {"openai-beta": "assistants=v2"}):
        refused = ask("POST", "/agents", {"model": "m"}, headers)
        assert (refused.status, refused.body["error"]) == (
            400,
            {
                "message": "You must provide the 'OpenAI-Beta' header to access the Agents API."
                " Please try again by setting the header 'OpenAI-Beta: agents=v1'.",
                "type": "invalid_request_error",
                "param": None,
                "code": "invalid_beta",
            },
        )
    both = ask("POST", "/agents", {"model": "m"}, {"openai-beta": "assistants=v2, agents=v1"})
    assert both.status == 200


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        ({}, "Missing required parameter: 'model'.", "model"),
        (
            {"model": "m", "temperature": 1},
            "Unknown parameter: 'temperature'.",
            "temperature",
        ),
        (
            {"model": "m", "tools": [{"type": "function", "name": "f", "parameters": {}}]},
            "Missing required parameter: 'tools[0].description'.",
            "tools[0].description",
        ),
        (
            {"model": "m", "tools": [{"type": "function", "name": "f", "description": "F."}]},
            "Missing required parameter: 'tools[0].parameters'.",
            "tools[0].parameters",
        ),
        (
            {"model": "m", "tools": [{**SAVE_BILL, "strict": True}]},
            "Unknown parameter: 'tools[0].strict'.",
            "tools[0].strict",
        ),
        (
            {"model": "m", "tools": [SAVE_BILL, SAVE_BILL]},
            "Invalid 'tools': there are several functions named 'save_bill'.",
            "tools",
        ),
        *(
            (
                {"model": "m", "tools": [{"type": kind}]},
                f"Tools of type '{kind}' are not supported by this server.",
                "tools[0].type",
            )
            for kind in ("mcp", "web_search", "computer_use", "automations")
        ),
        (
            {"model": "m", "multi_agent": {"enabled": True}},
            "Subagents are not supported by this server.",
            "multi_agent.enabled",
        ),
        (
            {"model": "m", "experimental": {"time_awareness": True}},
            "Reminders of the time are not supported by this server.",
            "experimental.time_awareness",
        ),
        (
            {"model": "m", "metadata": {str(n): "" for n in range(17)}},
            "Invalid 'metadata': too many properties. Expected an object with at most 16"
            " properties, but got an object with 17 properties instead.",
            "metadata",
        ),
    ],
)
def test_what_an_agent_cannot_be_is_refused_by_its_name(
    send: Send, body: dict[str, Any], message: str, param: str
) -> None:
    refused = send("POST", "/agents", body)
    error = refused.body["error"]
    assert (refused.status, error["message"], error["param"]) == (400, message, param)


def test_an_agent_never_loses_its_model(send: Send) -> None:
    made = send("POST", "/agents", {"model": "m"}).body
    refused = send("POST", f"/agents/{made['id']}", {"model": None})
    assert (refused.status, refused.body["error"]["param"]) == (400, "model")
    assert send("GET", f"/agents/{made['id']}").body == made


def test_a_create_that_is_sent_again_with_its_key_makes_no_second_agent(send: Send) -> None:
    key = {"idempotency-key": "agents-once"}
    first, again = (send("POST", "/agents", {"model": "m"}, key) for _ in range(2))
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    other = send("POST", "/agents", {"model": "other"}, key)
    assert (other.status, other.body["error"]["code"]) == (409, "idempotency_key_reused")
