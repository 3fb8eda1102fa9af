"""SIGTERM ends a command the way Ctrl-C does: runs are cancelled, servers and files closed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType


class Terminated(KeyboardInterrupt):
    """Somebody wants the whole process to end; where Ctrl-C stops only a part, this passes."""


@contextmanager
def seam() -> Iterator[Callable[[], bool]]:
    """Within it the first Ctrl-C or SIGTERM only makes what is yielded say so, for whoever looks at
    it between two pieces of work; the second one ends all at once. A signal that is ignored stays
    so, and where no signals come (outside the main thread) nobody is stopped."""
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if asked:
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt
        asked.append(number)
        with suppress(OSError):  # not through buffers, which may be in use
            os.write(2, b"\nstopping after what is under way ... (once more: at once)\n")

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, stop)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def terminable() -> Iterator[None]:
    """Within it SIGTERM raises Terminated in the main thread."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
