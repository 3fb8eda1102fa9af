"""A server on a real socket with a fresh database, and clients that talk to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, Settings
from assistctl.server.storage.database import Database


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The SDK warns of the end of the hosted Assistants API; the rest stays an error."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:(The Assistants API is )?deprecated:DeprecationWarning"
                )
            )


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with tables and nothing in them, which take longer to make than the rest of a server's
    start."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    Database(path).close()
    assert [it.name for it in path.parent.iterdir()] == [path.name]
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Path:
    """The test's own, still empty."""
    return Path(shutil.copy(empty_database, tmp_path / "local.db"))


@pytest.fixture
def no_database(tmp_path: Path) -> Path:
    """Where none is yet."""
    return tmp_path / "local.db"


@pytest.fixture
def db(database: Path) -> Iterator[Database]:
    db = Database(database)
    yield db
    db.close()


@pytest.fixture
def start(database: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Starts servers on the test's database, with any settings; all are stopped at the end."""
    running: list[EmbeddedServer] = []

    def start(**settings: Any) -> EmbeddedServer:
        usual = {"database": database, "model": "scripted", "embeddings": "none"}
        server = EmbeddedServer(Settings(**usual | settings))
        running.append(server.__enter__())
        return server

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def server(start: Callable[..., EmbeddedServer]) -> EmbeddedServer:
    return start()


@pytest.fixture
def connect() -> Iterator[Callable[[EmbeddedServer], OpenAI]]:
    """Makes SDK clients of a server; no retries, so that a failure is seen as it is."""
    clients: list[OpenAI] = []

    def connect(server: EmbeddedServer) -> OpenAI:
        client = OpenAI(
            base_url=server.base_url,
            api_key=server.api_key,
            max_retries=0,
            # Certificates take 30 ms to load, and no server here has one.
            http_client=httpx2.Client(trust_env=False, verify=False, timeout=30),
        )
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def openai(server: EmbeddedServer, connect: Callable[[EmbeddedServer], OpenAI]) -> OpenAI:
    return connect(server)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@pytest.fixture
def ask(server: EmbeddedServer) -> Callable[..., Answer]:
    """Sends what no SDK would: `ask("GET", "/assistants", body, headers={…})`, body JSON or bytes.

    A header of None is not sent.
    """
    opener = build_opener(ProxyHandler({}))

    def ask(
        method: str, path: str, body: Any = None, headers: dict[str, str | None] | None = None
    ) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {
            "authorization": f"Bearer {server.api_key}",
            "content-type": "application/json",
            **(headers or {}),
        }
        request = Request(
            server.base_url + path,
            data,
            {name: value for name, value in sent.items() if value is not None},
            method=method,
        )
        try:
            with opener.open(request, timeout=30) as response:
                return Answer(response.status, json.load(response), dict(response.headers))
        except HTTPError as error:
            with error:
                return Answer(error.code, json.load(error), dict(error.headers))

    return ask
