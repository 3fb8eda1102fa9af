"""What the code of this server's runs runs in: a sandbox, opened when code is first to run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistctl.server.settings import Settings

if TYPE_CHECKING:
    from assistctl.server.sandbox import Limits, Sandboxes

_SHOWN_PACKAGES = 12
_STANDARD_ONLY = (
    "the standard library only (pip install 'assistctl[interpreter]' for pandas and others)"
)


def session_key(project: str, owner_id: str) -> str:
    """Whose variables they are: each thread has an interpreter of its own, or a container that
    several share."""
    return f"{project}/{owner_id}"


class Interpreters:
    """Safe to use from any number of threads. What was never opened need not be closed."""

    def __init__(self, settings: Settings) -> None:
        self.switched_off = not settings.code_interpreter
        self._settings = settings
        self._opening = threading.Lock()
        self._sandboxes: Sandboxes | None = None

    def opened(self) -> Sandboxes:
        """The one sandbox of them all. Not to be asked for where it is `switched_off`."""
        with self._opening:
            if self._sandboxes is None:
                self._sandboxes = _sandboxes(self._settings)
            return self._sandboxes

    def close(self, project: str, owner_id: str) -> None:
        """End the interpreter of a thread or container, with all that its code has made."""
        if self._sandboxes is not None:
            self._sandboxes.close(session_key(project, owner_id))

    def let_go(self, project: str, owner_id: str) -> None:
        """Whoever needs an interpreter may have that of the thread now."""
        if self._sandboxes is not None:
            self._sandboxes.let_go(session_key(project, owner_id))

    def close_all(self) -> None:
        if self._sandboxes is not None:
            self._sandboxes.close_all()


@dataclass(frozen=True)
class CodeReport:
    """What code_interpreter can do on a machine, in words as a string; `reason`, why it cannot."""

    reason: str | None = None
    packages: tuple[str, ...] = ()
    limits: Limits | None = None

    def __str__(self) -> str:
        if self.limits is None:
            return "switched off"
        if self.reason:
            return f"not available ({self.reason})"
        more = len(self.packages) - _SHOWN_PACKAGES
        shown = [*self.packages[:_SHOWN_PACKAGES], *([f"{more} more"] if more > 0 else [])]
        return f"in a sandbox with {', '.join(shown) or _STANDARD_ONLY}"


def code_report(settings: Settings) -> CodeReport:
    """What it can do on this machine, for whoever starts a server or looks after one. It is
    tried."""
    if not settings.code_interpreter:
        return CodeReport()
    sandboxes = _sandboxes(settings)
    try:
        reason = sandboxes.available()
        packages = () if reason else sandboxes.packages()
        return CodeReport(reason, packages, sandboxes.limits)
    finally:
        sandboxes.close_all()


def _sandboxes(settings: Settings) -> Sandboxes:
    from assistctl.server.sandbox import Limits, Sandboxes  # most commands run no code

    limits = settings.code_interpreter
    return Sandboxes(limits if isinstance(limits, Limits) else None, settings.code_python)
