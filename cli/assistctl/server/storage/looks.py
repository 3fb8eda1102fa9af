"""Looks at a database, and at SQLite itself, that change nothing."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from assistctl.server.storage import disk_space
from assistctl.server.storage.migrations import NewerSchema, known


def database_fault(path: Path) -> str | None:
    """Why a server could not use this file, in words; None if it could."""
    if not os.access(path, os.R_OK | os.W_OK):
        return "it cannot be read and written"
    if not os.access(path.parent, os.W_OK):
        return f"{path.parent} cannot be written, and SQLite writes beside it"
    # Where nobody has it open a look would leave side files behind, unless it is told so.
    in_use = path.with_name(f"{path.name}-wal").exists()
    address = f"{path.resolve().as_uri()}?{'mode=ro' if in_use else 'immutable=1'}"
    try:
        with closing(sqlite3.connect(address, uri=True)) as there:
            tables = {name for (name,) in there.execute("SELECT name FROM sqlite_master")}
            if tables and not {"migrations", "documents"} <= tables:
                return "it is not assistctl's: it has other tables"
            if tables:
                known(lambda *asked: there.execute(*asked).fetchall())
    except sqlite3.Error as error:
        return str(error)
    except NewerSchema as error:
        return f"it {error}"
    return None


def lack_of_room(path: Path) -> str | None:
    """Where a server with this database would find its disk full, in words."""
    try:
        disk_space.check(path)
    except disk_space.DiskFull as lack:
        return str(lack)
    return None


def sqlite_report() -> tuple[str, bool]:
    """The version of this Python's SQLite, and whether it has FTS5, with which file_search finds
    words."""
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5 (word)")
    except sqlite3.Error:
        return sqlite3.sqlite_version, False
    return sqlite3.sqlite_version, True
