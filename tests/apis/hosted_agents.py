"""Stands in for OpenAI's /agents, which cannot be had here: holds agents with every tool that the
SDK knows, and fills in what the service is known to fill in. What it is sent is held to the types
of the SDK, and so is what it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from openai.types.beta import Agent, AgentCreateParams
from pydantic import ConfigDict, TypeAdapter, with_config

from tests.apis.fault_proxy import Answer, Request, served

TOOLS: dict[str, dict[str, Any]] = {
    "function": {"defer_loading": False},
    "mcp": {
        "required": False,
        "allowed_tools": None,
        "connection_origin": "service",
        "credential_id": None,
        "request_metadata": {},
    },
    "web_search": {"mode": "live", "context_size": "medium", "location": None},
    "programmatic_tool_calling": {"enabled": True},
    "computer_use": {"include_screenshots": False},
}
FIELDS: dict[str, Any] = {
    "name": None,
    "instructions": None,
    "metadata": {},
    "tools": [],
    "service_tier": "auto",
    "reasoning": {"effort": "medium", "summary": None},
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "multi_agent": {"enabled": False, "max_concurrent_subagents": None},
    "compaction": {"async": False},
    "experimental": {"time_awareness": False},
}
_SENT = TypeAdapter(with_config(ConfigDict(extra="forbid"))(AgentCreateParams))


class HostedAgents:
    """The agents by their ids; `base_url` is where they are."""

    base_url = ""

    def __init__(self) -> None:
        self.agents: dict[str, dict[str, Any]] = {}
        self._ids = count(1)

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        identity = f"agent_{next(self._ids):024}"
        self.agents[identity] = {"id": identity, "object": "agent", "created_at": 1, **FIELDS}
        return self.update(identity, body)

    def update(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        _SENT.validate_python({"model": "m", **_with_the_names_of_python(body)})
        agent = {**self.agents[identity], "updated_at": 2}
        for name, value in body.items():
            agent[name] = FIELDS.get(name) if value is None else _completed(name, value)
        Agent.model_validate(agent, strict=True)
        self.agents[identity] = agent
        return agent


def _with_the_names_of_python(body: dict[str, Any]) -> dict[str, Any]:
    """In which `async` is a keyword."""
    compaction = body.get("compaction")
    named = {f"{name}_": value for name, value in compaction.items()} if compaction else compaction
    return {**deepcopy(body), "compaction": named}


def _completed(name: str, value: Any) -> Any:
    if name == "tools":
        return [_completed_tool(tool) for tool in value]
    if name == "multi_agent" and value["enabled"]:
        return {**value, "max_concurrent_subagents": value.get("max_concurrent_subagents", 6)}
    filled_in = FIELDS.get(name)
    if isinstance(filled_in, dict) and name != "metadata":
        return {**filled_in, **{key: it for key, it in value.items() if it is not None}}
    return value


def _completed_tool(tool: dict[str, Any]) -> dict[str, Any]:
    if tool.get("transport", {}).get("type") == "http":
        tool = {**tool, "transport": {"headers": {}, **tool["transport"]}}
    filled_in = TOOLS.get(tool["type"], {})
    return tool | {name: value for name, value in filled_in.items() if name not in tool}


@contextmanager
def hosted_agents() -> Iterator[HostedAgents]:
    """Beside /agents there are /files and /vector_stores, without anything in them."""
    there = HostedAgents()

    def answer(request: Request) -> Answer:
        _, collection, *identity = urlsplit(request.path).path.removeprefix("/v1").split("/")
        if collection == "agents":
            assert request.headers["openai-beta"] == "agents=v1"
        body = json.loads(request.body or b"null")
        match request.method, identity:
            case "POST", []:
                told: Any = there.create(body)
            case "POST", [name]:
                told = there.update(name, body)
            case "DELETE", [name]:
                told = {"id": there.agents.pop(name)["id"], "deleted": True}
            case "GET", [name]:
                told = there.agents.get(name)
            case _:
                told = _page(list(there.agents.values()) if collection == "agents" else [])
        known = told or {"error": {"message": "It is not there."}}
        return Answer(200 if told else 404, json.dumps(known).encode())

    with served(answer) as address:
        there.base_url = f"http://{address}/v1"
        yield there


def _page(items: list[dict[str, Any]]) -> dict[str, Any]:
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {}
    return {"object": "list", "data": items, "has_more": False, **ends}
