"""The interpreter's own loop: take files and code from the server, run it, tell what came of it.

From the server (header, body):
    {"put": name, "first": bool}, part      a file for /mnt/data, in parts
    {"run": number}, code
To the server:
    {"ready": true}                         once, when every limit is in force
    {"file": name}, part                    the code wrote it; parts of one file follow each other
    {"picture": index}, part                shown by the code, as PNG
    {"done": number, "error": …, "kept": […]}   names of files that were not sent

What the code prints goes to its own pipe. The code shares this process and could write any frame:
the server takes what comes for data and nothing else.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import site
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from .cells import Notebook, tell
from .folder import Folder, Seen
from .fonts import say_less
from .frames import PART_BYTES, Unpacker, pack
from .guidance import explain_refusals

_NICENESS = 10
_KEPT_NAMES = 50
_KEPT_CHARACTERS = 200


def main() -> None:
    """`sys.argv[1]` is a JSON object; its keys are those that launch.py gives."""
    config = json.loads(sys.argv[1])
    _confine(config)
    _prepare(config)
    try:
        _Agent(config).work()
    except OSError:
        # The server is gone, or the code has closed our connection: nobody is left to tell. Nor
        # are the code's threads waited for, as a normal exit would.
        os._exit(1)


def _confine(config: dict[str, Any]) -> None:
    """Give up what bubblewrap could not take: being root, being preferred, using without limit."""
    Path("/proc/self/oom_score_adj").write_text("1000")
    os.nice(_NICENESS)
    if config["user"] is not None:
        os.setgroups([])
        os.setresgid(*[config["user"]] * 3)
        os.setresuid(*[config["user"]] * 3)
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, config["file_bytes"]),
        (resource.RLIMIT_NOFILE, config["open_files"]),
        (resource.RLIMIT_NPROC, config["threads"]),
        (resource.RLIMIT_AS, config["memory_bytes"]),
    ):
        resource.setrlimit(kind, (most, most))


def _prepare(config: dict[str, Any]) -> None:
    """Make the interpreter look as code expects it."""
    sys.path += [*config["packages"], config["folder"]]
    sys.argv = [""]
    site.setquit()
    site.sethelper()
    # plt.show() need not show anything: figures are taken from pyplot when the code has run.
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    say_less()
    explain_refusals()


class _Agent:
    def __init__(self, config: dict[str, Any]) -> None:
        self._socket: int = config["socket"]
        self._output = os.dup(1)
        self._folder = Folder(config["folder"])
        self._most_files: int = config["returned_files"]
        self._most_bytes: int = config["returned_bytes"]
        self._notebook = Notebook(config["installed"])
        self._working = False
        self._missing: dict[str, str] = {}

    def work(self) -> None:
        os.set_inheritable(self._socket, False)
        signal.signal(signal.SIGINT, self._interrupt)
        self._send({"ready": True})
        for header, body in self._frames():
            if "put" in header:
                self._put(header["put"], body, header["first"])
            else:
                self._run(header["run"], body.decode("utf-8", "replace"))

    def _frames(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        unpacker = Unpacker()
        while data := os.read(self._socket, PART_BYTES):
            yield from unpacker.feed(data)

    def _send(self, header: dict[str, Any], body: bytes = b"") -> None:
        # An interrupt in the middle of a frame would make the rest unreadable.
        working, self._working = self._working, False
        rest = memoryview(pack(header, body))
        while rest:
            rest = rest[os.write(self._socket, rest) :]
        self._working = working

    def _put(self, name: str, part: bytes, first: bool) -> None:
        if first:
            self._missing.pop(name, None)
        elif name in self._missing:
            return
        try:
            self._folder.put(name, part, first)
        except OSError as error:
            self._missing[name] = str(error.strerror)
            self._folder.remove(name)

    def _run(self, number: int, code: str) -> None:
        streams = self._reopen_output()
        for name, reason in self._missing.items():
            sys.stderr.write(f"[{name} could not be put into /mnt/data: {reason}]\n")
        self._missing.clear()
        kept: list[str] = []
        try:
            signal.signal(signal.SIGINT, self._interrupt)
            before = self._folder.seen()
            self._working = True
            error = self._notebook.run(code)
            room = self._most_bytes - self._send_pictures()
            kept = self._send_files(before, room)
        except KeyboardInterrupt:
            error = "KeyboardInterrupt"
        finally:
            self._working = False
            # An alarm that the code has set would go off in the middle of the next frame.
            signal.setitimer(signal.ITIMER_REAL, 0)
        for stream in streams:
            with suppress(ValueError):  # the code may have closed it
                stream.flush()
        self._send({"done": number, "error": error, "kept": _shortened(kept)})

    def _reopen_output(self) -> list[TextIO]:
        """Code may have closed or replaced stdout and stderr in an earlier call."""
        for descriptor in (1, 2):
            os.dup2(self._output, descriptor)
        sys.stdout, sys.stderr = streams = [_stream(1), _stream(2)]
        return streams

    def _send_pictures(self) -> int:
        """Returns their bytes."""
        sent = 0
        try:
            for index, picture in enumerate(self._notebook.pictures(self._most_files)):
                sent += len(picture)
                if sent > self._most_bytes:
                    raise ValueError("there are too many, or they are too large")
                for start in range(0, len(picture), PART_BYTES):
                    self._send({"picture": index}, picture[start : start + PART_BYTES])
        except Exception as error:  # noqa: BLE001 - drawing runs the code's own objects
            tell(error)
        return sent

    def _send_files(self, before: Seen, room: int) -> list[str]:
        """Send what the code has written; returns the names of what was too much."""
        kept: list[str] = []
        left = self._most_files
        for name, mark in self._folder.seen().items():
            if before.get(name) == mark:
                continue
            if not left or mark.size > room:
                kept.append(name)
                continue
            left, room = left - 1, room - mark.size
            try:
                self._send({"file": name})
                for part in self._folder.parts(name, PART_BYTES):
                    self._send({"file": name}, part)
            except (OSError, MemoryError):  # a thread of the code's has taken it away meanwhile
                kept.append(name)
        return kept

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """The server sends SIGINT when the code's time is over."""
        if self._working:
            raise KeyboardInterrupt


def _stream(descriptor: int) -> TextIO:
    return open(
        descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )


def _shortened(names: list[str]) -> list[str]:
    """So that they fit into a header."""
    short = [name[:_KEPT_CHARACTERS] for name in names[:_KEPT_NAMES]]
    more = len(names) - len(short)
    return [*short, f"{more} more"] if more else short
