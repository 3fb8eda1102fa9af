"""Objects as JSON documents: insert, find, change, remove, list in pages.

A document's `id` and `status` are also columns; its place in every list is the order of insertion.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assistctl.server.storage.database import Database, Transaction
from assistctl.server.wire import Document, Kind, invalid, now, public


@dataclass(frozen=True)
class Collection:
    """Where documents of one kind stand: within a project, below `parent` (an id, or "").

    Messages and runs stand below their thread, steps below their run, a store's files and batches
    below their vector store; everything else has no parent.
    """

    kind: Kind
    project: str
    parent: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The columns kind, project and parent."""
        return (self.kind.name, self.project, self.parent)


@dataclass(frozen=True)
class Page:
    """Which part of a list is asked for; `after` and `before` are ids and exclusive."""

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


TRACE_SECONDS = 7 * 24 * 3_600

_HERE = "kind = ? AND project = ? AND parent = ?"
_HAS_PAIR = (
    " AND EXISTS (SELECT 1 FROM json_each(body, '$.metadata') AS pair"
    " WHERE pair.key = ? AND pair.value = ?)"
)


def insert(tx: Transaction, collection: Collection, document: Document) -> Document:
    """Append the document and return it; its `id` is not in the collection yet."""
    tx.execute(
        "INSERT INTO documents (kind, project, parent, id, status, body) VALUES (?, ?, ?, ?, ?, ?)",
        (*collection.key, document["id"], document.get("status"), _dump(document)),
    )
    return document


def find(tx: Transaction, collection: Collection, identity: str) -> Document | None:
    """The document of this id, with the server's own `_` keys; None if it is not there."""
    rows = tx.execute(
        f"SELECT body FROM documents WHERE {_HERE} AND id = ?",  # noqa: S608 - constant
        (*collection.key, identity),
    )
    return json.loads(rows[0][0]) if rows else None


def fetch(tx: Transaction, collection: Collection, identity: str) -> Document:
    """Like `find`, but the absent document is the API's own 404."""
    document = find(tx, collection, identity)
    if document is None:
        raise collection.kind.missing(identity, collection.parent)
    return document


def save(tx: Transaction, collection: Collection, document: Document) -> Document:
    """Replace the document of the same id; it keeps its place. A document not there is a 404."""
    rows = tx.execute(
        f"UPDATE documents SET status = ?, body = ? WHERE {_HERE} AND id = ? RETURNING seq",  # noqa: S608
        (document.get("status"), _dump(document), *collection.key, document["id"]),
    )
    if not rows:
        raise collection.kind.missing(document["id"], collection.parent)
    return document


def update(
    tx: Transaction, collection: Collection, identity: str, changes: Mapping[str, Any]
) -> Document:
    """Set top-level keys of a document and return it."""
    return save(tx, collection, {**fetch(tx, collection, identity), **changes})


def remove(tx: Transaction, collection: Collection, identity: str) -> None:
    """Delete a document and everything below it; a document not there is a 404."""
    rows = tx.execute(
        f"DELETE FROM documents WHERE {_HERE} AND id = ? RETURNING seq",  # noqa: S608
        (*collection.key, identity),
    )
    if not rows:
        raise collection.kind.missing(identity, collection.parent)
    tx.execute(
        "INSERT OR REPLACE INTO tombstones (kind, project, parent, id, seq, removed_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*collection.key, identity, rows[0][0], now()),
    )
    _remove_below(tx, collection.project, identity)


def purge(tx: Transaction, collection: Collection, identity: str) -> None:
    """Delete a document, if it is there, with everything below it and without a trace."""
    tx.execute(
        f"DELETE FROM documents WHERE {_HERE} AND id = ?",  # noqa: S608
        (*collection.key, identity),
    )
    _remove_below(tx, collection.project, identity)


def move_to_end(tx: Transaction, collection: Collection, identity: str) -> None:
    """Let a document stand behind all others, as if it had been inserted now."""
    tx.execute(
        f"UPDATE documents SET seq = (SELECT max(seq) + 1 FROM documents) WHERE {_HERE} AND id = ?",  # noqa: S608
        (*collection.key, identity),
    )


def was_deleted(tx: Transaction, collection: Collection, identity: str) -> bool:
    """Whether such a document was there and has been removed by itself, not too long ago."""
    rows = tx.execute(
        f"SELECT 1 FROM tombstones WHERE {_HERE} AND id = ?",  # noqa: S608
        (*collection.key, identity),
    )
    return bool(rows)


def forget_removed(database: Database) -> None:
    """Remove the traces of what was deleted so long ago that no client still pages past it."""
    with database.write() as tx:
        tx.execute("DELETE FROM tombstones WHERE removed_at <= ?", (now() - TRACE_SECONDS,))


