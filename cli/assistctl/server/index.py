"""The index of what vector stores hold: chunks of text, found by their words.

Scores are between 0 and 1: the share of the query's words that a chunk holds, each weighed by how
rare it is in the stores searched, and lowered by up to a quarter for a worse bm25 rank than the
best chunk's. So a score means the same in a store of three chunks and of three million, which bm25
alone does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistctl.server.store import Transaction
from assistctl.server.words import indexed, searched

_CANDIDATES = 200


@dataclass(frozen=True)
class Chunk:
    """A piece of a file's text, and that text as words of the index."""

    text: str
    words: str


@dataclass(frozen=True)
class Hit:
    """One chunk that was found; `position` counts the chunks of its file from 0."""

    store_id: str
    file_id: str
    position: int
    text: str
    score: float


def prepare(texts: Iterable[str]) -> list[Chunk]:
    """The slow part of adding, to be done before a transaction begins."""
    return [Chunk(text, indexed(text)) for text in texts]


def add(tx: Transaction, store_id: str, file_id: str, chunks: Sequence[Chunk]) -> None:
    for position, chunk in enumerate(chunks):
        [(row,)] = tx.execute(
            "INSERT INTO chunks (store_id, file_id, position, text) VALUES (?, ?, ?, ?)"
            " RETURNING id",
            (store_id, file_id, position, chunk.text),
        )
        tx.execute(
            "INSERT INTO chunk_words (rowid, store, words) VALUES (?, ?, ?)",
            (row, _key(store_id), chunk.words),
        )


def remove(tx: Transaction, store_id: str, file_id: str) -> None:
    mine = "SELECT id FROM chunks WHERE store_id = ? AND file_id = ?"
    tx.execute(f"DELETE FROM chunk_words WHERE rowid IN ({mine})", (store_id, file_id))  # noqa: S608
    tx.execute("DELETE FROM chunks WHERE store_id = ? AND file_id = ?", (store_id, file_id))


def search(
    tx: Transaction,
    stores: Mapping[str, Iterable[str] | None],
    queries: Sequence[str],
    *,
    limit: int,
    threshold: float = 0.0,
) -> list[Hit]:
    """The best chunks for any of the queries, best first.

    `stores` maps the id of each store to the ids of its files that may be found, None for all.
    Where everything fits into `limit`, everything is found: what shares no word with the query
    comes last, with score 0, since it may still mean the same.
    """
    allowed = {store: None if files is None else set(files) for store, files in stores.items()}
    best = dict(_everything(tx, allowed, limit))
    for query in queries:
        for row, hit in _search_one(tx, allowed, query):
            if row not in best or best[row].score < hit.score:
                best[row] = hit
    found = [hit for hit in best.values() if hit.score >= threshold]
    return sorted(found, key=lambda hit: (-hit.score, hit.file_id, hit.position))[:limit]


def _everything(
    tx: Transaction, stores: Mapping[str, set[str] | None], limit: int
) -> list[tuple[int, Hit]]:
    """All chunks that may be found, if they are no more than `limit`; else none."""
    found = []
    for store, files in stores.items():
        rows = tx.stream(
            "SELECT id, store_id, file_id, position, text FROM chunks WHERE store_id = ?", (store,)
        )
        for row, store_id, file_id, position, text in rows:
            if files is None or file_id in files:
                found.append((row, Hit(store_id, file_id, position, text, 0.0)))
            if len(found) > limit:
                return []
    return found


def _search_one(
    tx: Transaction, stores: Mapping[str, set[str] | None], query: str
) -> list[tuple[int, Hit]]:
    terms = searched(query)
    if not terms or not stores:
        return []
    scope = "store : (" + " OR ".join(_quote(_key(store)) for store in stores) + ")"
    candidates = _candidates(tx, stores, f"{scope} AND words : ({' OR '.join(map(_quote, terms))})")
    if not candidates:
        return []
    holding = {term: _rows(tx, f"{scope} AND words : {_quote(term)}") for term in terms}
    total = _size(tx, stores)
    weights = {term: 1 + math.log(1 + total / (1 + len(rows))) for term, rows in holding.items()}
    top = max(rank for _, _, rank in candidates)
    hits = []
    for row, hit, rank in candidates:
        coverage = sum(weights[term] for term in terms if row in holding[term])
        score = coverage / sum(weights.values()) * (0.75 + 0.25 * rank / top)
        hits.append((row, replace(hit, score=round(min(1.0, score), 6))))
    return hits


def _candidates(
    tx: Transaction, stores: Mapping[str, set[str] | None], match: str
) -> list[tuple[int, Hit, float]]:
    """The chunks with the best bm25 ranks: row, what it holds, and its rank (above 0)."""
    rows = tx.stream(
        """
        SELECT id, store_id, file_id, position, text, bm25(chunk_words, 0.0, 1.0) AS rank
        FROM chunk_words JOIN chunks ON chunks.id = chunk_words.rowid
        WHERE chunk_words MATCH ? ORDER BY rank
        """,
        (match,),
    )
    found: list[tuple[int, Hit, float]] = []
    for row, store_id, file_id, position, text, rank in rows:
        files = stores.get(store_id, ())
        if files is None or file_id in files:
            found.append((row, Hit(store_id, file_id, position, text, 0.0), max(-rank, 1e-9)))
        if len(found) == _CANDIDATES:
            break
    return found


def _size(tx: Transaction, stores: Iterable[str]) -> int:
    """How many chunks the stores hold."""
    ids = list(stores)
    marks = ", ".join("?" * len(ids))
    [(size,)] = tx.execute(f"SELECT count(*) FROM chunks WHERE store_id IN ({marks})", ids)  # noqa: S608
    return int(size)


def _rows(tx: Transaction, match: str) -> set[int]:
    rows: list[tuple[Any, ...]] = tx.execute(
        "SELECT rowid FROM chunk_words WHERE chunk_words MATCH ?", (match,)
    )
    return {row for (row,) in rows}


def _key(store_id: str) -> str:
    """A store's id as one word of the index."""
    return store_id.rpartition("_")[2]


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
