"""When to send again: what a target asks for, how long one request is worth, and who waits.

A target that is overrun tells one request so; all threads of the client wait with it, since what
they would send meanwhile is refused too and makes it worse.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PARALLEL = 8
"""Requests at the same time, unless asked otherwise."""

RETRIES = 4
"""Repetitions of a request that fails otherwise than by being asked to slow down."""

REQUEST_SECONDS = 300.0
"""No repetition begins later than this after the request was first sent."""

SPREAD = 0.25
"""Seconds that one waits longer at most, so that not all threads ask at the same moment."""


@dataclass
class Pacing:
    """The pace of all threads of one client."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    seconds: float = REQUEST_SECONDS
    overrun: bool = False
    """Whether a request was refused for its whole time, and none was answered since. It would take
    for ever if each of the others used up its own time as well."""

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _until: float = 0.0

    def wait(self) -> None:
        """Until the target may be asked again; not all threads at the same moment."""
        while (left := self._until - self.clock()) > 0:
            self.sleep(left + random.uniform(0, min(SPREAD, left / 4)))

    def hold(self, seconds: float) -> None:
        """Nobody asks for so many seconds from now on."""
        with self._lock:
            self._until = max(self._until, self.clock() + seconds)


def pause(attempt: int, asked: float | None) -> float:
    """Seconds until the next attempt (counted from 0), with jitter: what was asked for, or ever
    longer ones. Who asks for none at all again and again is not believed."""
    own = random.uniform(0.5, 1.0) * min(0.5 * float(2 ** min(attempt, 4)), 8.0)
    if asked is None:
        return own
    return max(
        asked + random.uniform(0, min(SPREAD, asked / 4)), own if attempt >= RETRIES else 0.0
    )
