"""What the server has learnt of models, as texts by their keys, in its database."""

from __future__ import annotations

from dataclasses import dataclass

from assistctl.server.storage.store import Store


@dataclass(frozen=True)
class Learnt:
    store: Store

    def load(self, key: str) -> str | None:
        with self.store.read() as tx:
            rows = tx.execute("SELECT value FROM learnt WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def save(self, key: str, value: str) -> None:
        with self.store.write() as tx:
            tx.execute("INSERT OR REPLACE INTO learnt (key, value) VALUES (?, ?)", (key, value))
