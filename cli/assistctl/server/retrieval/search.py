"""Search: chunks of vector stores by their words and by their meaning, both in one score.

A chunk's score is the weighted mean of how many of the query's words it holds (keywords.py) and of
how near its nearest passage is in meaning (vector_index.py, embedders/queries.py), both between 0
and 1. Where there is no embedder, or it has not read the chunk yet, the words decide alone. Scores
compare within one answer; they are no probabilities.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from assistctl.server.retrieval import keywords, vector_stores
from assistctl.server.retrieval.embedders import Embedder
from assistctl.server.retrieval.embedders.queries import QueryEmbedder, QueryVectors
from assistctl.server.retrieval.vector_index import VectorIndex
from assistctl.server.storage import Collection, Database, Transaction, chunks
from assistctl.server.storage.chunks import Ingestion
from assistctl.server.storage.documents import fetch
from assistctl.server.wire import FILE, STORE_FILE

T = TypeVar("T")

_CANDIDATES = 200
_AT_ONCE = 20


@dataclass(frozen=True)
class Weights:
    """What meaning and words count for; they need not make 1."""

    embedding: float = 1.0
    text: float = 1.0

    @classmethod
    def of(cls, ranking: Mapping[str, Any]) -> Weights:
        """Those of checked `ranking_options`, or the default."""
        hybrid = ranking.get("hybrid_search")
        return cls(hybrid["embedding_weight"], hybrid["text_weight"]) if hybrid else cls()


@dataclass(frozen=True)
class Query:
    """What is looked for, in any of several wordings; `condition` is a checked filter."""

    wordings: Sequence[str]
    limit: int
    threshold: float = 0.0
    weights: Weights = Weights()
    condition: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Hit:
    """A chunk that was found; `score` is between 0 and 1."""

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, Any]
    text: str


class Searcher:
    """Searches the vector stores of one database."""

    def __init__(self, database: Database, embedder: Embedder | None) -> None:
        self._database = database
        self.embedder = embedder
        self._queries = QueryEmbedder(embedder) if embedder else None
        self._vectors = VectorIndex(embedder.name) if embedder else None
        self._threads = CapacityLimiter(_AT_ONCE)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Let `work`, which searches, run in a thread; not in one of those that all requests use,
        since they must not wait for a slow embedder."""
        return await anyio.to_thread.run_sync(work, limiter=self._threads)

    def search(self, project: str, store_ids: Sequence[str], query: Query) -> list[Hit]:
        """The best chunks of these stores, best first. An endpoint may be asked: never call it
        within a transaction.

        Raises ApiError 404 for a store that is not there and 400 for an expired one.
        """
        queries = None
        if self._queries and query.weights.embedding and store_ids:
            queries = self._queries.embed(query.wordings)
        with self._database.read() as tx:
            found = vector_stores.searchable(tx, project, store_ids, query.condition)
            ingestions = {ingestion.id: ingestion for ingestion in found}
            near: Sequence[_Near] = [_Near()] * len(query.wordings)
            if queries and self._vectors and ingestions:
                cosines = self._vectors.cosines(tx, store_ids, ingestions, queries.vectors)
                near = [_Near(by_chunk, queries) for by_chunk in cosines]
            scores = _scores(tx, store_ids, ingestions, query, near)
            return _best(tx, project, ingestions, scores, query.limit)


@dataclass(frozen=True)
class _Near:
    """How near chunks are to one wording; those without vectors are not here."""

    cosines: Mapping[int, float] = field(default_factory=dict)
    queries: QueryVectors | None = None

    def best(self) -> list[int]:
        return heapq.nlargest(_CANDIDATES, self.cosines, key=self.cosines.__getitem__)

    def relevance(self, chunk: int) -> float | None:
        if self.queries is None or chunk not in self.cosines:
            return None
        return self.queries.relevance(self.cosines[chunk])


def _scores(
    tx: Transaction,
    store_ids: Sequence[str],
    ingestions: Mapping[int, Ingestion],
    query: Query,
    near: Sequence[_Near],
) -> dict[int, float]:
    """Chunks by id. Where all that may be found fits into the limit, all of it is found: what has
    nothing in common with the query comes last, with 0, since it may still hold the answer."""
    some = chunks.some(tx, ingestions, query.limit + 1)
    everything_fits = len(some) <= query.limit
    found = dict.fromkeys(some if everything_fits else (), 0.0)
    for wording, nearness in zip(query.wordings, near, strict=True):
        nearest = nearness.best()
        holding = keywords.scores(tx, store_ids, ingestions, wording, nearest)
        for chunk in {*nearest, *holding}:
            words, relevance = holding.get(chunk, 0.0), nearness.relevance(chunk)
            score = words if relevance is None else _mixed(query.weights, relevance, words)
            found[chunk] = max(found.get(chunk, 0.0), round(score, 6))
    return {
        chunk: score
        for chunk, score in found.items()
        if score >= query.threshold and (score or everything_fits)
    }


def _mixed(weights: Weights, relevance: float, words: float) -> float:
    whole = weights.embedding + weights.text
    return (weights.embedding * relevance + weights.text * words) / whole


def _best(
    tx: Transaction,
    project: str,
    ingestions: Mapping[int, Ingestion],
    scores: Mapping[int, float],
    limit: int,
) -> list[Hit]:
    """What a file says in several stores is found once."""
    found: list[Hit] = []
    said: dict[tuple[str, str], int] = {}
    for chunk in sorted(scores, key=lambda chunk: (-scores[chunk], chunk)):
        ingestion, text = chunks.fetch(tx, chunk)
        store_id, file_id = ingestions[ingestion].store_id, ingestions[ingestion].file_id
        if said.setdefault((file_id, text), ingestion) == ingestion:
            file = fetch(tx, Collection(FILE, project), file_id)
            attached = fetch(tx, Collection(STORE_FILE, project, store_id), file_id)
            attributes = attached["attributes"]
            found.append(Hit(file_id, file["filename"], scores[chunk], attributes, text))
        if len(found) == limit:
            break
    return found
