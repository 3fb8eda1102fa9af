"""The process that tests fork others from: it has everything imported, and has started nothing.

`tests.forking` starts it, with one end of a socket. A fork is given what `python -m …` or
`python -c …` is given, and then returns from here, so that it ends as any Python ends.
"""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import suppress

_CODE: list[int] = []


@atexit.register  # before anything else is imported, so that it is the last to be called
def _end_quickly() -> None:
    """A Python that ends takes itself apart, object by object; for a fork that means to copy all
    of the memory that it shares with its parent. Of what it does until then nothing is left out."""
    if _CODE:
        with suppress(Exception):  # it will be raised again, and then told
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()
            os._exit(_CODE[0])


# ruff: noqa: E402
import fcntl
import gc
import importlib
import json
import pkgutil
import runpy
import select
import signal
import socket
import termios
import time
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any

import assistctl
from assistctl import spec
from assistctl.server.retrieval.embedders import offline

LARGEST_REQUEST = 1 << 18
NOT_IMPORTED = ("assistctl.__main__", "assistctl.server.sandbox.inside")
"""What is a program and does its work when it is imported."""
LATE = (
    "anyio._backends._asyncio",
    "click._textwrap",
    "deepdiff",
    "encodings.idna",
    "encodings.utf_8_sig",
    "httpcore2",
    "jinja2.meta",
    "jinja2.sandbox",
    "jsonschema",
    "openai.resources.files",
    "pprint",
    "truststore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
)
"""What assistctl and its libraries import only once they need it."""


def preload() -> None:
    """Import and load whatever a command may need, in this one thread: a fork has no other."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    for module in pkgutil.walk_packages(assistctl.__path__, "assistctl."):
        if not module.name.startswith(NOT_IMPORTED):
            importlib.import_module(module.name)
    for name in LATE:
        importlib.import_module(name)
    # What is made once in a process: predicates of the grammar, patterns.
    spec.load(Path(__file__).parent.parent, environ={}, keyless=True)
    if encoder := offline.encoder():
        encoder.embed(["It loads its weights for its first text."], 60)
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    gc.freeze()


def serve(door: socket.socket) -> dict[str, Any] | None:
    """Fork a process for each request, and tell who has asked its pid, and how it has ended; until
    nobody is left who could ask. Returns in each fork, with what it has been asked to be, and at
    the end."""
    callers: dict[int, tuple[int, int]] = {}  # of each process, by its pidfd: pid, who has asked
    events = select.poll()
    events.register(door, select.POLLIN)
    while True:
        for ready, _ in events.poll():
            if ready in callers:
                events.unregister(ready)
                pid, caller = callers.pop(ready)
                os.close(ready)
                _tell(caller, os.waitpid(pid, 0)[1])
                os.close(caller)
                continue
            message, files, _, _ = socket.recv_fds(door, LARGEST_REQUEST, 4)
            if not message:
                return None
            *streams, caller = files
            pid = os.fork()
            if not pid:
                door.close()
                return {**json.loads(message), "files": streams}
            for file in streams:
                os.close(file)
            _tell(caller, pid)
            process = os.pidfd_open(pid)
            callers[process] = pid, caller
            events.register(process, select.POLLIN)


def _tell(caller: int, number: int) -> None:
    with suppress(BrokenPipeError):
        os.write(caller, str(number).encode())


def become(request: dict[str, Any]) -> None:
    """Be Python with these files, environment and arguments."""
    _take_files(request["files"], request["open"])
    if request["terminal"]:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _run(*request["arguments"])
        _CODE.append(0)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            _CODE.append((end.code or 0) & 0xFF)
        raise


def _take_files(files: list[int], wanted: list[bool]) -> None:
    given = iter(files)
    for number, is_open in enumerate(wanted):
        if is_open:
            os.dup2(next(given), number)
        else:
            os.close(number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, getattr(sys, f"__{name}__")) if wanted[number] else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(number: int, like: TextIOWrapper) -> TextIOWrapper:
    """As Python opens it when it starts."""
    raw = FileIO(number, like.mode, closefd=False)
    raw.name = like.name
    unbuffered = like.write_through  # by python -u, or PYTHONUNBUFFERED
    writer = raw if unbuffered else BufferedWriter(raw)
    stream = TextIOWrapper(
        writer if number else BufferedReader(raw),
        like.encoding,
        like.errors,
        newline="\n",
        line_buffering=not unbuffered and (number == 2 or raw.isatty()),
        write_through=unbuffered,
    )
    stream.mode = like.mode
    return stream


def _run(option: str, what: str, *arguments: str) -> None:
    sys.orig_argv = [sys.executable, option, what, *arguments]
    sys.argv = [option, *arguments]
    if option == "-m":
        sys.path[0] = str(Path.cwd())
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = ""
        sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), vars(sys.modules["__main__"]))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    preload()
    if (request := serve(socket.socket(fileno=int(sys.argv[1])))) is not None:
        become(request)
