"""The database: one SQLite file, opened and migrated, and its transactions.

The standard library's sqlite3 rather than SQLAlchemy: the SQL is a handful of statements in the
modules beside this one, and importing SQLAlchemy would cost every command more than opening the
database does. They speak to `Transaction.execute` with `?` parameters; rooms above call them.

Several processes may use one file: WAL lets them read while one writes, and a write transaction
takes the lock at its beginning, so that what it read cannot have changed when it commits.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from assistctl.server.storage import disk_space
from assistctl.server.storage.migrations import NewerSchema, migrate

_BUSY_SECONDS = 60.0
_CLOSE_SECONDS = 5.0
_WAL_BYTES = 64 * 2**20
"""To which the side file shrinks again after a large write; it is never empty while in use."""


class DatabaseError(Exception):
    """The database cannot be used; the message says why and what to do."""


class Busy(DatabaseError):
    """Others were writing for as long as was to be waited; nothing was changed."""


class Transaction:
    """What happens together or not at all; got from `Database.read` or `Database.write`.

    `waited` is how many seconds it took to become the only writer.
    """

    def __init__(
        self, database: Database, connection: sqlite3.Connection, waited: float = 0.0
    ) -> None:
        self.database = database
        self.waited = waited
        self._connection = connection
        self._callbacks: list[Callable[[], object]] = []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self._connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Run one statement and yield its rows one by one, within this transaction only."""
        yield from self._connection.execute(sql, parameters)

    def after_commit(self, callback: Callable[[], object]) -> None:
        """Call back once this transaction is durable; never if it is rolled back."""
        self._callbacks.append(callback)

    def committed(self) -> None:
        """Call back those who wanted to know; for `Database.write` alone."""
        for callback in self._callbacks:
            callback()


class Database:
    """One database file, opened and migrated. Safe to use from any number of threads.

    `indexing` is set when files were attached to vector stores, to wake the indexer. `abandoned`
    are contents that are to be removed (contents.py), but could not be noted as such. `at_work` are
    the runs that this process works on: the claim (leases.py) and its owner, with the record.
    `beaten` is when it has last renewed their leases, `awake_since` since when it does so in time.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file; raises DatabaseError where that cannot be done."""
        self.indexing = threading.Event()
        self.abandoned: deque[str] = deque()
        self.at_work: dict[Any, Any] = {}
        self.beaten: float | None = None
        self.awake_since = 0.0
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._in_use = 0
        self._guard = threading.Condition()
        self._closed = False
        self._lacked_space = False
        # SQLite's own waiting for its lock is a polling one: within a process threads queue here.
        self._writing = threading.Lock()
        try:
            _create_privately(path)
            _refuse_foreign(path)
            with self.write() as transaction:
                migrate(transaction.execute)
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise DatabaseError(
                f"cannot use the database {path}: {_reason(error, path)}"
            ) from error
        except NewerSchema as error:
            self.close()
            raise DatabaseError(f"the database {path} {error}") from error
        except DatabaseError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A consistent view; what others commit meanwhile is not seen."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield Transaction(self, connection)
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def write(self, patience: float | None = None) -> Iterator[Transaction]:
        """The only writer while it lasts; keep it short. An exception undoes everything.

        Raises Busy where others, of this process or of another, write for all of `patience`, which
        is a minute if not given.
        """
        asked = time.monotonic()
        patience = _BUSY_SECONDS if patience is None else patience
        with self._turn(patience), self._connection() as connection:
            if not _begin(connection, patience - (time.monotonic() - asked)):
                raise self._busy(patience)
            transaction = Transaction(self, connection, time.monotonic() - asked)
            try:
                yield transaction
                connection.execute("COMMIT")
            except BaseException as error:
                if disk_space.is_lacking(error):
                    self._lacked_space = True
                if connection.in_transaction:  # SQLite itself undoes what it has no room for
                    connection.execute("ROLLBACK")
                raise
        transaction.committed()

    def check_readable(self) -> None:
        """Raises sqlite3.Error where the database cannot be read."""
        with self.read() as transaction:
            transaction.execute("SELECT 1 FROM migrations LIMIT 1")

    def check_space(self) -> None:
        """Raises DiskFull where nothing can be written any more."""
        if not self._lacked_space:
            disk_space.check(self._path)
            return
        disk_space.check_by_writing(self._path)
        self._lacked_space = False

    def close(self) -> None:
        """Close every connection; for those in use wait a while, then let their transaction end.

        One after the other, so that the last one can tell that it is: it removes the side files.
        """
        with self._guard:
            self._closed = True
            self._guard.wait_for(lambda: not self._in_use, _CLOSE_SECONDS)
            while self._idle:
                self._idle.pop().close()

    @contextmanager
    def _turn(self, patience: float) -> Iterator[None]:
        if not self._writing.acquire(timeout=patience):
            raise self._busy(patience)
        try:
            yield
        finally:
            self._writing.release()

    def _busy(self, patience: float) -> Busy:
        waited = f"{patience:.0f} seconds"
        return Busy(f"the database {self._path} was written to by others for {waited}; try again")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._closed:
                raise DatabaseError(f"the database {self._path} is closed")
            connection = self._idle.pop() if self._idle else None
            self._in_use += 1
        usable = False
        try:
            connection = connection or _connect(self._path)
            yield connection
            usable = True
        finally:
            self._give_back(connection, usable)

    def _give_back(self, connection: sqlite3.Connection | None, usable: bool) -> None:
        with self._guard:
            if usable and connection and not self._closed:
                self._idle.append(connection)
            elif connection:
                # After an error it may be in any state: a fresh one costs less than finding out.
                connection.close()
            self._in_use -= 1
            self._guard.notify_all()


def _begin(connection: sqlite3.Connection, patience: float) -> bool:
    """Begin a transaction that writes; False if another process did for so many seconds."""
    shorter = patience < _BUSY_SECONDS - 1  # than every connection waits anyway
    if shorter:
        _wait_at_most(connection, max(patience, 0.0))
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise
    if shorter:
        _wait_at_most(connection, _BUSY_SECONDS)
    return True


def _wait_at_most(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _create_privately(path: Path) -> None:
    """Conversations are nobody else's business; SQLite gives its side files the same mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _refuse_foreign(path: Path) -> None:
    """Before anything is written: a database that holds other things than ours is not ours."""
    with closing(sqlite3.connect(path, timeout=_BUSY_SECONDS)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if tables and not {"migrations", "documents"} <= tables:
        raise DatabaseError(
            f"the database {path} is not assistctl's: it has other tables; name another file"
        )


def _reason(error: OSError | sqlite3.Error, path: Path) -> str:
    if disk_space.is_lacking(error):
        return "its disk is full"
    if isinstance(error, OSError):
        elsewhere = error.filename and Path(error.filename) != path
        return f"{error.strerror or error}{f': {error.filename}' if elsewhere else ''}"
    if any(word in str(error) for word in ("readonly", "unable to open")):
        return f"{error}; its directory must be writable, too, since SQLite writes beside it"
    return str(error)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _write_ahead(connection)
        # In WAL mode NORMAL loses nothing when a process dies; FULL would guard the last commits
        # against a power cut, at an fsync each.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Into WAL mode. SQLite does not wait for others who are doing the same to a new file."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
