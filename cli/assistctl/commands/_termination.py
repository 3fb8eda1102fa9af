"""SIGTERM, and a terminal that is closed, end a command the way Ctrl-C does: runs are cancelled,
servers and files closed."""

from __future__ import annotations

import os
import signal
import stat
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
    """Within it SIGTERM raises Terminated in the main thread, and SIGHUP does what SIGTERM does,
    unless it is ignored (nohup)."""

    def terminate(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, terminate)}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, _hang_up)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hang_up(number: int, frame: FrameType | None) -> None:
    """The terminal is gone: nothing may fail for want of it. Shell and system both say so, and the
    second time is no request to hurry."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                os.dup2(nowhere, descriptor)
    os.close(nowhere)
    signal.raise_signal(signal.SIGTERM)
