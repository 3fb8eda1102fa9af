"""What a running call uses, seen from outside, where the code cannot lie about it."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.server.sandbox.capture import Capture
from assistctl.server.sandbox.limits import Limits

_WRITABLE = ("mnt/data", "tmp")


class Gauge:
    """Reads how much of the processor and how many files a process uses, while there is one.

    Raises OSError once it has ended.
    """

    def __init__(self, pid: int) -> None:
        self._proc = Path("/proc", str(pid))

    def cpu_seconds(self) -> float:
        """User and system time of all threads, so far."""
        # The program's name comes in parentheses and may contain anything, parentheses included.
        fields = (self._proc / "stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def entries(self) -> int:
        """Files and folders there are; each takes the kernel's memory even when it is empty."""
        found = [os.statvfs(self._proc / "root" / folder) for folder in _WRITABLE]
        return sum(each.f_files - each.f_ffree for each in found)


@dataclass
class Watch:
    """One call, from its beginning: `broken()` says in words which limit it has broken, if any."""

    limits: Limits
    gauge: Gauge
    output: Capture
    stop: threading.Event
    _began: float = field(default_factory=time.monotonic, init=False)
    _cpu: float = field(init=False)
    _entries: int = field(init=False)

    def __post_init__(self) -> None:
        """A call that finds more files than there may be can only make them fewer: that it must
        have the time for."""
        self._cpu = self.gauge.cpu_seconds()
        self._entries = max(self.limits.entries, self.gauge.entries())

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def broken(self) -> str | None:
        limits = self.limits
        if self.stop.is_set():
            return "the run was cancelled"
        if self.seconds() > limits.seconds:
            return f"it took longer than {limits.seconds:g} s"
        if self.output.total > limits.flood_bytes:
            return f"it printed more than {limits.flood_bytes} bytes"
        if self.gauge.cpu_seconds() - self._cpu > limits.cpu_seconds:
            return f"it used more than {limits.cpu_seconds:g} s of processor time"
        if self.gauge.entries() > self._entries:
            return f"it made more than {limits.entries} files and folders"
        return None
