"""Clients of agents, whose every answer is held against the contract and the types of the SDK."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI
from openai.types import beta

from assistctl.server import EmbeddedServer, Settings
from tests.server.agents import contract as published
from tests.server.agents.help import TYPES
from tests.server.chat_endpoint import ChatEndpoint, chat_endpoint_running
from tests.server.contract import Contract, Operation
from tests.server.runs_help import SCRIPTS
from tests.server.sdk_types import misfits

Check = Callable[[str, str, int, Any], None]
BETA = {"openai-beta": "agents=v1"}


@pytest.fixture(scope="session")
def contract() -> Contract:
    return published.read()


@pytest.fixture(scope="session")
def check(contract: Contract) -> Check:
    """Holds an answer (its status, its JSON) against what is known of the operation."""

    def check(method: str, path: str, status: int, answer: Any) -> None:
        asked = contract.operation(method, path)
        if asked is not None and status == 200:
            assert contract.faults(contract.answer_schema(asked), answer) == [], answer
            assert misfits(TYPES[str(asked)], answer) == [], answer
        elif asked is not None:
            assert contract.faults(contract.named("AgentsErrorEnvelope"), answer) == [], answer

    return check


@pytest.fixture
def connect(check: Check) -> Iterator[Callable[[EmbeddedServer], OpenAI]]:
    """As in tests/server; every answer is checked as it comes."""
    clients: list[OpenAI] = []

    def look(response: httpx2.Response) -> None:
        if response.headers.get("content-type", "").startswith("application/json"):
            asked, content = response.request, json.loads(response.read())
            path = asked.url.path.removeprefix("/v1")
            check(asked.method, path, response.status_code, content)

    def connect(server: EmbeddedServer) -> OpenAI:
        hooks: Any = {"response": [look]}
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
def send(ask: Callable[..., Any], check: Check) -> Callable[..., Any]:
    """`ask` with the header that agents demand: `send("POST", "/agents", {…})`."""

    def send(method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        answer = ask(method, path, body, {**BETA, **(headers or {})})
        check(method, path.partition("?")[0], answer.status, answer.body)
        return answer

    return send


@pytest.fixture
def told(contract: Contract) -> Callable[..., list[dict[str, Any]]]:
    """The events of a stream, each as the contract and the SDK's type of it have it;
    `told(stream, until="…")` reads to the first of that type."""
    schemas = contract.streamed(Operation("GET", "/agents/sessions/{session_id}/events"))

    def told(stream: Iterable[Any], until: str | None = None) -> list[dict[str, Any]]:
        heard = []
        for event in stream:
            heard.append(event.to_dict())
            assert misfits(beta.AgentSessionEvent, heard[-1]) == [], heard[-1]
            assert contract.faults(schemas[event.type], heard[-1]) == [], heard[-1]
            if event.type == until:
                break
        ids = [event["event_id"] for event in heard]
        assert len(set(ids)) == len(ids)
        return heard

    return told
