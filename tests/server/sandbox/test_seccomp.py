"""The filter, run by a small interpreter of the kernel's filter language."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest

from assistctl.server.sandbox import seccomp

ALLOWED, KILLED = "allowed", "killed"
X86_64, AARCH64, I386 = 0xC000003E, 0xC00000B7, 0x40000003
CLONE_VM, CLONE_THREAD, CLONE_NEWUSER = 0x100, 0x10000, 0x10000000
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: str, number: int, argument: int = 0, audit: int = X86_64) -> str | int:
    """What the kernel would do: allowed, killed, or an error number."""
    words = {0: number, 4: audit, 16: argument & 0xFFFFFFFF}
    steps = list(struct.iter_unpack("HBBI", seccomp.program(machine)))
    at = accumulator = 0
    while True:
        code, then, otherwise, value = steps[at]
        at += 1
        if code == 0x20:
            accumulator = words[value]
        elif code == 0x06:
            kinds = {0x7FFF0000: ALLOWED, 0x80000000: KILLED}
            return kinds.get(value & 0xFFFF0000, value & 0xFFFF)
        else:
            holds = {
                0x15: accumulator == value,
                0x25: accumulator > value,
                0x45: bool(accumulator & value),
            }[code]
            at += then if holds else otherwise


@pytest.mark.parametrize(
    ("number", "argument", "expected"),
    [
        (0, 0, ALLOWED),  # read
        (1, 0, ALLOWED),  # write
        (9, 0, ALLOWED),  # mmap
        (59, 0, ALLOWED),  # execve, which bubblewrap itself still needs
        (105, 0, ALLOWED),  # setuid, which the interpreter still needs
        (53, 0, ALLOWED),  # socketpair, which asyncio needs
        (318, 0, ALLOWED),  # getrandom
        (462, 0, ALLOWED),
        (41, 2, errno.EPERM),  # socket
        (57, 0, errno.EPERM),  # fork
        (58, 0, errno.EPERM),  # vfork
        (29, 0, errno.EPERM),  # shmget: the first of the list
        (450, 0, errno.EPERM),  # set_mempolicy_home_node: the last of the list
        (56, CLONE_VM | CLONE_THREAD, ALLOWED),
        (56, CLONE_VM, errno.EPERM),
        (56, CLONE_NEWUSER, errno.EPERM),
        (435, 0, errno.ENOSYS),  # clone3
        (463, 0, errno.ENOSYS),
        (0x40000000, 0, errno.ENOSYS),  # read, by the x32 numbers
        (0xFFFFFFFF, 0, errno.ENOSYS),
    ],
)
def test_the_filter_decides_by_number(number, argument, expected):
    assert verdict("x86_64", number, argument) == expected


def test_the_filter_of_another_machine_has_its_numbers():
    assert verdict("aarch64", 198, audit=AARCH64) == errno.EPERM
    assert verdict("aarch64", 220, CLONE_THREAD, AARCH64) == ALLOWED
    assert verdict("aarch64", 220, 0, AARCH64) == errno.EPERM
    assert verdict("aarch64", 57, audit=AARCH64) == ALLOWED


@pytest.mark.parametrize("audit", [I386, AARCH64, 0])
def test_calls_by_the_numbers_of_another_machine_kill(audit):
    assert verdict("x86_64", 0, audit=audit) == KILLED


def test_every_listed_call_is_refused():
    for machine, audit in (("x86_64", X86_64), ("aarch64", AARCH64)):
        column = ("x86_64", "aarch64").index(machine)
        for numbers in seccomp._REFUSED.values():
            if numbers[column]:
                assert verdict(machine, numbers[column], audit=audit) == errno.EPERM


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_those_of_the_kernels_headers(machine):
    header = HEADERS[machine]
    if not header.exists():
        pytest.skip(f"{header} is not installed (linux-libc-dev)")
    column = list(HEADERS).index(machine)
    defined = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text())
    numbers = {name: int(number) for name, number in defined}
    ours = {name: each[column] for name, each in seccomp._REFUSED.items()}
    assert {name: numbers.get(name, 0) for name in ours} == ours


def test_only_known_machines_have_a_filter():
    assert [name for name in ("x86_64", "aarch64", "armv7l") if seccomp.knows(name)] == [
        "x86_64",
        "aarch64",
    ]
