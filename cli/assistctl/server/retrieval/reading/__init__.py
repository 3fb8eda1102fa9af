"""From the bytes of a file to its text, and to the pieces that vector stores hold of it.

Files come from strangers, and parsers of PDF and Office files have faults. So whatever needs more
than decoding is read by a process of its own, which has bounds in time and memory, knows none of
the server's secrets, and whose death is one failed file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from assistctl.server.retrieval.reading.failures import Stopped, UnreadableFile
from assistctl.server.retrieval.reading.formats import extract, is_simple
from assistctl.server.retrieval.text import Piece, cut

__all__ = ["Reading", "Stopped", "UnreadableFile", "pieces"]

_SMALL_BYTES = 256 * 1024


@dataclass(frozen=True)
class Reading:
    """A file to read: its content is a real, seekable file that nobody else uses meanwhile.

    Reading ends early, with Stopped, once `stopping` is set.
    """

    filename: str
    content: BinaryIO
    stopping: threading.Event = field(default_factory=threading.Event)


def pieces(reading: Reading, size: int, overlap: int) -> Iterator[Piece]:
    """The file's text in pieces of `size` tokens; what is new in each makes the whole text. Raises
    UnreadableFile before the first one."""
    if _is_harmless(reading):
        yield from cut(extract(reading.filename, reading.content), size, overlap)
        return
    for words, new_from in _answers(reading, {"size": size, "overlap": overlap}):
        yield Piece(words, new_from)


def _answers(reading: Reading, request: Mapping[str, int]) -> Iterator[Any]:
    # Here, since the process imports this package too, and starts faster without it.
    from assistctl.server.retrieval.reading import process

    named = {"filename": reading.filename, **request}
    return process.answers(named, reading.content, reading.stopping)


def _is_harmless(reading: Reading) -> bool:
    size = reading.content.seek(0, 2)
    reading.content.seek(0)
    return size <= _SMALL_BYTES and is_simple(reading.filename, reading.content)
