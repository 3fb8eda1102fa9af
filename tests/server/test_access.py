"""What every answer bears, what the access log says of it, and /healthz."""

import json
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from assistctl.server import EmbeddedServer
from assistctl.server.engine import streaming
from tests.server.chat_endpoint import chat_endpoint_running, say

Ask = Callable[..., Any]

LINE = re.compile(
    r"client=127\.0\.0\.1 method=(\S+) path=(\S+) status=(\d+) ms=[\d.]+ project=(\S+)"
    r" request=(req_[0-9a-f]{32})( .*)?"
)


class Lines(logging.Handler):
    """The lines as they are written, in order; `wait` for as many as there should be."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._more = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._more:
            self.records.append(record)
            self._more.notify_all()

    def wait(self, count: int) -> list[str]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.records) >= count, timeout=10)
        return [record.getMessage() for record in self.records]


@pytest.fixture
def log() -> Iterator[Lines]:
    logger = logging.getLogger("assistctl.server.access")
    lines = Lines()
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(lines)
    logger.setLevel(logging.NOTSET)


def parsed(line: str) -> tuple[str, ...]:
    found = LINE.fullmatch(line)
    assert found, line
    method, path, status, project, request, rest = found.groups()
    return method, path, status, project, request, rest or ""


def test_every_request_is_one_line_that_holds_nothing_secret(
    server: EmbeddedServer, ask: Ask, log: Lines
) -> None:
    made = ask("POST", "/threads", {"metadata": {"private": "roses"}})
    ask("GET", "/assistants?limit=5&private=roses")
    ask("GET", "/assistants/asst_missing")
    ask("GET", "/models/my%20model%0A")
    wrong = ask("GET", "/models", headers={"authorization": "Bearer sk-private"})
    lines = log.wait(5)
    assert [parsed(line)[:4] for line in lines] == [
        ("POST", "/v1/threads", "200", "default"),
        ("GET", "/v1/assistants", "200", "default"),
        ("GET", "/v1/assistants/asst_missing", "404", "default"),
        ("GET", "/v1/models/my%20model%0A", "404", "default"),
        ("GET", "/v1/models", "401", "-"),
    ]
    assert parsed(lines[0])[4] == made.headers["x-request-id"]
    assert parsed(lines[4])[4] == wrong.headers["x-request-id"]
    everything = "\n".join(lines)
    assert "private" not in everything
    assert server.api_key not in everything


def test_the_values_are_there_for_other_formats(ask: Ask, log: Lines) -> None:
    ask("GET", "/models")
    log.wait(1)
    values = vars(log.records[0])["access"]
    assert list(values) == ["client", "method", "path", "status", "ms", "project", "request"]
    json.dumps(values)


def test_a_value_with_anything_unusual_in_it_is_quoted(
    start: Callable[..., EmbeddedServer], log: Lines
) -> None:
    with httpx2.Client(trust_env=False, verify=False) as http:
        http.get(f"{start().base_url}/models/a=b&c%20d")
    assert ' path="/v1/models/a=b&c%20d" ' in log.wait(1)[0]


@pytest.mark.parametrize("path", ["/v1/assistants", "/v1/nothing", "/healthz", "/"])
def test_every_answer_bears_an_id_a_version_and_a_duration(
    server: EmbeddedServer, path: str
) -> None:
    with httpx2.Client(trust_env=False, verify=False) as http:
        headers = http.get(server.base_url.removesuffix("/v1") + path).headers
    assert re.fullmatch("req_[0-9a-f]{32}", headers["x-request-id"])
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-processing-ms"].isdigit()


def test_the_server_says_without_a_key_that_it_is_well(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.base_url.removesuffix("/v1") + "/healthz"
    with httpx2.Client(trust_env=False, verify=False) as http:
        answer = http.get(url)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert http.head(url).status_code == 200
        assert http.post(url).status_code == 405

        def broken(*_: object) -> None:
            raise OSError("the disk is gone")

        monkeypatch.setattr("assistctl.server.storage.database.Database.read", broken)
        answer = http.get(url)
        assert (answer.status_code, answer.json()) == (503, {"status": "failing"})
    assert "the database cannot be read" in caplog.text


def test_a_stream_bears_an_id_lives_on_comments_and_is_logged_at_its_end(
    start: Callable[..., EmbeddedServer], monkeypatch: pytest.MonkeyPatch, log: Lines
) -> None:
    monkeypatch.setattr(streaming, "KEEP_ALIVE_SECONDS", 0.02)
    go_on = threading.Event()
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Wait", go_on, " for it."))
        server = start(model={"base_url": endpoint.url})
        with httpx2.Client(
            trust_env=False,
            timeout=30,
            base_url=server.base_url,
            headers={"authorization": f"Bearer {server.api_key}"},
            verify=False,
        ) as http:
            assistant = http.post("/assistants", json={"model": "m"}).json()["id"]
            thread = http.post("/threads", json={}).json()["id"]
            body = {"assistant_id": assistant, "stream": True}
            with http.stream("POST", f"/threads/{thread}/runs", json=body) as response:
                request_id = response.headers["x-request-id"]
                lines = response.iter_lines()
                while next(lines) != ": keep-alive":
                    pass
                assert len(log.records) == 2
                go_on.set()
                rest = list(lines)
    assert "event: done" in rest
    assert parsed(log.wait(3)[2]) == (
        "POST",
        f"/v1/threads/{thread}/runs",
        "200",
        "default",
        request_id,
        "",
    )


def test_a_stream_whose_client_went_away_is_logged_as_cut(
    start: Callable[..., EmbeddedServer], log: Lines
) -> None:
    go_on = threading.Event()
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Wait", go_on, " for it."))
        server = start(model={"base_url": endpoint.url})
        url = urlsplit(server.base_url)
        bearer = {"authorization": f"Bearer {server.api_key}"}
        with httpx2.Client(
            trust_env=False, verify=False, base_url=server.base_url, headers=bearer
        ) as http:
            assistant = http.post("/assistants", json={"model": "m"}).json()["id"]
            thread = http.post("/threads", json={}).json()["id"]
            body = json.dumps({"assistant_id": assistant, "stream": True})
            with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
                connection.sendall(
                    f"POST /v1/threads/{thread}/runs HTTP/1.1\r\nHost: {url.netloc}\r\n"
                    f"Authorization: Bearer {server.api_key}\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                assert connection.recv(12) == b"HTTP/1.1 200"
            assert parsed(log.wait(3)[2])[5] == " cut=yes"
            go_on.set()
