"""A real proxy on a real socket that breaks requests on purpose, and rewrites answers."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server", "host"}


@dataclass(frozen=True)
class Answer:
    """What a client is told; `body` None drops the connection, `cut` takes that many bytes off."""

    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    cut: int = 0


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes
    headers: dict[str, str] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


Forward = Callable[[Request], Answer]
Fault = Callable[[Request, Forward], Answer]
"""Answers one request instead of the target, which it may ask (`forward`) or not."""


def error(status: int, *, carried_out: bool = False, **headers: str) -> Fault:
    def fault(request: Request, forward: Forward) -> Answer:
        if carried_out:
            forward(request)
        problem = {"message": f"fault {status}", "type": "fault", "param": None, "code": None}
        more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        return Answer(status, json.dumps({"error": problem}).encode(), (*Answer.headers, *more))

    return fault


def dropped(request: Request, forward: Forward) -> Answer:
    return Answer()


def answer_lost(request: Request, forward: Forward) -> Answer:
    forward(request)
    return Answer()


def answer_cut(request: Request, forward: Forward) -> Answer:
    answer = forward(request)
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body or b"") // 2)


def answer_not_json(request: Request, forward: Forward) -> Answer:
    forward(request)
    return Answer(200, b"<html>maintenance</html>")


def answer_half_json(request: Request, forward: Forward) -> Answer:
    """A body that ends too early though its length says that it is whole."""
    answer = forward(request)
    return Answer(answer.status, (answer.body or b"")[:-7], answer.headers)


def answer_empty(request: Request, forward: Forward) -> Answer:
    """JSON, but not what was asked for."""
    forward(request)
    return Answer(200, b"{}")


def not_found(request: Request, forward: Forward) -> Answer:
    """What was just made cannot be read yet; writes are let through."""
    if request.method == "GET":
        return error(404)(request, forward)
    return forward(request)


@dataclass
class FaultProxy:
    """Forwards to `upstream`. `fault` decides over each request by its number, from 1 on;
    `rewrite` changes what the target answers."""

    upstream: str
    fault: Callable[[int, Request], Fault | None] = lambda number, request: None
    rewrite: Callable[[Request, Any], Any] = lambda request, body: body
    requests: list[Request] = field(default_factory=list)
    base_url: str = ""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _busy: int = 0

    def at(self, number: int, fault: Fault) -> None:
        """Break this one request from now on, counting from 1."""
        self.reset()
        self.fault = lambda count, request: fault if count == number else None

    def dies_after(self, number: int) -> None:
        """The target carries out this request and none after it, and its answer is lost: so it is
        for the target when a client dies."""
        self.reset()

        def fault(count: int, request: Request) -> Fault | None:
            if count < number:
                return None
            return answer_lost if count == number else dropped

        self.fault = fault

    def reset(self) -> None:
        self.requests.clear()
        self.fault = lambda number, request: None

    def last(self, number: int) -> str:
        """The request of this number, or the last one if there were not so many."""
        return str(self.requests[min(number, len(self.requests)) - 1])

    def answer(self, request: Request) -> Answer:
        with self._changed:
            self.requests.append(request)
            fault = self.fault(len(self.requests), request)
            self._busy += 1
        try:
            return fault(request, self._forward) if fault else self._forward(request)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def rest(self) -> None:
        """Wait until what a killed client has sent is carried out."""
        with self._changed:
            self._changed.wait_for(lambda: not self._busy)

    def _forward(self, request: Request) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k not in HOP_BY_HOP}
        with closing(http.client.HTTPConnection(urlsplit(self.upstream).netloc)) as connection:
            connection.request(request.method, request.path, request.body or None, headers)
            response = connection.getresponse()
            body = response.read()
        kept = tuple((k, v) for k, v in response.getheaders() if k.lower() not in HOP_BY_HOP)
        if response.status == 200 and (response.getheader("content-type") or "").endswith("json"):
            body = json.dumps(self.rewrite(request, json.loads(body))).encode()
        return Answer(response.status, body, kept)


@contextmanager
def proxy_to(upstream: str) -> Iterator[FaultProxy]:
    """A running proxy to a base URL; its own base URL has the same path."""
    proxy = FaultProxy(upstream)
    with served(proxy.answer) as address:
        proxy.base_url = f"http://{address}{urlsplit(upstream).path}"
        yield proxy


@contextmanager
def served(answer: Callable[[Request], Answer]) -> Iterator[str]:
    """An HTTP server on a free loopback port, in threads; yields host:port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_request(self) -> None:
            request = Request(self.command, self.path, self._body(), self._headers())
            reply = answer(request)
            if reply.body is None:
                self._drop()
                return
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            if reply.cut:
                self._drop()

        do_GET = do_POST = do_DELETE = handle_request  # noqa: N815 - http.server's names

        def _headers(self) -> dict[str, str]:
            return {name.lower(): value for name, value in self.headers.items()}

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self._exactly(int(self.headers.get("content-length") or 0))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self._exactly(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _exactly(self, size: int) -> bytes:
            """Of a client that dies while it sends, nothing is forwarded."""
            body = self.rfile.read(size)
            if len(body) < size:
                raise ConnectionError("the client has gone")
            return body

        def _drop(self) -> None:
            """Close at once, with a reset where nothing was answered yet."""
            self.close_connection = True
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *about: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *about: object) -> None:
            """A client that goes away is nothing to tell of."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            host, port = server.server_address[:2]
            yield f"{host}:{port}"
        finally:
            server.shutdown()
            thread.join()
