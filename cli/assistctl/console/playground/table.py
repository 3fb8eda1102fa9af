"""All of one playground: its subject, the draft of it, and what was said so far, in one column or
in two that are told the same."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeAlias

from assistctl.console.playground.drafts import Draft
from assistctl.console.playground.ready import Ready, Version
from assistctl.console.playground.turns import Spoken, Turn, over
from assistctl.errors import AssistctlError, Refused, RemoteError

MOST_TABLES = 16
"""Playgrounds of one session; the one that was used longest ago gives way."""

LEAVING_SECONDS = 3.0
"""How long a run may take to be cancelled; a function that is at work is not waited for."""

_CLOSED = "this conversation was begun anew, or its session has ended"

MakeReady: TypeAlias = Callable[[Version, Ready | None], Ready]


@dataclass
class Column:
    """One of those who are told the same. What is `ready` goes on from turn to turn."""

    title: str = ""
    ready: Ready | None = None
    closed: threading.Event = field(default_factory=threading.Event, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, version: Version, make: MakeReady) -> Ready:
        """Whom it talks to, made ready; that takes long, and it may be closed meanwhile. Raises
        AssistctlError."""
        if self.closed.is_set():
            raise Refused(_CLOSED)
        ready = make(version, self.ready)
        with self.lock:
            if not self.closed.is_set():
                self.ready = ready
                return ready
        ready.close()
        raise Refused(_CLOSED)

    def close(self) -> None:
        with self.lock:
            self.closed.set()
            ready, self.ready = self.ready, None
        if ready:
            ready.close()


@dataclass(frozen=True)
class Exchange:
    """What was said, the names of the files that were given, and a turn for each column."""

    message: str
    files: tuple[str, ...]
    titles: tuple[str, ...]
    turns: tuple[Turn, ...]


@dataclass
class Table:
    """A playground. `draft` is None as long as nothing differs from what is declared."""

    subject: str
    draft: Draft | None = None
    beside: str = ""
    columns: list[Column] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    is_closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    directory: Path = field(
        default_factory=lambda: Path(tempfile.mkdtemp(prefix="assistctl-playground-"))
    )

    def say(
        self,
        spoken: Spoken,
        versions: Sequence[tuple[str, Version]],
        make: MakeReady,
        *,
        watched: bool,
        told: Callable[[RemoteError], str] = str,
    ) -> Exchange:
        """Say something to each version, by their titles; `told` has an error of the target in
        words. Raises AssistctlError while the last answers are still coming, and for one who has
        left meanwhile."""
        with self.lock:
            if self.is_closed:
                raise Refused(_CLOSED)
            if self.exchanges and not over(self.exchanges[-1].turns):
                raise AssistctlError("the last answer is still coming: wait for it, or stop it")
            while len(self.columns) < len(versions):
                self.columns.append(Column())
            turns = []
            for column, (title, version) in zip(self.columns, versions, strict=False):
                column.title = title
                turns.append(Turn(spoken, partial(column.open, version, make), told))
            titles = tuple(title for title, _ in versions)
            names = tuple(path.name for path in spoken.files)
            exchange = Exchange(spoken.message, names, titles, tuple(turns))
            self.exchanges.append(exchange)
        for turn in exchange.turns:
            turn.start(watched=watched)
        return exchange

    def turn(self, turn_id: str) -> Turn | None:
        """One of its turns."""
        turns = (turn for exchange in self.exchanges for turn in exchange.turns)
        return next((turn for turn in turns if turn.id == turn_id), None)

    def clear(self) -> None:
        """Begin anew: what comes next is the first of new threads."""
        with self.lock:
            for exchange in self.exchanges:
                for turn in exchange.turns:
                    if not turn.over:
                        turn.stop()
            for column in self.columns:
                column.close()
            self.columns, self.exchanges = [], []

    def close(self) -> None:
        """End all of it; what is under way has some time to cancel its run."""
        with self.lock:
            self.is_closed = True
            turns = [turn for exchange in self.exchanges for turn in exchange.turns]
        self.clear()
        for turn in turns:
            turn.wait(LEAVING_SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class Tables:
    """The playgrounds of one session, by their subjects."""

    _tables: dict[str, Table] = field(default_factory=dict)
    _is_closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def of(self, subject: str) -> Table:
        """That of a subject, which is made when it is first asked for. Raises Refused for somebody
        who has left meanwhile."""
        with self._lock:
            if self._is_closed:
                raise Refused(_CLOSED)
            table = self._tables.pop(subject, None) or Table(subject)
            self._tables[subject] = table
            old = self._tables.pop(next(iter(self._tables))) if self._is_full else None
        if old:
            old.close()
        return table

    def turn(self, turn_id: str) -> Turn:
        """A turn of any of them. Raises AssistctlError."""
        for table in list(self._tables.values()):
            if turn := table.turn(turn_id):
                return turn
        raise AssistctlError("this turn is not known here any more")

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            tables = list(self._tables.values())
            self._tables.clear()
        for table in tables:
            table.close()

    @property
    def _is_full(self) -> bool:
        return len(self._tables) > MOST_TABLES
