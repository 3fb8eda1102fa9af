"""The index of what vector stores hold: chunks of text, their words, and their vectors.

A file's chunks belong to one reading of it. A reading grows slice by slice, since one large write
would hold every other writer up; it is found once it is ready, all at once, and takes the place of
the reading before. What was discarded is not found any more, and swept away in slices too.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from assistctl.server.retrieval.embedders import Vector
from assistctl.server.retrieval.text import Piece
from assistctl.server.retrieval.words import indexed
from assistctl.server.storage.database import Transaction

_SWEPT_AT_ONCE = 100
_DEAD_SECONDS = 10.0
_UNREAD = (
    "NOT EXISTS (SELECT 1 FROM readings WHERE readings.store_id = indexing.store_id"
    " AND readings.file_id = indexing.file_id AND state = 'growing'"
    " AND abs(grew_at - ?) < ?)"
)


@dataclass(frozen=True)
class Chunk:
    """A piece of a file's text, and that text as words of the index."""

    piece: Piece
    words: str


@dataclass(frozen=True)
class Task:
    """A file of a store that waits to be read."""

    seq: int
    project: str
    store_id: str
    file_id: str


@dataclass(frozen=True)
class Ready:
    """A reading that can be found."""

    id: int
    store_id: str
    file_id: str


def waiting(tx: Transaction, most: int, busy: Collection[str] = ()) -> list[Task]:
    """Files to read, those that have waited longest first, but those of projects that are `busy`
    already last; not those that somebody is reading. A process that has not got on with its
    reading for a while is taken for dead; if it is not, two read the same file, which does no
    harm."""
    tasks = _oldest(tx, most)
    if busy and all(task.project in busy for task in tasks):
        heads = (_oldest(tx, most, project) for project in _projects(tx) if project not in busy)
        tasks = sorted((task for head in heads for task in head), key=lambda t: t.seq) + tasks
    return sorted(tasks, key=lambda task: task.project in busy)[:most]


def _oldest(tx: Transaction, most: int, project: str | None = None) -> list[Task]:
    condition, values = ("", ()) if project is None else (" AND project = ?", (project,))
    rows = tx.execute(
        "SELECT seq, project, store_id, file_id FROM indexing"  # noqa: S608
        f" WHERE {_UNREAD}{condition} ORDER BY seq LIMIT ?",
        (time.time(), _DEAD_SECONDS, *values, most),
    )
    return [Task(*row) for row in rows]


def _projects(tx: Transaction) -> list[str]:
    """Those that have files waiting; each is looked for behind the last one, so that it does not
    matter how many files they have."""
    rows = tx.execute(
        "WITH RECURSIVE found (project) AS (SELECT min(project) FROM indexing UNION ALL"
        " SELECT (SELECT min(project) FROM indexing WHERE project > found.project) FROM found"
        " WHERE found.project IS NOT NULL) SELECT project FROM found WHERE project IS NOT NULL"
    )
    return [project for (project,) in rows]


def waits(tx: Transaction, task: Task) -> bool:
    """Whether the file waits still: it has not gone, nor been attached anew, nor has somebody else
    begun to read it."""
    return bool(
        tx.execute(
            f"SELECT 1 FROM indexing WHERE {_UNREAD} AND seq = ?",  # noqa: S608
            (time.time(), _DEAD_SECONDS, task.seq),
        )
    )


def prepare(pieces: Iterable[Piece]) -> list[Chunk]:
    """The slow part of adding, to be done before a transaction begins."""
    return [Chunk(piece, indexed(piece.text)) for piece in pieces]


def begin(tx: Transaction, store_id: str, file_id: str) -> int:
    """A new reading, which grows."""
    [(reading,)] = tx.execute(
        "INSERT INTO readings (store_id, file_id, state, grew_at)"
        " VALUES (?, ?, 'growing', ?) RETURNING id",
        (store_id, file_id, time.time()),
    )
    return int(reading)


