"""The bar on a terminal while a sync goes on: one for all its changes and what they send.

The only module that imports rich as a whole, hence imported only where bars are shown.
"""

from __future__ import annotations

import threading
import time
from typing import TextIO

from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from assistctl.render.folding import in_bytes

_FRAME_SECONDS = 0.1


class Bars:
    """Safe to use from several threads, between `start` and `stop`; leaves no trace of its own.

    `colorless`: the person wants no colours (NO_COLOR is obeyed anyway). Everything is drawn under
    one lock, by whoever has news: two threads that both print over rich's bars, or one and rich's
    own thread, leave torn bars behind.
    """

    def __init__(self, terminal: TextIO, total: int, *, colorless: bool) -> None:
        self._console = Console(file=terminal, no_color=True if colorless else None)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(complete_style="cyan", finished_style="green"),
            TextColumn("{task.fields[told]}", markup=False),
            console=self._console,
        )
        self._live = Live(
            get_renderable=self._narrowed,
            console=self._console,
            transient=True,
            redirect_stdout=False,
            auto_refresh=False,
        )
        self._total, self._done = total, 0
        self._changes = self._progress.add_task("changes", total=total, told=f"0 of {total:,}")
        self._uploads: dict[str, tuple[int, int | None]] = {}
        self._lock = threading.Lock()
        self._drawn = 0.0

    def start(self) -> None:
        self._live.start(refresh=True)

    def stop(self) -> None:
        self._live.stop()

    def uploading(self, name: str, sent: int, total: int | None) -> None:
        """So many bytes are on their way; the total is None where it is not known."""
        with self._lock:
            self._uploads[name] = sent, total
            if time.monotonic() - self._drawn > _FRAME_SECONDS:
                self._draw()

    def finished(self, name: str, line: str | None) -> None:
        """One change less to do; its line (styled by ANSI codes) is printed above the bars."""
        with self._lock:
            self._uploads.pop(name, None)
            self._done += 1
            if line is not None:
                self._console.print(Text.from_ansi(line), soft_wrap=True)
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        begun = sum(sent / total for sent, total in self._uploads.values() if total)
        completed = min(self._done + begun, self._total)
        self._progress.update(self._changes, completed=completed, told=self._told())
        self._live.refresh()

    def _told(self) -> str:
        """`17 of 42  docs/faq.md 1.2/3.0 MB`, or how many uploads and how much of them all."""
        counted = f"{self._done:,} of {self._total:,}"
        if not self._uploads:
            return counted
        sent = sum(sent for sent, _ in self._uploads.values())
        totals = [total for _, total in self._uploads.values() if total is not None]
        amount = in_bytes(sent)
        if len(totals) == len(self._uploads):
            amount += f" of {in_bytes(sum(totals))}"
        names = list(self._uploads)
        what = names[0] if len(names) == 1 else f"{len(names)} uploads"
        return f"{counted}  {what} {amount}"

    def _narrowed(self) -> Constrain:
        """Leaves room for the `^C` that a terminal echoes: wrapped, it would displace the bars."""
        return Constrain(self._progress, self._console.width - len("^C"))
