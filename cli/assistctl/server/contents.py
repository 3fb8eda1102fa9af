"""The bytes of files, kept in the database in parts, so that one file holds everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from assistctl.server.store import Store, Transaction

_PART_BYTES = 2**20


def write(tx: Transaction, file_id: str, stream: BinaryIO) -> int:
    """Keep what `stream` holds from where it stands; returns the number of bytes."""
    size = part = 0
    while data := stream.read(_PART_BYTES):
        tx.execute(
            "INSERT INTO contents (file_id, part, bytes) VALUES (?, ?, ?)", (file_id, part, data)
        )
        size += len(data)
        part += 1
    return size


def read(tx: Transaction, file_id: str) -> bytes:
    """All of it at once."""
    return b"".join(
        data
        for (data,) in tx.stream(
            "SELECT bytes FROM contents WHERE file_id = ? ORDER BY part", (file_id,)
        )
    )


def parts(store: Store, file_id: str) -> Iterator[bytes]:
    """Part by part, each in a transaction of its own: a slow reader holds nothing up."""
    part = 0
    while True:
        with store.read() as tx:
            rows = tx.execute(
                "SELECT bytes FROM contents WHERE file_id = ? AND part = ?", (file_id, part)
            )
        if not rows:
            return
        yield rows[0][0]
        part += 1


def remove(tx: Transaction, file_id: str) -> None:
    tx.execute("DELETE FROM contents WHERE file_id = ?", (file_id,))
