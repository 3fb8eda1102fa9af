"""Clients of agents, whose every answer is held against the types of the SDK as it comes: there is
no other document that says what this API is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from openai.types import beta
from openai.types.beta import agents
from openai.types.beta.agents.sessions import Turn

from assistctl.server import EmbeddedServer, Settings
from tests.server.chat_endpoint import ChatEndpoint, chat_endpoint_running
from tests.server.runs_help import SCRIPTS
from tests.server.sdk_types import misfits, page

BETA = {"openai-beta": "agents=v1"}
_TYPES: dict[str, Any] = {
    "(GET|POST) /agents/[^/]+": beta.Agent,
    "POST /agents": beta.Agent,
    "GET /agents": page(beta.Agent),
    "DELETE /agents/[^/]+": beta.AgentDeleted,
    "POST /agents/sessions": beta.AgentSession,
    "GET /agents/sessions": page(beta.AgentSession),
    "(GET|POST) /agents/sessions/[^/]+": beta.AgentSession,
    "DELETE /agents/sessions/[^/]+": beta.AgentSessionDeleted,
    "GET /agents/sessions/[^/]+/items": page(beta.AgentSessionItem),
    "GET /agents/sessions/[^/]+/turns": page(Turn),
    "GET /agents/sessions/[^/]+/turns/[^/]+": Turn,
    "GET /agents/sessions/[^/]+/turns/[^/]+/items": page(beta.AgentSessionItem),
}
assert agents  # the package of the operations' own types


def _check(response: httpx2.Response) -> None:
    asked = f"{response.request.method} {response.request.url.path.removeprefix('/v1')}"
    # Those with a word where others have an id come last in the table, and are found first.
    for pattern, model in reversed(_TYPES.items()):
        if re.fullmatch(pattern, asked) and response.status_code == 200:
            if response.headers["content-type"].startswith("application/json"):
                response.read()
                assert misfits(model, json.loads(response.content)) == [], response.content
            return


@pytest.fixture
def connect() -> Iterator[Callable[[EmbeddedServer], OpenAI]]:
    """As in tests/server."""
    clients: list[OpenAI] = []

    def connect(server: EmbeddedServer) -> OpenAI:
        hooks: Any = {"response": [_check]}
        http = httpx2.Client(trust_env=False, verify=False, timeout=30, event_hooks=hooks)
        client = OpenAI(
            base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One for all tests that need none of their own."""
    database = tmp_path_factory.mktemp("agents") / "local.db"
    settings = Settings(database, "scripted", SCRIPTS, embeddings="none")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def modelled(
    start: Callable[..., EmbeddedServer],
    endpoint: ChatEndpoint,
    connect: Callable[[EmbeddedServer], OpenAI],
) -> OpenAI:
    """A client of a server whose models are the endpoint's."""
    return connect(start(model={"base_url": endpoint.url}))


@pytest.fixture
def send(ask: Callable[..., Any]) -> Callable[..., Any]:
    """`ask` with the header that agents demand: `send("POST", "/agents", {…})`."""

    def send(method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        return ask(method, path, body, {**BETA, **(headers or {})})

    return send


@pytest.fixture
def told() -> Callable[..., list[dict[str, Any]]]:
    """The events of a stream, each as the SDK's type of it has it; `told(stream, until="…")` reads
    to the first of that type."""

    def told(stream: Iterable[Any], until: str | None = None) -> list[dict[str, Any]]:
        heard = []
        for event in stream:
            heard.append(event.to_dict())
            assert misfits(beta.AgentSessionEvent, heard[-1]) == [], heard[-1]
            if event.type == until:
                break
        ids = [event["event_id"] for event in heard]
        assert len(set(ids)) == len(ids)
        return heard

    return told
