"""The vectors of chunks, by each embedder that was used, so that none has to be made twice.

A chunk has one vector for each of its passages; they are kept one behind the other. The vectors of
an ingestion are searched once they are complete.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from assistctl.server.storage.database import Transaction


def missing(
    tx: Transaction, ingestion: int, embedder: str, after: int, most: int
) -> list[tuple[int, str, int]]:
    """Chunks of the ingestion that have no vectors of this embedder yet, of those behind the id
    `after`: their ids, texts, and where what is new in each begins."""
    rows = tx.execute(
        "SELECT id, text, new_from FROM chunks WHERE ingestion = ? AND id > ? AND NOT EXISTS"
        " (SELECT 1 FROM vectors WHERE chunk = chunks.id AND embedder = ?) ORDER BY id LIMIT ?",
        (ingestion, after, embedder, most),
    )
    return [(chunk, text, new_from) for chunk, text, new_from in rows]


def incomplete(tx: Transaction, embedder: str) -> int | None:
    """An ingestion that can be found, but not yet by the vectors of this embedder."""
    rows = tx.execute(
        "SELECT id FROM ingestions WHERE state = 'ready' AND NOT EXISTS"
        " (SELECT 1 FROM embedded WHERE ingestion = ingestions.id AND embedder = ?) LIMIT 1",
        (embedder,),
    )
    return int(rows[0][0]) if rows else None


def keep(
    tx: Transaction, ingestion: int, embedder: str, vectors: Iterable[tuple[int, Sequence[bytes]]]
) -> None:
    """Keep the vectors of chunks (that are still there), each by the chunk's id."""
    tx.execute("UPDATE ingestions SET grew_at = ? WHERE id = ?", (time.time(), ingestion))
    for chunk, parts in vectors:
        tx.execute(
            "INSERT OR REPLACE INTO vectors (chunk, embedder, ingestion, vectors)"
            " SELECT id, ?, ingestion, ? FROM chunks WHERE id = ?",
            (embedder, b"".join(parts), chunk),
        )


def complete(tx: Transaction, ingestion: int, embedder: str) -> None:
    """Note that every chunk of the ingestion has its vectors."""
    tx.execute(
        "INSERT OR IGNORE INTO embedded (ingestion, embedder) SELECT id, ? FROM ingestions"
        " WHERE id = ?",
        (embedder, ingestion),
    )


def completed(tx: Transaction, store_id: str, embedder: str) -> list[int]:
    """The ingestions of a store that can be found by the vectors of this embedder."""
    rows = tx.execute(
        "SELECT id FROM ingestions JOIN embedded ON ingestion = id AND embedder = ?"
        " WHERE state = 'ready' AND store_id = ? ORDER BY id",
        (embedder, store_id),
    )
    return [ingestion for (ingestion,) in rows]


def read(tx: Transaction, store_id: str, embedder: str) -> Iterator[tuple[int, int, bytes]]:
    """Ingestion, chunk, and the vectors of the chunk's passages, of all that is `completed`."""
    return tx.stream(
        "SELECT vectors.ingestion, chunk, vectors FROM ingestions"
        " JOIN embedded ON embedded.ingestion = ingestions.id AND embedded.embedder = ?"
        " JOIN vectors ON vectors.ingestion = ingestions.id AND vectors.embedder = ?"
        " WHERE state = 'ready' AND store_id = ?",
        (embedder, embedder, store_id),
    )
