"""Where a server listens, who can reach it there, and how long it waits for what they want."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
"""For a request's line and headers, from the connection's beginning or their own first byte on."""

IDLE_SECONDS = 120
"""For the next request to begin. Longer than clients and proxies keep a connection to use it again
(httpx 5 seconds, nginx and load balancers 60, Go 90): were the server the first to close it, that
could meet a request on its way, and what an SDK then sends again makes a second object."""

_BACKLOG = 2048
_OPEN_FILES = 65_536


def is_loopback(host: str) -> bool:
    """Whether what `host` says can only be reached from this machine; no name but one is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(host: str, port: int) -> socket.socket:
    """A socket on the first address of `host`; an OSError if it cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, every answer
    # that takes two packets waits 40 ms for an acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"


def allow_many_connections() -> None:
    """Every client holds a file open, and so does the model's answer to it; what the system allows
    by default, often 1,024, is for the sake of programs that use select()."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Http(H11Protocol):
    """Lets go of those who connect and then never say what they want, as uvicorn does not."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def handle_events(self) -> None:
        super().handle_events()
        if self._is_answering():
            self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and not self._is_answering():
            self._wait()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
