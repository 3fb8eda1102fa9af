"""Sixty clients that wait for something slow hold up nobody who does not want it, too."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.retrieval import indexing
from assistctl.server.retrieval.ingestion import SourceFile
from assistctl.server.retrieval.text import Piece
from assistctl.server.storage import database as storage_database

CLIENTS = 60

Start = Callable[..., EmbeddedServer]
Connect = Callable[[EmbeddedServer], OpenAI]


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process might hold the database's write lock like this: a large seed, or a backup."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def all_at_once(work: Callable[[], Any]) -> Iterator[list[Future[Any]]]:
    """So many clients' requests under way; it is waited for their end."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        yield [clients.submit(work) for _ in range(CLIENTS)]


def reads(server: EmbeddedServer, client: OpenAI) -> list[Any]:
    """What a client gets that only reads, of lists, of contents, and of how the server is."""
    url = server.base_url.removesuffix("/v1") + "/healthz"
    quick = client.with_options(timeout=10)
    [file] = quick.files.list(purpose="assistants").data
    with httpx2.Client(trust_env=False, timeout=10, verify=False) as http:
        return [
            http.get(url).json(),
            [made.name for made in quick.beta.assistants.list().data],
            quick.files.content(file.id).content,
        ]


@pytest.fixture
def client(server: EmbeddedServer, connect: Connect) -> OpenAI:
    client = connect(server)
    client.beta.assistants.create(model="m", name="Flower shop")
    client.files.create(file=("a.txt", b"roses"), purpose="assistants")
    return client


EXPECTED = [{"status": "ok"}, ["Flower shop"], b"roses"]


def test_who_reads_does_not_wait_for_those_who_wait_to_write(
    server: EmbeddedServer, client: OpenAI, database: Path
) -> None:
    numbers = iter(range(CLIENTS))

    def write() -> str:
        if next(numbers) % 2:
            return client.beta.threads.create().id
        return client.files.create(file=("b.txt", b"x"), purpose="vision").id

    with ThreadPoolExecutor(CLIENTS) as clients:
        with locked(database):
            writes = [clients.submit(write) for _ in range(CLIENTS)]
            for _ in range(5):
                assert reads(server, client) == EXPECTED
            assert not any(future.done() for future in writes)
        made = {future.result(60) for future in writes}
    assert len(made) == CLIENTS
    assert len(client.files.list(purpose="vision").data) == CLIENTS // 2


def test_who_waits_to_write_for_too_long_is_told_and_nothing_was_done(
    start: Start, connect: Connect, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Before the first connection, which keeps for good how long it waits.
    monkeypatch.setattr(storage_database, "_BUSY_SECONDS", 0.05)
    client = connect(start())
    with (
        locked(database),
        all_at_once(lambda: client.beta.assistants.create(model="m")) as futures,
    ):
        errors = [future.exception(60) for future in futures]
    told = [getattr(error, "code", None) or repr(error) for error in errors]
    assert told == ["database_busy"] * CLIENTS
    assert {error.status_code for error in errors if isinstance(error, sdk.APIStatusError)} == {503}
    assert client.beta.assistants.list().data == []


def test_a_search_finds_what_there_is_although_nobody_can_write(
    client: OpenAI, database: Path
) -> None:
    [file] = client.files.list().data
    made = client.vector_stores.create()
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=made.id)
    with locked(database):
        found = client.vector_stores.search(made.id, query="roses")
    assert [result.content[0].text for result in found.data] == ["roses"]


def test_a_file_is_read_once_however_many_ask_for_its_text_meanwhile(
    server: EmbeddedServer, client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file] = client.files.list().data
    read: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def slow(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
        read.append(file.filename)
        begun.set()
        assert go_on.wait(60)
        yield Piece("roses are ")
        yield Piece("are red", 4)

    monkeypatch.setattr(indexing, "pieces", slow)
    made = client.vector_stores.create(file_ids=[file.id])
    assert begun.wait(10)

    def text() -> Any:
        page = client.vector_stores.files.content(file.id, vector_store_id=made.id)
        return [part.to_dict() for part in page]

    with all_at_once(text) as asked:
        for _ in range(5):
            assert reads(server, client) == EXPECTED
        assert not any(future.done() for future in asked)
        go_on.set()
        texts = [future.result(60) for future in asked]
    assert texts == [[{"type": "text", "text": "roses are red"}]] * CLIENTS
    assert text() == texts[0]
    assert read == ["a.txt"]
