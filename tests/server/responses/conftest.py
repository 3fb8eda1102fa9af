"""A client whose every answer is held against the contract as it comes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, Settings
from tests.server.contract import Contract
from tests.server.responses import contract as published
from tests.server.runs_help import SCRIPTS


@pytest.fixture(scope="session")
def contract() -> Contract:
    return published.read()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One for all tests that need none of their own."""
    database = tmp_path_factory.mktemp("responses") / "local.db"
    settings = Settings(database, "scripted", SCRIPTS, embeddings="none")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def connect(contract: Contract) -> Iterator[Callable[[EmbeddedServer], OpenAI]]:
    """As in tests/server; what the contract knows of is held against it."""
    clients: list[OpenAI] = []

    def check(response: httpx2.Response) -> None:
        path = response.request.url.path.removeprefix("/v1")
        asked = contract.operation(response.request.method, path)
        if asked is None or not response.headers["content-type"].startswith("application/json"):
            return
        response.read()
        answer = json.loads(response.content)
        schema = contract.named("ErrorResponse")
        if response.status_code == 200:
            schema = contract.answer_schema(asked)
        assert contract.faults(schema, answer) == [], answer

    def connect(server: EmbeddedServer) -> OpenAI:
        http = httpx2.Client(
            trust_env=False, verify=False, timeout=30, event_hooks={"response": [check]}
        )
        client = OpenAI(
            base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def seen() -> Callable[..., list[Any]]:
    """All items of a conversation as plain dicts, oldest first: `seen(client, id)`."""

    def seen(client: OpenAI, conversation_id: str, **options: Any) -> list[Any]:
        found = client.conversations.items.list(conversation_id, order="asc", **options)
        return [item.to_dict() for item in found]

    return seen
