"""Chunks by their words, in FTS5.

A score is between 0 and 1: the share of the query's words that a chunk holds, each weighed by how
rare it is in the stores searched, and lowered by up to a quarter for a worse bm25 rank than the
best chunk's. So it means the same in a store of three chunks and of three million, which bm25
alone does not.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from assistctl.server.retrieval.words import query_words
from assistctl.server.storage import Transaction, chunks, fulltext

_CANDIDATES = 200


def scores(
    tx: Transaction,
    store_ids: Sequence[str],
    ingestions: Collection[int],
    query: str,
    also: Iterable[int] = (),
) -> dict[int, float]:
    """The best chunks of these ingestions for the query, by id, and those `also` asked for that
    hold any of its words."""
    terms = query_words(query)
    if not terms or not ingestions:
        return {}
    ranks = _ranks(tx, store_ids, ingestions, terms)
    if not ranks:
        return {}
    holding = {term: fulltext.holding(tx, store_ids, term) for term in terms}
    total = chunks.count(tx, store_ids)
    weights = {term: 1 + math.log(1 + total / (1 + len(rows))) for term, rows in holding.items()}
    top, whole = max(ranks.values()), sum(weights.values())
    found = {}
    for chunk in {*ranks, *also}:
        coverage = sum(weights[term] for term in terms if chunk in holding[term])
        if coverage:
            found[chunk] = min(1.0, coverage / whole * (0.75 + 0.25 * ranks.get(chunk, 0.0) / top))
    return found


def _ranks(
    tx: Transaction, store_ids: Sequence[str], ingestions: Collection[int], terms: Sequence[str]
) -> dict[int, float]:
    """The chunks with the best bm25 ranks, each above 0."""
    found: dict[int, float] = {}
    for chunk, ingestion, rank in fulltext.ranked(tx, store_ids, terms):
        if ingestion in ingestions:
            found[chunk] = max(-rank, 1e-9)
        if len(found) == _CANDIDATES:
            break
    return found
