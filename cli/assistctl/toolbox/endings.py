"""A tool in our own process can end it before anything is cancelled or recorded, by `os._exit` or
by a crash in C: here that is told, at least, and is no success."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import threading
from collections.abc import Callable
from weakref import WeakSet

_TOLD = (
    "\nerror: {name} ended the process by os._exit({status}); what was under way is neither"
    " cancelled nor recorded. `tools: {{python: …}}` in assistctl.yaml has functions called in"
    " processes of their own\n"
)

CALLS: WeakSet[threading.Thread] = WeakSet()
"""The threads of calls, by the names of their functions; what others do is their own business."""


def tell_of_ends() -> None:
    """For the rest of the process; asking for it again changes nothing."""
    if not faulthandler.is_enabled():
        with contextlib.suppress(AttributeError, ValueError, OSError):  # stderr is no file
            faulthandler.enable()
    if not hasattr(os._exit, "tells"):
        os._exit = _telling(os._exit)  # type: ignore[assignment]


def _telling(leave: Callable[[int], object]) -> Callable[[int], None]:
    ours = os.getpid()

    def told(status: int) -> None:
        thread = threading.current_thread()
        if os.getpid() == ours and thread in CALLS:
            with contextlib.suppress(OSError):
                os.write(2, _TOLD.format(name=thread.name, status=status).encode())
            status = status or 1
        leave(status)

    told.tells = True  # type: ignore[attr-defined]
    return told
