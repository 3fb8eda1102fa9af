"""Where the server listens, and how long it waits for clients that do not go on."""

import json
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from assistctl.server import EmbeddedServer, Settings, serve, serving
from assistctl.server.http import intake, listening
from assistctl.server.http.listening import listen, url
from assistctl.server.storage.database import Database, Transaction

Start = Callable[..., EmbeddedServer]


@contextmanager
def connected(server: EmbeddedServer) -> Iterator[socket.socket]:
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        yield connection


def head(server: EmbeddedServer, path: str, *headers: str, method: str = "POST") -> bytes:
    lines = (f"{method} /v1{path} HTTP/1.1", "Host: localhost", *headers)
    key = f"Authorization: Bearer {server.api_key}"
    return "\r\n".join((*lines, key, "", "")).encode()


def answer(connection: socket.socket) -> tuple[int, str]:
    """The status, and what the error says."""
    response = HTTPResponse(connection)
    response.begin()
    return response.status, json.load(response)["error"]["message"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:{}/v1"),
        ("localhost", "http://127.0.0.1:{}/v1"),
        ("127.0.0.2", "http://127.0.0.2:{}/v1"),
        ("::1", "http://[::1]:{}/v1"),
        ("::", "http://[::]:{}/v1"),
    ],
)
def test_a_host_is_listened_on_and_named_as_clients_write_it(host: str, expected: str) -> None:
    try:
        listener = listen(host, 0)
    except OSError as error:
        pytest.skip(f"not on this machine: {error}")
    with closing(listener):
        assert url(listener) == expected.format(listener.getsockname()[1])


def test_a_name_that_nobody_knows_is_an_oserror() -> None:
    with pytest.raises(OSError):
        listen("nowhere.invalid", 0)


def test_an_empty_host_is_refused_even_with_a_key(no_database: Path) -> None:
    with pytest.raises(ValueError, match="an empty host would be every address"):
        serve(Settings(no_database, api_keys={"k": "p"}), host="")
    assert not no_database.exists()


@pytest.mark.parametrize("sent", [b"", b"GET /v1/mod", b"POST /v1/threads HTTP/1.1\r\nA: b\r\n"])
def test_who_does_not_say_what_it_wants_is_let_go(
    start: Start, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.1)
    with connected(start()) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""


def test_a_connection_that_answered_waits_for_the_next_request_but_not_for_half_of_one(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.5)
    server = start()
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(head(server, "/assistants/asst_x", method="GET"))
            assert answer(connection) == (404, "No assistant found with id 'asst_x'.")
        connection.sendall(b"GET /v1/")
        assert connection.recv(1) == b""


