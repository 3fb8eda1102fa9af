"""A limit on the time in which an answer must have come as a whole.

The transport's own timeout begins anew with each byte, so that an answer could drip in for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx2


def bounded(response: httpx2.Response, seconds: float) -> None:
    """Give the body of a JSON answer so many seconds; streams of events and files take longer."""
    is_file = response.request.url.path.endswith("/content")
    if "json" in response.headers.get("content-type", "") and not is_file:
        stream = response.stream
        assert isinstance(stream, httpx2.SyncByteStream)
        response.stream = _Bounded(stream, time.monotonic() + seconds)


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer did not come to its end in time")
            yield piece

    def close(self) -> None:
        self._stream.close()