def add(tx: Transaction, reading: int, chunks: Sequence[Chunk]) -> bool:
    """Add to a growing reading; False if it was discarded meanwhile, and nothing was added."""
    rows = tx.execute(
        "UPDATE readings SET grew_at = ? WHERE id = ? AND state = 'growing' RETURNING store_id",
        (time.time(), reading),
    )
    for (store_id,) in rows:
        for chunk in chunks:
            [(row,)] = tx.execute(
                "INSERT INTO chunks (reading, text, fresh) VALUES (?, ?, ?) RETURNING id",
                (reading, chunk.piece.text, chunk.piece.fresh),
            )
            tx.execute(
                "INSERT INTO chunk_words (rowid, store, words) VALUES (?, ?, ?)",
                (row, store_key(store_id), chunk.words),
            )
    return bool(rows)


def finish(tx: Transaction, reading: int) -> None:
    """Let a reading be found, in place of all others of its file in its store."""
    tx.execute(
        "UPDATE readings SET state = 'discarded' WHERE id != ?"
        " AND (store_id, file_id) = (SELECT store_id, file_id FROM readings WHERE id = ?)",
        (reading, reading),
    )
    tx.execute("UPDATE readings SET state = 'ready' WHERE id = ?", (reading,))


def discard(tx: Transaction, store_id: str, file_id: str | None = None) -> None:
    """Forget all readings of a file in a store, or of the whole store."""
    condition, values = ("", ()) if file_id is None else (" AND file_id = ?", (file_id,))
    tx.execute(
        f"UPDATE readings SET state = 'discarded' WHERE store_id = ?{condition}",  # noqa: S608
        (store_id, *values),
    )
    tx.after_commit(tx.database.indexing.set)


def give_up(tx: Transaction, reading: int) -> None:
    """Leave the file of a growing reading to whoever comes next."""
    tx.execute("UPDATE readings SET state = 'discarded' WHERE id = ?", (reading,))


def ready(tx: Transaction, store_ids: Sequence[str]) -> list[Ready]:
    """What can be found in these stores."""
    marks = ", ".join("?" * len(store_ids))
    rows = tx.execute(
        "SELECT id, store_id, file_id FROM readings"  # noqa: S608
        f" WHERE state = 'ready' AND store_id IN ({marks}) ORDER BY id",
        store_ids,
    )
    return [Ready(*row) for row in rows]


def chunks(tx: Transaction, readings: Collection[int], most: int) -> list[int]:
    """The ids of the chunks of these readings, `most` at the most."""
    found: list[int] = []
    for reading in readings:
        rows = tx.execute(
            "SELECT id FROM chunks WHERE reading = ? LIMIT ?", (reading, most - len(found))
        )
        found += (chunk for (chunk,) in rows)
        if len(found) == most:
            break
    return found


def chunk(tx: Transaction, identity: int) -> tuple[int, str]:
    """The chunk's reading and text."""
    [(reading, text)] = tx.execute("SELECT reading, text FROM chunks WHERE id = ?", (identity,))
    return reading, text


def text(tx: Transaction, store_id: str, file_id: str) -> list[str] | None:
    """All that was read of a file, in parts: what is new in each of its chunks, one behind the
    other. None if it cannot be found, not yet or no more."""
    found = tx.execute(
        "SELECT id FROM readings WHERE store_id = ? AND file_id = ? AND state = 'ready'",
        (store_id, file_id),
    )
    if not found:
        return None
    rows = tx.stream("SELECT text, fresh FROM chunks WHERE reading = ? ORDER BY id", found[0])
    return [words[fresh:] for words, fresh in rows]


def leftover(tx: Transaction) -> int | None:
    """A reading that nobody can find: one that was discarded, or that a dead process has left
    growing. A process that still lives finds its reading gone, and gives it up."""
    rows = tx.execute(
        "SELECT id FROM readings WHERE state = 'discarded' OR state = 'growing' AND NOT EXISTS"
        " (SELECT 1 FROM indexing WHERE indexing.store_id = readings.store_id"
        " AND indexing.file_id = readings.file_id) LIMIT 1"
    )
    return int(rows[0][0]) if rows else None


