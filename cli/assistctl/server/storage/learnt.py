"""What the server has learnt of models, as texts by their keys, in its database."""

from __future__ import annotations

from dataclasses import dataclass

from assistctl.server.storage.database import Database


@dataclass(frozen=True)
class Learnt:
    database: Database

    def load(self, key: str) -> str | None:
        with self.database.read() as tx:
            rows = tx.execute("SELECT value FROM learnt WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def save(self, key: str, value: str) -> None:
        with self.database.write() as tx:
            tx.execute("INSERT OR REPLACE INTO learnt (key, value) VALUES (?, ?)", (key, value))
