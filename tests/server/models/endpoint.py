"""The endpoint of all switches, on a real socket."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from tests.local_http import LocalServer
from tests.server.models.asked import Asked, Wire
from tests.server.models.replies import Reply, error
from tests.server.models.switch import Switch, respond

_WIRES: Mapping[str, Wire] = {"chat/completions": "chat", "responses": "responses"}


ELSEWHERE = "@elsewhere"
"""Behind a switch's name: the same one, by itself, for a turn that is not judged."""


@dataclass(frozen=True)
class Exchange:
    """`at` is when it was asked, in seconds of a clock that only goes forward."""

    asked: Asked
    reply: Reply
    at: float


@dataclass
class Endpoint:
    """`exchanges` are what each switch was asked and said, in order."""

    switches: Mapping[str, Switch]
    url: str = ""
    exchanges: dict[str, list[Exchange]] = field(default_factory=lambda: defaultdict(list))

    def respond(self, asked: Asked) -> Reply:
        at = time.monotonic()
        switch = self.switches.get(asked.model.removesuffix(ELSEWHERE))
        if switch is None:
            return error(f"The model '{asked.model}' does not exist", 404, code="model_not_found")
        try:
            reply = respond(switch, asked)
        except Exception as bug:  # noqa: BLE001 -- a bug of the switch must not look like a hang
            reply = error(f"BUG OF THE SWITCH {bug!r}", 418)
        self.exchanges[asked.model].append(Exchange(asked, reply, at))
        return reply


@contextmanager
def endpoint_running(
    switches: Mapping[str, Switch], tls: ssl.SSLContext | None = None
) -> Iterator[Endpoint]:
    endpoint = Endpoint(switches)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = json.loads(self.rfile.read(length))
            address = urlsplit(self.path)
            wire = next((w for end, w in _WIRES.items() if address.path.endswith(end)), "chat")
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(address.query))
            try:
                self._send(endpoint.respond(Asked(wire, address.path, query, headers, body)))
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _send(self, reply: Reply) -> None:
            if not reply.status:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in reply.pieces:
                if isinstance(piece, float):
                    time.sleep(piece)
                elif callable(piece):
                    piece()
                elif piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
            if reply.ended:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as http:
        if tls is not None:
            http.socket = tls.wrap_socket(http.socket, server_side=True)
        scheme = "https" if tls else "http"
        endpoint.url = f"{scheme}://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            http.shutdown()
            thread.join()
