"""The bytes of files, kept in the database in parts, so that one file holds everything.

A file's content is either its own, or assembled of others' (the parts of an upload), which are
then never copied. Content that belongs to nothing, not yet or no more, is unreferenced.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from assistctl.server.storage.database import Database, Transaction
from assistctl.server.wire import now

_PART_BYTES = 2**20
_PARTS_AT_ONCE = 4
_STAGING_SECONDS = 3_600
_AT_ONCE = 0
_GIVE_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Staged:
    """Content that is written whole, and becomes an object's with `adopt`."""

    id: str
    size: int


def write(tx: Transaction, content_id: str, stream: BinaryIO) -> int:
    """Keep what `stream` holds from where it stands; returns the number of bytes."""
    return sum(_insert(tx, content_id, part, data) for part, data in enumerate(_pieces(stream)))


@contextmanager
def staged(database: Database, content_id: str, stream: BinaryIO) -> Iterator[Staged]:
    """Keep what `stream` holds in many short transactions, since one long one would hold every
    other writer up. It is to be adopted within the block; if that fails, it is removed again."""
    with database.write() as tx:
        _unreference(tx, content_id, now() + _STAGING_SECONDS)
    try:
        size = 0
        parts = enumerate(_pieces(stream))
        while some := list(islice(parts, _PARTS_AT_ONCE)):
            with database.write() as tx:
                size += sum(_insert(tx, content_id, part, data) for part, data in some)
        yield Staged(content_id, size)
    except BaseException:
        _give_up(database, content_id)
        raise


def adopt(tx: Transaction, content: Staged) -> None:
    """The content belongs to an object that this transaction makes."""
    if not tx.execute(
        "DELETE FROM unreferenced_contents WHERE content_id = ? RETURNING content_id", (content.id,)
    ):
        raise RuntimeError(f"the staged content {content.id} is gone")


def sweep(database: Database) -> None:
    """Remove what belongs to nobody: what was given up, what dead processes had staged. In many
    short transactions, as it was written."""
    for _ in range(len(database.abandoned)):
        _give_up(database, database.abandoned.popleft())
    with database.read() as tx:
        over = tx.execute(
            "SELECT content_id FROM unreferenced_contents WHERE kept_until < ?", (now(),)
        )
    for (content_id,) in over:
        while _remove_some(database, content_id):
            pass


def assemble(tx: Transaction, file_id: str, content_ids: Iterable[str]) -> None:
    """Make the file's content of these, one behind the other."""
    for position, content_id in enumerate(content_ids):
        tx.execute(
            "INSERT INTO assembled_contents (file_id, position, content_id) VALUES (?, ?, ?)",
            (file_id, position, content_id),
        )


def read(tx: Transaction, file_id: str) -> bytes:
    """All of it at once."""
    return b"".join(
        data
        for source in _sources(tx, file_id)
        for (data,) in tx.stream(
            "SELECT bytes FROM contents WHERE file_id = ? ORDER BY part", (source,)
        )
    )


def parts(database: Database, file_id: str, wanted: range | None = None) -> Iterator[bytes]:
    """Part by part, each in a transaction of its own: a slow reader holds nothing up. Of it all
    those bytes that are `wanted`."""
    with database.read() as tx:
        laid = [
            (source, part, size)
            for source in _sources(tx, file_id)
            for part, size in tx.execute(
                "SELECT part, length(bytes) FROM contents WHERE file_id = ? ORDER BY part",
                (source,),
            )
        ]
    at = 0
    for source, part, size in laid:
        first = max(wanted.start - at, 0) if wanted is not None else 0
        behind = min(wanted.stop - at, size) if wanted is not None else size
        at += size
        if first < behind:
            data = _part(database, source, part)
            if data is None:  # deleted meanwhile
                return
            yield data[first:behind]


def md5(database: Database, content_ids: Iterable[str]) -> str:
    """The checksum, in hex, of these contents one behind the other."""
    digest = hashlib.md5(usedforsecurity=False)
    for content_id in content_ids:
        for data in parts(database, content_id):
            digest.update(data)
    return digest.hexdigest()


def remove(tx: Transaction, file_id: str) -> None:
    """Give the file's content up; `sweep` removes it."""
    for source in _sources(tx, file_id):
        _unreference(tx, source, _AT_ONCE)
    tx.execute("DELETE FROM assembled_contents WHERE file_id = ?", (file_id,))


def _give_up(database: Database, content_id: str) -> None:
    """If even that cannot be written (a full disk, for one), the next sweep tries it again: nobody
    should wait for that, and the content not lie there for an hour."""
    try:
        with database.write(_GIVE_UP_SECONDS) as tx:
            tx.execute(
                "UPDATE unreferenced_contents SET kept_until = ? WHERE content_id = ?",
                (_AT_ONCE, content_id),
            )
    except Exception:  # noqa: BLE001 - the error that led here is raised
        database.abandoned.append(content_id)


def _pieces(stream: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: stream.read(_PART_BYTES), b"")


def _insert(tx: Transaction, content_id: str, part: int, data: bytes) -> int:
    tx.execute(
        "INSERT INTO contents (file_id, part, bytes) VALUES (?, ?, ?)", (content_id, part, data)
    )
    return len(data)


def _part(database: Database, content_id: str, part: int) -> bytes | None:
    with database.read() as tx:
        rows = tx.execute(
            "SELECT bytes FROM contents WHERE file_id = ? AND part = ?", (content_id, part)
        )
    return rows[0][0] if rows else None


def _unreference(tx: Transaction, content_id: str, kept_until: int) -> None:
    tx.execute(
        "INSERT OR REPLACE INTO unreferenced_contents (content_id, kept_until) VALUES (?, ?)",
        (content_id, kept_until),
    )


def _remove_some(database: Database, content_id: str) -> bool:
    """Whether there may be more of it."""
    with database.write() as tx:
        removed = tx.execute(
            "DELETE FROM contents WHERE file_id = ? AND part IN"
            " (SELECT part FROM contents WHERE file_id = ? LIMIT ?)"
            " AND EXISTS (SELECT 1 FROM unreferenced_contents WHERE content_id = file_id)"
            " RETURNING part",
            (content_id, content_id, _PARTS_AT_ONCE),
        )
        if not removed:
            tx.execute("DELETE FROM unreferenced_contents WHERE content_id = ?", (content_id,))
    return bool(removed)


def _sources(tx: Transaction, file_id: str) -> list[str]:
    """The ids under which the file's bytes stand, in order."""
    rows = tx.execute(
        "SELECT content_id FROM assembled_contents WHERE file_id = ? ORDER BY position", (file_id,)
    )
    return [content_id for (content_id,) in rows] or [file_id]
