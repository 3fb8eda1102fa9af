"""SIGTERM ends a command the way Ctrl-C does: runs are cancelled, servers and files closed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """Somebody wants the whole process to end; where Ctrl-C stops only a part, this passes."""


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
