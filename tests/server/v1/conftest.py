"""One server for the tests of v1, and clients of both versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer, Settings
from tests.server.runs_help import SCRIPTS


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    database = tmp_path_factory.mktemp("v1") / "local.db"
    settings = Settings(database, "scripted", SCRIPTS, embeddings="none", code_interpreter=False)
    with EmbeddedServer(settings) as server:
        yield server


@dataclass(frozen=True)
class First:
    """Speaks v1 in raw HTTP; `ask` answers the JSON of a success, `refused` of an error."""

    http: httpx2.Client

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = self.http.request(method, path, json=body, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, str | None]:
        """Its status, message and param."""
        answer = self.http.request(method, path, json=body)
        error = answer.json()["error"]
        return answer.status_code, error["message"], error["param"]

    def run(self, thread_id: str, assistant_id: str, **fields: Any) -> Any:
        """A run, once it rests."""
        runs = f"/threads/{thread_id}/runs"
        run = self.ask("POST", runs, {"assistant_id": assistant_id, **fields})
        while run["status"] in ("queued", "in_progress"):
            run = self.ask("GET", f"{runs}/{run['id']}")
        return run

    def events(self, path: str, body: Any) -> list[tuple[str, str]]:
        """(name, data) of a stream."""
        with self.http.stream("POST", path, json={**body, "stream": True}) as answer:
            blocks = answer.read().decode().split("\n\n")
        pairs = [block.split("\ndata: ") for block in blocks if block.startswith("event: ")]
        return [(head.removeprefix("event: "), data) for head, data in pairs]


@pytest.fixture
def first(shared: EmbeddedServer) -> Iterator[First]:
    with httpx2.Client(
        base_url=shared.base_url,
        headers={"authorization": f"Bearer {shared.api_key}", "openai-beta": "assistants=v1"},
        trust_env=False,
        verify=False,
        timeout=30,
    ) as http:
        yield First(http)


@pytest.fixture
def second(shared: EmbeddedServer, connect: Callable[[EmbeddedServer], OpenAI]) -> OpenAI:
    """Speaks v2."""
    return connect(shared)


@pytest.fixture
def upload(second: OpenAI) -> Callable[..., str]:
    def upload(name: str = "prices.csv", text: str = "花名,售价\n红玫瑰,8\n") -> str:
        return second.files.create(file=(name, text.encode()), purpose="assistants").id

    return upload
