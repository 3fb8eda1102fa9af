"""What the server has learnt of models, as texts by their keys, in its database."""

from __future__ import annotations

from dataclasses import dataclass

from assistctl.server.storage.database import Database


@dataclass(frozen=True)
class Learnt:
    """Where models/memory.py keeps what it knows."""

    database: Database

    def load(self, key: str) -> str | None:
        """What was saved last under the key; None if nothing was."""
        with self.database.read() as tx:
            rows = tx.execute("SELECT value FROM learnt WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def save(self, key: str, value: str) -> None:
        """In place of what was under the key."""
        with self.database.write() as tx:
            tx.execute("INSERT OR REPLACE INTO learnt (key, value) VALUES (?, ?)", (key, value))
