"""Who listens to a subject, such as a conversation, for as long as they like, through any runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakSet, WeakValueDictionary


class Seat:
    """One who listens. Whoever no longer holds it has gone; nobody waits for a slow one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.row: WeakSet[Seat] = WeakSet()
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, events: Sequence[Any]) -> None:
        """From any thread; what is put first is heard first."""
        with suppress(RuntimeError):  # the loop is closed, and so is everything that it served
            self._loop.call_soon_threadsafe(self._put, events)

    def _put(self, events: Sequence[Any]) -> None:
        for event in events:
            self._waiting.put_nowait(event)

    def forget(self, through: Callable[[Any], bool]) -> bool:
        """Forget what waits to be heard, up to the last that is such; whether there was one."""
        waiting = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        last = max((at for at, event in enumerate(waiting) if through(event)), default=-1)
        self._put(waiting[last + 1 :])
        return last >= 0

    async def heard(self, seconds: float) -> Any:
        """The next event, None once there are no more. TimeoutError if none comes in time."""
        return await asyncio.wait_for(self._waiting.get(), seconds)


class Audience:
    """Those who listen in this process, by what they listen to. Safe to use from any thread."""

    def __init__(self) -> None:
        # Seats hold their row, so that it goes with the last of them, whether it is told of or not.
        self._rows: WeakValueDictionary[Hashable, WeakSet[Seat]] = WeakValueDictionary()
        self._guard = threading.Lock()
        self._closed = False

    def join(self, subject: Hashable) -> Seat:
        """Listen to what is told from now on; within the loop that the listener lives in."""
        seat = Seat(asyncio.get_running_loop())
        with self._guard:
            seat.row = self._rows.setdefault(subject, seat.row)
            seat.row.add(seat)
            if self._closed:
                seat.put([None])
        return seat

    def tell(self, subject: Hashable, events: Sequence[Any]) -> None:
        """Give events to all who listen to a subject; from any thread."""
        for seat in self._listening(subject):
            seat.put(events)

    def leave(self, subject: Hashable) -> None:
        """Nothing more will be told of it."""
        for seat in self._listening(subject):
            seat.put([None])

    def close(self) -> None:
        """Nothing more will be told of anything."""
        with self._guard:
            self._closed = True
            subjects = list(self._rows)
        for subject in subjects:
            self.leave(subject)

    def _listening(self, subject: Hashable) -> list[Seat]:
        with self._guard:
            return list(self._rows.get(subject, ()))
