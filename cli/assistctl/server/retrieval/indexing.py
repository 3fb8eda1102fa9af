"""The indexer: reads the files that were attached to vector stores, beside the requests.

What there is to do stands in the database (table `indexing`), so that nothing is lost when a
process dies: the next one to start finds it there. A file is read by one process, unless that one
does not get on: then two may read it; the work is the same, and who finds the file done, or gone,
leaves it alone.

Files come first, then sweeping away what nobody can find any more, then the vectors of files that
were indexed while there was no embedder, or another one. No project waits for more than one file of
another.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO

from assistctl.server.retrieval.embedders import Embedder, EmbedderError
from assistctl.server.retrieval.ingestion import SourceFile, Stopped, UnreadableFile, pieces
from assistctl.server.retrieval.text import Piece, passages
from assistctl.server.retrieval.words import index_words
from assistctl.server.storage import (
    Collection,
    Database,
    chunks,
    contents,
    disk_space,
    embeddings,
    indexing_queue,
)
from assistctl.server.storage.chunks import NewChunk
from assistctl.server.storage.documents import find, save
from assistctl.server.storage.indexing_queue import Task
from assistctl.server.wire import FILE, STORE_FILE, Document

_log = logging.getLogger("assistctl.server")

_THREADS = 2
_LOOK_AGAIN_SECONDS = 5.0
_CHUNKS_AT_ONCE = 32
_EMBEDDED_AT_ONCE = 8
_EMBEDDER_PATIENCE = 120.0
_EMBEDDER_PAUSE = 60.0


class Indexer:
    """A few threads that work through what waits, until they are stopped."""

    def __init__(self, database: Database, embedder: Embedder | None = None) -> None:
        self._database = database
        self._embedder = embedder
        self._embed_after = 0.0
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._in_hand: dict[tuple[str, int], str] = {}
        self._threads = [
            threading.Thread(target=self._work, name=f"assistctl-indexer-{number}")
            for number in range(_THREADS)
        ]

    def start(self) -> None:
        """Begin with what waits; returns at once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the embedder, and return once the threads are gone; the files in hand are read by
        whoever comes next."""
        self._stopping.set()
        self._database.indexing.set()
        if self._embedder is not None:
            self._embedder.close()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._database.indexing.clear()
            try:
                busy = self._read_one() or self._sweep_some() or self._embed_one()
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001 - the database may be better in a while
                _log.error("the indexer could not go on", exc_info=error)
                busy = False
            if not busy:
                self._database.indexing.wait(_LOOK_AGAIN_SECONDS)

    def _read_one(self) -> bool:
        """Deal with the file that has waited longest; False if none does."""
        with self._database.read() as tx:
            tasks = indexing_queue.waiting(tx, _THREADS, self._busy())
        for task in tasks:
            with self._taken("read", task.seq, task.project) as free:
                ingestion = self._begin(task) if free else None
                if ingestion is not None:
                    self._finish(task, ingestion, self._outcome(task, ingestion))
                    return True
        return False

    def _busy(self) -> list[str]:
        """The projects whose files are being read: one that attaches a thousand that take long
        must not hold up another's for longer than one of them takes."""
        with self._guard:
            return [project for work, project in self._in_hand.items() if work[0] == "read"]

    def _begin(self, task: Task) -> int | None:
        with self._database.write() as tx:
            waits = indexing_queue.waits(tx, task)
            return chunks.begin(tx, task.store_id, task.file_id) if waits else None

    def _outcome(self, task: Task, ingestion: int) -> Document | None:
        """What becomes of the attached file; None for one that went, or was attached anew."""
        try:
            usage = self._read(task, ingestion)
        except UnreadableFile as error:
            return _failed(error.code, str(error))
        except Stopped:
            raise
        except Exception as error:
            if disk_space.is_lacking(error):
                raise  # which is not the file's fault: it is read again
            _log.error("cannot index %s for %s", task.file_id, task.store_id, exc_info=error)
            return _failed("server_error", "The file could not be processed.")
        if usage is None:
            return None
        return {"status": "completed", "last_error": None, "usage_bytes": usage}

    def _read(self, task: Task, ingestion: int) -> int | None:
        """Let the ingestion of the file grow, in slices; how many bytes of text there are, or None
        as in `_outcome`."""
        with self._database.read() as tx:
            attached = find(tx, _collection(task), task.file_id)
            file = find(tx, Collection(FILE, task.project), task.file_id)
        if attached is None or file is None:
            return None
        static = attached["chunking_strategy"]["static"]
        size, overlap = static["max_chunk_size_tokens"], static["chunk_overlap_tokens"]
        try:
            with tempfile.TemporaryFile() as content:
                self._fetch(task.file_id, content)
                found = pieces(SourceFile(file["filename"], content, self._stopping), size, overlap)
                usage = self._grow(ingestion, found)
            if usage is not None:
                self._try_to_embed(ingestion)
        except Stopped:
            with self._database.write() as tx:
                chunks.give_up(tx, ingestion)
            raise
        return usage

    def _grow(self, ingestion: int, found: Iterator[Piece]) -> int | None:
        """As `_read`."""
        usage = 0
        while slice_ := [_new_chunk(piece) for piece in islice(found, _CHUNKS_AT_ONCE)]:
            self._go_on()
            with self._database.write() as tx:
                if not chunks.add(tx, ingestion, slice_):
                    return None
            usage += sum(len(chunk.text.encode()) for chunk in slice_)
        return usage

    def _fetch(self, file_id: str, content: BinaryIO) -> None:
        for part in contents.parts(self._database, file_id):
            content.write(part)
        content.seek(0)

    def _finish(self, task: Task, ingestion: int, outcome: Document | None) -> None:
        """Take the task off the list. One that another process finished, or that was attached
        anew meanwhile, is not on it any more: then nothing is written. What does not become ready
        of the ingestion is swept away."""
        with self._database.write() as tx:
            if not indexing_queue.finish(tx, task):
                return
            attached = find(tx, _collection(task), task.file_id)
            if attached is None or outcome is None:
                return
            if outcome["status"] == "completed":
                chunks.finish(tx, ingestion)
            save(tx, _collection(task), {**attached, **outcome})

    def _sweep_some(self) -> bool:
        with self._database.read() as tx:
            ingestion = chunks.unfindable(tx)
        if ingestion is None:
            return False
        with self._database.write() as tx:
            chunks.sweep(tx, ingestion)
        return True

    def _embed_one(self) -> bool:
        """Give a file that can be found by its words only the vectors of the embedder in use."""
        if self._embedder is None or time.monotonic() < self._embed_after:
            return False
        with self._database.read() as tx:
            ingestion = embeddings.incomplete(tx, self._embedder.name)
        if ingestion is None:
            return False
        with self._taken("embed", ingestion) as free:
            return free and self._try_to_embed(ingestion)

    def _try_to_embed(self, ingestion: int) -> bool:
        """Without its vectors a file is found by its words; they are tried again later."""
        if self._embedder is None or time.monotonic() < self._embed_after:
            return False
        try:
            self._embed(ingestion, self._embedder)
        except EmbedderError as error:
            self._go_on()
            self._embed_after = time.monotonic() + _EMBEDDER_PAUSE
            _log.warning("files are indexed by their words alone for now: %s", error)
            return False
        return True

    def _embed(self, ingestion: int, embedder: Embedder) -> None:
        last = 0
        while True:
            self._go_on()
            with self._database.read() as tx:
                rows = embeddings.missing(tx, ingestion, embedder.name, last, _EMBEDDED_AT_ONCE)
            if not rows:
                break
            last = rows[-1][0]
            parts = [
                list(passages(Piece(text, new_from), embedder.passage_tokens))
                for _, text, new_from in rows
            ]
            vectors = iter(
                embedder.embed([part for some in parts for part in some], _EMBEDDER_PATIENCE)
            )
            by_chunk = [
                (chunk, list(islice(vectors, len(some))))
                for (chunk, _, _), some in zip(rows, parts, strict=True)
            ]
            with self._database.write() as tx:
                embeddings.keep(tx, ingestion, embedder.name, by_chunk)
        with self._database.write() as tx:
            embeddings.complete(tx, ingestion, embedder.name)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    @contextmanager
    def _taken(self, work: str, number: int, project: str = "") -> Iterator[bool]:
        """Take a piece of work; False if another thread has it in hand."""
        entry = (work, number)
        with self._guard:
            free = entry not in self._in_hand
            self._in_hand.setdefault(entry, project)
        try:
            yield free
        finally:
            if free:
                with self._guard:
                    del self._in_hand[entry]


def _new_chunk(piece: Piece) -> NewChunk:
    """The slow part of adding, to be done before a transaction begins."""
    return NewChunk(piece.text, piece.new_from, index_words(piece.text))


def _collection(task: Task) -> Collection:
    return Collection(STORE_FILE, task.project, task.store_id)


def _failed(code: str, message: str) -> Document:
    return {"status": "failed", "last_error": {"code": code, "message": message}}
