"""What stands below a thread, in one order: its messages, the steps of all of its runs, and what
only conversations hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from assistctl.server.storage.database import Transaction
from assistctl.server.wire import ITEM, MESSAGE, RUN, STEP, Document

_SPOKEN = f"kind IN ('{MESSAGE.name}', '{ITEM.name}') AND project = ? AND parent = ?"

# CROSS: or else SQLite goes through all steps of the project, and looks for the run of each.
_STEPS = (
    " FROM documents AS runs CROSS JOIN documents AS steps"
    " ON steps.kind = ? AND steps.project = runs.project AND steps.parent = runs.id"
    " WHERE runs.kind = ? AND runs.project = ? AND runs.parent = ?"
)


def steps(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """The steps of all runs of the thread, oldest first."""
    rows = tx.execute(
        f"SELECT steps.body{_STEPS} ORDER BY steps.seq",
        (STEP.name, RUN.name, project, thread_id),
    )
    return [json.loads(body) for (body,) in rows]


def messages_and_steps(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """All that was said and done on the thread, in the order in which it began."""
    rows = tx.execute(
        f"SELECT body, seq FROM documents WHERE {_SPOKEN}"  # noqa: S608
        f" UNION ALL SELECT steps.body, steps.seq{_STEPS} ORDER BY seq",
        (project, thread_id, STEP.name, RUN.name, project, thread_id),
    )
    return [json.loads(body) for body, _ in rows]


def in_order(
    tx: Transaction,
    project: str,
    thread_id: str,
    order: Literal["asc", "desc"] = "asc",
    start: int | None = None,
) -> Iterator[Document]:
    """The same, one by one as they are wanted, from the place `start` on (see `place`)."""
    beyond, direction = (">=", "ASC") if order == "asc" else ("<=", "DESC")
    here, of_steps = (
        ("", "") if start is None else (f" AND seq {beyond} ?", f" AND steps.seq {beyond} ?")
    )
    bound = () if start is None else (start,)
    rows = tx.execute(
        f"SELECT seq FROM documents WHERE {_SPOKEN}{here}"  # noqa: S608
        f" UNION ALL SELECT steps.seq{_STEPS}{of_steps} ORDER BY seq {direction}",
        (project, thread_id, *bound, STEP.name, RUN.name, project, thread_id, *bound),
    )
    for (seq,) in rows:
        for (body,) in tx.execute("SELECT body FROM documents WHERE seq = ?", (seq,)):
            yield json.loads(body)


def place(tx: Transaction, project: str, thread_id: str, identity: str) -> int | None:
    """Where a message, step or item of the thread stands or, if it was deleted, stood."""
    for table in ("documents", "tombstones"):
        rows = tx.execute(
            f"SELECT seq FROM {table} WHERE {_SPOKEN} AND id = ? UNION ALL"  # noqa: S608
            f" SELECT seq FROM {table} WHERE kind = ? AND project = ? AND id = ? AND parent IN"
            " (SELECT id FROM documents WHERE kind = ? AND project = ? AND parent = ?)",
            (
                *(project, thread_id, identity),
                *(STEP.name, project, identity),
                *(RUN.name, project, thread_id),
            ),
        )
        if rows:
            return int(rows[0][0])
    return None
