"""Tests as they go: how many tries have ended, on a line of a terminal that goes at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from assistctl.render.terminal import is_plain_terminal, one_line, shortened

_ROOM = 78
_CLEARED = "\r\x1b[K"

Told = Callable[[str, str, int, int], None]
"""Is told of a try: its name, its outcome, how many have ended, and of how many."""


@contextmanager
def shown_count(stderr: TextIO, *, live: bool) -> Iterator[Told]:
    """What shows the count; unless it is `live` and on a terminal, nothing does."""
    if not live or is_plain_terminal() or not stderr.isatty():
        yield lambda name, outcome, ended, total: None
        return

    def write(line: str) -> None:
        stderr.write(_CLEARED + line)  # past click, which takes it for a colour without colours
        stderr.flush()

    write("making ready what is tested …")
    try:
        yield lambda name, outcome, ended, total: write(
            shortened(f"{ended} of {total}  {outcome}: {one_line(name)}", _ROOM)
        )
    finally:
        write("")
