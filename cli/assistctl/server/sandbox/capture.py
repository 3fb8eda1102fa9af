"""What code has printed, kept within bounds: the beginning, and the end, where errors stand."""

from __future__ import annotations

_HEAD_SHARE = 0.7


class Capture:
    """Keeps at most `most` bytes; `total` counts all that came."""

    def __init__(self, most: int) -> None:
        self.total = 0
        self._most_head = int(most * _HEAD_SHARE)
        self._most_tail = most - self._most_head
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self._most_head - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        # Not after every piece: cutting moves all that is left.
        if len(self._tail) > 2 * self._most_tail:
            self._cut()

    def text(self) -> str:
        """Bytes that are no UTF-8 become U+FFFD."""
        self._cut()
        left_out = self.total - len(self._head) - len(self._tail)
        head, tail = self._head, self._tail
        mark = f"\n[… {left_out} bytes left out …]\n".encode() if left_out else b""
        return (head + mark + tail).decode("utf-8", "replace")

    def _cut(self) -> None:
        if len(self._tail) > self._most_tail:
            del self._tail[: -self._most_tail]
