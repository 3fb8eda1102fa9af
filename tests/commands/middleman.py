"""Somebody between the commands and a target, who may answer in its place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from assistctl.apis.transport.client import Client
from assistctl.server import EmbeddedServer, Settings
from tests.local_http import LocalServer

Answer = tuple[int, bytes]
Middleman = Callable[[str, str, Callable[[], Answer]], Answer]
"""Called with a request's method and path and what asks the target; returns the answer. One that
is `cut` ends too early."""


class Cut(bytes):
    """A body of which the last byte never comes."""


@contextmanager
def staging(root: Path, middleman: Middleman) -> Iterator[tuple[Client, dict[str, str]]]:
    """A client for a server, and the environment in which the target `staging` of the workspace in
    `root` is this server with the middleman before it."""
    (root / ".assistctl").mkdir(exist_ok=True)
    settings = Settings(root / ".assistctl" / "staging.db", model="scripted")
    with (
        EmbeddedServer(settings) as server,
        _before(server.base_url, middleman) as base_url,
        closing(Client(server.base_url, server.api_key)) as client,
    ):
        environ = {"STAGING_URL": base_url, "STAGING_KEY": server.api_key}
        yield client, {**environ, "ASSISTCTL_TARGET": "staging"}


@contextmanager
def _before(base_url: str, middleman: Middleman) -> Iterator[str]:
    netloc = urlsplit(base_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))

            def ask() -> Answer:
                with closing(HTTPConnection(netloc)) as connection:
                    headers = dict(self.headers.items())
                    connection.request(self.command, self.path, body, headers)
                    answer = connection.getresponse()
                    return answer.status, answer.read()

            status, content = middleman(self.command, self.path, ask)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.close_connection = isinstance(content, Cut)
            self.wfile.write(content[:-1] if isinstance(content, Cut) else content)

        do_POST = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_address[1]}/v1"
        finally:
            proxy.shutdown()
