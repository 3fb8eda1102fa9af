"""Where a server listens, who can reach it there, and how long it waits for what they want."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
from contextlib import suppress
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from assistctl.server.wire import ApiError

HEAD_SECONDS = 30.0
"""For a request's line and headers, from the connection's beginning or their own first byte on."""

IDLE_SECONDS = 120
"""For the next request to begin. Longer than clients and proxies keep a connection to use it again
(httpx 5 seconds, nginx and load balancers 60, Go 90): were the server the first to close it, that
could meet a request on its way, and what an SDK then sends again makes a second object."""

_BACKLOG = 2048
_AUTHORITY = re.compile(rb"[^/?#]*")
_OPEN_FILES = 65_536


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
    """Where clients reach it: `http://127.0.0.1:8000/v1`."""
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
    """HTTP as uvicorn speaks it, but for clients that are slow, half gone, or wrong.

    Those who connect and then never say what they want are let go. A client may close its side once
    it has said all, and still gets its answer. What is no HTTP is told so in the API's own shape.
    `scope["state"]["is_gone"]` tells whether nobody is there to be answered any more; "connection"
    is what is known of it, of all its requests: "peer" is the address at the other end, whomever a
    proxy there says that it speaks for.

    uvicorn has no API for that; tests/server/test_uvicorn.py says when what this rests on changes.
    """

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.conn = self._requests = _Requests(h11.SERVER)
        connection = {"peer": self.client}
        self.app_state = {**self.app_state, "is_gone": self._is_gone, "connection": connection}
        self._wait()

    def handle_events(self) -> None:
        super().handle_events()
        if self._is_answering():
            self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and not self._is_answering():
            self._wait()
        super().data_received(data)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays open for what is still to be sent."""
        if not self._is_answering() or self.cycle.more_body:
            return False
        self.cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong, unless an answer has begun, and hang up: what follows cannot be told
        from the rest of this request."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            refusal = ApiError(f"We could not read your request: {self._requests.fault}.")
            body = json.dumps(refusal.document()).encode()
            headers = [
                ("content-type", "application/json"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            status = self._requests.fault_status
            for event in (
                h11.Response(status_code=status, headers=headers, reason=STATUS_PHRASES[status]),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
            if self._is_answering():
                self.cycle.disconnected = True  # else it would answer after that
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _is_gone(self) -> bool:
        return self.transport.is_closing() or (self._is_answering() and self.cycle.disconnected)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _Requests(h11.Connection):
    """What clients send, with two things that h11 leaves to others. `fault` is what was wrong with
    it last, and `fault_status` how that is answered."""

    fault = ""
    fault_status = 400

    def next_event(self) -> Any:
        try:
            event = super().next_event()
            return _request(event) if isinstance(event, h11.Request) else event
        except h11.RemoteProtocolError as error:
            self.fault = str(error).partition(": bytearray(")[0]  # not what was sent
            self.fault_status = error.error_status_hint
            raise


def _request(sent: h11.Request) -> h11.Request:
    """The request, if it can end in one place only, and with its target as a path."""
    names = {name for name, _ in sent.headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        # RFC 9112 §6.1: what a proxy before us took for the end may not be what we take for it.
        raise h11.RemoteProtocolError("it has both a Content-Length and a Transfer-Encoding")
    scheme, slashes, rest = sent.target.partition(b"://")
    if not slashes or scheme.lower() not in (b"http", b"https"):
        return sent
    # RFC 9112 §3.2.2: proxies are asked like this; who is asked says the target, not Host.
    authority = rest[: _AUTHORITY.match(rest).end()]  # type: ignore[union-attr]  # it may be empty
    path = rest[len(authority) :]
    headers = [(name, value) for name, value in sent.headers if name != b"host"]
    return h11.Request(
        method=sent.method,
        headers=[(b"host", authority), *headers],
        target=path if path.startswith(b"/") else b"/" + path,
        http_version=sent.http_version,
    )
