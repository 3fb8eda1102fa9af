"""Readings: how they grow, take each other's place, and go."""

from types import SimpleNamespace

import pytest

from assistctl.server.retrieval import index
from assistctl.server.retrieval.text import Piece
from assistctl.server.storage.database import Database, Transaction


def grown(tx: Transaction, *texts: str, store_id: str = "vs_A", file_id: str = "file-1") -> int:
    reading = index.begin(tx, store_id, file_id)
    assert index.add(tx, reading, index.prepare(map(Piece, texts)))
    return reading


def found(tx: Transaction) -> list[int]:
    return [reading.id for reading in index.ready(tx, ["vs_A"])]


def rows(tx: Transaction) -> dict[str, int]:
    tables = ("readings", "chunks", "chunk_words", "vectors", "embedded")
    return {table: tx.execute(f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608


def wait_for(tx: Transaction, file_id: str = "file-1") -> None:
    tx.execute(
        "INSERT INTO indexing (project, store_id, file_id) VALUES ('p', 'vs_A', ?)", (file_id,)
    )


def test_a_reading_is_found_once_it_is_ready_and_takes_the_place_of_the_last(db: Database) -> None:
    with db.write() as tx:
        old = grown(tx, "roses")
        other = grown(tx, "tulips", file_id="file-2")
        assert found(tx) == []
        index.finish(tx, old)
        index.finish(tx, other)
        new = grown(tx, "red roses")
        assert found(tx) == [old, other]
        index.finish(tx, new)
        assert found(tx) == [other, new]


def test_the_whole_text_that_was_read_is_kept(db: Database) -> None:
    with db.write() as tx:
        reading = index.begin(tx, "vs_A", "file-1")
        pieces = [Piece("# Prices\nrose 5\n"), Piece("# Prices\nrose 5\ntulip 3", 16)]
        index.add(tx, reading, index.prepare(pieces))
        assert index.text(tx, "vs_A", "file-1") is None
        index.finish(tx, reading)
        assert index.text(tx, "vs_A", "file-1") == ["# Prices\nrose 5\n", "tulip 3"]
        index.discard(tx, "vs_A", "file-1")
        assert index.text(tx, "vs_A", "file-1") is None


def test_a_project_of_which_a_file_is_being_read_lets_others_go_first(db: Database) -> None:
    with db.write() as tx:
        for project, file_id in (("a", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("b", "5")):
            tx.execute(
                "INSERT INTO indexing (project, store_id, file_id) VALUES (?, 'vs_A', ?)",
                (project, file_id),
            )
        order = [
            "".join(task.file_id for task in index.waiting(tx, 9, busy))
            for busy in ([], ["a"], ["a", "b"], ["a", "b", "c"])
        ]
        first = "".join(task.file_id for task in index.waiting(tx, 2, ["a"]))
    assert order == ["12345", "34512", "41235", "12345"]
    assert first == "34"


def test_a_reading_that_was_discarded_does_not_grow(db: Database) -> None:
    with db.write() as tx:
        reading = grown(tx, "roses")
        index.discard(tx, "vs_A", "file-1")
        assert not index.add(tx, reading, index.prepare([Piece("more")]))
        assert rows(tx)["chunks"] == 1


def test_what_nobody_can_find_is_swept_away_in_parts(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_SWEPT_AT_ONCE", 2)
    with db.write() as tx:
        kept, gone = grown(tx, "a", file_id="file-2"), grown(tx, "a", "b", "c", "d", "e")
        for reading in (kept, gone):
            index.finish(tx, reading)
            chunks = [(chunk, [b"1234"]) for chunk in index.chunks(tx, [reading], 9)]
            index.keep_vectors(tx, reading, "m", chunks)
            index.note_embedded(tx, reading, "m")
        index.discard(tx, "vs_A", "file-1")
        assert found(tx) == [kept]
        left = []
        while (reading := index.leftover(tx)) is not None:
            index.sweep(tx, reading)
            left.append(rows(tx)["chunks"])
        assert left == [4, 2, 1]
        assert set(rows(tx).values()) == {1}


def test_what_a_dead_process_left_growing_is_swept_when_nobody_waits_for_it(db: Database) -> None:
    with db.write() as tx:
        reading = grown(tx, "roses")
        wait_for(tx)
        assert index.leftover(tx) is None
        tx.execute("DELETE FROM indexing")
        assert index.leftover(tx) == reading


def test_a_file_that_a_dead_process_was_reading_is_read_although_the_clock_was_put_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000_000.0
    monkeypatch.setattr(index, "time", SimpleNamespace(time=lambda: clock))
    with db.write() as tx:
        wait_for(tx)
        grown(tx, "roses")
        assert index.waiting(tx, 9) == []
        clock -= 172_777
        assert [task.file_id for task in index.waiting(tx, 9)] == ["file-1"]


def test_the_vectors_of_every_embedder_are_kept_apart(db: Database) -> None:
    with db.write() as tx:
        reading = grown(tx, "a", "b", "c")
        first, second, third = index.chunks(tx, [reading], 9)
        index.keep_vectors(tx, reading, "m", [(first, [b"1234", b"5678"]), (third + 1, [b"gone"])])
        assert [chunk for chunk, _ in index.unembedded(tx, reading, "m", 0, 9)] == [second, third]
        assert [chunk for chunk, _ in index.unembedded(tx, reading, "m", second, 9)] == [third]
        assert index.unembedded(tx, reading, "n", 0, 1) == [(first, Piece("a"))]
        assert index.to_embed(tx, "m") is None
        index.finish(tx, reading)
        index.note_embedded(tx, reading, "m")
        assert (index.to_embed(tx, "m"), index.to_embed(tx, "n")) == (None, reading)
        assert rows(tx)["vectors"] == 1


def test_a_file_that_is_being_read_does_not_wait_until_its_reader_seems_dead(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 1_000.0
    monkeypatch.setattr(index, "time", SimpleNamespace(time=lambda: clock))
    with db.write() as tx:
        wait_for(tx)
        wait_for(tx, "file-2")
        first, second = index.waiting(tx, 9)
        assert index.waits(tx, first)
        reading = grown(tx, "a")
        assert (index.waits(tx, first), index.waits(tx, second)) == (False, True)
        assert [task.file_id for task in index.waiting(tx, 9)] == ["file-2"]
        clock += 9
        assert index.add(tx, reading, [])
        clock += 9
        assert [task.file_id for task in index.waiting(tx, 9)] == ["file-2"]
        clock += 9
        assert [task.file_id for task in index.waiting(tx, 1)] == ["file-1"]
        clock -= 9
        index.give_up(tx, reading)
        assert [task.file_id for task in index.waiting(tx, 9)] == ["file-1", "file-2"]
