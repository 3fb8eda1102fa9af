"""What model code may use up."""

from __future__ import annotations

from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Per call: `seconds` of wall time, `cpu_seconds` over all threads, `output_bytes` of text
    shown (beyond that its middle is left out), `flood_bytes` of text printed at all, and what may
    come back: `returned_files` files of `returned_bytes` together.

    Per interpreter, as long as it lives: `memory_bytes` of address space, `data_bytes` in
    /mnt/data and `temp_bytes` in /tmp (both in memory, and not part of `memory_bytes`), `entries`
    (files and folders) in both together, `threads` and `open_files`.

    On the server: `sessions` interpreters at most, each ended after `idle_seconds` without a call.
    """

    seconds: float = 60.0
    cpu_seconds: float = 90.0
    output_bytes: int = 16 * 1024
    flood_bytes: int = 64 * _MIB
    returned_files: int = 20
    returned_bytes: int = 100 * _MIB
    memory_bytes: int = 1024 * _MIB
    data_bytes: int = 256 * _MIB
    temp_bytes: int = 64 * _MIB
    entries: int = 20_000
    threads: int = 64
    open_files: int = 256
    sessions: int = 8
    idle_seconds: float = 1200.0
