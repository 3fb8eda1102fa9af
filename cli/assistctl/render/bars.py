"""Bars on a terminal while a sync goes on: one for its changes, one for each upload.

The only module that imports rich as a whole, hence imported only where bars are shown.
"""

from __future__ import annotations

import threading
import time
from typing import TextIO

from rich.console import Console
from rich.constrain import Constrain
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

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
            _Amount(),
            console=self._console,
        )
        self._live = Live(
            get_renderable=self._narrowed,
            console=self._console,
            transient=True,
            redirect_stdout=False,
            auto_refresh=False,
        )
        self._changes = self._progress.add_task("changes", total=total, unit=_Amount.CHANGES)
        self._uploads: dict[str, TaskID] = {}
        self._lock = threading.Lock()
        self._drawn = 0.0

    def start(self) -> None:
        self._live.start(refresh=True)

    def stop(self) -> None:
        self._live.stop()

    def uploading(self, name: str, sent: int, total: int | None) -> None:
        """So many bytes are on their way; without a total the bar only shows that it lives."""
        with self._lock:
            if name not in self._uploads:
                task = self._progress.add_task(name, total=total, unit=_Amount.BYTES)
                self._uploads[name] = task
            self._progress.update(self._uploads[name], completed=sent, total=total)
            if time.monotonic() - self._drawn > _FRAME_SECONDS:
                self._draw()

    def finished(self, name: str, line: str | None) -> None:
        """One change less to do; its line (styled by ANSI codes) is printed above the bars."""
        with self._lock:
            if name in self._uploads:
                self._progress.remove_task(self._uploads.pop(name))
            self._progress.advance(self._changes)
            if line is not None:
                self._console.print(Text.from_ansi(line), soft_wrap=True)
            self._draw()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.refresh()

    def _narrowed(self) -> Constrain:
        """Leaves room for the `^C` that a terminal echoes: wrapped, it would displace the bars."""
        return Constrain(self._progress, self._console.width - len("^C"))


class _Amount(ProgressColumn):
    """`3 of 7` changes, or `1.2/3.0 MB`."""

    CHANGES, BYTES = MofNCompleteColumn(separator=" of "), DownloadColumn()

    def render(self, task: Task) -> Text:
        unit: MofNCompleteColumn | DownloadColumn = task.fields["unit"]
        return unit.render(task)