def sweep(tx: Transaction, reading: int) -> None:
    """Remove some of the reading's chunks, or the last of them with all that is left of it."""
    rows = tx.execute("SELECT id FROM chunks WHERE reading = ? LIMIT ?", (reading, _SWEPT_AT_ONCE))
    for row in rows:
        tx.execute("DELETE FROM chunk_words WHERE rowid = ?", row)
        tx.execute("DELETE FROM vectors WHERE chunk = ?", row)
        tx.execute("DELETE FROM chunks WHERE id = ?", row)
    if len(rows) < _SWEPT_AT_ONCE:
        tx.execute("DELETE FROM embedded WHERE reading = ?", (reading,))
        tx.execute("DELETE FROM readings WHERE id = ?", (reading,))


def unembedded(
    tx: Transaction, reading: int, embedder: str, after: int, most: int
) -> list[tuple[int, Piece]]:
    """Chunks of the reading, by id, that have no vectors of this embedder yet; those behind the
    id `after`."""
    rows = tx.execute(
        "SELECT id, text, fresh FROM chunks WHERE reading = ? AND id > ? AND NOT EXISTS"
        " (SELECT 1 FROM vectors WHERE chunk = chunks.id AND embedder = ?) ORDER BY id LIMIT ?",
        (reading, after, embedder, most),
    )
    return [(chunk, Piece(text, fresh)) for chunk, text, fresh in rows]


def to_embed(tx: Transaction, embedder: str) -> int | None:
    """A reading that can be found, but not yet by the vectors of this embedder."""
    rows = tx.execute(
        "SELECT id FROM readings WHERE state = 'ready' AND NOT EXISTS"
        " (SELECT 1 FROM embedded WHERE reading = readings.id AND embedder = ?) LIMIT 1",
        (embedder,),
    )
    return int(rows[0][0]) if rows else None


def keep_vectors(
    tx: Transaction,
    reading: int,
    embedder: str,
    vectors: Iterable[tuple[int, Sequence[Vector]]],
) -> None:
    """Keep the vectors of chunks (that are still there), each by the chunk's id."""
    tx.execute("UPDATE readings SET grew_at = ? WHERE id = ?", (time.time(), reading))
    for chunk, parts in vectors:
        tx.execute(
            "INSERT OR REPLACE INTO vectors (chunk, embedder, reading, vectors)"
            " SELECT id, ?, reading, ? FROM chunks WHERE id = ?",
            (embedder, b"".join(parts), chunk),
        )


def note_embedded(tx: Transaction, reading: int, embedder: str) -> None:
    tx.execute(
        "INSERT OR IGNORE INTO embedded (reading, embedder) SELECT id, ? FROM readings"
        " WHERE id = ?",
        (embedder, reading),
    )


def embedded(tx: Transaction, store_id: str, embedder: str) -> list[int]:
    """The readings of a store that can be found by the vectors of this embedder."""
    rows = tx.execute(
        "SELECT id FROM readings JOIN embedded ON reading = id AND embedder = ?"
        " WHERE state = 'ready' AND store_id = ? ORDER BY id",
        (embedder, store_id),
    )
    return [reading for (reading,) in rows]


def vectors(tx: Transaction, store_id: str, embedder: str) -> Iterator[tuple[int, int, bytes]]:
    """Reading, chunk, and the vectors of the chunk's passages, of the same readings."""
    return tx.stream(
        "SELECT vectors.reading, chunk, vectors FROM readings"
        " JOIN embedded ON embedded.reading = readings.id AND embedded.embedder = ?"
        " JOIN vectors ON vectors.reading = readings.id AND vectors.embedder = ?"
        " WHERE state = 'ready' AND store_id = ?",
        (embedder, embedder, store_id),
    )


def store_key(store_id: str) -> str:
    """A store's id as one word of the index."""
    return store_id.rpartition("_")[2]
