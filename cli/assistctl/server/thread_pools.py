"""Who waits for whom: each kind of work that may take long has threads of its own.

Were there one pool for all, sixty requests of whatever waits (for the database's one writer, say)
would hold up all others. So one that reads what is there never stands behind one that writes, nor
behind one that moves the bytes of files; and whoever asks whether the server is well stands behind
nobody. Searches (search.py), model code (sandbox/) and the indexer have threads of their own, too.

What the run engine does, and the server's chores, runs in anyio's default threads: nothing that a
request is answered with does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

T = TypeVar("T")


class Lane:
    """So many threads at a time, and whoever comes first is first."""

    def __init__(self, threads: int) -> None:
        self._limiter = CapacityLimiter(threads)

    async def run(self, work: Callable[[], T], *, abandon: bool = False) -> T:
        """What `work` returns, which may block. With `abandon`, one that is cancelled returns at
        once; the thread is taken until the work is done all the same."""
        return await anyio.to_thread.run_sync(
            work, limiter=self._limiter, abandon_on_cancel=abandon
        )

    async def each(self, parts: Iterator[T]) -> AsyncIterator[T]:
        """The parts, one after another; between two of them no thread is taken."""
        end = object()
        while (part := await self.run(partial(next, parts, end))) is not end:
            yield part


@dataclass(frozen=True)
class Lanes:
    """One server's.

    `reads` and `writes` are of the database; only one thread writes at a time, so that more would
    but wait in another place. `uploads` store or add up whole files, `spooling` puts together what
    comes over the network, `downloads` gives out contents, part by part, and `texts` what was read
    of files, which may be long.
    """

    reads: Lane = field(default_factory=lambda: Lane(16))
    writes: Lane = field(default_factory=lambda: Lane(16))
    uploads: Lane = field(default_factory=lambda: Lane(4))
    spooling: Lane = field(default_factory=lambda: Lane(4))
    downloads: Lane = field(default_factory=lambda: Lane(8))
    texts: Lane = field(default_factory=lambda: Lane(2))
    health: Lane = field(default_factory=lambda: Lane(1))
