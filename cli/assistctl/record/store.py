"""The database of what was said: `.assistctl/threads.db`, for its owner's eyes only.

Several commands write to it at once. What reads it for a person raises Unreadable where it cannot
be read, and `begin` where it cannot be written; what writes later in the course of a run never
does, since a run is more than its record.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.record.threads import Hit, Thread, Turn, texts
from assistctl.resources import Json
from assistctl.some import some
from assistctl.state_directory import STATE, state_directory

FILE = "threads.db"
TITLE = 60
VERSION = 1
_PATIENCE = 3.0
"""Seconds for which another writer is waited for."""

_AROUND = 60
_COLUMNS = ("assistant", "at", "message")
"""What of a turn has a column; all else is told as JSON."""

_SCHEMA = (
    "CREATE TABLE threads (number INTEGER PRIMARY KEY, target TEXT NOT NULL, id TEXT NOT NULL,"
    " title TEXT, began TEXT NOT NULL, UNIQUE (target, id))",
    "CREATE TABLE turns (number INTEGER PRIMARY KEY, thread INTEGER NOT NULL"
    " REFERENCES threads ON DELETE CASCADE, assistant TEXT NOT NULL, at TEXT NOT NULL,"
    " message TEXT, told TEXT NOT NULL)",
    "CREATE INDEX turns_of_threads ON turns (thread)",
    f"PRAGMA user_version = {VERSION}",
)
_THREADS = (
    "SELECT threads.number, id, target, turns.assistant, title, began, turns.at,"
    " (SELECT count(*) FROM turns WHERE thread = threads.number)"
    " FROM threads JOIN turns ON turns.number ="
    " (SELECT max(number) FROM turns WHERE thread = threads.number)"
)

_TURNS = (
    "SELECT threads.number,"
    " turns.number = (SELECT min(number) FROM turns AS all_ WHERE all_.thread = threads.number),"
    " assistant, at, message, told FROM turns JOIN threads ON threads.number = turns.thread"
    " ORDER BY threads.number DESC, turns.number"
)


class Unreadable(AssistctlError):
    """The record is there, and cannot be used."""


class NotRecorded(AssistctlError):
    """There is no such thread in it."""


def begin(root: Path, target: str, thread: str, turn: Turn) -> int:
    """Write down that a turn has begun on this thread; its number. Raises Unreadable."""
    with _database(root) as database:
        return _add_turn(database, target, thread, turn)


def end(root: Path, number: int, thread: str, turn: Turn) -> None:
    """Write down how a turn has ended, after which its thread may be called otherwise."""
    with suppress(Unreadable), _database(root) as database:
        database.execute("UPDATE turns SET told = ? WHERE number = ?", (_told(turn), number))
        database.execute(
            "UPDATE threads SET id = ? WHERE number = (SELECT thread FROM turns WHERE number = ?)",
            (thread, number),
        )


def last_thread(root: Path, target: str, assistant: str) -> str | None:
    """The id of the thread that was used last with this assistant at this target."""
    with _read(root) as database:
        found = database.execute(
            "SELECT id FROM turns JOIN threads ON threads.number = turns.thread"
            " WHERE target = ? AND assistant = ? ORDER BY turns.number DESC LIMIT 1",
            (target, assistant),
        ).fetchone()
    return found[0] if found else None


def threads(
    root: Path,
    target: str | None = None,
    *,
    assistant: str | None = None,
    limit: int = -1,
    offset: int = 0,
) -> list[Thread]:
    """Those of a target and an assistant, or of all, the one used last first; of these at most so
    many, from an offset on."""
    with _read(root) as database:
        rows = database.execute(
            f"{_THREADS} WHERE (? IS NULL OR target = ?) AND (? IS NULL OR turns.assistant = ?)"
            " ORDER BY turns.number DESC LIMIT ? OFFSET ?",
            (target, target, assistant, assistant, limit, offset),
        )
        return [Thread(*row) for row in rows]


def thread(root: Path, target: str, thread_id: str) -> Thread | None:
    """The one with this id at this target, if anything was recorded of it."""
    with _read(root) as database:
        row = database.execute(
            f"{_THREADS} WHERE target = ? AND id = ?", (target, thread_id)
        ).fetchone()
    return Thread(*row) if row else None


def named(root: Path, target: str | None, name: str | None) -> Thread:
    """The thread of a target, or of any, whose id begins like this, with its kind (`thread_`) or
    without; without a name the one used last. Raises AssistctlError where that is not one."""
    found = threads(root, target)
    if not found:
        where = f" at {target}" if target else ""
        raise NotRecorded(f"no thread is recorded here{where}; `assistctl run` begins one")
    if name is None:
        return found[0]
    alike = [it for it in found if it.id == name] or [it for it in found if _begins(it.id, name)]
    if len(alike) == 1:
        return alike[0]
    if not alike:
        raise NotRecorded(
            f"no thread {name!r} is recorded here; `assistctl threads list` names them"
        )
    if len({it.id for it in alike}) == 1:
        places = " and ".join(it.target for it in alike)
        raise AssistctlError(f"{alike[0].id} is one of {places}; say which with --target")
    several = some((it.id for it in alike), 3)
    raise AssistctlError(f"several threads begin with {name!r}: {several}; name more of it")


def _begins(thread_id: str, name: str) -> bool:
    bare = thread_id.partition("_")[2]
    return bool(name) and (thread_id.startswith(name) or bare.startswith(name))


def turns(root: Path, thread: Thread) -> list[Turn]:
    """The turns of a thread, the first one first."""
    with _read(root) as database:
        rows = database.execute(
            "SELECT assistant, at, message, told FROM turns WHERE thread = ? ORDER BY number",
            (thread.number,),
        )
        return [_turn(*row) for row in rows]


def search(root: Path, words: Sequence[str], target: str | None = None) -> list[Hit]:
    """The turns in which all the words occur, in whatever case and as parts of words, too: the
    newest first. A word that is in a thread's title is in its first turn."""
    wanted = [word.casefold() for word in words]
    hits = []
    known = {thread.number: thread for thread in threads(root, target)}
    with _read(root) as database:
        for number, is_first, *row in database.execute(_TURNS):
            thread, turn = known.get(number), _turn(*row)
            if thread is None:
                continue
            title = thread.title if is_first and thread.title else ""
            said = [turn.message or "", *turn.attachments, *texts(turn.items)]
            said += [turn.error or "", title]
            folded = "\n".join(said).casefold()
            if all(word in folded for word in wanted):
                text = next(text for text in said if wanted[0] in text.casefold())
                hits.append(Hit(thread, turn.at, _excerpt(text, wanted[0])))
    return sorted(hits, key=lambda hit: hit.at, reverse=True)


