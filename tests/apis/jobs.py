"""`assistctl` as a process of its own that can be killed, forked from one that has imported it."""

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from assistctl.apis.transport import client, pacing
from assistctl.main import main

for _module in (
    "assistctl.apis.assistants",
    "assistctl.commands.plan",
    "assistctl.commands.sync",
    "assistctl.spec.workspace",
    "assistctl.toolbox.contracts",
    "assistctl.toolbox.docstrings",
    "deepdiff",
    "jsonschema",
):
    import_module(_module)  # so that each fork has it already

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.apis.jobs"])
TIMEOUT = 2.0
"""Seconds without an answer, where it is the test's business to wait for them."""


@dataclass
class Job:
    """One command; its exit code is negative if a signal has ended it."""

    process: multiprocessing.Process
    output: Path

    def start(self):
        self.process.start()
        return self

    def kill(self):
        self.process.kill()

    def interrupt(self, number=signal.SIGINT):
        os.kill(self.process.pid, number)

    def wait(self):
        self.process.join(120)
        assert self.process.exitcode is not None, f"it hangs: {self.said}"
        return self.process.exitcode

    @property
    def said(self):
        return self.output.read_text() if self.output.exists() else ""


def job(root, *arguments, output, **environ):
    """A command in a workspace; it waits as short as it can before it repeats a request."""
    given = (str(root), arguments, str(output), environ)
    return Job(CONTEXT.Process(target=_run, args=given, daemon=True), output)


def _run(root, arguments, output, environ):
    # Whoever has started us in the background may have it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(root)
    os.environ.pop("CI", None)  # the one of the tests themselves
    os.environ.update(environ)
    with open(output, "wb") as stream:  # noqa: PTH123
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    pacing.pause = lambda attempt, asked: 0.02
    client.Client.__init__.__kwdefaults__["timeout"] = TIMEOUT
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
    main(arguments)
