"""The indexer at work: what it leaves when it is stopped, fails, or is raced by others."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistctl.server import contents, documents, indexing, vector_stores
from assistctl.server.documents import Shelf
from assistctl.server.indexing import Indexer
from assistctl.server.store import Store
from assistctl.server.vector_stores import NewFile
from assistctl.server.wire import FILE, STORE_FILE, Document

PROJECT = "default"


@pytest.fixture
def indexer(store: Store) -> Iterator[Indexer]:
    indexer = Indexer(store)
    indexer.start()
    yield indexer
    indexer.stop()


def test_what_waited_when_a_process_died_is_read_by_the_next(store: Store) -> None:
    store_id, file_id = attach(store, b"roses")
    assert attached(store, store_id, file_id)["status"] == "in_progress"
    indexer = Indexer(store)
    indexer.start()
    wait(store, store_id)
    indexer.stop()
    assert attached(store, store_id, file_id)["status"] == "completed"


def test_two_indexers_on_one_database_read_each_file_once(database: Path, store: Store) -> None:
    places = [attach(store, f"roses number {n}".encode()) for n in range(10)]
    other = Store(database)
    indexers = [Indexer(store), Indexer(other)]
    for indexer in indexers:
        indexer.start()
    for store_id, _ in places:
        wait(store, store_id)
    for indexer in indexers:
        indexer.stop()
    other.close()
    assert {attached(store, *place)["status"] for place in places} == {"completed"}
    with store.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(10,)]
        assert tx.execute("SELECT count(*) FROM indexing") == [(0,)]


def test_an_unexpected_failure_is_told_and_does_not_stop_the_others(
    store: Store,
    indexer: Indexer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    read = indexing.extract

    def breaking(filename: str, content: bytes) -> str:
        if content == b"poison":
            raise RuntimeError("a secret of the house")
        return read(filename, content)

    monkeypatch.setattr(indexing, "extract", breaking)
    bad, good = attach(store, b"poison"), attach(store, b"roses")
    wait(store, bad[0])
    wait(store, good[0])
    assert attached(store, *bad)["last_error"] == {
        "code": "server_error",
        "message": "The file could not be processed.",
    }
    assert attached(store, *good)["status"] == "completed"
    assert f"cannot index {bad[1]} for {bad[0]}" in caplog.text


def test_a_file_that_is_attached_anew_while_it_is_read_is_read_anew(
    store: Store, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    read = indexing.extract

    def slow(filename: str, content: bytes) -> str:
        reading.set()
        assert go_on.wait(10)
        return read(filename, content)

    monkeypatch.setattr(indexing, "extract", slow)
    store_id, file_id = attach(store, b"red roses " * 100)
    assert reading.wait(10)
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    with store.write() as tx:
        again = NewFile(file_id, {"type": "static", "static": static})
        vector_stores.attach(tx, PROJECT, store_id, [again])
    go_on.set()
    wait(store, store_id)
    with store.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(2,)]


def test_a_file_that_is_deleted_while_it_is_read_leaves_no_trace(
    store: Store, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def slow(filename: str, content: bytes) -> str:
        reading.set()
        assert go_on.wait(10)
        return "roses"

    monkeypatch.setattr(indexing, "extract", slow)
    store_id, file_id = attach(store, b"roses")
    assert reading.wait(10)
    with store.write() as tx:
        vector_stores.detach_everywhere(tx, PROJECT, file_id)
    go_on.set()
    indexer.stop()
    with store.read() as tx:
        assert vector_stores.pending(tx, PROJECT, [store_id]) == 0
        assert tx.execute("SELECT count(*) FROM chunks") == [(0,)]


def test_a_file_that_is_too_large_is_not_read(
    store: Store, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_MOST_BYTES", 4)
    store_id, file_id = attach(store, b"roses")
    wait(store, store_id)
    assert attached(store, store_id, file_id)["last_error"] == {
        "code": "invalid_file",
        "message": "The file is too large to index (over 4 bytes).",
    }


def test_every_chunk_of_a_table_has_its_column_names(store: Store, indexer: Indexer) -> None:
    rows = "".join(f"flower{n},{n},{n + 1}\n" for n in range(60))
    attach(store, b"name,cost,price\n" + rows.encode(), "prices.csv", size=100)
    with store.read() as tx:
        [(store_id,)] = tx.execute("SELECT id FROM documents WHERE kind = 'vector_store'")
    wait(store, store_id)
    with store.read() as tx:
        texts = [text for (text,) in tx.execute("SELECT text FROM chunks ORDER BY position")]
    assert len(texts) > 2
    assert {text.partition("\n")[0] for text in texts} == {"name,cost,price"}


def attach(
    store: Store, content: bytes, name: str = "a.txt", *, size: int = 800
) -> tuple[str, str]:
    """A new file in a new store: their ids, the store's first."""
    file_id = FILE.new_id()
    static = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": 0}
    with store.write() as tx:
        tx.execute(
            "INSERT INTO contents (file_id, part, bytes) VALUES (?, 0, ?)", (file_id, content)
        )
        assert contents.read(tx, file_id) == content
        documents.insert(
            tx, Shelf(FILE, PROJECT), {"id": file_id, "filename": name, "bytes": len(content)}
        )
        body = {"file_ids": [file_id], "chunking_strategy": {"type": "static", "static": static}}
        return vector_stores.create(tx, PROJECT, body)["id"], file_id


def attached(store: Store, store_id: str, file_id: str) -> Document:
    with store.read() as tx:
        return documents.fetch(tx, Shelf(STORE_FILE, PROJECT, store_id), file_id)


def wait(store: Store, store_id: str) -> None:
    pause = threading.Event()
    for _ in range(1000):
        with store.read() as tx:
            if not vector_stores.pending(tx, PROJECT, [store_id]):
                return
        pause.wait(0.01)
    raise AssertionError("the indexer did not finish")
