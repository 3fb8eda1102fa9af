"""The process that reads one file, from the side of the server.

It gets the file as its standard input and the request as its argument, and writes its answers, a
line of JSON each, into a file: no pipe can block, and whatever happens it ends within its time.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any, BinaryIO

from assistctl.server.reading.drafts import UnreadableFile

_log = logging.getLogger("assistctl.server")

SECONDS = 60
_POLL_SECONDS = 0.05
_AT_ONCE = threading.BoundedSemaphore(4)

UNREADABLE = 3
"""The process exits with this after it wrote why the file cannot be read."""


class Stopped(Exception):
    """The server stops; the file was not read."""


def answers(
    request: Mapping[str, Any], content: BinaryIO, stopping: threading.Event
) -> Iterator[Any]:
    """What the process has to say of the file; raises UnreadableFile before the first answer."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as complaints:
        with _AT_ONCE:
            code = _run(request, content, output, complaints, stopping)
        output.seek(0)
        if code == UNREADABLE:
            reason, message = json.loads(output.readline())
            raise UnreadableFile(reason, message)
        if code != 0:
            complaints.seek(0)
            said = _gist(complaints.read().decode(errors="replace"))
            _log.warning("reading %r ended with %s: %s", request["filename"], code, said)
            raise UnreadableFile("invalid_file", "The file could not be read; it may be damaged.")
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
    process = subprocess.Popen(
        [sys.executable, "-P", "-X", "utf8", "-m", __package__, json.dumps(request)],
        stdin=content,
        stdout=output,
        stderr=complaints,
        env=_environment(),
        cwd=tempfile.gettempdir(),
    )
    deadline = time.monotonic() + SECONDS
    try:
        while True:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if stopping.is_set():
                    raise Stopped from None
                if time.monotonic() > deadline:
                    raise UnreadableFile(
                        "invalid_file", f"Reading the file took more than {SECONDS} seconds."
                    ) from None
    finally:
        process.kill()
        process.wait()


def _gist(said: str) -> str:
    """The line that says most: of a traceback the last one."""
    lines = said.strip().splitlines() or [""]
    return lines[-1 if lines[0].startswith("Traceback") else 0][:500]


def _environment() -> dict[str, str]:
    """No keys, no proxies: only what the interpreter needs to start and to find the package."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    path = os.pathsep.join(str(entry) for entry in sys.path if entry)
    return {**kept, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
