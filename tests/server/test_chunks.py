"""Ingestions: how they grow, take each other's place, and go; and the queue before them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from assistctl.server.storage import chunks, embeddings, fulltext, indexing_queue, migrations
from assistctl.server.storage.chunks import Ingestion, NewChunk
from assistctl.server.storage.database import Database, Transaction


def grown(tx: Transaction, *texts: str, store_id: str = "vs_A", file_id: str = "file-1") -> int:
    ingestion = chunks.begin(tx, store_id, file_id)
    assert chunks.add(tx, ingestion, [NewChunk(text, 0, text) for text in texts])
    return ingestion


def found(tx: Transaction) -> list[int]:
    return [ingestion.id for ingestion in chunks.ready(tx, ["vs_A"])]


def rows(tx: Transaction) -> dict[str, int]:
    tables = ("ingestions", "chunks", "chunk_words", "vectors", "embedded")
    return {table: tx.execute(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608


def wait_for(tx: Transaction, file_id: str = "file-1") -> None:
    indexing_queue.add(tx, "p", "vs_A", file_id)


def test_an_ingestion_is_found_once_it_is_ready_and_takes_the_place_of_the_last(
    db: Database,
) -> None:
    with db.write() as tx:
        old = grown(tx, "roses")
        other = grown(tx, "tulips", file_id="file-2")
        assert found(tx) == []
        chunks.finish(tx, old)
        chunks.finish(tx, other)
        new = grown(tx, "red roses")
        assert found(tx) == [old, other]
        chunks.finish(tx, new)
        assert found(tx) == [other, new]


def test_the_whole_text_that_was_read_is_kept(db: Database) -> None:
    with db.write() as tx:
        ingestion = chunks.begin(tx, "vs_A", "file-1")
        texts = ("# Prices\nrose 5\n", 0), ("# Prices\nrose 5\ntulip 3", 16)
        chunks.add(tx, ingestion, [NewChunk(*text, "prices rose") for text in texts])
        assert chunks.whole_text(tx, "vs_A", "file-1") is None
        chunks.finish(tx, ingestion)
        assert chunks.whole_text(tx, "vs_A", "file-1") == ["# Prices\nrose 5\n", "tulip 3"]
        chunks.discard(tx, "vs_A", "file-1")
        assert chunks.whole_text(tx, "vs_A", "file-1") is None


def test_a_project_of_which_a_file_is_being_read_lets_others_go_first(db: Database) -> None:
    with db.write() as tx:
        for project, file_id in (("a", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("b", "5")):
            indexing_queue.add(tx, project, "vs_A", file_id)
        order = [
            "".join(task.file_id for task in indexing_queue.waiting(tx, 9, busy))
            for busy in ([], ["a"], ["a", "b"], ["a", "b", "c"])
        ]
        first = "".join(task.file_id for task in indexing_queue.waiting(tx, 2, ["a"]))
    assert order == ["12345", "34512", "41235", "12345"]
    assert first == "34"


def test_an_ingestion_that_was_discarded_does_not_grow(db: Database) -> None:
    with db.write() as tx:
        ingestion = grown(tx, "roses")
        chunks.discard(tx, "vs_A", "file-1")
        assert not chunks.add(tx, ingestion, [NewChunk("more", 0, "more")])
        assert rows(tx)["chunks"] == 1


def test_what_nobody_can_find_is_swept_away_in_parts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "_SWEPT_AT_ONCE", 2)
    with db.write() as tx:
        kept, gone = grown(tx, "a", file_id="file-2"), grown(tx, "a", "b", "c", "d", "e")
        for ingestion in (kept, gone):
            chunks.finish(tx, ingestion)
            vectors = [(chunk, [b"1234"]) for chunk in chunks.some(tx, [ingestion], 9)]
            embeddings.keep(tx, ingestion, "m", vectors)
            embeddings.complete(tx, ingestion, "m")
        chunks.discard(tx, "vs_A", "file-1")
        assert found(tx) == [kept]
        left = []
        while (ingestion := chunks.unfindable(tx)) is not None:
            chunks.sweep(tx, ingestion)
            left.append(rows(tx)["chunks"])
        assert left == [4, 2, 1]
        assert set(rows(tx).values()) == {1}


def test_what_a_dead_process_left_growing_is_swept_when_nobody_waits_for_it(db: Database) -> None:
    with db.write() as tx:
        ingestion = grown(tx, "roses")
        wait_for(tx)
        assert chunks.unfindable(tx) is None
        indexing_queue.remove(tx, "vs_A")
        assert chunks.unfindable(tx) == ingestion


def test_a_file_that_a_dead_process_was_reading_is_read_although_the_clock_was_put_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000_000.0
    for module in (chunks, indexing_queue):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock))
    with db.write() as tx:
        wait_for(tx)
        grown(tx, "roses")
        assert indexing_queue.waiting(tx, 9) == []
        clock -= 172_777
        assert [task.file_id for task in indexing_queue.waiting(tx, 9)] == ["file-1"]


def test_the_vectors_of_every_embedder_are_kept_apart(db: Database) -> None:
    with db.write() as tx:
        ingestion = grown(tx, "a", "b", "c")
        first, second, third = chunks.some(tx, [ingestion], 9)
        embeddings.keep(tx, ingestion, "m", [(first, [b"1234", b"5678"]), (third + 1, [b"gone"])])
        missing = embeddings.missing(tx, ingestion, "m", 0, 9)
        assert missing == [(second, "b", 0), (third, "c", 0)]
        assert embeddings.missing(tx, ingestion, "m", second, 9) == [(third, "c", 0)]
        assert embeddings.missing(tx, ingestion, "n", 0, 1) == [(first, "a", 0)]
        assert embeddings.incomplete(tx, "m") is None
        chunks.finish(tx, ingestion)
        embeddings.complete(tx, ingestion, "m")
        assert (embeddings.incomplete(tx, "m"), embeddings.incomplete(tx, "n")) == (None, ingestion)
        assert rows(tx)["vectors"] == 1


def test_a_file_that_is_being_read_does_not_wait_until_its_reader_seems_dead(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000.0
    for module in (chunks, indexing_queue):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock))
    with db.write() as tx:
        wait_for(tx)
        wait_for(tx, "file-2")
        first, second = indexing_queue.waiting(tx, 9)
        assert indexing_queue.waits(tx, first)
        ingestion = grown(tx, "a")
        assert (indexing_queue.waits(tx, first), indexing_queue.waits(tx, second)) == (False, True)
        assert [task.file_id for task in indexing_queue.waiting(tx, 9)] == ["file-2"]
        clock += 9
        assert chunks.add(tx, ingestion, [])
        clock += 9
        assert [task.file_id for task in indexing_queue.waiting(tx, 9)] == ["file-2"]
        clock += 9
        assert [task.file_id for task in indexing_queue.waiting(tx, 1)] == ["file-1"]
        clock -= 9
        chunks.give_up(tx, ingestion)
        assert [task.file_id for task in indexing_queue.waiting(tx, 9)] == ["file-1", "file-2"]


def test_what_was_indexed_under_the_tables_old_names_is_still_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = next(
        number
        for number, statements in enumerate(migrations.MIGRATIONS)
        if "ALTER TABLE readings RENAME TO ingestions" in statements
    )
    path = tmp_path / "old.db"
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:before])
        old = Database(path)
    with old.write() as tx:
        for statement in (
            "INSERT INTO readings (store_id, file_id, state) VALUES ('vs_A', 'file-1', 'ready')",
            "INSERT INTO chunks (reading, text, fresh) VALUES (1, '# Prices rose 5', 9)",
            "INSERT INTO chunk_words (rowid, store, words) VALUES (1, 'A', 'prices rose 5')",
            "INSERT INTO vectors (reading, embedder, chunk, vectors) VALUES (1, 'm', 1, x'01')",
            "INSERT INTO embedded (reading, embedder) VALUES (1, 'm')",
            "INSERT INTO loose_contents (content_id, kept_until) VALUES ('part_x', 1)",
        ):
            tx.execute(statement)
    old.close()
    new = Database(path)
    with new.read() as tx:
        assert chunks.ready(tx, ["vs_A"]) == [Ingestion(1, "vs_A", "file-1")]
        assert chunks.whole_text(tx, "vs_A", "file-1") == ["rose 5"]
        assert fulltext.holding(tx, ["vs_A"], "rose") == {1}
        assert embeddings.completed(tx, "vs_A", "m") == [1]
        assert list(embeddings.read(tx, "vs_A", "m")) == [(1, 1, b"\x01")]
        assert tx.execute("SELECT * FROM unreferenced_contents") == [("part_x", 1)]
    with new.write() as tx:
        chunks.discard(tx, "vs_A")
        while (gone := chunks.unfindable(tx)) is not None:
            chunks.sweep(tx, gone)
        assert set(rows(tx).values()) == {0}
    new.close()
