"""`assistctl` as a process of its own that can be killed."""

import os
import signal
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.apis.transport import client, pacing
from assistctl.main import main
from tests import forking

TIMEOUT = 2.0
"""Seconds without an answer, where it is the test's business to wait for them."""

START = f"""
import sys
sys.path.insert(0, {str(forking.ROOT)!r})
from tests.apis import jobs
del sys.path[0]
jobs.begin()
"""


@dataclass
class Job:
    """One command in a workspace; its exit code is negative if a signal has ended it."""

    root: Path
    arguments: tuple[str, ...]
    output: Path
    environ: dict[str, str]
    _process: Future = field(default_factory=Future)

    def start(self):
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        with self.output.open("wb") as output:
            process = forking.Popen(
                ["-c", START, *self.arguments],
                cwd=self.root,
                env={**kept, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._process.set_result(process)
        return self

    def kill(self):
        self._process.result(60).kill()

    def interrupt(self, number=signal.SIGINT):
        self._process.result(60).send_signal(number)

    def wait(self):
        try:
            return self._process.result(60).wait(120)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it hangs: {self.said}") from None

    @property
    def said(self):
        return self.output.read_text() if self.output.exists() else ""


def begin():
    """In the process: waits as short as it can before it repeats a request."""
    pacing.pause = lambda attempt, asked: 0.02
    client.Client.__init__.__kwdefaults__["timeout"] = TIMEOUT
    main(sys.argv[1:])
