import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import DatabaseError, EmbeddedServer, Settings, serve
from assistctl.server import serving as serving_module
from tests import forking

SERVE = """
import sys
from pathlib import Path
from assistctl.server import Settings, serve
keys = dict(pair.split("=") for pair in sys.argv[2:])
serve(Settings(Path(sys.argv[1]), model="scripted", api_keys=keys), port=0,
      on_ready=lambda url: print(url, flush=True))
print("done", flush=True)
"""


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "cli")}

Serving = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def serving(database: Path) -> Iterator[Serving]:
    """Starts `serve` in a process of its own, with keys as "key=project"; gives the process and
    its URL."""
    running: list[subprocess.Popen[str]] = []

    def start(*keys: str) -> tuple[subprocess.Popen[str], str]:
        process = forking.Popen(
            ["-c", SERVE, str(database), *keys],
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


def client(url: str, key: str) -> OpenAI:
    http = httpx2.Client(trust_env=False, verify=False, timeout=30)
    return OpenAI(base_url=url, api_key=key, max_retries=0, http_client=http)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_gracefully(serving: Serving, number: signal.Signals) -> None:
    process, url = serving("key-a=a")
    with client(url, "key-a") as openai:
        openai.models.list()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "done\n", "")


def test_what_was_answered_survives_a_kill(serving: Serving) -> None:
    process, url = serving("key-a=a")
    with client(url, "key-a") as openai:
        thread = openai.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
        process.kill()
        process.wait()
    _, url = serving("key-a=a")
    with client(url, "key-a") as openai:
        assert len(openai.beta.threads.messages.list(thread.id).data) == 1


def test_a_signal_under_load_loses_nothing_that_was_answered(serving: Serving) -> None:
    process, url = serving("key-a=a")
    with client(url, "key-a") as openai:
        assistant = openai.beta.assistants.create(model="m").id
    begun = threading.Event()
    with ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(_talk, url, assistant, begun) for _ in range(6)]
        assert begun.wait(20)
        process.send_signal(signal.SIGTERM)
        answered = [pair for talk in clients for pair in talk.result(timeout=30)]
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "done\n", "")
    _, url = serving("key-a=a")
    with client(url, "key-a") as openai:
        for thread, ended in answered:
            [run] = openai.beta.threads.runs.list(thread)
            assert run.status == ended
            assert openai.beta.threads.messages.list(thread, order="asc").data[0].role == "user"


def _talk(url: str, assistant: str, begun: threading.Event) -> list[tuple[str, str]]:
    """Streams runs on threads of their own until nobody answers; (thread, how its run ended).

    A stream that has begun comes to its end.
    """
    answered: list[tuple[str, str]] = []
    message = {"role": "user", "content": "hi"}
    body = {"assistant_id": assistant, "thread": {"messages": [message]}, "stream": True}
    bearer = {"authorization": "Bearer key-a"}
    with httpx2.Client(trust_env=False, verify=False, timeout=30, headers=bearer) as http:
        while True:
            request = http.build_request("POST", f"{url}/threads/runs", json=body)
            try:
                response = http.send(request, stream=True)
            except httpx2.TransportError:
                return answered
            assert response.status_code == 200
            events = dict(_events(response))
            response.close()
            assert "done" in events
            endings = [name for name in events if name in ENDINGS]
            answered.append((events["thread.created"]["id"], endings[0].rpartition(".")[2]))
            if len(answered) == 5:
                begun.set()


ENDINGS = ("thread.run.completed", "thread.run.failed")


def _events(response: httpx2.Response) -> Iterator[tuple[str, Any]]:
    for event in httpx2.EventSource(response):
        yield event.event, None if event.event == "done" else json.loads(event.data)


def test_each_key_opens_its_own_project(serving: Serving) -> None:
    _, url = serving("key-a=a", "key-b=b")
    with client(url, "key-a") as mine, client(url, "key-b") as theirs:
        file = mine.files.create(file=("a.txt", b"roses"), purpose="assistants")
        store = mine.vector_stores.create(file_ids=[file.id])
        assistant = mine.beta.assistants.create(model="m")
        thread = mine.beta.threads.create(messages=[{"role": "user", "content": "hi"}])
        run = mine.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant.id)
        upload = mine.uploads.create(
            bytes=1, filename="a", mime_type="text/plain", purpose="assistants"
        )
        batch = mine.vector_stores.file_batches.create(store.id, file_ids=[file.id])
        assert theirs.files.list().data == []
        assert theirs.beta.assistants.list().data == []
        assert theirs.vector_stores.list().data == []
        assert theirs.models.list().data == []
        listed: Any = theirs.get("/threads", cast_to=object)
        assert listed["data"] == []
        attempts: list[Callable[[], Any]] = [
            lambda: theirs.files.content(file.id),
            lambda: theirs.files.delete(file.id),
            lambda: theirs.vector_stores.search(store.id, query="roses"),
            lambda: theirs.vector_stores.create(file_ids=[file.id]),
            lambda: theirs.beta.assistants.update(assistant.id, name="x"),
            lambda: theirs.beta.threads.messages.list(thread.id),
            lambda: theirs.beta.threads.messages.create(thread.id, role="user", content="x"),
            lambda: theirs.beta.threads.create(
                tool_resources={"code_interpreter": {"file_ids": [file.id]}}
            ),
            lambda: theirs.beta.threads.runs.create(thread.id, assistant_id=assistant.id),
            lambda: theirs.beta.threads.runs.retrieve(run.id, thread_id=thread.id),
            lambda: theirs.beta.threads.runs.cancel(run.id, thread_id=thread.id),
            lambda: theirs.beta.threads.runs.steps.list(run.id, thread_id=thread.id),
            lambda: theirs.beta.threads.create_and_run(assistant_id=assistant.id),
            lambda: theirs.beta.threads.delete(thread.id),
            lambda: theirs.uploads.parts.create(upload.id, data=b"x"),
            lambda: theirs.uploads.complete(upload.id, part_ids=[]),
            lambda: theirs.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id),
        ]
        for attempt in attempts:
            with pytest.raises(sdk.NotFoundError):
                attempt()
        assert mine.files.content(file.id).content == b"roses"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.com"])
