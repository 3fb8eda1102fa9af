"""Running the code of many conversations, each in an interpreter of its own."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import anyio.to_thread
from anyio import CapacityLimiter, get_cancelled_exc_class

from assistctl.server.sandbox.confinement import Confinement, Unavailable, confinement
from assistctl.server.sandbox.interpreter import Answer, Gone, Interpreter
from assistctl.server.sandbox.keeper import Closed, Keeper
from assistctl.server.sandbox.launch import launch
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.names import is_name
from assistctl.server.sandbox.python import Python, named_python, own_packages, own_python
from assistctl.server.sandbox.returned import Produced
from assistctl.server.sandbox.seats import Seat, Seats, Session

_CHORE_SECONDS = 15.0
_STARTED_ANEW = (
    "[The interpreter was started anew: variables, imports and files of earlier calls that were"
    " not handed back are gone.]\n"
)


@dataclass(frozen=True)
class Given:
    """A file for /mnt/data: its name there, a key for what it is (a file id), its bytes in parts.

    An interpreter that has that key under that name already does not get it again, nor one whose
    code has written a file of that name itself.
    """

    name: str
    key: str
    parts: Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Execution:
    """What came of a call.

    `output` is all there is to read, for the model as for whoever looks at the step: what the
    code printed, the value of its last expression, its traceback, and in brackets what the server
    has to say. `error` is None, or in one line why the code did not run to its end. `files` are
    those that it wrote below /mnt/data, `pictures` those that it showed.
    """

    output: str
    files: tuple[Produced, ...] = ()
    pictures: tuple[Produced, ...] = ()
    error: str | None = None


class Sandboxes:
    """Safe to use from any number of threads. Nothing is started before the first call.

    `python` names an interpreter, or a virtual environment, to run code with, all of its packages
    included; the default is the server's own, with those of python.LIBRARIES that are installed.
    """

    def __init__(self, limits: Limits | None = None, python: str | None = None) -> None:
        self.limits = limits or Limits()
        self._python = python
        self._seats = Seats(self.limits.sessions, self.limits.seconds)
        self._limiter: CapacityLimiter | None = None
        tidy = partial(self._seats.tidy, self.limits.idle_seconds)
        self._keeper = Keeper(tidy, _CHORE_SECONDS)
        self._confinement: Confinement | None = None
        self._found = threading.Lock()
        self._interpreter: Python | None = None
        self._tried = False

    def available(self) -> str | None:
        """None if code can be run here, else why not, in words. The first time, it is tried."""
        try:
            if not self._tried:
                self._start().close()
                self._tried = True
        except Unavailable as reason:
            return str(reason)
        return None

    def packages(self) -> tuple[str, ...]:
        """What code may import beyond the standard library. Nothing is confined to find out."""
        try:
            return self._packages
        except Unavailable:
            return ()

    @cached_property
    def _packages(self) -> tuple[str, ...]:
        if self._python is None:
            return own_packages()
        return self._found_python().installed

    def execute(
        self,
        key: str,
        code: str,
        files: Sequence[Given] = (),
        *,
        continued: bool = False,
        stop: threading.Event | None = None,
    ) -> Execution:
        """Run `code` in the interpreter of `key`; blocks until it has ended, or was ended.

        `continued` says that there have been calls before: if their interpreter is gone, the
        output says so. Setting `stop` ends the call early. What goes wrong with the code or the
        sandbox is told in the Execution; raises ValueError for a file's name that is none, and
        whatever reading a file's parts raises.
        """
        for file in files:
            if not is_name(file.name):
                raise ValueError(f"{file.name!r} cannot be the name of a file in /mnt/data")
        try:
            with self._seats.take(key, stop or threading.Event()) as seat:
                anew = continued and seat.session is None
                answer = self._answer(seat, code, files)
        except Unavailable as reason:
            return Execution(f"[The code was not run: {reason}.]\n", error=str(reason))
        return _execution(answer, anew)

    async def run(
        self,
        key: str,
        code: str,
        files: Sequence[Given] = (),
        *,
        continued: bool = False,
        holder: str | None = None,
    ) -> Execution:
        """`execute` in a thread; where the awaiting task is cancelled, the code is stopped. From
        now on the interpreter is held, until `let_go` of its holder (without one, of `key`)."""
        self._seats.hold(key, holder or key)
        # Not the threads that requests use: those must not wait for code. Nor may a call that has
        # an interpreter wait for those that want one, since they may be waiting for its end.
        self._limiter = self._limiter or CapacityLimiter(self.limits.sessions)
        limiter = CapacityLimiter(1) if self._seats.has(key) else self._limiter
        stop = threading.Event()
        work = partial(self.execute, key, code, files, continued=continued, stop=stop)
        try:
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=limiter)
        except get_cancelled_exc_class():
            stop.set()
            raise

    def let_go(self, holder: str) -> None:
        """What is held makes room for others, if need be: no call is about to come."""
        self._seats.let_go(holder)

    def close(self, key: str) -> None:
        """End the interpreter of `key`, if there is one; a call under way is stopped first."""
        self._seats.close(key)

    def close_all(self) -> None:
        """End everything and wait until it has ended; later calls are not run."""
        self._seats.close_all()
        self._keeper.close()

    def _answer(self, seat: Seat, code: str, files: Sequence[Given]) -> Answer:
        session = seat.session = seat.session or Session(self._start())
        try:
            for file in files:
                if session.there.get(file.name, "") not in (None, file.key):
                    session.interpreter.put(file.name, file.parts())
                    session.there[file.name] = file.key
            answer = session.interpreter.run(code, seat.stop)
        except Gone as reason:
            answer = Answer("", ended=str(reason))
        if answer.ended:
            seat.drop()
        session.there |= dict.fromkeys((file.name for file in answer.files), None)
        return answer

    def _start(self) -> Interpreter:
        try:
            return self._keeper.do(self._started)
        except Closed:
            raise Unavailable("the server is shutting down") from None

    def _started(self) -> Interpreter:
        if self._confinement is None:
            self._confinement = confinement(self._found_python())
        return Interpreter(launch(self._confinement, self.limits), self.limits)

    def _found_python(self) -> Python:
        with self._found:
            self._interpreter = self._interpreter or _python(self._python)
            return self._interpreter


def _python(command: str | None) -> Python:
    if command is None:
        return own_python()
    try:
        return named_python(command)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Unavailable(f"the interpreter {command} cannot be used: {error}") from error


def _execution(answer: Answer, anew: bool) -> Execution:
    error, notes = answer.error, []
    if error and not answer.output:
        notes.append(error)  # there was no traceback: an exit, or no memory left for one
    if answer.stopped:
        error = f"The code was stopped: {answer.stopped}"
        notes.append(f"{error}. Variables are kept.")
    if answer.ended:
        error = f"The interpreter is gone: {answer.ended}"
        notes.append(f"{error}. So are variables and files that were not handed back.")
    if answer.kept:
        notes.append(f"Not handed back, but still in /mnt/data: {', '.join(answer.kept)}.")
    output = (_STARTED_ANEW if anew else "") + answer.output
    if notes and output and not output.endswith("\n"):
        output += "\n"
    output += "".join(f"[{note}]\n" for note in notes)
    return Execution(output, answer.files, answer.pictures, error)
