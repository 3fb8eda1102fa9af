"""stdout is the answer: what tools print goes to stderr."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO


def keep_stdout() -> None:
    """From now on only the main thread, the one that speaks to the user, writes to stdout.

    Tools run in other threads, which may start more threads, or outlive their timeout; whatever
    they print goes to stderr. So does the output of the programs that they start, if stdout is a
    file or a pipe (at a terminal it may stay: nobody parses it, and line editing needs the real
    descriptor). This is for the rest of the process; asking for it again changes nothing.
    """
    if sys.stdout is None or isinstance(sys.stdout, _MainThreadStdout):
        return
    sys.stdout = _MainThreadStdout(_set_apart(sys.stdout))


@contextlib.contextmanager
def printing_to_stderr() -> Iterator[None]:
    """For tool code that runs in the main thread: the import of its module."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


class _MainThreadStdout:
    """A stream that is stdout in the main thread and stderr in all others."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def __getattr__(self, name: str) -> Any:
        here = threading.get_ident() == threading.main_thread().ident
        return getattr(self._stdout if here else sys.stderr, name)


def _set_apart(stdout: TextIO) -> TextIO:
    """Point file descriptor 1, which child processes inherit, to stderr; keep the old one apart."""
    if not isinstance(stdout, io.TextIOWrapper) or _descriptor(stdout) != 1 or stdout.isatty():
        return stdout
    stdout.flush()
    answer = open(  # noqa: SIM115  (stays open as long as the process)
        os.dup(1),
        "w",
        encoding=stdout.encoding,
        errors=stdout.errors,
        buffering=1 if stdout.line_buffering else -1,
        closefd=False,
    )
    os.dup2(2, 1)
    return answer


def _descriptor(stream: io.TextIOWrapper) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):  # in memory, or closed
        return None
