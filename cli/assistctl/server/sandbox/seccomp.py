"""The filter of system calls: a sandbox is one process, without sockets and little of the kernel.

Why one process: limits of memory and CPU time count per process, so they are exact only where
there is no second one; nothing can be left behind running; stopping it stops everything.
Threads are allowed. Memory that belongs to no address space (memfd, System V segments) would
escape the limit of memory, so there is none. The rest of the list keeps code away from parts of
the kernel that calculations never need and that have had holes.

It is a list of what is refused, not of what is allowed: what NumPy and the C library call
differs from version to version. Calls newer than the list do not exist for the sandbox.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Final

# name: (x86_64, aarch64); 0 where the architecture does not have it
# fmt: off
_REFUSED: Final = {
    # other processes
    "fork": (57, 0), "vfork": (58, 0), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    # other machines
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242),
    # memory outside the address space
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197),
    "semget": (64, 190), "semop": (65, 193), "semctl": (66, 191), "semtimedop": (220, 192),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181),
    # namespaces and mounts
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442),
    # parts of the kernel with a history
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "io_setup": (206, 0), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "personality": (135, 92), "modify_ldt": (154, 0), "vmsplice": (278, 75),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "set_mempolicy_home_node": (450, 450),
    "migrate_pages": (256, 238), "move_pages": (279, 239), "remap_file_pages": (216, 234),
    "lookup_dcookie": (212, 18), "uselib": (134, 0), "ustat": (136, 0), "sysfs": (139, 0),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # the machine itself
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "syslog": (103, 116),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "sethostname": (170, 161), "setdomainname": (171, 162), "vhangup": (153, 58),
    "iopl": (172, 0), "ioperm": (173, 0),
}
# fmt: on
_NEWEST: Final = 462
"""mseal; the numbers of both architectures have been the same since 424."""


@dataclass(frozen=True)
class _Machine:
    column: int
    audit: int
    clone: int


_MACHINES: Final = {
    "x86_64": _Machine(0, 0xC000003E, 56),
    "aarch64": _Machine(1, 0xC00000B7, 220),
}
_CLONE3: Final = 435
_CLONE_THREAD: Final = 0x10000

_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16


def knows(machine: str) -> bool:
    """Whether there is a filter for `machine`, as platform.machine() names it."""
    return machine in _MACHINES


def program(machine: str) -> bytes:
    """The filter as an array of struct sock_filter, as `bwrap --seccomp` reads it."""
    here = _MACHINES[machine]
    refused = sorted(numbers[here.column] for numbers in _REFUSED.values() if numbers[here.column])
    head = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _step(_EQUAL, here.audit, then=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
        # glibc falls back from clone3, whose flags a filter cannot see, to clone
        _step(_EQUAL, _CLONE3, then=1),
        _step(_GREATER, _NEWEST, otherwise=1),
        _step(_RETURN, _ERROR | errno.ENOSYS),
        _step(_EQUAL, here.clone, otherwise=4),
        _step(_LOAD, _FIRST_ARGUMENT_AT),
        _step(_ANY_BIT, _CLONE_THREAD, otherwise=1),
        _step(_RETURN, _ALLOW),
        _step(_RETURN, _ERROR | errno.EPERM),
    ]
    checks = [
        _step(_EQUAL, number, then=len(refused) - position)
        for position, number in enumerate(refused)
    ]
    return b"".join([*head, *checks, _step(_RETURN, _ALLOW), _step(_RETURN, _ERROR | errno.EPERM)])


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One instruction; `then` and `otherwise` say how many to skip after a comparison."""
    return struct.pack("HBBI", code, then, otherwise, value)
