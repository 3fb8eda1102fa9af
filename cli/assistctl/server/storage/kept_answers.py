"""What was answered to requests that bore an Idempotency-Key."""

from __future__ import annotations

import json
from dataclasses import dataclass

from assistctl.server.storage.database import Database, Transaction
from assistctl.server.wire import Document


@dataclass(frozen=True)
class Key:
    """What a client calls one request, within its project and for one path; `request` is a digest
    of what was sent with it."""

    project: str
    path: str
    value: str
    request: str

    @property
    def columns(self) -> tuple[str, str, str]:
        """What a row is found by."""
        return (self.project, self.path, self.value)


def find(tx: Transaction, key: Key, since: int) -> tuple[str, Document] | None:
    """The `request` that bore the key after the moment `since`, and its answer."""
    rows = tx.execute(
        "SELECT request, answer FROM answers"
        " WHERE project = ? AND path = ? AND key = ? AND answered_at > ?",
        (*key.columns, since),
    )
    return next(((request, json.loads(answer)) for request, answer in rows), None)


def keep(tx: Transaction, key: Key, answer: Document, moment: int) -> None:
    """Keep what was answered, in place of what was before."""
    tx.execute(
        "INSERT OR REPLACE INTO answers (project, path, key, request, answer, answered_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*key.columns, key.request, json.dumps(answer, ensure_ascii=False), moment),
    )


def forget(database: Database, until: int) -> None:
    """Remove what was answered at the moment `until` or before; writes only if there is any."""
    with database.read() as tx:
        rows = tx.execute("SELECT 1 FROM answers WHERE answered_at <= ? LIMIT 1", (until,))
    if rows:
        with database.write() as tx:
            tx.execute("DELETE FROM answers WHERE answered_at <= ?", (until,))
