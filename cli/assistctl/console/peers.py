"""Whose process is at the other end of a connection from this machine.

A browser sends the cookies of a host to all its ports. So whoever serves another port of this
machine, such as another of its users, gets our session's cookie from everybody whom they lead to a
page of theirs, and could come here with it. Linux tells whose each connection is.
"""

from __future__ import annotations

import os
import platform
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TypeAlias

Address: TypeAlias = tuple[str, int]

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

_ROOT = 0
_MAPPED = b"0000000000000000FFFF0000"
"""An IPv4 address as one of IPv6."""

_LOOKS = 2
"""The table is no snapshot: what moves while it is read can be passed over."""


def is_ours(peer: Address, own: Address, tables: Sequence[Path] = TABLES) -> bool:
    """Whether a connection from `peer` to `own` is of a process of our own user, or of root, who
    may do anything. Where the system does not tell, not even of our own listener, any may be; one
    whose process has let go of it already is nobody's."""
    for _ in range(_LOOKS):
        told = b"".join(_read(tables))
        if not re.search(rb" [0-9A-F]+:%04X 0+:0000 0A " % own[1], told):
            return True
        line = rb"^ *\d+: %s %s .*$" % (_pattern(peer), _pattern(own))
        for found in re.findall(line, told, re.MULTILINE):
            *_, uid, _, inode = found.split()[:10]
            return inode != b"0" and int(uid) in _trusted()
    return _is_windows()  # whose own processes stand in no table of the Linux within


def _is_windows() -> bool:
    return "microsoft" in platform.release().lower()


def _trusted() -> set[int]:
    return {os.geteuid(), _ROOT}


def _read(tables: Iterable[Path]) -> Iterable[bytes]:
    for table in tables:
        try:
            yield table.read_bytes()
        except OSError:
            continue  # another system, or one without IPv6


def _pattern(address: Address) -> bytes:
    """An address as the tables spell it: words of the machine's own byte order."""
    host, port = ip_address(address[0].partition("%")[0]), address[1]
    if isinstance(host, IPv6Address):
        packed = socket.inet_pton(socket.AF_INET6, str(host))
        return b"%s:%04X" % (_words(packed), port)
    return b"(?:%s)?%s:%04X" % (_MAPPED, _words(host.packed), port)


def _words(packed: bytes) -> bytes:
    return b"".join(b"%08X" % word for (word,) in struct.iter_unpack("=I", packed))