def rename(root: Path, thread: Thread, title: str) -> None:
    """Raises Unreadable."""
    with _database(root) as database:
        database.execute("UPDATE threads SET title = ? WHERE number = ?", (title, thread.number))


def delete(root: Path, thread: Thread) -> None:
    """Nothing of it is left in the file. Raises Unreadable."""
    with _database(root) as database:
        database.execute("DELETE FROM threads WHERE number = ?", (thread.number,))


def title_of(message: str) -> str:
    """How a message begins, in one line."""
    return " ".join(message.split())[:TITLE]


def now() -> str:
    """The time as it is recorded: ISO 8601 in seconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _read(root: Path) -> Iterator[sqlite3.Connection]:
    """The database, or an empty one where nothing was recorded yet."""
    state = root / STATE
    if (state / FILE).exists() or (state / "threads").is_dir():
        with _database(root, "BEGIN") as database:
            yield database
        return
    database = sqlite3.connect(":memory:", isolation_level=None)
    try:
        _prepare(database, state)
        yield database
    finally:
        database.close()


@contextmanager
def _database(root: Path, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
    """The database in one transaction, made on first use. Raises Unreadable."""
    path = root / STATE / FILE
    database = None
    try:
        state_directory(root)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA synchronous = NORMAL")  # of FULL every turn would have to wait
        _prepare(database, path.parent)
        database.execute(begin)
        yield database
        database.execute("COMMIT")
    except (sqlite3.Error, OSError, ValueError) as error:
        busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        why = f"{error}; move the file away to begin a new one"
        if busy:
            why = "another command is writing to it"
        raise Unreadable(f"the record of threads, {path}, cannot be used: {why}") from error
    finally:
        if database is not None:
            database.close()


def _prepare(database: sqlite3.Connection, state: Path) -> None:
    """The tables, and in them what an older version has left in files."""
    if _version(database) == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    if (version := _version(database)) > VERSION:
        raise sqlite3.DatabaseError(f"a newer assistctl has written it (version {version})")
    if version == 0:  # else somebody else was faster
        for statement in _SCHEMA:
            database.execute(statement)
        files = sorted(state.glob("threads/*/*.jsonl"))
        for target, assistant, line in sorted(_lines(files), key=lambda it: str(it[2]["at"])):
            turn = Turn(assistant, line["at"], line["title"])
            _add_turn(database, target, line["thread"], turn)
    database.execute("COMMIT")


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _lines(files: Sequence[Path]) -> Iterator[tuple[str, str, dict[str, Json]]]:
    """What `<target>/<assistant>.jsonl` has noted of each turn, of which a kill may have cut off
    the last."""
    for file in files:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                noted = json.loads(line)
                yield (
                    file.parent.name,
                    file.stem,
                    {name: str(noted[name]) for name in ("thread", "at", "title")},
                )


def _add_thread(database: sqlite3.Connection, target: str, thread: str, turn: Turn) -> int:
    title = None if turn.message is None else title_of(turn.message)
    made = database.execute(
        "INSERT INTO threads (target, id, title, began) VALUES (?, ?, ?, ?)",
        (target, thread, title, turn.at),
    )
    return int(made.lastrowid or 0)


def _add_turn(database: sqlite3.Connection, target: str, thread: str, turn: Turn) -> int:
    """The turn's number. Its thread is added where nothing of that was recorded yet."""
    found = database.execute(
        "SELECT number FROM threads WHERE target = ? AND id = ?", (target, thread)
    ).fetchone()
    number = found[0] if found else _add_thread(database, target, thread, turn)
    made = database.execute(
        "INSERT INTO turns (thread, assistant, at, message, told) VALUES (?, ?, ?, ?, ?)",
        (number, turn.assistant, turn.at, turn.message, _told(turn)),
    )
    return int(made.lastrowid or 0)


def _told(turn: Turn) -> str:
    told = {name: value for name, value in vars(turn).items() if name not in _COLUMNS}
    return json.dumps(told, default=str)


def _turn(assistant: str, at: str, message: str | None, told: str) -> Turn:
    value = json.loads(told)
    lists = {name: tuple(value[name]) for name in ("attachments", "items")}
    return replace(Turn(assistant, at, message), **{**value, **lists})


def _excerpt(text: str, word: str) -> str:
    """The text around a word, in one line."""
    line = " ".join(text.split())
    place = max(0, line.casefold().find(word))
    start, end = max(0, place - _AROUND // 2), place + len(word) + _AROUND
    return ("…" if start else "") + line[start:end] + ("…" if end < len(line) else "")
