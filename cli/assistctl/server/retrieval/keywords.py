"""Chunks by their words, in FTS5.

A score is between 0 and 1: the share of the query's words that a chunk holds, each weighed by how
rare it is in the stores searched, and lowered by up to a quarter for a worse bm25 rank than the
best chunk's. So it means the same in a store of three chunks and of three million, which bm25
alone does not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from assistctl.server.retrieval.index import store_key
from assistctl.server.retrieval.words import searched
from assistctl.server.storage.database import Transaction

_CANDIDATES = 200


def scores(
    tx: Transaction,
    store_ids: Sequence[str],
    readings: Collection[int],
    query: str,
    also: Iterable[int] = (),
) -> dict[int, float]:
    """The best chunks of these readings for the query, by id, and those `also` asked for that
    hold any of its words."""
    terms = searched(query)
    if not terms or not readings:
        return {}
    scope = "store : (" + " OR ".join(_quote(store_key(store)) for store in store_ids) + ")"
    ranks = _ranks(tx, readings, f"{scope} AND words : ({' OR '.join(map(_quote, terms))})")
    if not ranks:
        return {}
    holding = {term: _holding(tx, f"{scope} AND words : {_quote(term)}") for term in terms}
    total = _size(tx, store_ids)
    weights = {term: 1 + math.log(1 + total / (1 + len(rows))) for term, rows in holding.items()}
    top, whole = max(ranks.values()), sum(weights.values())
    found = {}
    for chunk in {*ranks, *also}:
        coverage = sum(weights[term] for term in terms if chunk in holding[term])
        if coverage:
            found[chunk] = min(1.0, coverage / whole * (0.75 + 0.25 * ranks.get(chunk, 0.0) / top))
    return found


def _ranks(tx: Transaction, readings: Collection[int], match: str) -> dict[int, float]:
    """The chunks with the best bm25 ranks, each above 0."""
    rows = tx.stream(
        """
        SELECT chunks.id, reading, bm25(chunk_words, 0.0, 1.0) AS rank
        FROM chunk_words JOIN chunks ON chunks.id = chunk_words.rowid
        WHERE chunk_words MATCH ? ORDER BY rank
        """,
        (match,),
    )
    found: dict[int, float] = {}
    for chunk, reading, rank in rows:
        if reading in readings:
            found[chunk] = max(-rank, 1e-9)
        if len(found) == _CANDIDATES:
            break
    return found


def _holding(tx: Transaction, match: str) -> set[int]:
    rows = tx.execute("SELECT rowid FROM chunk_words WHERE chunk_words MATCH ?", (match,))
    return {row for (row,) in rows}


def _size(tx: Transaction, store_ids: Sequence[str]) -> int:
    """How many chunks the stores hold."""
    marks = ", ".join("?" * len(store_ids))
    [(size,)] = tx.execute(
        "SELECT count(*) FROM chunks JOIN readings ON readings.id = reading"  # noqa: S608
        f" WHERE state = 'ready' AND store_id IN ({marks})",
        store_ids,
    )
    return int(size)


def _quote(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
