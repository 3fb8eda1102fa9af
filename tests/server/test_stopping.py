"""How a server ends that is asked to: with runs at work, and clients that are not done."""

import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from assistctl.server import EmbeddedServer
from tests import forking
from tests.server.chat_endpoint import ChatEndpoint, chat_endpoint_running, say

SERVE = """
import logging, sys
from pathlib import Path
from assistctl.server import Settings, engine, serve, serving
logging.basicConfig(format="%(message)s")
logging.getLogger("assistctl.server").setLevel(logging.INFO)
logging.getLogger("assistctl.server.access").setLevel(logging.WARNING)
engine.GRACE_SECONDS = serving._GRACE_SECONDS = float(sys.argv[3])
serve(Settings(Path(sys.argv[1]), {"base_url": sys.argv[2]}, embeddings="none"), port=0,
      on_ready=lambda url: print(url, flush=True))
print("done", flush=True)
"""


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    """A model that says one word, and then nothing for as long as the test lasts."""
    never = threading.Event()
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Wait", never, " for it."))
        yield endpoint
        never.set()


Serving = Callable[[float], tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serving(database: Path, endpoint: ChatEndpoint) -> Iterator[Serving]:
    """Starts a server that waits so many seconds for what is not done; its process and URL."""
    running: list[subprocess.Popen[str]] = []

    def start(grace: float) -> tuple[subprocess.Popen[str], str]:
        process = forking.Popen(
            ["-c", SERVE, str(database), endpoint.url, str(grace)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.communicate()


def run_at_work(url: str) -> tuple[str, str]:
    """(thread, run) of a run whose model has begun to answer and does not go on."""
    with httpx2.Client(trust_env=False, timeout=30, base_url=url, verify=False) as http:
        assistant = http.post("/assistants", json={"model": "m"}).json()["id"]
        thread = http.post("/threads", json={}).json()["id"]
        body = {"assistant_id": assistant, "stream": True}
        with http.stream("POST", f"/threads/{thread}/runs", json=body) as response:
            for line in response.iter_lines():
                if line == "event: thread.message.delta":
                    break
        return thread, http.get(f"/threads/{thread}/runs").json()["data"][0]["id"]


def ending_of(server: EmbeddedServer, thread: str, run: str) -> tuple[str, str]:
    bearer = {"authorization": f"Bearer {server.api_key}"}
    path = f"{server.base_url}/threads/{thread}/runs/{run}"
    with httpx2.Client(trust_env=False, headers=bearer, verify=False) as http:
        found = http.get(path).json()
    return found["status"], found["last_error"]["message"]


@pytest.mark.parametrize(
    "numbers",
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGTERM)],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_second_signal_means_at_once_and_loses_nothing_either(
    serving: Serving, start: Callable[..., EmbeddedServer], numbers: tuple[signal.Signals, ...]
) -> None:
    process, url = serving(600)
    thread, run = run_at_work(url)
    process.send_signal(numbers[0])
    assert process.stderr is not None
    assert process.stderr.readline() == "stopping; runs at work: 1\n"
    process.send_signal(numbers[1])
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "done\n", "")
    assert ending_of(start(), thread, run) == (
        "failed",
        "The server was shut down before the run ended.",
    )


def test_a_client_that_sent_half_of_its_request_is_told_to_come_again(serving: Serving) -> None:
    process, url = serving(0.2)
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
            b"Expect: 100-continue\r\n\r\n{"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"The server is shutting down."' in answer
    out, err = process.communicate(timeout=30)
    told = "stopping; runs at work: 0\nrequests given up, since they took too long: 1\n"
    assert (process.returncode, out, err) == (0, "done\n", told)
