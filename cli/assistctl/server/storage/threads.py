"""What stands below a thread, read at once: its messages, and the steps of all of its runs."""

from __future__ import annotations

import json

from assistctl.server.storage.database import Transaction
from assistctl.server.wire import MESSAGE, RUN, STEP, Document

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
        "SELECT body, seq FROM documents WHERE kind = ? AND project = ? AND parent = ?"  # noqa: S608
        f" UNION ALL SELECT steps.body, steps.seq{_STEPS} ORDER BY seq",
        (MESSAGE.name, project, thread_id, STEP.name, RUN.name, project, thread_id),
    )
    return [json.loads(body) for body, _ in rows]