def test_without_keys_it_listens_on_loopback_only(no_database: Path, host: str) -> None:
    with pytest.raises(ValueError, match="loopback only") as caught:
        serve(Settings(no_database), host=host)
    assert str(caught.value) == (
        f"without an API key the server listens on loopback only, not on {host};"
        " give it at least one key, or use --host 127.0.0.1"
    )
    assert not no_database.exists()


def test_a_port_that_is_taken_is_an_oserror(database: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve(Settings(database), port=taken.getsockname()[1])


def test_a_database_that_cannot_be_used_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseError), EmbeddedServer(Settings(tmp_path / "file" / "local.db")):
        pass


def test_an_embedded_server_leaves_nothing_behind(database: Path) -> None:
    before = set(threading.enumerate())
    server = EmbeddedServer(Settings(database))
    for _ in range(2):  # it can be started again
        with server, client(server.base_url, server.api_key) as openai:
            assert server.base_url.startswith("http://127.0.0.1:")
            assert server.base_url.endswith("/v1")
            openai.beta.threads.create()
        assert server.base_url == ""
        workers = {thread.name for thread in set(threading.enumerate()) - before}
        assert not {name for name in workers if name.startswith("assistctl")}
        assert not database.with_name("local.db-wal").exists()


INTERRUPTED = """
import os, signal, sys, threading
from pathlib import Path
from assistctl.server import EmbeddedServer, Settings, serving

start = serving._Uvicorn.startup

async def interrupted(self, sockets=None):
    os.kill(os.getpid(), signal.SIGINT)
    await start(self, sockets)

serving._Uvicorn.startup = interrupted

def interrupted_in_start(self):
    start_thread(self)
    if self.name == "assistctl-server":
        os.kill(os.getpid(), signal.SIGINT)

if sys.argv[2] == "as the thread starts":
    serving._Uvicorn.startup = start
    start_thread, threading.Thread.start = threading.Thread.start, interrupted_in_start
try:
    EmbeddedServer(Settings(Path(sys.argv[1]))).__enter__()
except KeyboardInterrupt:
    for thread in set(threading.enumerate()) - {threading.main_thread()}:
        thread.join(10)  # a worker of anyio's may still be about to end
    print([thread.name for thread in threading.enumerate()])
"""


@pytest.mark.parametrize("moment", ["as the thread starts", "as the server starts"])
def test_ctrl_c_while_an_embedded_server_starts_ends_it_too(database: Path, moment: str) -> None:
    process = forking.run(["-c", INTERRUPTED, str(database), moment], timeout=60)
    assert (process.returncode, process.stdout) == (0, "['MainThread']\n"), process.stderr


def test_an_embedded_server_ends_when_it_is_told_not_when_it_looks(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "_TICK_SECONDS", 3600)
    server = EmbeddedServer(Settings(database)).__enter__()
    ending = threading.Thread(target=server.__exit__, args=(None, None, None), daemon=True)
    ending.start()
    ending.join(60)
    assert not ending.is_alive()


def test_an_embedded_server_runs_once_at_a_time(server: EmbeddedServer) -> None:
    with pytest.raises(RuntimeError, match="already running"):
        server.__enter__()


def test_an_embedded_server_has_a_key_of_its_own(database: Path) -> None:
    keys = {EmbeddedServer(Settings(database, api_keys={"mine": "x"})).api_key for _ in range(3)}
    assert len(keys) == 3
    assert "mine" not in keys


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost:80"}, 200),
    ],
)
def test_without_keys_no_web_page_gets_in(
    serving: Serving, headers: dict[str, str], status: int
) -> None:
    _, url = serving()
    with httpx2.Client(trust_env=False, verify=False) as http:
        assert http.get(f"{url}/models", headers=headers).status_code == status


def test_importing_the_package_loads_no_server() -> None:
    script = (
        "import sys; before = set(sys.modules); import assistctl.server;"
        "print({'starlette', 'uvicorn', 'sqlite3'} & (set(sys.modules) - before))"
    )
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert out.stdout == "set()\n"
