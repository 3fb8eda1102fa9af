import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from assistctl.server.storage import database as storage
from assistctl.server.storage import migrations
from assistctl.server.storage.database import Database, DatabaseError
from assistctl.server.storage.migrations import MIGRATIONS

NOBODY = 65534
ENVIRONMENT = {
    # Coverage could write nothing as nobody, and would say so.
    **{name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
    "PYTHONPATH": str(Path(__file__).parents[2] / "cli"),
}


@pytest.fixture
def database(no_database: Path) -> Path:
    """How it comes into being is tried here."""
    return no_database


def test_a_database_is_made_with_its_directory_and_is_nobody_elses_business(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deep" / "local.db"
    Database(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_migration_is_applied_once(database: Path) -> None:
    for _ in range(2):
        db = Database(database)
        with db.read() as tx:
            assert tx.execute("SELECT version FROM migrations ORDER BY version") == [
                (number + 1,) for number in range(len(MIGRATIONS))
            ]
        db.close()


def test_a_migration_that_was_added_is_applied_to_an_existing_database(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Database(database).close()
    monkeypatch.setattr(
        migrations, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE later (x INTEGER)",))
    )
    db = Database(database)
    with db.read() as tx:
        assert tx.execute("SELECT * FROM later") == []
    db.close()


def test_a_database_of_a_newer_version_is_refused_with_a_way_out(database: Path) -> None:
    db = Database(database)
    with db.write() as tx:
        tx.execute("INSERT INTO migrations (version) VALUES (999)")
    db.close()
    with pytest.raises(DatabaseError) as caught:
        Database(database)
    assert str(caught.value) == (
        f"the database {database} was written by a newer assistctl"
        f" (schema 999, this one knows {len(MIGRATIONS)}); upgrade assistctl"
    )


def test_a_file_that_is_no_database_is_a_clear_error(database: Path) -> None:
    database.write_text("I am a letter, not a database. " * 100)
    with pytest.raises(DatabaseError) as caught:
        Database(database)
    assert str(caught.value) == f"cannot use the database {database}: file is not a database"


def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError) as caught:
        Database(tmp_path / "file" / "local.db")
    assert str(caught.value) == (
        f"cannot use the database {tmp_path}/file/local.db: File exists: {tmp_path}/file"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user who may not write")
def test_a_directory_that_cannot_be_written_to_is_a_clear_error() -> None:
    with tempfile.TemporaryDirectory() as folder:  # others may not look into pytest's own
        Path(folder).chmod(0o755)
        database, new = Path(folder, "local.db"), Path(folder, "new.db")
        Database(database).close()
        os.chown(database, NOBODY, NOBODY)
        assert _as_nobody_says(database) == (
            f"cannot use the database {database}: attempt to write a readonly database;"
            " its directory must be writable, too, since SQLite writes beside it"
        )
        assert _as_nobody_says(new) == f"cannot use the database {new}: Permission denied"


def _as_nobody_says(path: Path) -> str:
    """The DatabaseError that a process without rights gets."""
    script = f"""
import os
from pathlib import Path
from assistctl.server.storage.database import Database, DatabaseError
os.setgroups([]); os.setresgid(*3 * [{NOBODY}]); os.setresuid(*3 * [{NOBODY}])
try:
    Database(Path({str(path)!r}))
except DatabaseError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize("table", ["moz_places (url)", "migrations (id, migration, batch)"])
def test_the_database_of_another_application_is_refused_and_left_as_it_was(
    database: Path, table: str
) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE {table}")
    before = database.read_bytes()
    with pytest.raises(DatabaseError) as caught:
        Database(database)
    assert str(caught.value) == (
        f"the database {database} is not assistctl's: it has other tables; name another file"
    )
    assert database.read_bytes() == before
    assert [file.name for file in database.parent.iterdir()] == [database.name]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_database_of_every_earlier_version_is_migrated_with_what_is_in_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", MIGRATIONS[:version])
    old = Database(database)
    with old.write() as tx:
        tx.execute(
            "INSERT INTO documents (kind, project, parent, id, status, body)"
            " VALUES ('thread', 'default', '', 'thread_1', NULL, '{}')"
        )
    old.close()
    monkeypatch.undo()
    new = Database(database)
    with new.read() as tx:
        assert tx.execute("SELECT id FROM documents") == [("thread_1",)]
        [(latest,)] = tx.execute("SELECT max(version) FROM migrations")
        migrated = tx.execute("SELECT sql FROM sqlite_master ORDER BY name")
    new.close()
    fresh = Database(database.with_name("fresh.db"))
    with fresh.read() as tx:
        assert migrated == tx.execute("SELECT sql FROM sqlite_master ORDER BY name")
    fresh.close()
    assert latest == len(MIGRATIONS)


def test_processes_that_make_the_same_new_database_at_once_all_get_it(database: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from assistctl.server.storage.database import Database\n"
        "print(flush=True); input(); Database(Path(sys.argv[1])).close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        for _ in range(6)
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline()
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [""] * 6


def test_a_write_is_seen_whole_or_not_at_all(db: Database) -> None:
    with db.write() as tx:
        tx.execute("CREATE TABLE t (x INTEGER)")
    with pytest.raises(RuntimeError), db.write() as tx:
        tx.execute("INSERT INTO t VALUES (1)")
        raise RuntimeError
    with db.write() as tx:
        tx.execute("INSERT INTO t VALUES (2)")
        with db.read() as other:
            assert other.execute("SELECT * FROM t") == []
    with db.read() as tx:
        assert tx.execute("SELECT * FROM t") == [(2,)]


def test_a_reader_sees_one_moment(db: Database) -> None:
    with db.write() as tx:
        tx.execute("CREATE TABLE t (x INTEGER)")
    with db.read() as tx:
        assert tx.execute("SELECT * FROM t") == []
        with db.write() as other:
            other.execute("INSERT INTO t VALUES (1)")
        assert tx.execute("SELECT * FROM t") == []


def test_what_follows_a_commit_does_not_follow_a_rollback(db: Database) -> None:
    called: list[str] = []
    with db.write() as tx:
        tx.after_commit(lambda: called.append("kept"))
    with pytest.raises(RuntimeError), db.write() as tx:
        tx.after_commit(lambda: called.append("undone"))
        raise RuntimeError
    assert called == ["kept"]


def test_many_threads_and_a_second_process_lose_no_update(database: Path, db: Database) -> None:
    with db.write() as tx:
        tx.execute("CREATE TABLE counter (n INTEGER)")
        tx.execute("INSERT INTO counter VALUES (0)")
    other = Database(database)  # as another process has it: with connections and a lock of its own

    def count(mine: Database) -> None:
        for _ in range(25):
            with mine.write() as tx:
                [(n,)] = tx.execute("SELECT n FROM counter")
                tx.execute("UPDATE counter SET n = ?", (n + 1,))

    threads = [threading.Thread(target=count, args=(s,)) for s in (db, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as tx:
        assert tx.execute("SELECT n FROM counter") == [(200,)]
    other.close()


def test_closing_waits_for_transactions_of_others_and_leaves_no_side_file(database: Path) -> None:
    db = Database(database)
    within, closing_now = threading.Event(), threading.Event()

    def work() -> None:
        with db.write() as tx:
            tx.execute("CREATE TABLE work (done)")
            within.set()
            closing_now.wait()
            time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    within.wait()
    closing_now.set()
    db.close()
    assert not database.with_name("local.db-wal").exists()
    thread.join()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM work").fetchall() == []


def test_a_closed_store_says_so_and_leaves_no_open_file(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_CLOSE_SECONDS", 0)
    db = Database(database)
    with db.read() as tx:
        db.close()
        tx.execute("SELECT 1")
    with pytest.raises(DatabaseError, match="is closed"), db.read():
        pass
    assert not database.with_name("local.db-wal").exists()  # gone with the last connection


def test_a_connection_that_failed_is_not_used_again(db: Database) -> None:
    with pytest.raises(sqlite3.OperationalError), db.read() as tx:
        tx.execute("SELECT nonsense")
    with db.read() as tx:
        assert tx.execute("SELECT 1") == [(1,)]
