"""Programs that tools in our own process have started: those of a call that is given up, because
the turn is stopped, end with it, and those of one that took too long with the command.

A thread cannot be ended, but on Linux it is known which processes it has started. What has left our
process group, as daemons do, is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


class Offspring:
    """Of calls that were given up, by the ids that the system gives their threads."""

    def __init__(self) -> None:
        self._threads: set[int] = set()

    def remember(self, thread: int | None) -> None:
        """What this thread has started shall end when the command does."""
        if thread is not None:
            self._threads.add(thread)

    def end(self) -> None:
        """Tell all of it to end, at once and by SIGTERM."""
        for thread in self._threads:
            for process in [*_started_by(f"self/task/{thread}")]:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    if os.getpgid(process) == os.getpgid(0):
                        os.kill(process, signal.SIGTERM)


def _started_by(task: str) -> Iterator[int]:
    """The processes that a thread has started and those that these have."""
    with contextlib.suppress(OSError):  # it has ended, or the system does not tell
        for process in Path(f"/proc/{task}/children").read_text().split():
            yield int(process)
            with contextlib.suppress(OSError):
                for thread in Path(f"/proc/{process}/task").iterdir():
                    yield from _started_by(f"{process}/task/{thread.name}")
