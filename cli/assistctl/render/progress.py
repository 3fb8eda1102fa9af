"""A sync as it goes: one line per finished change, and on a terminal bars that live below."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

from assistctl.render.terminal import is_plain_terminal, one_line

if TYPE_CHECKING:
    from assistctl.render.bars import Bars

_SIGNS = {"created": ("+", "green"), "updated": ("~", "yellow"), "deleted": ("-", "red")}


@contextmanager
def shown_progress(
    stderr: TextIO, total: int, *, quiet: bool = False, live: bool = True
) -> Iterator[Progress]:
    """A Progress for so many changes, which leaves no bar behind. `quiet` shows failures only;
    without `live` there are no bars on a terminal either."""
    if quiet or total == 0 or not live or is_plain_terminal() or not stderr.isatty():
        yield Progress(stderr, quiet=quiet)
        return
    from assistctl.render.bars import Bars

    context = click.get_current_context(silent=True)
    bars = Bars(stderr, total, colorless=context is not None and context.color is False)
    bars.start()
    try:
        yield Progress(stderr, bars)
    finally:
        bars.stop()


class Progress:
    """Called by the executor, from any of its threads."""

    def __init__(self, stderr: TextIO, bars: Bars | None = None, *, quiet: bool = False) -> None:
        self._stderr = stderr
        self._bars = bars
        self._quiet = quiet

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
        if self._bars:
            self._bars.uploading(one_line(address), sent, total)

    def _finish(self, address: str, line: str | None) -> None:
        if self._bars:
            self._bars.finished(one_line(address), line)
        elif line is not None:
            click.echo(line, file=self._stderr)
