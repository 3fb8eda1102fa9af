"""The indexer: reads the files that were attached to vector stores, beside the requests.

What there is to do stands in the database (table `indexing`), so that nothing is lost when a
process dies: the next one to start finds it there. Two processes may read one file at the same
time; the work is the same, and who finds the file done, or gone, leaves it alone.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from assistctl.server import contents
from assistctl.server.documents import Shelf, find, save
from assistctl.server.index import Chunk, add, prepare
from assistctl.server.store import Store, Transaction
from assistctl.server.text import UnreadableFile, extract, heading, split
from assistctl.server.wire import FILE, STORE_FILE, Document

_log = logging.getLogger("assistctl.server")

_LOOK_AGAIN_SECONDS = 5.0
_MOST_BYTES = 32 * 2**20


class Indexer:
    """One thread that works through what waits, until it is stopped."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="assistctl-indexer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Return once the thread is gone; the file in hand is read by whoever comes next."""
        self._stopping.set()
        self._store.indexing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._store.indexing.clear()
            try:
                busy = self._take_one()
            except Exception as error:  # noqa: BLE001 - the database may be better in a while
                _log.error("the indexer could not go on", exc_info=error)
                busy = False
            if not busy:
                self._store.indexing.wait(_LOOK_AGAIN_SECONDS)

    def _take_one(self) -> bool:
        """Deal with the file that has waited longest; False if none does."""
        with self._store.read() as tx:
            rows = tx.execute(
                "SELECT seq, project, store_id, file_id FROM indexing ORDER BY seq LIMIT 1"
            )
        if not rows:
            return False
        task = _Task(*rows[0])
        outcome: list[Chunk] | _Failure
        try:
            outcome = self._read(task)
        except UnreadableFile as error:
            outcome = _Failure(error.code, str(error))
        except Exception as error:  # noqa: BLE001 - one bad file must not stop the others
            _log.error("cannot index %s for %s", task.file_id, task.store_id, exc_info=error)
            outcome = _Failure("server_error", "The file could not be processed.")
        if not self._stopping.is_set():
            self._finish(task, outcome)
        return True

    def _read(self, task: _Task) -> list[Chunk]:
        """The file's chunks, ready for the index; the work is done outside any write."""
        with self._store.read() as tx:
            attached = find(tx, task.shelf, task.file_id)
            file = find(tx, Shelf(FILE, task.project), task.file_id)
            if attached is None or file is None:
                return []
            if file["bytes"] > _MOST_BYTES:
                raise UnreadableFile(
                    "invalid_file", f"The file is too large to index (over {_MOST_BYTES} bytes)."
                )
            content = contents.read(tx, task.file_id)
        text = extract(file["filename"], content)
        static = attached["chunking_strategy"]["static"]
        pieces = split(text, static["max_chunk_size_tokens"], static["chunk_overlap_tokens"])
        names = heading(file["filename"], text)
        return prepare(
            f"{names}\n{piece}" if names and position else piece
            for position, piece in enumerate(pieces)
        )

    def _finish(self, task: _Task, outcome: list[Chunk] | _Failure) -> None:
        """Take the task off the list. One that another process finished, or that was attached
        anew meanwhile, is not on it any more: then nothing is written."""
        with self._store.write() as tx:
            if not tx.execute("DELETE FROM indexing WHERE seq = ? RETURNING seq", (task.seq,)):
                return
            attached = find(tx, task.shelf, task.file_id)
            if attached is not None:
                save(tx, task.shelf, _finished(tx, attached, outcome))


@dataclass(frozen=True)
class _Task:
    seq: int
    project: str
    store_id: str
    file_id: str

    @property
    def shelf(self) -> Shelf:
        return Shelf(STORE_FILE, self.project, self.store_id)


@dataclass(frozen=True)
class _Failure:
    code: str
    message: str


def _finished(tx: Transaction, attached: Document, outcome: list[Chunk] | _Failure) -> Document:
    if isinstance(outcome, _Failure):
        error = {"code": outcome.code, "message": outcome.message}
        return {**attached, "status": "failed", "last_error": error}
    add(tx, attached["vector_store_id"], attached["id"], outcome)
    usage = sum(len(chunk.text.encode()) for chunk in outcome)
    return {**attached, "status": "completed", "usage_bytes": usage}
