"""Whether somebody is there to answer a question, and what is typed before one is asked."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_MOST_BYTES = 65536


def can_answer() -> bool:
    """A person at a terminal. Some CI services give their jobs a terminal, but set CI."""
    return sys.stdin.isatty() and not in_ci()


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false", "no")


@dataclass
class TypeAhead:
    """What was typed before a question was shown: it is no answer to it, but it is not lost."""

    _typed: list[str] = field(default_factory=list)

    def put_aside(self) -> None:
        """All that waits to be read from the terminal."""
        with _modes(lines=False, echo=False):
            while select.select([sys.stdin], [], [], 0)[0]:
                if not (read := os.read(sys.stdin.fileno(), _MOST_BYTES)):
                    break
                self._typed.append(read.decode(errors="ignore").replace("\r", "\n"))

    def taken(self) -> str:
        """What was put aside, for the person to go on with."""
        text, self._typed = "".join(self._typed), []
        return "".join(it for it in text if it.isprintable() or it == "\n").strip("\n")


@contextmanager
def keys_wait() -> Iterator[None]:
    """Within it what is typed is not shown amid what is, and waits for whoever reads next. Ctrl-C
    still interrupts, and takes nothing of it away."""
    with _modes(lines=False, echo=False):
        yield


@contextmanager
def keys_answer() -> Iterator[None]:
    """Within it a line is typed as usual."""
    with _modes(lines=True, echo=True):
        yield


@contextmanager
def _modes(*, lines: bool, echo: bool) -> Iterator[None]:
    """With `lines`, what is typed comes line by line; without, each key, Enter as it was pressed.
    Nothing that was typed is lost in between."""
    try:
        import termios
    except ImportError:  # not on Windows
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    modes = termios.tcgetattr(terminal)
    _switch(modes, 0, termios.ICRNL, lines)
    _switch(modes, 3, termios.ICANON, lines)
    _switch(modes, 3, termios.ECHO, echo)
    _switch(modes, 3, termios.NOFLSH, not lines)
    termios.tcsetattr(terminal, termios.TCSANOW, modes)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(terminal, termios.TCSANOW, before)


def _switch(modes: list[int], which: int, flag: int, on: bool) -> None:
    modes[which] = modes[which] | flag if on else modes[which] & ~flag
