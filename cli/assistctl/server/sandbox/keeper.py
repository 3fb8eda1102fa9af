"""The thread that starts every interpreter, because they end with it, and that looks after them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_log = logging.getLogger("assistctl.server")


class Closed(Exception):
    """Nothing is done any more."""


class Keeper:
    """Does what it is asked, one thing after another, and `chore` every `seconds`.

    A thread of a pool would not do: those may end when there is nothing to do, and the kernel
    would end the interpreters that they have started.
    """

    def __init__(self, chore: Callable[[], None], seconds: float) -> None:
        self._chore = chore
        self._seconds = seconds
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def do(self, job: Callable[[], T]) -> T:
        """Have `job` done, and wait for it; raises what it raises, or Closed."""
        future: Future[T] = Future()

        def work() -> None:
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - it is the asker's
                future.set_exception(error)

        with self._guard:
            if self._closed:
                raise Closed
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name="assistctl-sandbox", daemon=True
                )
                self._thread.start()
            self._jobs.put(work)
        return future.result()

    def close(self) -> None:
        """Finish what was asked for, and end. May be called repeatedly."""
        with self._guard:
            self._closed = True
            self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        due = time.monotonic() + self._seconds
        while True:
            with suppress(queue.Empty):
                job = self._jobs.get(timeout=max(0.0, due - time.monotonic()))
                if job is None:
                    return
                job()
            if time.monotonic() >= due:
                self._do_chore()
                due = time.monotonic() + self._seconds

    def _do_chore(self) -> None:
        try:
            self._chore()
        except Exception:  # noqa: BLE001 - logged; interpreters would die with this thread
            _log.exception("looking after the sandboxes failed; it goes on")
