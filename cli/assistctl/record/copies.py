"""What a copy of a thread has made at its target, written down until it is whole: what was cut off
by a kill, or could not be deleted, the next copy of that thread finds and deletes.

`.assistctl/copies/<digest>` has a line for each, `thread …` or `file …`. A target does not list its
threads, so that nobody else knows of one. Where nothing can be written the copy is made all the
same.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.record.locks import lock
from assistctl.state_directory import state_directory

THREAD, FILE = "thread", "file"


@dataclass(frozen=True)
class Copy:
    """One that is being made. `made` has what there is of it: (THREAD or FILE, its id)."""

    journal: Path | None
    made: dict[tuple[str, str], None]

    def note(self, kind: str, identity: str) -> None:
        """It has been made."""
        self.made[kind, identity] = None
        self._write("a", f"{kind} {identity}\n")

    def forget(self, kind: str, identity: str) -> None:
        """It is not there any more."""
        self.made.pop((kind, identity), None)
        self._write("w", "".join(f"{kind} {identity}\n" for kind, identity in self.made))

    def is_whole(self) -> None:
        """Nothing of it is to be deleted any more."""
        self.made.clear()
        self._write("w", "")

    def _write(self, mode: str, text: str) -> None:
        if self.journal is None:
            return
        with suppress(OSError), self.journal.open(mode, encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def begun(root: Path, source: str, thread: str, to: str) -> Iterator[Copy]:
    """A copy of a thread of `source` to another target, with what an earlier one has left there.
    Raises AssistctlError if another process makes one."""
    digest = hashlib.sha256("\0".join((source, thread, to)).encode()).hexdigest()[:32]
    journal = None
    with suppress(OSError):
        directory = state_directory(root) / "copies"
        directory.mkdir(0o700, exist_ok=True)
        journal = directory / digest
        journal.touch(0o600)
    if journal is None:
        yield Copy(None, {})
        return
    with journal.open(encoding="utf-8") as file:
        if not lock(file.fileno(), wait=False):
            raise AssistctlError(f"{thread} is being copied to {to} by another command")
        lines = (line.split() for line in file)
        copy = Copy(journal, {(it[0], it[1]): None for it in lines if len(it) == 2})
        try:
            yield copy
        finally:
            if not copy.made:
                with suppress(OSError):
                    journal.unlink()
