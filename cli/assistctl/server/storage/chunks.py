"""Chunks of text of vector stores' files, as file_search finds them.

A file's chunks belong to one ingestion of it. An ingestion grows slice by slice, since one large
write would hold every other writer up; it is found once it is ready, all at once, and takes the
place of the one before. What was discarded is not found any more, and swept away in slices too.
Which process works on a growing one, and since when, is the business of indexing_queue.py.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assistctl.server.storage import fulltext
from assistctl.server.storage.database import Transaction

_SWEPT_AT_ONCE = 100


@dataclass(frozen=True)
class NewChunk:
    """A chunk's text, which repeats the chunk before up to `new_from`; `words` are those by which
    it is found, separated by spaces."""

    text: str
    new_from: int
    words: str


@dataclass(frozen=True)
class Ingestion:
    """An ingestion that can be found."""

    id: int
    store_id: str
    file_id: str


def begin(tx: Transaction, store_id: str, file_id: str) -> int:
    """The id of a new ingestion, which grows."""
    [(ingestion,)] = tx.execute(
        "INSERT INTO ingestions (store_id, file_id, state, grew_at)"
        " VALUES (?, ?, 'growing', ?) RETURNING id",
        (store_id, file_id, time.time()),
    )
    return int(ingestion)


def add(tx: Transaction, ingestion: int, chunks: Sequence[NewChunk]) -> bool:
    """Add to a growing ingestion; False if it was discarded meanwhile, and nothing was added."""
    rows = tx.execute(
        "UPDATE ingestions SET grew_at = ? WHERE id = ? AND state = 'growing' RETURNING store_id",
        (time.time(), ingestion),
    )
    for (store_id,) in rows:
        for chunk in chunks:
            [(row,)] = tx.execute(
                "INSERT INTO chunks (ingestion, text, new_from) VALUES (?, ?, ?) RETURNING id",
                (ingestion, chunk.text, chunk.new_from),
            )
            fulltext.insert(tx, store_id, row, chunk.words)
    return bool(rows)


def finish(tx: Transaction, ingestion: int) -> None:
    """Let an ingestion be found, in place of all others of its file in its store."""
    tx.execute(
        "UPDATE ingestions SET state = 'discarded' WHERE id != ?"
        " AND (store_id, file_id) = (SELECT store_id, file_id FROM ingestions WHERE id = ?)",
        (ingestion, ingestion),
    )
    tx.execute("UPDATE ingestions SET state = 'ready' WHERE id = ?", (ingestion,))


def discard(tx: Transaction, store_id: str, file_id: str | None = None) -> None:
    """Forget all ingestions of a file in a store, or of the whole store."""
    condition, values = ("", ()) if file_id is None else (" AND file_id = ?", (file_id,))
    tx.execute(
        f"UPDATE ingestions SET state = 'discarded' WHERE store_id = ?{condition}",  # noqa: S608
        (store_id, *values),
    )
    tx.after_commit(tx.database.indexing.set)


def give_up(tx: Transaction, ingestion: int) -> None:
    """Leave the file of a growing ingestion to whoever comes next."""
    tx.execute("UPDATE ingestions SET state = 'discarded' WHERE id = ?", (ingestion,))


def ready(tx: Transaction, store_ids: Sequence[str]) -> list[Ingestion]:
    """What can be found in these stores."""
    marks = ", ".join("?" * len(store_ids))
    rows = tx.execute(
        "SELECT id, store_id, file_id FROM ingestions"  # noqa: S608
        f" WHERE state = 'ready' AND store_id IN ({marks}) ORDER BY id",
        store_ids,
    )
    return [Ingestion(*row) for row in rows]


def some(tx: Transaction, ingestions: Iterable[int], most: int) -> list[int]:
    """The ids of so many chunks at most, ingestion after ingestion."""
    found: list[int] = []
    for ingestion in ingestions:
        rows = tx.execute(
            "SELECT id FROM chunks WHERE ingestion = ? LIMIT ?", (ingestion, most - len(found))
        )
        found += (chunk for (chunk,) in rows)
        if len(found) == most:
            break
    return found


def fetch(tx: Transaction, chunk: int) -> tuple[int, str]:
    """The chunk's ingestion and text."""
    [(ingestion, text)] = tx.execute("SELECT ingestion, text FROM chunks WHERE id = ?", (chunk,))
    return ingestion, text


def count(tx: Transaction, store_ids: Sequence[str]) -> int:
    """How many chunks can be found in these stores."""
    marks = ", ".join("?" * len(store_ids))
    [(number,)] = tx.execute(
        "SELECT count(*) FROM chunks JOIN ingestions ON ingestions.id = ingestion"  # noqa: S608
        f" WHERE state = 'ready' AND store_id IN ({marks})",
        store_ids,
    )
    return int(number)


def whole_text(tx: Transaction, store_id: str, file_id: str) -> list[str] | None:
    """All that was read of a file, in parts: what is new in each of its chunks, one behind the
    other. None if it cannot be found, not yet or no more."""
    found = tx.execute(
        "SELECT id FROM ingestions WHERE store_id = ? AND file_id = ? AND state = 'ready'",
        (store_id, file_id),
    )
    if not found:
        return None
    rows = tx.stream("SELECT text, new_from FROM chunks WHERE ingestion = ? ORDER BY id", found[0])
    return [text[new_from:] for text, new_from in rows]


def unfindable(tx: Transaction) -> int | None:
    """An ingestion that nobody can find: one that was discarded, or that a dead process has left
    growing. A process that still lives finds its ingestion gone, and gives it up."""
    rows = tx.execute(
        "SELECT id FROM ingestions WHERE state = 'discarded' OR state = 'growing' AND NOT EXISTS"
        " (SELECT 1 FROM indexing WHERE indexing.store_id = ingestions.store_id"
        " AND indexing.file_id = ingestions.file_id) LIMIT 1"
    )
    return int(rows[0][0]) if rows else None


def sweep(tx: Transaction, ingestion: int) -> None:
    """Remove some of the ingestion's chunks, or the last of them with all that is left of it."""
    rows = tx.execute(
        "SELECT id FROM chunks WHERE ingestion = ? LIMIT ?", (ingestion, _SWEPT_AT_ONCE)
    )
    for row in rows:
        tx.execute("DELETE FROM chunk_words WHERE rowid = ?", row)
        tx.execute("DELETE FROM vectors WHERE chunk = ?", row)
        tx.execute("DELETE FROM chunks WHERE id = ?", row)
    if len(rows) < _SWEPT_AT_ONCE:
        tx.execute("DELETE FROM embedded WHERE ingestion = ?", (ingestion,))
        tx.execute("DELETE FROM ingestions WHERE id = ?", (ingestion,))
