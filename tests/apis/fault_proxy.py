"""A real proxy on a real socket that breaks requests on purpose, and rewrites answers."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server", "host"}


@dataclass(frozen=True)
class Answer:
    """What a client is told; `body` None drops the connection, `cut` takes that many bytes off;
    `then` is called once it has been told. `events` are those of a stream, told as they come, and
    `cut` of it lets it break off at their end; `hang_up` ends it at the target."""

    status: int = 200
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    cut: int = 0
    events: Iterator[bytes] | None = None
    hang_up: Callable[[], None] = lambda: None
    then: Callable[[], None] = lambda: None


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
    if answer.events is not None:
        return broken_off(answer, 2)
    return Answer(answer.status, answer.body, answer.headers, cut=len(answer.body or b"") // 2)


def broken_off(answer: Answer, events: int) -> Answer:
    """A stream whose connection is lost after so many events."""
    assert answer.events is not None
    return replace(answer, events=islice(answer.events, events), cut=1)


def cut_after(events: int) -> Fault:
    """Streams break off after so many events; all else is let through."""

    def fault(request: Request, forward: Forward) -> Answer:
        answer = forward(request)
        return answer if answer.events is None else broken_off(answer, events)

    return fault


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


def hanging(seconds: float, *, carried_out: bool) -> Fault:
    """No answer until after the client has lost its patience."""

    def fault(request: Request, forward: Forward) -> Answer:
        if carried_out:
            forward(request)
        time.sleep(seconds)
        return Answer()

    return fault


def unseen(times: int) -> Callable[[int, Request], Fault | None]:
    """A target whose servers learn late of what one of them has made: each new id is unknown to
    the first so many requests that mention it."""
    left: dict[str, int] = {}

    def fault(number: int, request: Request) -> Fault | None:
        told = f"{request.path} {request.body.decode(errors='replace')}"
        if unknown := [item for item, count in left.items() if count and item in told]:
            for item in unknown:
                left[item] -= 1
            return error(404)

        def learnt(request: Request, forward: Forward) -> Answer:
            answer = forward(request)
            is_json = ("content-type", "application/json") in answer.headers
            if request.method == "POST" and answer.status == 200 and is_json:
                made = json.loads(answer.body or b"{}").get("id")
                if made and f"/{made}" not in request.path:
                    left.setdefault(made, times)
            return answer

        return learnt

    return fault


class Door:
    """Where clients come in: how many are inside, and a lock for a while."""

    def __init__(self) -> None:
        self.shut = 0.0
        self.inside = 0
        self._changed = threading.Condition()

    def refuse(self, seconds: float) -> Fault:
        """The connection is dropped, and for so long there is nobody to connect to."""

        def fault(request: Request, forward: Forward) -> Answer:
            self.shut = seconds
            return Answer()

        return fault

    def enter(self, number: int = 1) -> None:
        with self._changed:
            self.inside += number
            self._changed.notify_all()

    def wait_until_left(self, inside: int = 0) -> None:
        """Until all that clients have sent is carried out, even killed ones; but for so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.inside <= inside, 60)


@dataclass
class FaultProxy:
    """Forwards to `upstream`. `fault` decides over each request by its number, from 1 on;
    `rewrite` changes what the target answers. The target does not get to see Idempotency-Keys,
    since most do not know them."""

    upstream: str
    fault: Callable[[int, Request], Fault | None] = lambda number, request: None
    rewrite: Callable[[Request, Any], Any] = lambda request, body: body
    requests: list[Request] = field(default_factory=list)
    base_url: str = ""
    door: Door = field(default_factory=Door)
    withheld: set[str] = field(default_factory=lambda: {*HOP_BY_HOP, "idempotency-key"})
    _guard: threading.Lock = field(default_factory=threading.Lock)
    most_at_once: int = 0
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
        with self._guard:
            self.requests.append(request)
            fault = self.fault(len(self.requests), request)
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        told: list[Answer] = []

        def forward(request: Request) -> Answer:
            told.append(self._forward(request))
            return told[-1]

        try:
            reply = fault(request, forward) if fault else forward(request)
            for answer in told if reply.events is None else ():
                answer.hang_up()
            return reply
        finally:
            with self._guard:
                self._busy -= 1

    def _forward(self, request: Request) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k not in self.withheld}
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc)
        connection.request(request.method, request.path, request.body or None, headers)
        response = connection.getresponse()
        kept = tuple((k, v) for k, v in response.getheaders() if k.lower() not in HOP_BY_HOP)
        if (response.getheader("content-type") or "").startswith("text/event-stream"):
            hang_up = _hanging_up(connection, response)
            return Answer(response.status, b"", kept, events=_events(response), hang_up=hang_up)
        with closing(connection):
            body = response.read()
        if response.status == 200 and (response.getheader("content-type") or "").endswith("json"):
            body = json.dumps(self.rewrite(request, json.loads(body))).encode()
        return Answer(response.status, body, kept)


def _events(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """The events of a stream, each as soon as it is whole."""
    rest = b""
    while more := response.read1():
        *whole, rest = (rest + more).split(b"\n\n")
        yield from (event + b"\n\n" for event in whole)
    if rest:
        yield rest


def _hanging_up(
    connection: http.client.HTTPConnection, response: http.client.HTTPResponse
) -> Callable[[], None]:
    def hang_up() -> None:
        response.close()
        connection.close()

    return hang_up


def spread(requests, cases):
    """The numbers of so many requests, from the first part of a sync to the last."""
    return [(2 * case + 1) * requests // (2 * cases) + 1 for case in range(cases)]


@contextmanager
def proxy_to(upstream: str) -> Iterator[FaultProxy]:
    """A running proxy to a base URL; its own base URL has the same path."""
    proxy = FaultProxy(upstream)
    with served(proxy.answer, proxy.door) as address:
        proxy.base_url = f"http://{address}{urlsplit(upstream).path}"
        yield proxy


@contextmanager
def served(answer: Callable[[Request], Answer], door: Door | None = None) -> Iterator[str]:
    """An HTTP server on a free loopback port, in threads; yields host:port."""
    door = door or Door()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            door.enter()
            super().setup()

        def finish(self) -> None:
            super().finish()
            door.enter(-1)

        def handle_request(self) -> None:
            request = Request(self.command, self.path, self._body(), self._headers())
            reply = answer(request)
            if reply.body is None:
                self._drop()
                return
            self.send_response(reply.status)
            for name, value in reply.headers:
                self.send_header(name, value)
            if reply.events is not None:
                try:
                    self._tell(reply.events)
                    self._end(reply)
                finally:
                    reply.hang_up()
                return
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body[: len(reply.body) - reply.cut])
            self._end(reply)

        do_GET = do_POST = do_DELETE = handle_request  # noqa: N815 - http.server's names

        def _tell(self, events: Iterator[bytes]) -> None:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for event in events:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()

        def _end(self, reply: Answer) -> None:
            if reply.cut:
                self._drop()
            elif reply.events is not None:
                self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
            reply.then()

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
        request_queue_size = 64

        def handle_error(self, *about: object) -> None:
            """A client that goes away is nothing to tell of."""

        def service_actions(self) -> None:
            """Called again and again, between two connections."""
            if door.shut:
                self.socket.shutdown(socket.SHUT_RDWR)
                time.sleep(door.shut)
                door.shut = 0.0
                self.socket.listen(64)

    with socket.create_server(("127.0.0.1", 0)) as free:
        # A port that is asked for by its number is kept while the door is shut.
        address = free.getsockname()
    with Server(address, Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield ":".join(map(str, address))
        finally:
            server.shutdown()
            thread.join()
