"""The indexer at work: what it leaves when it is stopped, fails, or is raced by others."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistctl.server.retrieval import index, indexing, vector_stores
from assistctl.server.retrieval.embedders.endpoint import EmbeddingsEndpoint
from assistctl.server.retrieval.index import Task
from assistctl.server.retrieval.indexing import Indexer
from assistctl.server.retrieval.reading import Reading, pieces
from assistctl.server.retrieval.text import Piece
from assistctl.server.retrieval.vector_stores import NewFile
from assistctl.server.storage import contents, documents
from assistctl.server.storage import store as database_module
from assistctl.server.storage.documents import Shelf
from assistctl.server.storage.store import Store, Transaction
from assistctl.server.wire import FILE, STORE_FILE, Document
from tests.server.embeddings_endpoint import embeddings_endpoint_running

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
    def breaking(file: Reading, size: int, overlap: int) -> Iterator[Piece]:
        if file.content.read() == b"poison":
            raise RuntimeError("a secret of the house")
        return pieces(file, size, overlap)

    monkeypatch.setattr(indexing, "pieces", breaking)
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
    reading, go_on = slowed(monkeypatch)
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


def test_a_file_that_is_attached_anew_before_its_reading_begins_does_not_wait_for_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_id, file_id = attach(store, b"red roses")

    def meanwhile(tx: Transaction, most: int, busy: list[str]) -> list[Task]:
        tasks = waiting(tx, most)
        monkeypatch.setattr(index, "waiting", waiting)
        with store.write() as other:
            vector_stores.attach(other, PROJECT, store_id, [NewFile(file_id)])
        return tasks

    waiting = index.waiting
    monkeypatch.setattr(index, "waiting", meanwhile)
    monkeypatch.setattr(index, "_DEAD_SECONDS", 3_600.0)
    monkeypatch.setattr(indexing, "_THREADS", 1)  # another might be in time to read it first
    indexer = Indexer(store)
    indexer.start()
    try:
        wait(store, store_id)
    finally:
        indexer.stop()


def test_a_file_that_is_deleted_while_it_is_read_leaves_no_trace(
    store: Store, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = slowed(monkeypatch)
    store_id, file_id = attach(store, b"roses")
    assert reading.wait(10)
    with store.write() as tx:
        vector_stores.detach_everywhere(tx, PROJECT, file_id)
    go_on.set()
    indexer.stop()
    with store.read() as tx:
        assert not vector_stores.pending(tx, PROJECT, [store_id])
        assert tx.execute("SELECT count(*) FROM chunks") == [(0,)]


def test_every_chunk_of_a_table_has_its_column_names(store: Store, indexer: Indexer) -> None:
    rows = "".join(f"flower{n},{n},{n + 1}\n" for n in range(60))
    attach(store, b"name,cost,price\n" + rows.encode(), "prices.csv", size=100)
    with store.read() as tx:
        [(store_id,)] = tx.execute("SELECT id FROM documents WHERE kind = 'vector_store'")
    wait(store, store_id)
    with store.read() as tx:
        texts = [text for (text,) in tx.execute("SELECT text FROM chunks ORDER BY id")]
    assert len(texts) > 2
    assert {text.partition("\n")[0] for text in texts} == {"name,cost,price"}


def test_a_large_file_enters_in_slices_and_is_found_all_at_once(
    store: Store, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_CHUNKS_AT_ONCE", 2)
    between, go_on = threading.Event(), threading.Event()

    def paused(file: Reading, size: int, overlap: int) -> Iterator[Piece]:
        for number, piece in enumerate(pieces(file, size, overlap)):
            if number == 3:
                between.set()
                assert go_on.wait(10)
            yield piece

    monkeypatch.setattr(indexing, "pieces", paused)
    store_id, _ = attach(store, b"red roses " * 400, size=100)
    assert between.wait(10)
    with store.write() as tx:  # nobody is held up meanwhile
        assert tx.execute("SELECT count(*) FROM chunks") == [(2,)]
        assert index.ready(tx, [store_id]) == []
    go_on.set()
    wait(store, store_id)
    with store.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(8,)]
        assert len(index.ready(tx, [store_id])) == 1


def test_an_indexer_that_is_stopped_leaves_the_file_to_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_CHUNKS_AT_ONCE", 1)
    begun = threading.Event()

    def endless(file: Reading, size: int, overlap: int) -> Iterator[Piece]:
        while True:
            begun.set()
            yield Piece("roses")

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "pieces", endless)
        indexer = Indexer(store)
        indexer.start()
        store_id, file_id = attach(store, b"roses")
        assert begun.wait(10)
        indexer.stop()
    assert attached(store, store_id, file_id)["status"] == "in_progress"
    indexer = Indexer(store)
    indexer.start()
    wait(store, store_id)
    until(store, "SELECT count(*) FROM readings", 1)
    indexer.stop()
    with store.read() as tx:
        assert tx.execute("SELECT text FROM chunks") == [("roses",)]


def test_a_store_that_is_deleted_is_swept_away(store: Store, indexer: Indexer) -> None:
    store_id, _ = attach(store, b"red roses " * 400, size=100)
    wait(store, store_id)
    with store.write() as tx:
        vector_stores.delete(tx, PROJECT, store_id)
        assert index.ready(tx, [store_id]) == []
    for table in ("chunks", "chunk_words", "readings"):
        until(store, f"SELECT count(*) FROM {table}", 0)  # noqa: S608


def test_without_its_embedder_a_file_is_found_by_words_and_by_meaning_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(indexing, "_EMBEDDER_PAUSE", 0.01)
    monkeypatch.setattr(indexing, "_LOOK_AGAIN_SECONDS", 0.01)
    with embeddings_endpoint_running() as endpoint:
        endpoint.status = 500
        embedder = EmbeddingsEndpoint(endpoint.settings)
        indexer = Indexer(store, embedder)
        indexer.start()
        place = attach(store, b"roses are red")
        wait(store, place[0])
        assert attached(store, *place)["status"] == "completed"
        assert f"{endpoint.settings['base_url']} answered 500: no" in caplog.text
        endpoint.status = 200
        until(store, "SELECT count(*) FROM embedded", 1)
        indexer.stop()
    with store.read() as tx:
        assert tx.execute("SELECT embedder, count(*) FROM vectors") == [(embedder.name, 1)]


def test_another_embedder_reads_what_is_there_anew_and_keeps_what_the_first_one_made(
    store: Store,
) -> None:
    with embeddings_endpoint_running() as endpoint:
        for model in ("a", "b"):
            embedder = EmbeddingsEndpoint({**endpoint.settings, "model": model})
            indexer = Indexer(store, embedder)
            indexer.start()
            if model == "a":
                wait(store, attach(store, b"roses are red " * 600)[0])
            until(store, "SELECT count(*) FROM embedded", 1 if model == "a" else 2)
            indexer.stop()
    with store.read() as tx:
        counts = tx.execute("SELECT embedder, count(*) FROM vectors GROUP BY embedder")
    base_url = endpoint.settings["base_url"]
    assert counts == [(f"a at {base_url}", 3), (f"b at {base_url}", 3)]


def test_what_an_older_server_had_indexed_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = next(
        number
        for number, statements in enumerate(database_module.MIGRATIONS)
        if any("CREATE TABLE readings" in statement for statement in statements)
    )
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", database_module.MIGRATIONS[:before])
        old = Store(tmp_path / "old.db")
        store_id, file_id = attach(old, b"roses are red")
        with old.write() as tx:
            shelf = Shelf(STORE_FILE, PROJECT, store_id)
            documents.update(tx, shelf, file_id, {"status": "completed"})
            tx.execute("DELETE FROM indexing")
            tx.execute(
                "INSERT INTO chunks (store_id, file_id, position, text) VALUES (?, ?, 0, 'old')",
                (store_id, file_id),
            )
        old.close()
    new = Store(tmp_path / "old.db")
    indexer = Indexer(new)
    indexer.start()
    until(new, "SELECT count(*) FROM readings WHERE state = 'ready'", 1)
    indexer.stop()
    with new.read() as tx:
        assert tx.execute("SELECT text FROM chunks") == [("roses are red",)]
    assert attached(new, store_id, file_id)["status"] == "completed"
    new.close()


def slowed(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Reading stops before its first piece: the first event tells, the second lets it go on."""
    reading, go_on = threading.Event(), threading.Event()

    def slow(file: Reading, size: int, overlap: int) -> Iterator[Piece]:
        reading.set()
        assert go_on.wait(10)
        return pieces(file, size, overlap)

    monkeypatch.setattr(indexing, "pieces", slow)
    return reading, go_on


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


def until(store: Store, count: str, number: int) -> None:
    """Wait until the statement counts this much."""
    pause = threading.Event()
    seen = None
    for _ in range(1000):
        with store.read() as tx:
            [(seen,)] = tx.execute(count)
        if seen == number:
            return
        pause.wait(0.01)
    raise AssertionError(f"{count}: {seen}, not {number}")


def wait(store: Store, store_id: str) -> None:
    pause = threading.Event()
    for _ in range(1000):
        with store.read() as tx:
            if not vector_stores.pending(tx, PROJECT, [store_id]):
                return
        pause.wait(0.01)
    raise AssertionError("the indexer did not finish")
