"""Threads as a whole, and what stands below one, in one order: its messages, the steps of all of
its runs, and what only conversations hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from assistctl.server.storage import documents
from assistctl.server.storage.database import Transaction
from assistctl.server.storage.documents import Collection, Page
from assistctl.server.wire import ITEM, MESSAGE, RUN, STEP, THREAD, Document

_SPOKEN = f"kind IN ('{MESSAGE.name}', '{ITEM.name}') AND project = ? AND parent = ?"

_BEGINNING = 200
"""So many characters of a first message tell what a thread is about."""

_AT_ONCE = 128
_LAST = 2**63 - 1

# CROSS: or else SQLite goes through all steps of the project, and looks for the run of each.
_STEPS = (
    " FROM documents AS runs CROSS JOIN documents AS steps"
    " ON steps.kind = ? AND steps.project = runs.project AND steps.parent = runs.id"
    " WHERE runs.kind = ? AND runs.project = ? AND runs.parent = ?"
)


_HAS_RUN_OF = (
    " AND EXISTS (SELECT 1 FROM documents AS runs WHERE runs.kind = ?"
    " AND runs.project = documents.project AND runs.parent = documents.id"
    " AND json_extract(runs.body, '$.assistant_id') = ?)"
)

_SAID = (
    "SELECT 1 FROM documents AS said, json_each(said.body, '$.content') AS part"
    " WHERE said.kind = ? AND said.project = documents.project AND said.parent = documents.id"
)
_HAS_WORD = " AND json_extract(part.value, '$.text.value') LIKE ? ESCAPE '!'"


def select_page(
    tx: Transaction,
    project: str,
    page: Page,
    *,
    metadata: Mapping[str, str],
    assistant_id: str | None,
    words: Sequence[str],
) -> tuple[list[Document], bool]:
    """One page of the project's threads in the order in which they were made, and whether more lies
    beyond it: of those with these pairs of metadata, with a run of this assistant, and with a
    message in which all of the words occur (ASCII letters in whatever case)."""
    condition, values = "", []
    if assistant_id is not None:
        condition += _HAS_RUN_OF
        values += [RUN.name, assistant_id]
    if words:
        condition += f" AND EXISTS ({_SAID}{_HAS_WORD * len(words)})"
        values += [MESSAGE.name, *map(_within, words)]
    collection = Collection(THREAD, project)
    return documents.select_page(tx, collection, page, None, metadata, (condition, values))


def summary(tx: Transaction, project: str, thread_id: str) -> Document:
    """What a thread begins with, how long it is and when something was last said on it."""
    first = _end_of(tx, MESSAGE.name, project, thread_id, "ASC")
    last = _end_of(tx, MESSAGE.name, project, thread_id, "DESC")
    run = _end_of(tx, RUN.name, project, thread_id, "DESC")
    return {
        "messages": documents.count(tx, Collection(MESSAGE, project, thread_id)),
        "first_message": _words_of(first) if first else None,
        "last_message_at": last["created_at"] if last else None,
        "assistant_id": run["assistant_id"] if run else None,
        "status": run["status"] if run else None,
    }


def _end_of(
    tx: Transaction, kind: str, project: str, thread_id: str, order: Literal["ASC", "DESC"]
) -> Document | None:
    rows = tx.execute(
        "SELECT body FROM documents WHERE kind = ? AND project = ? AND parent = ?"  # noqa: S608
        f" ORDER BY seq {order} LIMIT 1",
        (kind, project, thread_id),
    )
    return json.loads(rows[0][0]) if rows else None


def _words_of(message: Document) -> str:
    parts = (part.get("text") or {} for part in message["content"] or ())
    return " ".join(str(text.get("value") or "") for text in parts)[:_BEGINNING]


def _within(word: str) -> str:
    """A pattern for LIKE of texts that have the word in them."""
    escaped = re.sub("[!%_]", r"!\g<0>", word)
    return f"%{escaped}%"


def steps(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """The steps of all runs of the thread, oldest first."""
    rows = tx.execute(
        f"SELECT steps.body{_STEPS} ORDER BY steps.seq",
        (STEP.name, RUN.name, project, thread_id),
    )
    return [json.loads(body) for (body,) in rows]


def messages_and_steps(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """All that was said and done on the thread, in the order in which it began."""
    return _in_one(tx, project, thread_id, "")


def messages_and_calls(tx: Transaction, project: str, thread_id: str) -> list[Document]:
    """The same without the steps that only say that a message was made, which are most of them."""
    calls = " AND json_extract(steps.body, '$.type') = 'tool_calls'"
    return _in_one(tx, project, thread_id, calls)


def _in_one(tx: Transaction, project: str, thread_id: str, which_steps: str) -> list[Document]:
    rows = tx.execute(
        f"SELECT body, seq FROM documents WHERE {_SPOKEN}"  # noqa: S608
        f" UNION ALL SELECT steps.body, steps.seq{_STEPS}{which_steps} ORDER BY seq",
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