def count(tx: Transaction, collection: Collection) -> int:
    """How many documents there are."""
    [(number,)] = tx.execute(f"SELECT count(*) FROM documents WHERE {_HERE}", collection.key)  # noqa: S608
    return int(number)


def select(
    tx: Transaction,
    collection: Collection,
    where: Mapping[str, Any] | None = None,
    later_than: tuple[Collection, str] | None = None,
) -> list[Document]:
    """All documents, oldest first, whose top-level fields have the given values; only those that
    stand after another document if one is named, however much stands before that."""
    condition, values = _condition(where)
    if later_than is not None:
        other, identity = later_than
        condition += f" AND seq > (SELECT seq FROM documents WHERE {_HERE} AND id = ?)"  # noqa: S608
        values += [*other.key, identity]
    rows = tx.execute(
        f"SELECT body FROM documents WHERE {_HERE}{condition} ORDER BY seq",  # noqa: S608
        (*collection.key, *values),
    )
    return [json.loads(body) for (body,) in rows]


def ids(tx: Transaction, collection: Collection) -> list[str]:
    """Of all documents, oldest first."""
    rows = tx.execute(f"SELECT id FROM documents WHERE {_HERE} ORDER BY seq", collection.key)  # noqa: S608
    return [identity for (identity,) in rows]


def has_status(tx: Transaction, collection: Collection, status: str) -> bool:
    """Whether any document has this status. It costs the same however many documents there are."""
    rows = tx.execute(
        f"SELECT 1 FROM documents WHERE {_HERE} AND status = ? LIMIT 1",  # noqa: S608
        (*collection.key, status),
    )
    return bool(rows)


def count_by_status(
    tx: Transaction, collection: Collection, where: Mapping[str, Any] | None = None
) -> dict[str, int]:
    """How many documents, of those that `select` would find, have each status."""
    condition, values = _condition(where)
    rows = tx.execute(
        f"SELECT status, count(*) FROM documents WHERE {_HERE}{condition} GROUP BY status",  # noqa: S608
        (*collection.key, *values),
    )
    return dict(rows)


def totals(
    tx: Transaction, kind: Kind, project: str, parents: Sequence[str], field: str
) -> list[tuple[str, str, int, int]]:
    """Of the documents below several parents: parent, status, how many of them have this status,
    and the sum of a top-level field of theirs."""
    marks = ", ".join("?" * len(parents))
    rows = tx.execute(
        f"SELECT parent, status, count(*), sum(json_extract(body, '$.{field}'))"  # noqa: S608
        f" FROM documents WHERE kind = ? AND project = ? AND parent IN ({marks})"
        " GROUP BY parent, status",
        (kind.name, project, *parents),
    )
    return [(parent, status, number, total) for parent, status, number, total in rows]


def distinct(tx: Transaction, collection: Collection, field: str) -> set[Any]:
    """The different values of a top-level field."""
    rows = tx.execute(
        f"SELECT DISTINCT json_extract(body, '$.{field}') FROM documents WHERE {_HERE}",  # noqa: S608
        collection.key,
    )
    return {value for (value,) in rows}


def parents(tx: Transaction, kind: Kind, project: str, identity: str) -> list[str]:
    """Below which parents there is a document of this kind and id."""
    # Of its own accord SQLite would go through all documents of the kind.
    rows = tx.execute(
        "SELECT parent FROM documents INDEXED BY documents_by_id"
        " WHERE id = ? AND kind = ? AND project = ?",
        (identity, kind.name, project),
    )
    return [parent for (parent,) in rows]


def is_in_other_project(tx: Transaction, kind: Kind, project: str, identity: str) -> bool:
    """Whether a project other than this one has a document of this kind and id."""
    rows = tx.execute(
        "SELECT 1 FROM documents INDEXED BY documents_by_id"
        " WHERE kind = ? AND id = ? AND project <> ?",
        (kind.name, identity, project),
    )
    return bool(rows)


def expired(
    tx: Transaction, kind: Kind, moment: int, status: str | None = None
) -> list[tuple[str, str]]:
    """Project and id of all documents of a kind (and status) that expire at `moment` or before."""
    condition, values = _condition({"status": status} if status else None)
    rows = tx.execute(
        f"SELECT project, id FROM documents WHERE kind = ?{condition}"  # noqa: S608
        " AND json_extract(body, '$.expires_at') <= ?",
        (kind.name, *values, moment),
    )
    return [(project, identity) for project, identity in rows]


