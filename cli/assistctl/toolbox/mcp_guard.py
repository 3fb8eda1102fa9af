"""Stands between us and the program that is an MCP server; started by its path, with our process id
and the program's command.

It ends the program, and all that this has started and that has not left its process group, when
the program ends, when it is told to (SIGTERM), and when we are gone, however we went. Lines on
stdout that are no messages, bytes that are not UTF-8 and lines without end do not reach us. What
the program said on stderr last it says when all is over.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import IO, NoReturn

LONGEST_MESSAGE = 16 * 1024 * 1024
_TAIL = 20
_LONGEST_LINE = 2000


def guard(parent: int, command: list[str]) -> NoReturn:
    """Run the program to its end, and exit as it did."""
    last: deque[bytes] = deque(maxlen=_TAIL)
    try:
        program = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0
        )
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        _end(None, 127, f"{command[0]} cannot be started: {reason}".encode())
    signal.signal(signal.SIGTERM, lambda *_: _end(program, 143, b"it did not end by itself"))
    os.close(0)
    assert program.stdout
    assert program.stderr
    pumps = [
        threading.Thread(target=_messages, args=(program, program.stdout, last), daemon=True),
        threading.Thread(target=_remember, args=(program.stderr, last), daemon=True),
    ]
    for each in pumps:
        each.start()
    threading.Thread(target=_watch, args=(parent, program), daemon=True).start()
    code = program.wait()
    _kill(program)
    for each in pumps:
        each.join(1.0)
    how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
    _end(program, code if code >= 0 else 128 - code, b"\n".join([how.encode(), *last]))


def _messages(program: subprocess.Popen[bytes], stdout: IO[bytes], last: deque[bytes]) -> None:
    """Hand on what may be a message; keep the rest for whoever asks what went wrong."""
    while line := stdout.readline(LONGEST_MESSAGE + 1):
        if len(line) > LONGEST_MESSAGE:
            _end(program, 1, b"it wrote a message of more than 16 MB")
        if not line.startswith(b"{"):
            last.append(line.strip()[:_LONGEST_LINE])
            continue
        left = memoryview(line.decode("utf-8", "replace").encode())
        try:
            while left:
                left = left[os.write(1, left) :]
        except OSError:
            _end(program, 1, b"")
    with contextlib.suppress(OSError):
        os.close(1)  # a server that is silent for good has ended, for us


def _remember(stderr: IO[bytes], last: deque[bytes]) -> None:
    while line := stderr.readline(_LONGEST_LINE):
        if line.strip():
            last.append(line.strip())


def _watch(parent: int, program: subprocess.Popen[bytes]) -> None:
    """End the program when our parent has ended."""
    with contextlib.suppress(AttributeError, OSError):  # only Linux has it
        descriptor = os.pidfd_open(parent)
        if os.getppid() == parent:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()
    while os.getppid() == parent:
        time.sleep(0.5)
    _end(program, 1, b"")


def _kill(program: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)


def _end(program: subprocess.Popen[bytes] | None, code: int, words: bytes) -> NoReturn:
    if program:
        _kill(program)
    with contextlib.suppress(OSError):
        os.write(2, words)
    os._exit(code)


if __name__ == "__main__":
    guard(int(sys.argv[1]), sys.argv[2:])