def test_an_idle_connection_outlasts_the_head_of_a_request_but_not_for_ever(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(serving, "IDLE_SECONDS", 1)
    server = start()
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(head(server, "/assistants/asst_x", method="GET"))
            assert answer(connection) == (404, "No assistant found with id 'asst_x'.")
            time.sleep(0.3)
        assert connection.recv(1) == b""


def test_clients_that_keep_connections_for_longest_close_them_before_the_server_does() -> None:
    go_closes_after = 90
    assert go_closes_after < listening.IDLE_SECONDS


@pytest.mark.parametrize(
    ("path", "kind"), [("/threads", "application/json"), ("/files", "multipart/form-data")]
)
def test_a_body_that_does_not_go_on_is_not_waited_for(
    start: Start, monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    monkeypatch.setattr(intake, "PAUSE_SECONDS", 0.2)
    server = start()
    kinds = (f"Content-Type: {kind}; boundary=b", "Content-Length: 100")
    with connected(server) as connection:
        connection.sendall(head(server, path, *kinds) + b"--b\r\n")
        assert answer(connection) == (
            408,
            "The rest of the request did not come within 0 seconds.",
        )
        assert connection.recv(1) == b""


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_large(
    server: EmbeddedServer,
) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with connected(server) as connection:
        connection.sendall(head(server, "/threads", "Transfer-Encoding: chunked"))
        for _ in range(intake.JSON_BYTES // 0x10000):
            connection.sendall(chunk)
        connection.sendall(b"1\r\n{\r\n")
        assert answer(connection) == (
            413,
            "The request is too large. At most 16777216 bytes are accepted.",
        )


def test_a_host_that_is_no_host_is_a_stranger(database: Path) -> None:
    server = EmbeddedServer(Settings(database))
    server._settings = Settings(database)  # without keys, as `serve` may have it
    with server, connected(server) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: [\r\n\r\n")
        status, message = answer(connection)
    assert (status, "the Host header names another host" in message) == (403, True)


def test_a_server_may_have_as_many_connections_as_the_system_lets_it_have() -> None:
    script = (
        "import resource as r; from assistctl.server.http.listening import allow_many_connections\n"
        "r.setrlimit(r.RLIMIT_NOFILE, (64, 512))\n"
        "allow_many_connections(); print(*r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "cli")},
    )
    assert (done.stdout, done.stderr) == ("512 512\n", "")


def test_a_client_that_has_closed_its_side_gets_its_answer_and_the_connection_ends(
    server: EmbeddedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "assistctl.server.access"), connected(server) as connection:
        connection.sendall(head(server, "/threads", "Content-Length: 2") + b"{}")
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, json.load(response)["object"]) == (200, "thread")
        assert connection.recv(1) == b""
    [line] = [record.getMessage() for record in caplog.records]
    assert " status=200 " in line
    assert "cut=" not in line


def test_a_stream_goes_on_to_a_client_that_has_closed_its_side(start: Start) -> None:
    server = start(scripts={"s": [{"say": "Good day to you."}]})
    key = {"authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(
        trust_env=False, base_url=server.base_url, headers=key, verify=False
    ) as http:
        body = {"model": "m", "metadata": {"assistctl": "s"}}
        assistant = http.post("/assistants", json=body).json()["id"]
    sent = json.dumps({"assistant_id": assistant, "stream": True}).encode()
    with connected(server) as connection:
        length = f"Content-Length: {len(sent)}"
        connection.sendall(head(server, "/threads/runs", length) + sent)
        connection.shutdown(socket.SHUT_WR)
        response = HTTPResponse(connection)
        response.begin()
        lines = response.read().decode().splitlines()
    assert [line for line in lines if line.startswith("event: ")][-2:] == [
        "event: thread.run.completed",
        "event: done",
    ]


def test_a_client_that_goes_away_before_its_answer_is_logged_as_cut(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on, written = threading.Event(), threading.Event(), threading.Event()
    write = Database.write

    def slow(db: Database, *patience: float) -> AbstractContextManager[Transaction]:
        asked.set()
        assert go_on.wait(20)
        return write(db, *patience)

    lines: list[str] = []

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            written.set()

    monkeypatch.setattr(Database, "write", slow)
    logger, told = logging.getLogger("assistctl.server.access"), Told()
    logger.addHandler(told)
    before = logger.level
    logger.setLevel(logging.INFO)
    with connected(server) as connection:
        connection.sendall(head(server, "/threads", "Content-Length: 2") + b"{}")
        assert asked.wait(20)
        reset = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
    time.sleep(0.1)  # for the reset to arrive
    go_on.set()
    assert written.wait(20)
    logger.setLevel(before)
    logger.removeHandler(told)
    [line] = lines
    assert line.endswith(" cut=yes")


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        (b"NONSENSE\r\n\r\n", 400, "illegal request line"),
        (b"GET /v1/models HTTP/1.1\r\n\r\n", 400, "Missing mandatory Host: header"),
        (b"GET /v1/models HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n", 400, "illegal header line"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000, 431, "Receive buffer too long"),
        (
            b"POST /v1/threads HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
            "it has both a Content-Length and a Transfer-Encoding",
        ),
        (
            b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
            400,
            "illegal chunk header",
        ),
    ],
)
def test_what_is_no_request_is_told_so_in_the_apis_shape_and_hung_up_on(
    server: EmbeddedServer,
    sent: bytes,
    status: int,
    says: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with connected(server) as connection:
        connection.sendall(sent)
        response = HTTPResponse(connection)
        response.begin()
        body = json.load(response)
        assert response.status == status
        assert response.getheader("content-type") == "application/json"
        assert body == {
            "error": {
                "message": f"We could not read your request: {says}.",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            }
        }
        with suppress(ConnectionError):
            assert connection.recv(1) == b""
    assert not [told for told in caplog.records if told.levelname == "ERROR"]


@pytest.mark.parametrize("origin", ["http://shop.example:8000", "HTTPS://shop.example", ""])
@pytest.mark.parametrize("query", ["", "?limit=1"])
def test_a_target_may_be_a_whole_url(server: EmbeddedServer, origin: str, query: str) -> None:
    with connected(server) as connection:
        key = f"Authorization: Bearer {server.api_key}"
        target = f"{origin}/v1/assistants{query}"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: other\r\n{key}\r\n\r\n".encode())
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, json.load(response)["data"]) == (200, [])


def test_without_keys_a_whole_url_says_which_host_was_meant(database: Path) -> None:
    server = EmbeddedServer(Settings(database))
    server._settings = Settings(database)  # without keys, as `serve` may have it
    with server, connected(server) as connection:
        connection.sendall(b"GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status, message = answer(connection)
    assert (status, "the Host header names another host" in message) == (403, True)
