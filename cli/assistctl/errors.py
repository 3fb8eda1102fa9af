"""What can go wrong, and the exit code that says so.

    AssistctlError            1    anything that a person can act on
    ├── DeclarationError      1    the workspace is wrong; holds every Problem found
    ├── RemoteError           1    the target answered an error, or did not answer
    ├── SyncFailed            1    part of a sync failed; the next sync finishes it
    ├── Interrupted         130    a sync was stopped by a signal, at a seam
    ├── RunFailed             1    a run ended, but not as completed
    ├── OutOfTime             1    a turn has had all the time that it was given
    └── Refused               3    safe only if asked for: drift, prune, a stale plan

Usage errors (64) are click's; an interrupt is 130. `main.py` alone turns these into exit codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):  # of which a workspace makes as many as there are words in its YAML
    """Where something is declared; `file` is relative to the workspace, line and column from 1."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with the workspace: where, what, and what to do about it."""

    place: Place
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.remedy}"


class AssistctlError(Exception):
    """The root of all errors that are shown without a traceback."""

    exit_code = 1


class DeclarationError(AssistctlError):
    """The workspace is wrong; `problems` holds everything found, in the order of their places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class RemoteError(AssistctlError):
    """The target answered an error or did not answer; `status` is the HTTP status or None.
    `astray`: what answered is no API, or has it elsewhere."""

    astray = False

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class SyncFailed(AssistctlError):
    """Part of a sync failed. What was done is done; the next sync finishes the rest."""


class Interrupted(AssistctlError):
    """Somebody stopped a sync: what was under way is finished, the rest is for the next one."""

    exit_code = 130


class RunFailed(AssistctlError):
    """A run ended with another status than completed."""


class OutOfTime(AssistctlError):
    """A turn has had all the time that it was given; whoever gave it cancels the turn."""


class Refused(AssistctlError):
    """Not done, because it would be unsafe unless asked for explicitly."""

    exit_code = 3
