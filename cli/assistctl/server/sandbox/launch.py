"""Starting a confined interpreter, and what the server holds of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from assistctl.server.sandbox.capture import Capture
from assistctl.server.sandbox.confinement import DATA, Confinement, Unavailable
from assistctl.server.sandbox.inside.frames import BrokenFrame, Unpacker
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.watch import Gauge

_HINT = (
    "; perhaps this user, container or service may not make namespaces: look at the sysctls"
    " user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns, at the"
    " container's security options, or at the unit's Protect… and Restrict… lines"
)
_READY_SECONDS = 30.0
_PIPE_BYTES = 64 * 1024
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True)
class Confined:
    """A running interpreter, as far as it can be reached from outside.

    `process` is bubblewrap, `pid` and `pidfd` are the interpreter itself; `socket` carries frames
    both ways, `output` what the code prints.
    """

    process: subprocess.Popen[bytes]
    pid: int
    pidfd: int
    socket: socket.socket
    output: int

    def signal(self, number: signal.Signals) -> None:
        """Raises ProcessLookupError if it has ended."""
        signal.pidfd_send_signal(self.pidfd, number)

    def read_output(self, capture: Capture) -> bool:
        """Take what there is; False if there is nothing, now or ever."""
        try:
            data = os.read(self.output, _PIPE_BYTES)
        except BlockingIOError:
            return False
        capture.add(data)
        return bool(data)

    def close(self) -> None:
        """End it at once, and let go of everything. To be called once."""
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        _end(self.process)
        self.socket.close()
        os.close(self.output)
        os.close(self.pidfd)


def launch(confinement: Confinement, limits: Limits) -> Confined:
    """Start an interpreter; it comes back confined, and stopped. Raises Unavailable if it is not.

    The kernel ends it with the thread that called this (--die-with-parent), which is how it cannot
    outlive a server that is killed: so call it from one that lives as long as the server.
    """
    try:
        with ExitStack() as on_failure:
            confined = _confined(confinement, limits, on_failure)
            on_failure.pop_all()
            return confined
    except (OSError, BrokenFrame) as error:
        hint = _HINT if str(error).startswith("bwrap:") else ""
        raise Unavailable(f"code cannot be confined here ({error}){hint}") from error


def _confined(confinement: Confinement, limits: Limits, on_failure: ExitStack) -> Confined:
    ours, theirs = socket.socketpair()
    on_failure.enter_context(ours)
    output, their_output = os.pipe()
    on_failure.callback(os.close, output)
    os.set_blocking(output, False)
    # The kernel then tells who wrote, by the process id that counts out here.
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    with theirs:
        try:
            process = _spawn(confinement, limits, theirs.fileno(), their_output)
        finally:
            os.close(their_output)
    on_failure.callback(_end, process)
    pid = _ready(ours, output)
    pidfd = os.pidfd_open(pid)
    on_failure.callback(os.close, pidfd)
    signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
    Gauge(pid).entries()  # what cannot be looked at cannot be kept within limits
    return Confined(process, pid, pidfd, ours, output)


def _spawn(
    confinement: Confinement, limits: Limits, socket_fd: int, output: int
) -> subprocess.Popen[bytes]:
    with ExitStack() as handed_over:
        filter_fd = _in_memory(handed_over, confinement.filter)
        options = confinement.options(limits, filter_fd)
        options_fd = _in_memory(handed_over, "\0".join(options).encode())
        command = confinement.command(_config(confinement, limits, socket_fd))
        return subprocess.Popen(
            [confinement.bwrap, "--args", str(options_fd), "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(socket_fd, filter_fd, options_fd),
            env={},
            cwd="/",
            start_new_session=True,
        )


def _config(confinement: Confinement, limits: Limits, socket_fd: int) -> str:
    """What inside/agent.py reads."""
    return json.dumps(
        {
            "socket": socket_fd,
            "user": confinement.new_user(),
            "folder": DATA,
            "packages": confinement.python.packages,
            "installed": confinement.python.installed,
            "file_bytes": limits.data_bytes,
            "open_files": limits.open_files,
            "threads": limits.threads,
            "memory_bytes": limits.memory_bytes,
            "returned_files": limits.returned_files,
            "returned_bytes": limits.returned_bytes,
        }
    )


def _in_memory(until: ExitStack, data: bytes) -> int:
    """A file descriptor to read `data` from, whatever its size."""
    descriptor = os.memfd_create("assistctl")
    until.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _ready(ours: socket.socket, output: int) -> int:
    """The interpreter's process id, once it has said that every limit is in force."""
    ours.settimeout(_READY_SECONDS)
    room = socket.CMSG_SPACE(_CREDENTIALS.size)
    data, ancillary, _, _ = ours.recvmsg(_PIPE_BYTES, room)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    if [header for header, _ in Unpacker().feed(data)] != [{"ready": True}]:
        raise BrokenFrame(_last_words(output) or "the interpreter ended before it was ready")
    [(_, _, credentials)] = ancillary
    pid: int = _CREDENTIALS.unpack(credentials)[0]
    return pid


def _end(process: subprocess.Popen[bytes]) -> None:
    """End bubblewrap, which takes the interpreter with it."""
    process.kill()
    process.wait()


def _last_words(output: int) -> str:
    """The last line that bubblewrap, or the interpreter, has printed."""
    with suppress(BlockingIOError):
        said = os.read(output, _PIPE_BYTES).decode("utf-8", "replace")
        return (said.strip().splitlines() or [""])[-1]
    return ""
