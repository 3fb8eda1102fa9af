"""A sync as it goes: one line per finished change, and on a terminal a line that lives below."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from assistctl.render.terminal import one_line, shortened

_SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "deleted": ("-", "red")}
_CLEAR_LINE = "\r\x1b[2K"


@contextmanager
def shown_progress(stderr: TextIO, total: int, *, quiet: bool = False) -> Iterator[Progress]:
    """A Progress for so many changes, which leaves no living line behind. `quiet` shows failures
    only."""
    progress = Progress(stderr, total, quiet=quiet)
    try:
        progress.begin()
        yield progress
    finally:
        progress.close()


class Progress:
    """Called by the executor, from any of its threads."""

    def __init__(self, stderr: TextIO, total: int, *, quiet: bool = False) -> None:
        self._stderr = stderr
        self._total = total
        self._quiet = quiet
        self._lives = stderr.isatty() and not quiet
        self._finished = 0
        self._uploads: dict[str, str] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Show the living line before anything is finished."""
        with self._lock:
            self._draw()

    def done(self, address: str, verb: str, detail: str, seconds: float) -> None:
        """A change is made: `+ created assistant/helper (asst_…)  0.2 s`; detail may be empty."""
        sign, color = _SIGNS.get(verb, ("=", "cyan"))
        about = f" ({one_line(detail)})" if detail else ""
        text = (
            f"{click.style(f'{sign} {verb}', fg=color)} {one_line(address)}{about}  {seconds:.1f} s"
        )
        self._finish(address, None if self._quiet else text)

    def failed(self, address: str, reason: str) -> None:
        """A change could not be made."""
        self._finish(
            address, f"{click.style('✗', fg='red')} {one_line(address)}: {one_line(reason)}"
        )

    def uploading(self, address: str, sent: int, total: int | None) -> None:
        """So many bytes of a file are on their way; total is None where it is not known."""
        with self._lock:
            of = f" of {_size(total)}" if total is not None else ""
            self._uploads[address] = f"{address} {_size(sent)}{of}"
            self._draw()

    def close(self) -> None:
        """Take the living line away."""
        with self._lock:
            if self._lives:
                self._write(_CLEAR_LINE)

    def _finish(self, address: str, line: str | None) -> None:
        with self._lock:
            self._finished += 1
            self._uploads.pop(address, None)
            if line is not None:
                self._write((_CLEAR_LINE if self._lives else "") + line + "\n")
            self._draw()

    def _draw(self) -> None:
        if self._lives:
            parts = [f"{self._finished} of {self._total}", *self._uploads.values()]
            columns = shutil.get_terminal_size().columns - 1
            self._write(_CLEAR_LINE + shortened(one_line(" · ".join(parts)), columns))

    def _write(self, text: str) -> None:
        click.echo(text, file=self._stderr, nl=False)


def _size(count: int) -> str:
    """Bytes for people: `812 B`, `3.4 MB` (powers of 1000)."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
