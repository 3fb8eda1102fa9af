"""Who may run code now: one call at a time per key, and so many interpreters at most.

An interpreter that is idle makes room for one that is wanted. While its key is held, though, since
the run that uses it goes on, it does so only as a last resort: the next call wants its variables.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from assistctl.server.sandbox.confinement import Unavailable
from assistctl.server.sandbox.interpreter import Interpreter

_LOOK_SECONDS = 0.1
HELD_SECONDS = 30.0
"""How long one that is held is kept from others who wait; a model may think for longer."""


@dataclass
class Session:
    """An interpreter, and which file (by key) lies in its /mnt/data under which name.

    None stands for a file that the code itself has written.
    """

    interpreter: Interpreter
    there: dict[str, str | None] = field(default_factory=dict)
    used_at: float = field(default_factory=time.monotonic)


@dataclass
class Seat:
    """A call under way. Its `session` is None until there is one, and again when it has ended."""

    key: str
    stop: threading.Event
    session: Session | None
    ends: bool = False

    def drop(self) -> None:
        if self.session is not None:
            self.session.interpreter.close()
            self.session = None


class Seats:
    def __init__(self, count: int, wait_seconds: float) -> None:
        self._count = count
        self._wait_seconds = wait_seconds
        self._changed = threading.Condition()
        self._taken: dict[str, Seat] = {}
        self._idle: dict[str, Session] = {}  # the longest unused first
        self._held: dict[str, str] = {}
        self._closed = False

    @contextmanager
    def take(self, key: str, stop: threading.Event) -> Iterator[Seat]:
        """Wait for a seat; raises Unavailable if there is none in time, or will not be."""
        with self._changed:
            seat = self._taken[key] = self._wait(key, stop)
        try:
            yield seat
        except BaseException:
            seat.drop()
            raise
        finally:
            with self._changed:
                self._leave(seat)

    def has(self, key: str) -> bool:
        """Whether `key` has an interpreter, or is about to."""
        return key in self._taken or key in self._idle

    def hold(self, key: str, holder: str) -> None:
        """Keep the interpreter that `key` has, or will have, until its holder lets go."""
        self._held[holder] = key

    def let_go(self, holder: str) -> None:
        """Never blocks: who waits looks again by itself."""
        self._held.pop(holder, None)

    def close(self, key: str) -> None:
        """End the interpreter of `key`, if there is one; a call under way is stopped first."""
        with self._changed:
            if key in self._taken:
                self._taken[key].ends = True
                self._taken[key].stop.set()
            elif key in self._idle:
                self._idle.pop(key).interpreter.close()

    def tidy(self, seconds: float) -> None:
        """End those that have not been used for so long, or that do not rest between calls."""
        with self._changed:
            before = time.monotonic() - seconds
            for key, idle in list(self._idle.items()):
                if idle.used_at < before or idle.interpreter.is_restless():
                    self._idle.pop(key).interpreter.close()

    def close_all(self) -> None:
        """End everything, wait until it has ended, and give no seats any more."""
        with self._changed:
            self._closed = True
            for key in [*self._taken, *self._idle]:
                self.close(key)
            while self._taken:
                self._changed.wait()

    def _wait(self, key: str, stop: threading.Event) -> Seat:
        until = time.monotonic() + self._wait_seconds
        while not self._closed and not stop.is_set():
            late = time.monotonic() > until
            if key not in self._taken and (key in self._idle or self._has_room(late)):
                return Seat(key, stop, self._living(key))
            if late:
                raise Unavailable("all interpreters are busy; try again later")
            self._changed.wait(_LOOK_SECONDS)
        raise Unavailable("the server is shutting down" if self._closed else "it was cancelled")

    def _has_room(self, late: bool) -> bool:
        """If need be by ending the idle interpreter that is missed least."""
        if len(self._taken) + len(self._idle) < self._count:
            return True
        key = self._spare(late)
        if key is not None:
            self._idle.pop(key).interpreter.close()
        return key is not None

    def _spare(self, late: bool) -> str | None:
        """The one idle for longest, first of those that are not held. Rather than refuse a call
        that has waited for so long, one that is held."""
        held = set(self._held.values())
        free = next((key for key in self._idle if key not in held), None)
        first = next(iter(self._idle), None)
        if free is not None or first is None:
            return free
        rested = time.monotonic() - self._idle[first].used_at > HELD_SECONDS
        return first if late or rested else None

    def _living(self, key: str) -> Session | None:
        """The session of `key`, unless its interpreter has died in the meantime."""
        session = self._idle.pop(key, None)
        if session is not None and not session.interpreter.lives():
            session.interpreter.close()
            return None
        return session

    def _leave(self, seat: Seat) -> None:
        del self._taken[seat.key]
        if seat.ends:
            seat.drop()
        if seat.session is not None:
            seat.session.used_at = time.monotonic()
            self._idle[seat.key] = seat.session
        self._changed.notify_all()
