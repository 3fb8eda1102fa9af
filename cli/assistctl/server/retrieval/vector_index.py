"""Chunks by their meaning: the cosine between a query and the nearest passage of each chunk.

Every vector of the stores searched is looked at: exact, and fast enough for some hundred thousand
of them with numpy. Without numpy it is plain Python, about fifty times slower. What was read of a
store is kept in memory until the store changes, since reading it takes longer than searching it.
"""

from __future__ import annotations

import operator
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from assistctl.server.retrieval.embedders import Vector
from assistctl.server.retrieval.embedders.protocol import NUMBER_BYTES
from assistctl.server.storage import Transaction, embeddings

_MOST_BYTES = 256 * 2**20
_CHUNKS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Block:
    """Some chunks of a store, by id, each with its ingestion and the number of its vectors, which
    stand in `numbers` one behind the other."""

    chunks: Sequence[int]
    ingestions: Sequence[int]
    counts: Sequence[int]
    numbers: bytes


@dataclass(frozen=True)
class _Kept:
    ingestions: Sequence[int]
    blocks: Sequence[Block]
    size: int


class VectorIndex:
    """The vectors of one database, in one embedder's space. Any thread may ask."""

    def __init__(self, embedder: str) -> None:
        self._embedder = embedder
        self._guard = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def cosines(
        self,
        tx: Transaction,
        store_ids: Sequence[str],
        ingestions: Collection[int],
        queries: Sequence[Vector],
    ) -> list[dict[int, float]]:
        """For each query, by the ids of those chunks of the ingestions that have vectors: the best
        cosine of the chunk's passages."""
        found: list[dict[int, float]] = [{} for _ in queries]
        for store_id in store_ids:
            for block in self._blocks(tx, store_id, len(queries[0])):
                wanted = [ingestion in ingestions for ingestion in block.ingestions]
                for best, cosines in zip(nearest(block, queries), found, strict=True):
                    pairs = zip(block.chunks, best, wanted, strict=True)
                    cosines.update((chunk, cosine) for chunk, cosine, asked in pairs if asked)
        return found

    def _blocks(self, tx: Transaction, store_id: str, size: int) -> Iterator[Block]:
        """All of a store, and to be kept if it is not too large."""
        ingestions = embeddings.completed(tx, store_id, self._embedder)
        with self._guard:
            kept = self._kept.get(store_id)
            if kept is not None:
                self._kept.move_to_end(store_id)
        if kept is not None and kept.ingestions == ingestions:
            yield from kept.blocks
            return
        blocks, total = [], 0
        for block in self._read(tx, store_id, size):
            total += len(block.numbers)
            if total <= _MOST_BYTES:
                blocks.append(block)
            else:
                blocks.clear()
            yield block
        if total <= _MOST_BYTES:
            self._keep(store_id, _Kept(ingestions, blocks, total))

    def _keep(self, store_id: str, kept: _Kept) -> None:
        with self._guard:
            self._kept[store_id] = kept
            self._kept.move_to_end(store_id)
            while sum(entry.size for entry in self._kept.values()) > _MOST_BYTES:
                self._kept.popitem(last=False)

    def _read(self, tx: Transaction, store_id: str, size: int) -> Iterator[Block]:
        """Vectors of `size` bytes each."""
        rows: list[tuple[int, int, bytes]] = []
        for row in embeddings.read(tx, store_id, self._embedder):
            if row[2] and len(row[2]) % size == 0:
                rows.append(row)
            if len(rows) == _CHUNKS_AT_ONCE:
                yield _block(rows, size)
                rows = []
        if rows:
            yield _block(rows, size)


def nearest(block: Block, queries: Sequence[Vector]) -> list[list[float]]:
    """For each query the best cosine of each chunk."""
    numpy = _numpy()
    return nearest_by(numpy, block, queries) if numpy else nearest_slowly(block, queries)


def nearest_by(numpy: Any, block: Block, queries: Sequence[Vector]) -> list[list[float]]:
    questions = numpy.frombuffer(b"".join(queries), dtype=numpy.float32).reshape(len(queries), -1)
    passages = numpy.frombuffer(block.numbers, dtype=numpy.float32).reshape(-1, questions.shape[1])
    firsts = numpy.cumsum([0, *block.counts[:-1]])
    # As fast as the @ of one thread; that of several costs milliseconds to wake them up.
    products = numpy.einsum("ij,kj->ik", passages, questions)
    best: list[list[float]] = numpy.maximum.reduceat(products, firsts, axis=0).T.tolist()
    return best


def nearest_slowly(block: Block, queries: Sequence[Vector]) -> list[list[float]]:
    numbers, size = memoryview(block.numbers).cast("f"), len(queries[0]) // NUMBER_BYTES
    best: list[list[float]] = []
    for query in queries:
        question = memoryview(query).cast("f")
        products = (
            sum(map(operator.mul, question, numbers[at : at + size]))
            for at in range(0, len(numbers), size)
        )
        best.append([max(next(products) for _ in range(count)) for count in block.counts])
    return best


@cache
def _numpy() -> Any:
    try:
        return import_module("numpy")
    except ImportError:
        return None


def _block(rows: Sequence[tuple[int, int, bytes]], size: int) -> Block:
    return Block(
        [chunk for _, chunk, _ in rows],
        [ingestion for ingestion, _, _ in rows],
        [len(vectors) // size for _, _, vectors in rows],
        b"".join(vectors for _, _, vectors in rows),
    )
