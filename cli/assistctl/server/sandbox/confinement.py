"""The walls: what `bwrap` is told, so that an interpreter sees itself, /mnt/data and little else.

Beyond what bubblewrap does by itself:
- Its own environment is empty: a process in the sandbox may read /proc/1/environ, which is what
  bwrap was started with, whatever it clears later.
- Every file system in it that can be written has a size; the root, which bwrap leaves writable
  and as large as half the memory, is read-only, and so is /dev.
- Process 1, bubblewrap's own in the sandbox, has no limits, and without root is the same user:
  its folder in /proc is covered, because whoever writes to /proc/1/mem can be it. So are files
  there that tell of the machine, such as what its kernel was started with.
- Where the server is root, code must not be: the root of a user namespace that root has made, too,
  is the host's root to files it can see, /proc/sys/kernel/core_pattern among them, and the kernel
  does not count its processes. Then there is no user namespace, and the interpreter becomes a
  user of its own, which nobody else is, before it runs any code.
"""

from __future__ import annotations

import os
import platform
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from assistctl.server.sandbox import seccomp
from assistctl.server.sandbox.limits import Limits
from assistctl.server.sandbox.python import Python

DATA = "/mnt/data"
_WORKSPACE = "/workspace"
"""Another name of it, by which the environments of agents go."""
_INSIDE = "/opt/inside"
_START = "import sys; sys.path.append('/opt'); from inside import agent; agent.main()"

# Ranges that systemd's list of user ids leaves to nobody, and to services for as long as they run.
_FREE_USERS = (range(0x70000000, 0x7FFF0000), range(61184, 65520))
_INSIDE_USER = "1000"

_SYSTEM_FOLDERS = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32")
_LINKER_FOLDERS = ("/lib", "/lib32", "/lib64", "/libx32")
_SHARED = ("/etc/ld.so.cache", "/usr/share/zoneinfo", "/usr/share/fonts")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_UNSEEN = ("/proc/cmdline", "/proc/keys", "/proc/key-users", "/proc/timer_list")
_SMALL = "65536"

_ENVIRONMENT = {
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LOGNAME": "sandbox",
    "PATH": "/usr/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "MATPLOTLIBRC": f"{_INSIDE}/matplotlibrc",
    # One thread and one arena per core would use up the address space of a large machine.
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    "MALLOC_ARENA_MAX": "2",
}


class Unavailable(Exception):
    """There can be no sandbox here; the message says why and what to do."""


@dataclass(frozen=True)
class Confinement:
    """How interpreters are confined on this machine."""

    bwrap: str
    filter: bytes
    python: Python
    drops_root: bool

    def options(self, limits: Limits, filter_fd: int) -> list[str]:
        """For bwrap, in this order: later mounts lie on earlier ones."""
        return [
            *self._namespaces(),
            *_folders((_INSIDE, DATA, *_SYSTEM_FOLDERS, *_SHARED, *self._destinations())),
            *_system(),
            *_bound(self.python),
            *_writable(limits),
            *("--symlink", DATA, _WORKSPACE),
            *("--ro-bind", str(Path(__file__).with_name("inside")), _INSIDE),
            *("--clearenv", *_environment()),
            *("--seccomp", str(filter_fd)),
            *("--remount-ro", "/", "--chdir", DATA),
        ]

    def command(self, config: str) -> list[str]:
        """To run in it; `config` is for inside/agent.py."""
        return [self.python.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _START, config]

    def new_user(self) -> int | None:
        """Who the interpreter shall become; None where it is the server's own, ordinary user."""
        return _unused_user() if self.drops_root else None

    def _destinations(self) -> Iterator[str]:
        return (to for _, to in self.python.shown if not _within_system(to))

    def _namespaces(self) -> Iterator[str]:
        yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
        yield from ("--unshare-cgroup-try", "--hostname", "sandbox")
        yield from ("--die-with-parent", "--new-session", "--cap-drop", "ALL")
        if self.drops_root:
            yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
        else:
            yield from ("--unshare-user", "--uid", _INSIDE_USER, "--gid", _INSIDE_USER)


def confinement(python: Python) -> Confinement:
    """Raises Unavailable for what can be known without trying."""
    if platform.system() != "Linux":
        raise Unavailable("code runs in a sandbox that only Linux has")
    if not seccomp.knows(platform.machine()):
        raise Unavailable(f"there is no filter of system calls for {platform.machine()} yet")
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise Unavailable("bubblewrap is not installed (Debian: apt-get install bubblewrap)")
    root = os.geteuid() == 0
    if root:
        _unused_user()
    return Confinement(bwrap, seccomp.program(platform.machine()), python, root)


def _unused_user() -> int:
    for users in _FREE_USERS:
        if _mapped(users):
            return users.start + secrets.randbelow(len(users))
    raise Unavailable(
        "the server runs as the root of a container that has no other users to run code as;"
        " run it as an ordinary user"
    )


def _mapped(users: range) -> bool:
    """Whether this process could become any of `users`."""
    for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
        first, _, count = map(int, line.split())
        if first <= users.start and users.stop <= first + count:
            return True
    return False


def _folders(destinations: Iterable[str]) -> Iterator[str]:
    """Those above what will be mounted; bwrap would make them so that only it can enter."""
    above = {parent for path in destinations for parent in Path(path).parents}
    for folder in sorted(map(str, above - {Path("/")})):
        yield from ("--perms", "0755", "--dir", folder)


def _system() -> Iterator[str]:
    """The shared libraries and what they read. No programs: nothing could start them."""
    for folder in _SYSTEM_FOLDERS:
        if Path(folder).is_dir() and not Path(folder).is_symlink():
            yield from ("--ro-bind", folder, folder)
    for folder in (*_SYSTEM_FOLDERS, *_LINKER_FOLDERS):
        if Path(folder).is_symlink():
            yield from ("--symlink", str(Path(folder).readlink()), folder)
        elif Path(folder).is_dir() and folder in _LINKER_FOLDERS:
            yield from ("--ro-bind", folder, folder)
    for path in _SHARED:
        yield from ("--ro-bind-try", path, path)


def _bound(python: Python) -> Iterator[str]:
    for source, destination in python.shown:
        if not _within_system(destination):
            yield from ("--ro-bind", source, destination)
    for path in python.hidden:
        yield from _empty(path)


def _empty(folder: str) -> tuple[str, ...]:
    return ("--size", _SMALL, "--tmpfs", folder, "--remount-ro", folder)


def _within_system(path: str) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in _SYSTEM_FOLDERS)


def _writable(limits: Limits) -> Iterator[str]:
    yield from ("--proc", "/proc", *_empty("/proc/1"))
    for path in _UNSEEN:
        if Path(path).exists():
            yield from ("--ro-bind", "/dev/null", path)
    yield from ("--size", _SMALL, "--tmpfs", "/dev")
    for device in _DEVICES:
        yield from ("--dev-bind", device, device)
    yield from ("--remount-ro", "/dev")
    yield from ("--perms", "1777", "--size", str(limits.temp_bytes), "--tmpfs", "/tmp")
    yield from ("--perms", "1777", "--size", str(limits.data_bytes), "--tmpfs", DATA)


def _environment() -> Iterator[str]:
    for name, value in _ENVIRONMENT.items():
        yield from ("--setenv", name, value)
