"""The indexer at work: what it leaves when it is stopped, fails, or is raced by others."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistctl.server.retrieval import indexing, vector_stores
from assistctl.server.retrieval.embedders.endpoint import EmbeddingsEndpoint
from assistctl.server.retrieval.indexing import Indexer
from assistctl.server.retrieval.ingestion import SourceFile, pieces
from assistctl.server.retrieval.text import Piece
from assistctl.server.retrieval.vector_stores import NewFile
from assistctl.server.storage import chunks, contents, documents, indexing_queue, migrations
from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection
from assistctl.server.storage.indexing_queue import Task
from assistctl.server.wire import FILE, STORE_FILE, Document
from tests.server.embeddings_endpoint import embeddings_endpoint_running

PROJECT = "default"


@pytest.fixture
def indexer(db: Database) -> Iterator[Indexer]:
    indexer = Indexer(db)
    indexer.start()
    yield indexer
    indexer.stop()


def test_what_waited_when_a_process_died_is_read_by_the_next(db: Database) -> None:
    store_id, file_id = attach(db, b"roses")
    assert attached(db, store_id, file_id)["status"] == "in_progress"
    indexer = Indexer(db)
    indexer.start()
    wait(db, store_id)
    indexer.stop()
    assert attached(db, store_id, file_id)["status"] == "completed"


def test_two_indexers_on_one_database_read_each_file_once(database: Path, db: Database) -> None:
    places = [attach(db, f"roses number {n}".encode()) for n in range(10)]
    other = Database(database)
    indexers = [Indexer(db), Indexer(other)]
    for indexer in indexers:
        indexer.start()
    for store_id, _ in places:
        wait(db, store_id)
    for indexer in indexers:
        indexer.stop()
    other.close()
    assert {attached(db, *place)["status"] for place in places} == {"completed"}
    with db.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(10,)]
        assert tx.execute("SELECT count(*) FROM indexing") == [(0,)]


def test_an_unexpected_failure_is_told_and_does_not_stop_the_others(
    db: Database,
    indexer: Indexer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaking(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
        if file.content.read() == b"poison":
            raise RuntimeError("a secret of the house")
        return pieces(file, size, overlap)

    monkeypatch.setattr(indexing, "pieces", breaking)
    bad, good = attach(db, b"poison"), attach(db, b"roses")
    wait(db, bad[0])
    wait(db, good[0])
    assert attached(db, *bad)["last_error"] == {
        "code": "server_error",
        "message": "The file could not be processed.",
    }
    assert attached(db, *good)["status"] == "completed"
    assert f"cannot index {bad[1]} for {bad[0]}" in caplog.text


def test_a_file_that_is_attached_anew_while_it_is_read_is_read_anew(
    db: Database, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = slowed(monkeypatch)
    store_id, file_id = attach(db, b"red roses " * 100)
    assert reading.wait(10)
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    with db.write() as tx:
        again = NewFile(file_id, {"type": "static", "static": static})
        vector_stores.attach(tx, PROJECT, store_id, [again])
    go_on.set()
    wait(db, store_id)
    with db.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(2,)]


def test_a_file_that_is_attached_anew_before_its_reading_begins_does_not_wait_for_that(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_id, file_id = attach(db, b"red roses")

    def meanwhile(tx: Transaction, most: int, busy: list[str]) -> list[Task]:
        tasks = waiting(tx, most)
        monkeypatch.setattr(indexing_queue, "waiting", waiting)
        with db.write() as other:
            vector_stores.attach(other, PROJECT, store_id, [NewFile(file_id)])
        return tasks

    waiting = indexing_queue.waiting
    monkeypatch.setattr(indexing_queue, "waiting", meanwhile)
    monkeypatch.setattr(indexing_queue, "_DEAD_SECONDS", 3_600.0)
    monkeypatch.setattr(indexing, "_THREADS", 1)  # another might be in time to read it first
    indexer = Indexer(db)
    indexer.start()
    try:
        wait(db, store_id)
    finally:
        indexer.stop()


def test_a_file_that_is_deleted_while_it_is_read_leaves_no_trace(
    db: Database, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = slowed(monkeypatch)
    store_id, file_id = attach(db, b"roses")
    assert reading.wait(10)
    with db.write() as tx:
        vector_stores.detach_everywhere(tx, PROJECT, file_id)
    go_on.set()
    indexer.stop()
    with db.read() as tx:
        assert not vector_stores.pending(tx, PROJECT, [store_id])
        assert tx.execute("SELECT count(*) FROM chunks") == [(0,)]


def test_every_chunk_of_a_table_has_its_column_names(db: Database, indexer: Indexer) -> None:
    rows = "".join(f"flower{n},{n},{n + 1}\n" for n in range(60))
    attach(db, b"name,cost,price\n" + rows.encode(), "prices.csv", size=100)
    with db.read() as tx:
        [(store_id,)] = tx.execute("SELECT id FROM documents WHERE kind = 'vector_store'")
    wait(db, store_id)
    with db.read() as tx:
        texts = [text for (text,) in tx.execute("SELECT text FROM chunks ORDER BY id")]
    assert len(texts) > 2
    assert {text.partition("\n")[0] for text in texts} == {"name,cost,price"}


def test_a_large_file_enters_in_slices_and_is_found_all_at_once(
    db: Database, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_CHUNKS_AT_ONCE", 2)
    between, go_on = threading.Event(), threading.Event()

    def paused(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
        for number, piece in enumerate(pieces(file, size, overlap)):
            if number == 3:
                between.set()
                assert go_on.wait(10)
            yield piece

    monkeypatch.setattr(indexing, "pieces", paused)
    store_id, _ = attach(db, b"red roses " * 400, size=100)
    assert between.wait(10)
    with db.write() as tx:  # nobody is held up meanwhile
        assert tx.execute("SELECT count(*) FROM chunks") == [(2,)]
        assert chunks.ready(tx, [store_id]) == []
    go_on.set()
    wait(db, store_id)
    with db.read() as tx:
        assert tx.execute("SELECT count(*) FROM chunks") == [(8,)]
        assert len(chunks.ready(tx, [store_id])) == 1


def test_an_indexer_that_is_stopped_leaves_the_file_to_the_next(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_CHUNKS_AT_ONCE", 1)
    begun = threading.Event()

    def endless(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
        while True:
            begun.set()
            yield Piece("roses")

    with monkeypatch.context() as patch:
        patch.setattr(indexing, "pieces", endless)
        indexer = Indexer(db)
        indexer.start()
        store_id, file_id = attach(db, b"roses")
        assert begun.wait(10)
        indexer.stop()
    assert attached(db, store_id, file_id)["status"] == "in_progress"
    indexer = Indexer(db)
    indexer.start()
    wait(db, store_id)
    until(db, "SELECT count(*) FROM ingestions", 1)
    indexer.stop()
    with db.read() as tx:
        assert tx.execute("SELECT text FROM chunks") == [("roses",)]


def test_a_store_that_is_deleted_is_swept_away(db: Database, indexer: Indexer) -> None:
    store_id, _ = attach(db, b"red roses " * 400, size=100)
    wait(db, store_id)
    with db.write() as tx:
        vector_stores.delete(tx, PROJECT, store_id)
        assert chunks.ready(tx, [store_id]) == []
    for table in ("chunks", "chunk_words", "ingestions"):
        until(db, f"SELECT count(*) FROM {table}", 0)  # noqa: S608


def test_without_its_embedder_a_file_is_found_by_words_and_by_meaning_later(
    db: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(indexing, "_EMBEDDER_PAUSE", 0.01)
    monkeypatch.setattr(indexing, "_LOOK_AGAIN_SECONDS", 0.01)
    with embeddings_endpoint_running() as endpoint:
        endpoint.status = 500
        embedder = EmbeddingsEndpoint(endpoint.settings)
        indexer = Indexer(db, embedder)
        indexer.start()
        place = attach(db, b"roses are red")
        wait(db, place[0])
        assert attached(db, *place)["status"] == "completed"
        assert f"{endpoint.settings['base_url']} answered 500: no" in caplog.text
        endpoint.status = 200
        until(db, "SELECT count(*) FROM embedded", 1)
        indexer.stop()
    with db.read() as tx:
        assert tx.execute("SELECT embedder, count(*) FROM vectors") == [(embedder.name, 1)]


def test_another_embedder_reads_what_is_there_anew_and_keeps_what_the_first_one_made(
    db: Database,
) -> None:
    with embeddings_endpoint_running() as endpoint:
        for model in ("a", "b"):
            embedder = EmbeddingsEndpoint({**endpoint.settings, "model": model})
            indexer = Indexer(db, embedder)
            indexer.start()
            if model == "a":
                wait(db, attach(db, b"roses are red " * 600)[0])
            until(db, "SELECT count(*) FROM embedded", 1 if model == "a" else 2)
            indexer.stop()
    with db.read() as tx:
        counts = tx.execute("SELECT embedder, count(*) FROM vectors GROUP BY embedder")
    base_url = endpoint.settings["base_url"]
    assert counts == [(f"a at {base_url}", 3), (f"b at {base_url}", 3)]


def test_what_an_older_server_had_indexed_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = next(
        number
        for number, statements in enumerate(migrations.MIGRATIONS)
        if any("CREATE TABLE readings" in statement for statement in statements)
    )
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:before])
        old = Database(tmp_path / "old.db")
        store_id, file_id = attach(old, b"roses are red")
        with old.write() as tx:
            collection = Collection(STORE_FILE, PROJECT, store_id)
            documents.update(tx, collection, file_id, {"status": "completed"})
            tx.execute("DELETE FROM indexing")
            tx.execute(
                "INSERT INTO chunks (store_id, file_id, position, text) VALUES (?, ?, 0, 'old')",
                (store_id, file_id),
            )
        old.close()
    new = Database(tmp_path / "old.db")
    indexer = Indexer(new)
    indexer.start()
    until(new, "SELECT count(*) FROM ingestions WHERE state = 'ready'", 1)
    indexer.stop()
    with new.read() as tx:
        assert tx.execute("SELECT text FROM chunks") == [("roses are red",)]
    assert attached(new, store_id, file_id)["status"] == "completed"
    new.close()


def slowed(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Reading stops before its first piece: the first event tells, the second lets it go on."""
    reading, go_on = threading.Event(), threading.Event()

    def slow(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
        reading.set()
        assert go_on.wait(10)
        return pieces(file, size, overlap)

    monkeypatch.setattr(indexing, "pieces", slow)
    return reading, go_on


def attach(
    db: Database, content: bytes, name: str = "a.txt", *, size: int = 800
) -> tuple[str, str]:
    """A new file in a new store: their ids, the store's first."""
    file_id = FILE.new_id()
    static = {"max_chunk_size_tokens": size, "chunk_overlap_tokens": 0}
    with db.write() as tx:
        tx.execute(
            "INSERT INTO contents (file_id, part, bytes) VALUES (?, 0, ?)", (file_id, content)
        )
        assert contents.read(tx, file_id) == content
        documents.insert(
            tx, Collection(FILE, PROJECT), {"id": file_id, "filename": name, "bytes": len(content)}
        )
        body = {"file_ids": [file_id], "chunking_strategy": {"type": "static", "static": static}}
        return vector_stores.create(tx, PROJECT, body)["id"], file_id


def attached(db: Database, store_id: str, file_id: str) -> Document:
    with db.read() as tx:
        return documents.fetch(tx, Collection(STORE_FILE, PROJECT, store_id), file_id)


def until(db: Database, count: str, number: int) -> None:
    """Wait until the statement counts this much."""
    pause = threading.Event()
    seen = None
    for _ in range(1000):
        with db.read() as tx:
            [(seen,)] = tx.execute(count)
        if seen == number:
            return
        pause.wait(0.01)
    raise AssertionError(f"{count}: {seen}, not {number}")


def wait(db: Database, store_id: str) -> None:
    pause = threading.Event()
    for _ in range(1000):
        with db.read() as tx:
            if not vector_stores.pending(tx, PROJECT, [store_id]):
                return
        pause.wait(0.01)
    raise AssertionError("the indexer did not finish")
