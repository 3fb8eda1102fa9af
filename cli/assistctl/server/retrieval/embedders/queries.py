"""The vectors of queries, from an embedder that may fail, and which cosine means relevance to it.

Embedders differ in the cosines that they give: for one 0.3 is a good answer, for another 0.7 is
nothing. So each is asked about questions and passages that have nothing to do with each other;
their mean cosine is where relevance begins.
"""

from __future__ import annotations

import logging
import operator
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from assistctl.server.retrieval.embedders.protocol import Embedder, EmbedderError, Vector

_log = logging.getLogger("assistctl.server")

_PATIENCE = 10.0
_PAUSE = 60.0
_QUESTIONS = (
    "How do I change a flat bicycle tyre?",
    "会议室的空调坏了该找谁？",
    "What is the capital of Peru?",
    "这份合同什么时候到期？",
)
_PASSAGES = (
    "Whisk the eggs with sugar until pale, then fold in the flour.",
    "候鸟在十月飞往南方的湿地过冬。",
    "The string quartet in D minor was first performed in 1826.",
    "量子比特可以同时处于两种状态的叠加。",
)


@dataclass(frozen=True)
class QueryVectors:
    """Queries as vectors of an embedder; `unrelated` is its cosine between texts that have nothing
    to do with each other."""

    vectors: Sequence[Vector]
    unrelated: float

    def relevance(self, cosine: float) -> float:
        """A cosine as a number from 0, no nearer than what is unrelated, to 1, the same."""
        return min(1.0, max(0.0, (cosine - self.unrelated) / (1 - self.unrelated)))


class QueryEmbedder:
    """Embeds queries; after a failure the embedder is left alone for a while."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._unrelated: float | None = None
        self._again = 0.0

    def embed(self, queries: Sequence[str]) -> QueryVectors | None:
        """One vector for each query; None while the embedder fails: words alone must do."""
        if time.monotonic() < self._again:
            return None
        known = self._unrelated is not None
        texts = [*queries, *(() if known else (*_QUESTIONS, *_PASSAGES))]
        try:
            vectors = self._embedder.embed(texts, _PATIENCE)
        except EmbedderError as error:
            self._again = time.monotonic() + _PAUSE
            _log.warning("searching by words alone for %.0f s: %s", _PAUSE, error)
            return None
        if self._unrelated is None:
            self._unrelated = _mean_cosine(vectors[len(queries) :])
        return QueryVectors(vectors[: len(queries)], self._unrelated)


def _mean_cosine(vectors: Sequence[Vector]) -> float:
    """Between the questions and the passages above; never so much that nothing is relevant."""
    numbers = [array("f", vector) for vector in vectors]
    questions, passages = numbers[: len(_QUESTIONS)], numbers[len(_QUESTIONS) :]
    products: list[float] = [
        sum(map(operator.mul, question, passage)) for question in questions for passage in passages
    ]
    return min(0.95, max(0.0, sum(products) / len(products)))
