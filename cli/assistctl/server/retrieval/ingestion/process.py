"""The process that reads one file, from the side of the server.

It gets the file as its standard input and the request as an argument, and writes its answers, a
line of JSON each, into a file, and why there are none into another: no pipe can block, and whatever
happens it ends within its time.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import platform
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO

from assistctl.server.retrieval.ingestion import process_limits
from assistctl.server.retrieval.ingestion.failures import Stopped, UnreadableFile
from assistctl.server.sandbox import seccomp

_log = logging.getLogger("assistctl.server")

_POLL_SECONDS = 0.05
_MOST_SAID = 500


def answers(
    request: Mapping[str, Any], content: BinaryIO, stopping: threading.Event
) -> Iterator[Any]:
    """What the process has to say of the file; raises UnreadableFile before the first answer."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        code = _run(request, content, output, complaints, stopping)
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip().splitlines() or [""]
        if code == process_limits.UNREADABLE:
            raise UnreadableFile(*json.loads(said[-1]))
        if code == process_limits.NO_ROOM:
            raise OSError(errno.ENOSPC, "there is no room for what was read of a file")
        if code != 0:
            gist = said[-1 if said[0].startswith("Traceback") else 0][:_MOST_SAID]
            _log.warning("reading %r ended with %s: %s", request["filename"], code, gist)
            raise UnreadableFile("invalid_file", "The file could not be read; it may be damaged.")
        output.seek(0)
        for line in output:
            yield json.loads(line)


def _run(
    request: Mapping[str, Any],
    content: BinaryIO,
    output: IO[bytes],
    complaints: IO[bytes],
    stopping: threading.Event,
) -> int:
    """The exit code; what runs for too long is killed."""
    # The file object's own seek may stay within its buffer; the process shares what is below.
    content.flush()
    os.lseek(content.fileno(), 0, os.SEEK_SET)
    arguments = [__package__, json.dumps(request), _calls().hex()]
    process = subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", *arguments],
        stdin=content,
        stdout=output,
        stderr=complaints,
        env=_environment(),
        cwd=tempfile.gettempdir(),
    )
    deadline = time.monotonic() + process_limits.SECONDS
    try:
        while True:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if stopping.is_set():
                    raise Stopped from None
                if time.monotonic() >= deadline:
                    raise UnreadableFile(
                        "invalid_file",
                        f"Reading the file took more than {process_limits.SECONDS} seconds.",
                    ) from None
    finally:
        process.kill()
        process.wait()


def _calls() -> bytes:
    """The filter of calls for this machine: no sockets, no other processes. Empty if unknown."""
    is_64_bit = struct.calcsize("P") == 8
    if sys.platform == "linux" and is_64_bit and seccomp.knows(platform.machine()):
        return seccomp.program(platform.machine())
    return b""


def _environment() -> dict[str, str]:
    """No keys, no proxies: only what the interpreter needs to start and to find the package."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(str(entry) for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