def purge_expired(tx: Transaction, kind: Kind, moment: int, *, sparing: str) -> None:
    """Remove the documents of a kind, of all projects, that expired at `moment` or before, with
    everything below them and without a trace; not those whose status is `sparing`."""
    rows = tx.execute(
        "DELETE FROM documents WHERE kind = ? AND status <> ?"
        " AND json_extract(body, '$.expires_at') <= ? RETURNING project, id",
        (kind.name, sparing, moment),
    )
    for project, identity in rows:
        _remove_below(tx, project, identity)


def select_page(
    tx: Transaction,
    collection: Collection,
    page: Page,
    where: Mapping[str, Any] | None = None,
    metadata: Mapping[str, str] | None = None,
    more: tuple[str, Sequence[Any]] = ("", ()),
) -> tuple[list[Document], bool]:
    """One page in the order asked for, and whether more lies beyond it; only of documents whose
    `metadata` has all of these pairs, and that `more` holds of: a condition of a module of storage,
    with its values.

    With `before` alone the page ends right before that object, so that clients can page backwards.
    """
    condition, values = _condition(where)
    for pair in (metadata or {}).items():
        condition += _HAS_PAIR
        values += pair
    condition += more[0]
    values += more[1]
    rising = page.order == "asc"
    for cursor, follows in ((page.after, rising), (page.before, not rising)):
        if cursor is not None:
            condition += " AND seq > ?" if follows else " AND seq < ?"
            values.append(
                _seq(tx, collection, cursor, "after" if cursor == page.after else "before")
            )
    backwards = page.before is not None and page.after is None
    direction = "ASC" if rising != backwards else "DESC"
    rows = tx.execute(
        f"SELECT body FROM documents WHERE {_HERE}{condition}"  # noqa: S608
        f" ORDER BY seq {direction} LIMIT ?",
        (*collection.key, *values, page.limit + 1),
    )
    documents = [json.loads(body) for (body,) in rows[: page.limit]]
    if backwards:
        documents.reverse()
    return documents, len(rows) > page.limit


def list_page(
    tx: Transaction, collection: Collection, page: Page, where: Mapping[str, Any] | None = None
) -> Document:
    """One page as the API answers it."""
    return listing(*select_page(tx, collection, page, where))


def listing(documents: list[Document], has_more: bool = False) -> Document:
    """Documents as the API answers a page of a list, without the server's own keys."""
    return {
        "object": "list",
        "data": [public(document) for document in documents],
        "first_id": documents[0]["id"] if documents else None,
        "last_id": documents[-1]["id"] if documents else None,
        "has_more": has_more,
    }


def page_of(items: Sequence[Document], page: Page, none: str) -> Document:
    """One page of a list that is made anew each time, oldest first, as the API answers it; `none`
    begins what is said of a cursor that is not in it."""
    ordered = list(items) if page.order == "asc" else list(reversed(items))
    places = {item["id"]: place for place, item in enumerate(ordered)}
    for cursor, param in ((page.after, "after"), (page.before, "before")):
        if cursor is not None and cursor not in places:
            raise invalid(param, f"{none} with id '{cursor}' is in this list.")
    first = 0 if page.after is None else places[page.after] + 1
    stop = len(ordered) if page.before is None else places[page.before]
    if page.before is not None and page.after is None:
        first = max(first, stop - page.limit)
        return listing(ordered[first:stop], first > 0)
    rest = ordered[first:stop]
    return listing(rest[: page.limit], len(rest) > page.limit)


def _condition(where: Mapping[str, Any] | None) -> tuple[str, list[Any]]:
    """SQL for fields that equal a value, or one of a tuple of values.

    The names in `where` come from code only; its values may come from clients.
    """
    condition = ""
    values: list[Any] = []
    for name, wanted in (where or {}).items():
        column = "status" if name == "status" else f"json_extract(body, '$.{name}')"
        options = wanted if isinstance(wanted, tuple) else (wanted,)
        condition += f" AND {column} IN ({', '.join('?' * len(options))})"
        values += options
    return condition, values


def _seq(tx: Transaction, collection: Collection, cursor: str, param: str) -> int:
    for table in ("documents", "tombstones"):
        rows = tx.execute(
            f"SELECT seq FROM {table} WHERE {_HERE} AND id = ?",  # noqa: S608
            (*collection.key, cursor),
        )
        if rows:
            return int(rows[0][0])
    raise invalid(param, f"no {collection.kind.noun} with id '{cursor}' is in this list.")


def _remove_below(tx: Transaction, project: str, parent: str) -> None:
    children = tx.execute(
        "DELETE FROM documents WHERE project = ? AND parent = ? RETURNING id", (project, parent)
    )
    for (child,) in children:
        _remove_below(tx, project, child)


def _dump(document: Document) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
