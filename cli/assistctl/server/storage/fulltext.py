"""The words of chunks, in FTS5. A word of a query is taken as it is: it needs no quoting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assistctl.server.storage.database import Transaction


def insert(tx: Transaction, store_id: str, chunk: int, words: str) -> None:
    """Let a chunk of a store be found by these words, which are separated by spaces."""
    tx.execute(
        "INSERT INTO chunk_words (rowid, store, words) VALUES (?, ?, ?)",
        (chunk, _store_word(store_id), words),
    )


def ranked(
    tx: Transaction, store_ids: Sequence[str], words: Sequence[str]
) -> Iterator[tuple[int, int, float]]:
    """Chunks of these stores that hold any of the words, with their ingestions and bm25 ranks,
    best first; a better rank is a lower one. Ingestions that cannot be found are among them."""
    return tx.stream(
        """
        SELECT chunks.id, ingestion, bm25(chunk_words, 0.0, 1.0) AS rank
        FROM chunk_words JOIN chunks ON chunks.id = chunk_words.rowid
        WHERE chunk_words MATCH ? ORDER BY rank
        """,
        (_match(store_ids, words),),
    )


def holding(tx: Transaction, store_ids: Sequence[str], word: str) -> set[int]:
    """The ids of the chunks of some stores that hold a word."""
    rows = tx.execute(
        "SELECT rowid FROM chunk_words WHERE chunk_words MATCH ?", (_match(store_ids, [word]),)
    )
    return {chunk for (chunk,) in rows}


def _match(store_ids: Sequence[str], words: Sequence[str]) -> str:
    stores = " OR ".join(_quoted(_store_word(store_id)) for store_id in store_ids)
    return f"store : ({stores}) AND words : ({' OR '.join(map(_quoted, words))})"


def _store_word(store_id: str) -> str:
    """A store's id as one word of the index."""
    return store_id.rpartition("_")[2]


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
