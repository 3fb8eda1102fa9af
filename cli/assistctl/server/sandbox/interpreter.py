"""One confined interpreter at work: it is given files and code, and kept to its limits.

Between calls it is stopped (SIGSTOP): whatever threads the code has left behind do not run on.
"""

from __future__ import annotations

import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from assistctl.server.sandbox.capture import Capture
from assistctl.server.sandbox.inside.frames import PART_BYTES, BrokenFrame, Unpacker, pack
from assistctl.server.sandbox.launch import Confined
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.names import shown
from assistctl.server.sandbox.returned import Produced, Returned
from assistctl.server.sandbox.watch import Gauge, Watch

_TRANSFER_SECONDS = 60.0
_GRACE_SECONDS = 2.0
_NOTICE_SECONDS = 0.5
_TICK_SECONDS = 0.05
_RESTLESS_SECONDS = 0.5
_MOST_DRAINS = 16
_MOST_ERROR_CHARACTERS = 500


@dataclass(frozen=True)
class Answer:
    """What came of one call.

    `error` is the code's own, in one line; `stopped` the limit that it broke; `ended` says why
    the interpreter cannot be used any more. The latter two are what follows after "it".
    `kept` names files that were written but did not come back.
    """

    output: str
    files: tuple[Produced, ...] = ()
    pictures: tuple[Produced, ...] = ()
    kept: tuple[str, ...] = ()
    error: str | None = None
    stopped: str | None = None
    ended: str | None = None


class Gone(Exception):
    """The interpreter cannot be used any more; the message says why."""


@dataclass
class _Call:
    """A call under way: what has come so far."""

    number: int
    watch: Watch
    output: Capture
    returned: Returned
    done: bool = False
    error: str | None = None
    stopped: str | None = None
    kill_at: float = field(default=float("inf"))


class Interpreter:
    """Not for two threads at a time.

    When one of its methods has raised, or an answer says that it has ended, there is nothing left
    to do but to close it.
    """

    def __init__(self, confined: Confined, limits: Limits) -> None:
        self._confined = confined
        self._limits = limits
        self._gauge = Gauge(confined.pid)
        self._unpacker = Unpacker()
        self._calls = 0
        self._rested_at = 0.0

    def lives(self) -> bool:
        return self._confined.process.poll() is None

    def is_restless(self) -> bool:
        """Whether it works although it was stopped: a timer can send SIGCONT, too."""
        with suppress(OSError):
            return self._gauge.cpu_seconds() - self._rested_at > _RESTLESS_SECONDS
        return True

    def put(self, name: str, parts: Iterable[bytes]) -> None:
        """Make a file in /mnt/data. One that has no room there is reported by the next call.

        Raises Gone, and whatever `parts` does.
        """
        with self._awake():
            self._send({"put": name, "first": True})
            for part in parts:
                for start in range(0, len(part), PART_BYTES):
                    body = part[start : start + PART_BYTES]
                    self._send({"put": name, "first": False}, body)

    def run(self, code: str, stop: threading.Event) -> Answer:
        """Run `code`. When a limit is broken, or `stop` is set, it is interrupted, then killed."""
        self._calls += 1
        output = Capture(self._limits.output_bytes)
        returned = Returned(self._limits)
        try:
            with self._awake():
                watch = Watch(self._limits, self._gauge, output, stop)
                call = _Call(self._calls, watch, output, returned)
                self._send({"run": call.number}, code.encode("utf-8", "replace"))
                self._hear_out(call)
        except (OSError, BrokenFrame, Gone) as error:
            ended = self._why_ended(error)
            self._drain(output)
            return Answer(output.text(), ended=ended)
        self._drain(output)
        files, pictures, kept = returned.files(), returned.pictures(), returned.kept()
        return Answer(output.text(), files, pictures, kept, call.error, call.stopped)

    def close(self) -> None:
        self._confined.close()

    @contextmanager
    def _awake(self) -> Iterator[None]:
        with self._or_gone():
            self._confined.signal(signal.SIGCONT)
        yield
        with self._or_gone():
            self._confined.signal(signal.SIGSTOP)
            self._rested_at = self._gauge.cpu_seconds()

    @contextmanager
    def _or_gone(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Gone(self._why_ended(error)) from error

    def _send(self, header: dict[str, Any], body: bytes = b"") -> None:
        self._confined.socket.settimeout(_TRANSFER_SECONDS)
        with self._or_gone():
            self._confined.socket.sendall(pack(header, body))

    def _hear_out(self, call: _Call) -> None:
        """Until the call is done; raises where it comes to another end."""
        self._confined.socket.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._confined.output, selectors.EVENT_READ)
            selector.register(self._confined.socket, selectors.EVENT_READ)
            while not call.done:
                for key, _ in selector.select(_TICK_SECONDS):
                    if key.fd == self._confined.output:
                        self._confined.read_output(call.output)
                    else:
                        self._read_frames(call)
                if not call.done:
                    self._keep_to_limits(call)

    def _read_frames(self, call: _Call) -> None:
        data = self._confined.socket.recv(PART_BYTES)
        if not data:
            raise ConnectionError("it closed its connection to the server")
        for header, body in self._unpacker.feed(data):
            if header.get("done") == call.number:
                call.done = True
                if isinstance(error := header.get("error"), str):  # as it claims: made safe
                    call.error = shown(error)[:_MOST_ERROR_CHARACTERS]
                call.returned.keep(header.get("kept"))
            elif "done" not in header:  # else the belated end of an earlier call
                call.returned.add(header, body)

    def _keep_to_limits(self, call: _Call) -> None:
        if call.stopped is None:
            call.stopped = call.watch.broken()
            if call.stopped is not None:
                self._confined.signal(signal.SIGINT)
                call.kill_at = time.monotonic() + _GRACE_SECONDS
        elif time.monotonic() > call.kill_at:
            raise Gone(f"{call.stopped}, and could not be interrupted")

    def _drain(self, output: Capture) -> None:
        """What is still in the pipe, which holds no more than this."""
        for _ in range(_MOST_DRAINS):
            if not self._confined.read_output(output):
                return

    def _why_ended(self, error: Exception) -> str:
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            with suppress(subprocess.TimeoutExpired):
                return _exited(self._confined.process.wait(_NOTICE_SECONDS))
        if isinstance(error, TimeoutError):
            return "it did not take what it was sent"
        if isinstance(error, BrokenFrame):
            return f"it sent what the server does not understand ({error})"
        return str(error)


def _exited(status: int) -> str:
    if status > 128:
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(status - 128).name}"
    return f"it exited with status {status}"
