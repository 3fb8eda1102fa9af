"""Stands in for OpenAI's /agents, which cannot be had here: holds agents with every tool that the
SDK knows, and fills in what the service is known to fill in. What it is sent is held to the types
of the SDK, and so is what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from http.server import BaseHTTPRequestHandler
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from openai.types.beta import Agent, AgentCreateParams
from pydantic import ConfigDict, TypeAdapter, with_config

from tests.local_http import LocalServer

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

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _, collection, *identity = urlsplit(self.path).path.removeprefix("/v1").split("/")
            if identity:
                self._answer(there.agents.get(identity[0]))
            elif collection == "agents":
                self._answer(_page(list(there.agents.values())))
            else:
                self._answer(_page([]))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            _, _, *identity = self.path.removeprefix("/v1").split("/")
            self._answer(there.update(identity[0], body) if identity else there.create(body))

        def do_DELETE(self) -> None:
            identity = self.path.rpartition("/")[2]
            there.agents.pop(identity)
            self._answer({"id": identity, "object": "agent.deleted", "deleted": True})

        def _answer(self, body: Any) -> None:
            if self.path.removeprefix("/v1").startswith("/agents"):
                assert self.headers["openai-beta"] == "agents=v1"
            data = json.dumps(body or {"error": {"message": "not there"}}).encode()
            self.send_response(200 if body else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing is said of requests."""

    with LocalServer(("127.0.0.1", 0), Handler) as server:
        there = HostedAgents(f"http://127.0.0.1:{server.server_address[1]}/v1")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()


def _page(items: list[dict[str, Any]]) -> dict[str, Any]:
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {}
    return {"object": "list", "data": items, "has_more": False, **ends}
