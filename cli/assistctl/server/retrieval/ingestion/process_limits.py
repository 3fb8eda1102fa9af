"""What the process that reads a file denies itself before it looks at the file: above all to stand
in the way of those who want an answer.

A fault in a parser may give an untrusted file control of the process. Then it should cost little,
and have nobody to talk to.
"""

from __future__ import annotations

import ctypes
import os
import struct

SECONDS = 60
MEMORY = 2 * 2**30
_OUTPUT = 2**30
_NICE = 10

UNREADABLE = 3
"""The process exits with this after it wrote why the file cannot be read: code and message."""
NO_ROOM = 4
"""There is no room for what it has to say."""

_SET_SECCOMP, _MODE_FILTER, _SET_NO_NEW_PRIVILEGES = 22, 2, 38
_STEP_BYTES = 8


def apply(calls: bytes) -> None:
    """`calls` is a seccomp filter, as sandbox/seccomp.py makes it; empty for none."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    _limit_resources()
    if calls:
        _filter(calls)


def _limit_resources() -> None:
    try:
        import resource
    except ImportError:  # Windows; the time is still limited from outside
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_FSIZE, _OUTPUT),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _filter(calls: bytes) -> None:
    steps = ctypes.create_string_buffer(calls, len(calls))
    program = struct.pack("HxxxxxxP", len(calls) // _STEP_BYTES, ctypes.addressof(steps))
    library = ctypes.CDLL(None)
    library.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    library.prctl(_SET_SECCOMP, _MODE_FILTER, program, 0, 0)
