"""A client of agents, and how to send what it would not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistctl.server import EmbeddedServer, Settings
from tests.server.runs_help import SCRIPTS

BETA = {"openai-beta": "agents=v1"}


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """One for all tests that need none of their own."""
    database = tmp_path_factory.mktemp("agents") / "local.db"
    settings = Settings(database, "scripted", SCRIPTS, embeddings="none")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def send(ask: Callable[..., Any]) -> Callable[..., Any]:
    """`ask` with the header that agents demand: `send("POST", "/agents", {…})`."""

    def send(method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        return ask(method, path, body, {**BETA, **(headers or {})})

    return send
