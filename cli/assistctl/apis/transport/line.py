"""The connection that a stream of events comes by."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import httpx2


class Line(httpx2.SyncByteStream):
    """The body of `response`, which may be ended from any thread.

    Closing a response does not wake a thread that waits for more of it; shutting its connection
    down does. Once the response is read to its end or closed, the pool gives the connection to
    whoever asks next, whom that would cut off: from then on `hang_up` does nothing.
    """

    def __init__(self, response: httpx2.Response) -> None:
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        self._stream = stream
        self._network = response.extensions.get("network_stream")
        self._lock = threading.Lock()
        self._is_ours = True
        response.stream = self

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        with self._lock:
            self._is_ours = False
        self._stream.close()

    def hang_up(self) -> None:
        """End it, unless it has ended."""
        with self._lock:
            if not self._is_ours or self._network is None:
                return
            connection = self._network.get_extra_info("socket")
            if connection is not None:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
