"""The schema of the database, as the list of steps by which it came to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # seq orders everything: objects made within one second stay in the order they were made.
        """
        CREATE TABLE documents (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL,
            project TEXT NOT NULL,
            parent TEXT NOT NULL,
            id TEXT NOT NULL,
            status TEXT,
            body TEXT NOT NULL,
            UNIQUE (kind, project, parent, id)
        )
        """,
        "CREATE INDEX documents_in_order ON documents (kind, project, parent, seq)",
        "CREATE INDEX documents_by_status ON documents (kind, project, parent, status)",
        "CREATE INDEX documents_by_id ON documents (id)",
        "CREATE INDEX documents_by_parent ON documents (parent)",
        # Where a deleted object stood, so that a client that deletes while it pages goes on.
        """
        CREATE TABLE tombstones (
            kind TEXT NOT NULL,
            project TEXT NOT NULL,
            parent TEXT NOT NULL,
            id TEXT NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (kind, project, parent, id)
        )
        """,
        """
        CREATE TABLE contents (
            file_id TEXT NOT NULL,
            part INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (file_id, part)
        )
        """,
    ),
    (
        """
        CREATE TABLE chunks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            store_id TEXT NOT NULL,
            file_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            text TEXT NOT NULL
        )
        """,
        "CREATE INDEX chunks_by_file ON chunks (store_id, file_id)",
        """
        CREATE VIRTUAL TABLE chunk_words USING fts5 (
            store, words, tokenize = 'porter unicode61'
        )
        """,
        # Files of vector stores that wait for their text to be indexed, oldest first.
        """
        CREATE TABLE indexing (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            project TEXT NOT NULL,
            store_id TEXT NOT NULL,
            file_id TEXT NOT NULL,
            UNIQUE (store_id, file_id)
        )
        """,
    ),
    (
        # A row is the lock of its thread; owner and lease are explained in leases.py.
        """
        CREATE TABLE active_runs (
            project TEXT NOT NULL,
            thread_id TEXT NOT NULL,
            run_id TEXT NOT NULL,
            owner TEXT,
            lease_until REAL NOT NULL,
            expires_at INTEGER NOT NULL,
            PRIMARY KEY (project, thread_id)
        )
        """,
    ),
    (
        # Contents that belong to no object, not yet or no more, see contents.py.
        """
        CREATE TABLE loose_contents (
            content_id TEXT PRIMARY KEY,
            kept_until INTEGER NOT NULL
        )
        """,
        # A file that was put together of other contents (the parts of an upload), in order.
        """
        CREATE TABLE assembled_contents (
            file_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            content_id TEXT NOT NULL,
            PRIMARY KEY (file_id, position)
        )
        """,
        # What was answered to requests with an Idempotency-Key, see kept_answers.py.
        """
        CREATE TABLE answers (
            project TEXT NOT NULL,
            path TEXT NOT NULL,
            key TEXT NOT NULL,
            request TEXT NOT NULL,
            answer TEXT NOT NULL,
            answered_at INTEGER NOT NULL,
            PRIMARY KEY (project, path, key)
        )
        """,
        "CREATE INDEX answers_by_age ON answers (answered_at)",
    ),
    (
        # The index in slices and with vectors, see chunks.py; what was indexed is read again.
        "DROP TABLE chunk_words",
        "DROP TABLE chunks",
        """
        CREATE TABLE readings (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            store_id TEXT NOT NULL,
            file_id TEXT NOT NULL,
            state TEXT NOT NULL
        )
        """,
        "CREATE INDEX readings_by_file ON readings (store_id, file_id)",
        "CREATE INDEX readings_by_state ON readings (state, store_id)",
        """
        CREATE TABLE chunks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            reading INTEGER NOT NULL,
            text TEXT NOT NULL,
            fresh INTEGER NOT NULL
        )
        """,
        "CREATE INDEX chunks_by_reading ON chunks (reading)",
        """
        CREATE VIRTUAL TABLE chunk_words USING fts5 (
            store, words, tokenize = 'porter unicode61'
        )
        """,
        # The vectors of a chunk's passages, one behind the other, by each embedder that was used.
        """
        CREATE TABLE vectors (
            reading INTEGER NOT NULL,
            embedder TEXT NOT NULL,
            chunk INTEGER NOT NULL,
            vectors BLOB NOT NULL,
            UNIQUE (chunk, embedder)
        )
        """,
        "CREATE INDEX vectors_by_reading ON vectors (reading, embedder)",
        """
        CREATE TABLE embedded (
            reading INTEGER NOT NULL,
            embedder TEXT NOT NULL,
            PRIMARY KEY (reading, embedder)
        )
        """,
        """
        INSERT OR IGNORE INTO indexing (project, store_id, file_id)
        SELECT project, parent, id FROM documents
        WHERE kind = 'vector_store.file' AND status = 'completed'
        """,
    ),
    # When a growing reading last grew: see indexing_queue.py.
    ("ALTER TABLE readings ADD COLUMN grew_at REAL NOT NULL DEFAULT 0",),
    (
        # Tombstones end, too, see documents.py; those of before are kept.
        "ALTER TABLE tombstones ADD COLUMN removed_at INTEGER",
        "CREATE INDEX tombstones_by_age ON tombstones (removed_at)",
        # What was ever made by seeding, so that seeding again does not bring back what was deleted.
        """
        CREATE TABLE seeded (
            kind TEXT NOT NULL,
            project TEXT NOT NULL,
            parent TEXT NOT NULL,
            id TEXT NOT NULL,
            PRIMARY KEY (kind, project, parent, id)
        ) WITHOUT ROWID
        """,
    ),
    # How the models behind the server want to be asked, see models/memory.py.
    ("CREATE TABLE learnt (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",),
    # So that a project's files need not wait for those of another, see indexing_queue.py.
    ("CREATE INDEX indexing_by_project ON indexing (project)",),
    (
        # In the words of the code, which has left those of before behind.
        "ALTER TABLE readings RENAME TO ingestions",
        "ALTER TABLE chunks RENAME COLUMN reading TO ingestion",
        "ALTER TABLE chunks RENAME COLUMN fresh TO new_from",
        "ALTER TABLE vectors RENAME COLUMN reading TO ingestion",
        "ALTER TABLE embedded RENAME COLUMN reading TO ingestion",
        "ALTER TABLE loose_contents RENAME TO unreferenced_contents",
    ),
)
"""Each migration is applied once, whole, in order. Never edit one that was released: append."""


class NewerSchema(Exception):
    """A later version has written the database; the message says what to do."""


def migrate(execute: Callable[..., list[tuple[Any, ...]]]) -> None:
    """Bring the schema up to date by `execute`, within one transaction that writes.

    Raises NewerSchema, and then nothing was changed.
    """
    execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY)")
    version = known(execute)
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        for statement in statements:
            execute(statement)
        execute("INSERT INTO migrations (version) VALUES (?)", (number,))


def known(execute: Callable[..., list[tuple[Any, ...]]]) -> int:
    """The schema's version. Raises NewerSchema for one that is unknown here."""
    [(version,)] = execute("SELECT coalesce(max(version), 0) FROM migrations")
    if version > len(MIGRATIONS):
        raise NewerSchema(
            f"was written by a newer assistctl (schema {version}, this one knows"
            f" {len(MIGRATIONS)}); upgrade assistctl"
        )
    return int(version)
