"""From the bytes of a file to its text, and to the pieces that vector stores hold of it.

Files are untrusted, and parsers of PDF and Office files have faults. So whatever needs more
than decoding is read by a process of its own, which has bounds in time and memory, knows none of
the server's secrets, and whose death is one failed file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from assistctl.server.retrieval.ingestion.failures import Stopped, UnreadableFile
from assistctl.server.retrieval.text import Piece, cut

__all__ = ["SourceFile", "Stopped", "UnreadableFile", "pieces"]

_SMALL_BYTES = 256 * 1024


@dataclass(frozen=True)
class SourceFile:
    """A file to read: its content is a real, seekable file that nobody else uses meanwhile.

    Reading ends early, with Stopped, once `stopping` is set.
    """

    filename: str
    content: BinaryIO
    stopping: threading.Event = field(default_factory=threading.Event)


def pieces(file: SourceFile, size: int, overlap: int) -> Iterator[Piece]:
    """The file's text in pieces of `size` tokens; what is new in each makes the whole text. Raises
    UnreadableFile before the first one."""
    # Here, since a server that indexes nothing starts faster without the parsers.
    from assistctl.server.retrieval.ingestion.formats import extract, is_simple

    if _size(file.content) <= _SMALL_BYTES and is_simple(file.filename, file.content):
        yield from cut(extract(file.filename, file.content), size, overlap)
        return
    # Here, since the process imports this package too, and starts faster without it.
    from assistctl.server.retrieval.ingestion import process

    request = {"filename": file.filename, "size": size, "overlap": overlap}
    for words, new_from in process.answers(request, file.content, file.stopping):
        yield Piece(words, new_from)


def _size(content: BinaryIO) -> int:
    size = content.seek(0, 2)
    content.seek(0)
    return size
