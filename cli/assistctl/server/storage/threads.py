"""What stands below a thread, in one order: its messages, the steps of all of its runs, and what
only conversations hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from assistctl.server.storage.database import Transaction
from assistctl.server.wire import ITEM, MESSAGE, RUN, STEP, Document

_SPOKEN = f"kind IN ('{MESSAGE.name}', '{ITEM.name}') AND project = ? AND parent = ?"

_AT_ONCE = 128
_LAST = 2**63 - 1

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
    rising = order == "asc"
    beyond, direction = (">=", "ASC") if rising else ("<=", "DESC")
    # Each kind by itself, so that SQLite takes the first ones of an index instead of sorting all.
    spoken = (
        "SELECT seq FROM (SELECT seq FROM documents WHERE kind = ? AND project = ? AND parent = ?"  # noqa: S608
        f" AND seq {beyond} ? ORDER BY seq {direction} LIMIT {_AT_ONCE})"
    )
    sql = (
        f"{spoken} UNION ALL {spoken} UNION ALL SELECT steps.seq{_STEPS} AND steps.seq {beyond} ?"
        f" ORDER BY seq {direction} LIMIT {_AT_ONCE}"
    )
    next_ = start if start is not None else (0 if rising else _LAST)
    while True:
        here = (project, thread_id, next_)
        rows = tx.execute(sql, (MESSAGE.name, *here, ITEM.name, *here, STEP.name, RUN.name, *here))
        for (seq,) in rows:
            for (body,) in tx.execute("SELECT body FROM documents WHERE seq = ?", (seq,)):
                yield json.loads(body)
        if len(rows) < _AT_ONCE:
            return
        next_ = rows[-1][0] + (1 if rising else -1)


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
