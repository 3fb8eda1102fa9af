"""Python processes at the price of a fork, for tests whose subject is not how Python starts.

`Popen(["-m", "assistctl", "plan"])` is `subprocess.Popen([sys.executable, "-m", "assistctl",
"plan"])` in all that can be seen of it, and `run` is `subprocess.run`. But the process is forked
from one that has assistctl and its libraries imported (`zygote.py`), for which a Python that
starts needs more than a second.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parent.parent

AT_START = ("PYTHON", "COVERAGE_", "LC_", "LANG", "LD_")
"""How the variables begin that matter when Python starts."""

OWN_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
)
"""Makes the terminal on stdin the one whose Ctrl-C is for us, and becomes Python."""

_ONE_ZYGOTE = threading.Lock()


class Popen(subprocess.Popen[Any]):
    """A `subprocess.Popen` of Python with these arguments: `-m module …` or `-c code …`.

    With `terminal`, its stdin becomes the terminal whose Ctrl-C is for it. A process whose
    environment has something to say to Python's start is started, not forked.
    """

    def __init__(self, arguments: Sequence[str], *, terminal: bool = False, **options: Any) -> None:
        self._terminal = terminal
        self._watcher: socket.socket | None = None
        super().__init__([sys.executable, *arguments], start_new_session=terminal, **options)

    # What follows are the three places where subprocess.Popen deals with the system.

    def _execute_child(self, args: list[str], *how: Any) -> None:
        cwd, env, pipes = how[4], how[5], how[9:15]
        environ = dict(os.environ if env is None else env)
        if not starts_alike(environ):
            own_terminal = ["-c", OWN_TERMINAL] if self._terminal else []
            super()._execute_child([args[0], *own_terminal, *args[1:]], *how)  # type: ignore[misc]
            return
        given = (pipes[0], pipes[3], pipes[5])
        streams = [number if given[number] == -1 else given[number] for number in range(3)]
        request = {
            "arguments": args[1:],
            "cwd": os.fspath(cwd or Path.cwd()),
            "environ": environ,
            "terminal": self._terminal,
            "open": [_is_open(stream) for stream in streams],
        }
        try:
            self.pid, self._watcher = _forked(request, [s for s in streams if _is_open(s)])
            self._child_created = True
        finally:
            self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        """What os.waitpid returns."""
        if self._watcher is None:
            return super()._try_wait(flags)  # type: ignore[misc, no-any-return]
        try:
            status = self._watcher.recv(64, socket.MSG_DONTWAIT if flags else 0)
        except BlockingIOError:
            return 0, 0
        self._watcher.close()
        return self.pid, int(status)

    def _internal_poll(self, _deadstate: int | None = None) -> int | None:
        if self._watcher is None:
            return super()._internal_poll(_deadstate)  # type: ignore[misc, no-any-return]
        if self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid:
                        self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def run(
    arguments: Sequence[str],
    *,
    input: str | None = None,  # noqa: A002  (its name in subprocess.run)
    timeout: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of Python; what it writes is captured if nothing else is said."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Popen(arguments, **options) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@contextmanager
def program(path: Path, module: str) -> Iterator[None]:
    """While this lasts, at `path` is a program that others, such as a shell, can start: the module.

    It has us fork the process, with its arguments, directory, environment and streams, and ends
    with the same exit code.
    """
    with TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{short}/door")
        door.listen()
        path.write_text(f"#!{sys.executable} -IS\n{_CALLER.format(f'{short}/door')}")
        path.chmod(0o755)
        threading.Thread(target=_fork_for_callers, args=(door, module), daemon=True).start()
        try:
            yield
        finally:
            door.shutdown(socket.SHUT_RDWR)  # which ends the thread


_CALLER = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as door:
    door.connect({!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(door, [len(request).to_bytes(4, "big")], [0, 1, 2])
    door.sendall(request)
    sys.exit(int(door.recv(16)))
"""


def _fork_for_callers(door: socket.socket, module: str) -> None:
    with suppress(OSError):
        while True:
            caller, _ = door.accept()
            with caller, caller.makefile("rb") as sent:
                size, files, _, _ = socket.recv_fds(caller, 4, 3)
                arguments, cwd, environ = json.loads(sent.read(int.from_bytes(size, "big")))
                stdin, stdout, stderr = files
                streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
                process = Popen(["-m", module, *arguments], cwd=cwd, env=environ, **streams)
                for file in files:
                    os.close(file)
                caller.send(str(process.wait()).encode())


def starts_alike(environ: dict[str, str]) -> bool:
    """Whether Python starts in this environment as it does in ours."""
    return _about_start(environ) == _about_start(dict(os.environ)) and not any(
        name.startswith("COVERAGE_") for name in environ
    )


def _about_start(environ: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(AT_START)}


def _is_open(file: int) -> bool:
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


def _forked(request: dict[str, Any], files: list[int]) -> tuple[int, socket.socket]:
    """(pid, where the status will come from) of a process that is as requested."""
    with _ONE_ZYGOTE:
        door = _zygote()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        socket.send_fds(door, [json.dumps(request).encode()], [*files, theirs.fileno()])
    return int(ours.recv(64)), ours


@cache
def _zygote() -> socket.socket:
    """Where to ask for processes; the zygote lives for as long as we do."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    @atexit.register
    def end() -> None:
        ours.close()
        zygote.wait()

    return ours
