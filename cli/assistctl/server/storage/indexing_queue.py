"""Files of vector stores that wait to be indexed, of all projects and processes."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from assistctl.server.storage.database import Transaction

_DEAD_SECONDS = 10.0
_NOT_UNDER_WAY = (
    "NOT EXISTS (SELECT 1 FROM ingestions WHERE ingestions.store_id = indexing.store_id"
    " AND ingestions.file_id = indexing.file_id AND state = 'growing'"
    " AND abs(grew_at - ?) < ?)"
)


@dataclass(frozen=True)
class Task:
    """A file of a store that waits to be indexed; `seq` is its place in the queue."""

    seq: int
    project: str
    store_id: str
    file_id: str


def add(tx: Transaction, project: str, store_id: str, file_id: str) -> None:
    """Put a file at the end of the queue, and wake the indexer of this process."""
    tx.execute(
        "INSERT INTO indexing (project, store_id, file_id) VALUES (?, ?, ?)",
        (project, store_id, file_id),
    )
    tx.after_commit(tx.database.indexing.set)


def remove(tx: Transaction, store_id: str, file_id: str | None = None) -> None:
    """Take a file off the queue, or all of a store; those that are not on it are none."""
    condition, values = ("", ()) if file_id is None else (" AND file_id = ?", (file_id,))
    tx.execute(f"DELETE FROM indexing WHERE store_id = ?{condition}", (store_id, *values))  # noqa: S608


def finish(tx: Transaction, task: Task) -> bool:
    """Take the task off the queue; False if it is not on it any more, since another process has
    finished it, or its file was attached anew."""
    rows = tx.execute("DELETE FROM indexing WHERE seq = ? RETURNING seq", (task.seq,))
    return bool(rows)


def waiting(tx: Transaction, most: int, busy: Collection[str] = ()) -> list[Task]:
    """Files to index, those that have waited longest first, but those of projects that are `busy`
    already last; not those that somebody is at work on. A process that has not got on for a while
    is taken for dead; if it is not, two index the same file, which does no harm."""
    tasks = _oldest(tx, most)
    if busy and all(task.project in busy for task in tasks):
        heads = (_oldest(tx, most, project) for project in _projects(tx) if project not in busy)
        tasks = sorted((task for head in heads for task in head), key=lambda t: t.seq) + tasks
    return sorted(tasks, key=lambda task: task.project in busy)[:most]


def waits(tx: Transaction, task: Task) -> bool:
    """Whether the file waits still: it has not gone, nor been attached anew, nor has somebody else
    begun to index it."""
    rows = tx.execute(
        f"SELECT 1 FROM indexing WHERE {_NOT_UNDER_WAY} AND seq = ?",  # noqa: S608
        (time.time(), _DEAD_SECONDS, task.seq),
    )
    return bool(rows)


def _oldest(tx: Transaction, most: int, project: str | None = None) -> list[Task]:
    condition, values = ("", ()) if project is None else (" AND project = ?", (project,))
    rows = tx.execute(
        "SELECT seq, project, store_id, file_id FROM indexing"  # noqa: S608
        f" WHERE {_NOT_UNDER_WAY}{condition} ORDER BY seq LIMIT ?",
        (time.time(), _DEAD_SECONDS, *values, most),
    )
    return [Task(*row) for row in rows]


def _projects(tx: Transaction) -> list[str]:
    """Those that have files waiting; each is looked for behind the last one, so that it does not
    matter how many files they have."""
    rows = tx.execute(
        "WITH RECURSIVE found (project) AS (SELECT min(project) FROM indexing UNION ALL"
        " SELECT (SELECT min(project) FROM indexing WHERE project > found.project) FROM found"
        " WHERE found.project IS NOT NULL) SELECT project FROM found WHERE project IS NOT NULL"
    )
    return [project for (project,) in rows]
