"""Worker processes of the project's own interpreter, in which its tools are called.

Each has pipes of its own (requests, answers, and one whose end ends it) beside stdin, which is
empty, and stdout and stderr, which both go to our stderr. What runs there is `worker/serving.py`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistctl.errors import AssistctlError
from assistctl.events import ToolContext
from assistctl.resources import Interpreter, Json
from assistctl.toolbox.worker.importing import Unusable, Wanted

MEGABYTE = 1024 * 1024
OLDEST = (3, 8)
START = 120.0
"""Seconds that a worker has to import what it needs."""
GRACE = 0.5
"""Seconds more that a call has before its worker is killed: what is async ends itself in time."""
_GOODBYE = 2.0
_LONGEST_ANSWER = 64 * 1024 * 1024
_LONGEST_WAIT = 3600.0

_WORKER = Path(__file__).parent / "worker"
_BOOTSTRAP = """
import sys
if sys.path[:1] == [""]:
    del sys.path[0]
import importlib.util
home = sys.argv.pop(1)
spec = importlib.util.spec_from_file_location(
    "_assistctl_worker", home + "/__init__.py", submodule_search_locations=[home])
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
from _assistctl_worker.serving import serve
descriptors = [int(each) for each in sys.argv[1:]]
del sys.argv[1:]
serve(*descriptors)
"""
_VERSION = "import sys; sys.stdout.write('Python %d.%d' % sys.version_info[:2])"


class Ended(Exception):
    """A worker process ended instead of answering; in words, how."""


class Late(Exception):
    """A worker did not answer in time, and was killed."""


def started(
    root: Path,
    wanted: Mapping[str, tuple[Wanted, tuple[str, ...]]],
    interpreter: Interpreter,
) -> tuple[Workers, dict[str, Unusable]]:
    """Workers that import what is wanted, by its `module:function`, with the parameters that no
    model fills in, the first one ready; and what it could not import. Raises AssistctlError."""
    check_interpreter(interpreter)
    hello = {
        "root": str(root),
        "memory": interpreter.memory,
        "functions": {
            name: {"wanted": each, "kept": kept} for name, (each, kept) in wanted.items()
        },
    }
    workers = Workers(interpreter, hello)
    try:
        failures = workers.begin()
    except BaseException as error:
        workers.close()
        if not isinstance(error, Ended | Late):
            raise
        how = error if isinstance(error, Ended) else f"no answer within {START:.0f} s"
        raise AssistctlError(
            f"{interpreter.place}: {interpreter.shown} ended while it imported the tools: {how}"
        ) from error
    return workers, {
        name: Unusable(
            each["why"], each["place"], importing=each["importing"], missing=each["missing"]
        )
        for name, each in failures.items()
    }


def check_interpreter(interpreter: Interpreter) -> str:
    """Its version, `Python 3.12`, of which it is asked; that leaves no other trace. Raises
    AssistctlError for what is no Python, or too old."""
    path, where = interpreter.python, f"{interpreter.place}: `python`: {interpreter.shown}"
    try:
        asked = subprocess.run(
            [path, "-E", "-S", "-B", "-c", _VERSION],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=START,
            check=False,
        )
    except FileNotFoundError:
        raise AssistctlError(
            f"{where} does not exist; make the environment, or correct the path"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        why = error.strerror if isinstance(error, OSError) else "it does not answer"
        raise AssistctlError(f"{where} cannot be run ({why}); name a Python") from None
    version = re.fullmatch(rb"Python (\d+)\.(\d+)", asked.stdout)
    if version is None:
        raise AssistctlError(f"{where} is no Python; name one")
    if tuple(map(int, version.groups())) < OLDEST:
        raise AssistctlError(
            f"{where} is {version[0].decode()}; tools need Python {OLDEST[0]}.{OLDEST[1]} or newer"
        )
    return version[0].decode()


class Workers:
    """The processes, each at work on one call at a time; one that is free is used again."""

    def __init__(self, interpreter: Interpreter, hello: Json) -> None:
        self._interpreter = interpreter
        self._hello = hello
        self._lock = threading.Lock()
        self._free: list[_Process] = []
        self._busy: set[_Process] = set()
        self._closed = False
        self.round = 0

    @property
    def limit(self) -> str:
        """What is said of the memory that each may have."""
        megabytes = self._interpreter.memory // MEGABYTE
        return f"a process of tools may have {megabytes} MB: `memory` under `tools`"

    def begin(self) -> dict[str, Json]:
        """Start the first one; returns what it could not import. Raises Ended and Late."""
        worker = self._start(self.round)
        answer = self._asked(worker, self._hello, START)
        self._give_back(worker)
        failures: dict[str, Json] = answer["failures"]
        return failures

    def call(
        self,
        name: str,
        values: Mapping[str, Json],
        context: ToolContext,
        *,
        seconds: float,
        limit: int,
        within: int,
    ) -> Json:
        """Have a function called, in the round of this number; the answer is that of `Tools.call`
        in worker/serving.py. Raises Ended, and Late after so many seconds."""
        worker = self._take(within)
        asked = {
            "name": name,
            "values": values,
            "context": {**asdict(context), "workspace": str(context.workspace)},
            "seconds": seconds,
            "limit": limit,
        }
        answer = self._asked(worker, asked, seconds + GRACE)
        if answer.get("memory"):  # what is left of it would not do for the next call
            self._end(worker)
        else:
            self._give_back(worker)
        return answer

    def interrupt(self, within: int) -> None:
        """The round of this number is over: whoever is still at work in it is killed."""
        with self._lock:
            if within != self.round:
                return
            self.round += 1
            busy = list(self._busy)
        for worker in busy:
            worker.kill()

    def close(self) -> None:
        """End all of them; those that do nothing may clean up behind themselves."""
        with self._lock:
            self._closed = True
            free, self._free = self._free, []
        self.interrupt(self.round)
        for worker in free:
            worker.say_goodbye()
        for worker in free:
            worker.end(_GOODBYE)

    def _take(self, within: int) -> _Process:
        with self._lock:
            if self._free and within == self.round:
                worker = self._free.pop()
                self._busy.add(worker)
                return worker
        worker = self._start(within)
        self._asked(worker, self._hello, START)
        return worker

    def _asked(self, worker: _Process, question: Json, seconds: float) -> Any:
        """The answer; a worker that gives none is ended."""
        try:
            return worker.ask(question, seconds)
        except BaseException:
            self._end(worker)
            raise

    def _start(self, within: int) -> _Process:
        worker = _Process(self._interpreter, self._hello["root"])
        with self._lock:
            self._busy.add(worker)
            too_late = self._closed or within != self.round
        if too_late:
            self._end(worker)
            raise Ended("it was stopped")
        return worker

    def _give_back(self, worker: _Process) -> None:
        with self._lock:
            self._busy.discard(worker)
            if not self._closed:
                self._free.append(worker)
                return
        worker.end()

    def _end(self, worker: _Process) -> None:
        with self._lock:
            self._busy.discard(worker)
        worker.end()


class _Process:
    """One worker process and our ends of its pipes."""

    def __init__(self, interpreter: Interpreter, root: str) -> None:
        theirs_in, self._requests = os.pipe()
        self._answers, theirs_out = os.pipe()
        lifeline, self._lifeline = os.pipe()
        theirs = (theirs_in, theirs_out, lifeline)
        try:
            self._process = subprocess.Popen(
                [interpreter.python, "-u", "-c", _BOOTSTRAP, _WORKER, *map(str, theirs)],
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=theirs,
                start_new_session=True,
                cwd=root,
            )
        except BaseException:
            self._close()
            raise
        finally:
            for each in theirs:
                os.close(each)
        os.set_blocking(self._requests, False)
        self._asked = 0

    def ask(self, question: Json, seconds: float) -> Any:
        """Raises Ended and Late."""
        until = time.monotonic() + seconds
        self._asked += 1
        left = memoryview(json.dumps([self._asked, question]).encode() + b"\n")
        answer = bytearray()
        poll = select.poll()
        poll.register(self._answers, select.POLLIN)
        poll.register(self._requests, select.POLLOUT)
        while (now := time.monotonic()) < until:
            for descriptor, _ in poll.poll(min(until - now, _LONGEST_WAIT) * 1000):
                if descriptor == self._requests:
                    left = left[self._write(left) :]
                    if not left:
                        poll.unregister(self._requests)
                    continue
                chunk = os.read(self._answers, 1 << 20)
                answer += chunk
                if answer.endswith(b"\n"):
                    return _answer(answer, self._asked)
                if not chunk or len(answer) > _LONGEST_ANSWER:
                    raise Ended(self._how_it_ended())
        raise Late

    def kill(self) -> None:
        """It and all that it has started, unless they have left its process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def say_goodbye(self) -> None:
        """No more requests will come."""
        os.close(self._requests)
        self._requests = -1

    def end(self, patience: float = 0.0) -> None:
        """For whoever has it; after so many seconds, if it does not end by itself."""
        poll = select.poll()
        poll.register(self._answers, select.POLLHUP)
        poll.poll(patience * 1000)
        self.kill()
        self._process.wait()
        self._close()

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._requests, data[:65536])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise Ended(self._how_it_ended()) from None

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        if code == -signal.SIGKILL:
            return "SIGKILL (perhaps there was no memory left)"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _close(self) -> None:
        for each in (self._requests, self._answers, self._lifeline):
            if each >= 0:
                os.close(each)
        self._requests = self._answers = self._lifeline = -1


def _answer(line: bytearray, asked: int) -> Any:
    """To the question of this number. Raises Ended for any other line: tools know the pipe, too."""
    with contextlib.suppress(ValueError, RecursionError):
        match json.loads(line):
            case [int(number), dict(answer)] if number == asked:
                return answer
    raise Ended("something else was written into the pipe of its answers")
