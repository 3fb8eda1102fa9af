"""Messages between the server and the interpreter: a JSON object and a body of bytes.

Both sides read with this, and the server believes nothing: a frame that is too large or no frame
at all is a BrokenFrame, whatever was meant by it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

PART_BYTES = 2**20
"""The largest body; longer contents travel in parts."""

_MOST_HEADER_BYTES = 64 * 1024
_LENGTHS = struct.Struct(">II")


class BrokenFrame(Exception):
    """What was received is not a frame."""


def pack(header: dict[str, Any], body: bytes = b"") -> bytes:
    words = json.dumps(header).encode("ascii")
    return _LENGTHS.pack(len(words), len(body)) + words + body


class Unpacker:
    """Makes frames of bytes as they come."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Yield the frames that `data` completes. Raises BrokenFrame."""
        self._waiting += data
        while len(self._waiting) >= _LENGTHS.size:
            header_bytes, body_bytes = _LENGTHS.unpack_from(self._waiting)
            if header_bytes > _MOST_HEADER_BYTES or body_bytes > PART_BYTES:
                raise BrokenFrame("a frame is too large")
            body_at = _LENGTHS.size + header_bytes
            end = body_at + body_bytes
            if len(self._waiting) < end:
                return
            header = _header(bytes(self._waiting[_LENGTHS.size : body_at]))
            body = bytes(self._waiting[body_at:end])
            del self._waiting[:end]
            yield header, body


def _header(words: bytes) -> dict[str, Any]:
    try:
        header = json.loads(words)
    except (ValueError, RecursionError) as error:
        raise BrokenFrame("a header is not JSON") from error
    if not isinstance(header, dict):
        raise BrokenFrame("a header is not an object")
    return header
