"""What was ever made by seeding, so that seeding again does not bring back what was deleted."""

from __future__ import annotations

from assistctl.server.storage.database import Transaction
from assistctl.server.storage.documents import Collection


def is_noted(tx: Transaction, collection: Collection, identity: str) -> bool:
    """Whether a seeding has made it, whatever became of it."""
    rows = tx.execute(
        "SELECT 1 FROM seeded WHERE kind = ? AND project = ? AND parent = ? AND id = ?",
        (*collection.key, identity),
    )
    return bool(rows)


def note(tx: Transaction, collection: Collection, identity: str) -> None:
    """Note that a seeding has made it, which none has before."""
    tx.execute(
        "INSERT INTO seeded (kind, project, parent, id) VALUES (?, ?, ?, ?)",
        (*collection.key, identity),
    )
