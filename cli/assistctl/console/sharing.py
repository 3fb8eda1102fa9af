"""How much of this machine those who are in may have at a time. The API beside the console, or the
embedded server behind it, works in the same process: pages get threads of their own, and nobody
who holds a key can have all of them, or fill the disk with copies of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakValueDictionary

import anyio
import anyio.to_thread
from anyio import CapacityLimiter, Semaphore

THREADS, ENTERING = 32, 4
"""For pages, and for those who are looked at because they want to come in."""

THREADS_OF_ONE = 8
"""Pages of one key that are made at a time; others of it wait."""

COPIES_OF_ONE = 6
"""Files that are on their way to those with one key at a time: as many as a browser asks for."""

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """What those with one key may have."""

    threads: CapacityLimiter
    at_once: Semaphore = field(default_factory=lambda: Semaphore(THREADS_OF_ONE))
    copies: Semaphore = field(default_factory=lambda: Semaphore(COPIES_OF_ONE))

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns, which may block."""
        async with self.at_once:
            return await anyio.to_thread.run_sync(work, limiter=self.threads)


@dataclass(frozen=True)
class Shares:
    """One console's. Used on its event loop only."""

    threads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(THREADS))
    entering: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(ENTERING))
    _known: WeakValueDictionary[bytes, Share] = field(default_factory=WeakValueDictionary)

    def of(self, holder: bytes) -> Share:
        """That of a key."""
        if (share := self._known.get(holder)) is None:
            self._known[holder] = share = Share(self.threads)
        return share

    async def let_in(self, work: Callable[[], T]) -> T:
        """The same for somebody who has no share yet."""
        return await anyio.to_thread.run_sync(work, limiter=self.entering)
