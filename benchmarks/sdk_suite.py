"""openai-python's own tests of the Assistants API, unmodified, against the embedded server.

    python benchmarks/sdk_suite.py TESTS PYTHON [PYTEST OPTIONS]

TESTS is `tests` of a checkout of openai-python, PYTHON an interpreter with the SDK of that version,
pytest and pytest-asyncio. 1.12 speaks the first version of the API:

    git -C openai-python archive v1.12.0 tests | tar x -C /tmp/suite
    python -m venv /tmp/sdk
    /tmp/sdk/bin/pip install openai==1.12.0 'httpx<0.28' 'pytest<8' 'pytest-asyncio<0.22'
    python benchmarks/sdk_suite.py /tmp/suite/tests /tmp/sdk/bin/python

Those tests were written for a mock that knows no objects: the ids in them are "string", or such as
"file-abc123", tool outputs are {}. So a proxy stands between, which makes an object of each kind
for every request and puts their ids where such a word stands. Nothing else passes it changed, and
no answer does. Of v1.12.0 468 of 492 pass; the other 24 are the six lists that are asked for
`limit=0`, which the API, then as now, does not take.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistctl.server import EmbeddedServer, Settings

_WORDS = ("string", "file-abc123", "thread_abc123", "msg_abc123")
_KINDS = {
    "assistants": "assistant_id",
    "threads": "thread_id",
    "messages": "message_id",
    "runs": "run_id",
    "steps": "step_id",
    "files": "file_id",
}
_LOOK = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
_SCRIPTS = {"suite": [{"when": ".*", "call": {"look": {}}, "say": "Seen."}]}
_HOP = ("host", "authorization", "content-length", "accept-encoding")
_PYTEST = ["--tb=short", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]


@dataclass(frozen=True)
class Objects:
    """Makes objects of every kind, and puts their ids where a request has only words."""

    http: httpx2.Client

    def made(self, *, with_run: bool) -> dict[str, str]:
        file = self._post("/files", files={"file": ("a.txt", b"roses")})
        assistant = self._post(
            "/assistants",
            json={
                "model": "m",
                "tools": [{"type": "retrieval"}, _LOOK],
                "file_ids": [file["id"]],
                "metadata": {"assistctl": "suite"},
            },
        )
        thread = self._post("/threads", json={})
        said = {"role": "user", "content": "Look.", "file_ids": [file["id"]]}
        message = self._post(f"/threads/{thread['id']}/messages", json=said)
        made = {"file_id": file["id"], "assistant_id": assistant["id"], "thread_id": thread["id"]}
        made["message_id"] = message["id"]
        return made | (self._run(made) if with_run else {})

    def _run(self, made: Mapping[str, str]) -> dict[str, str]:
        runs = f"/threads/{made['thread_id']}/runs"
        run = self._post(runs, json={"assistant_id": made["assistant_id"]})
        while run["status"] in ("queued", "in_progress"):
            time.sleep(0.02)
            run = self.http.get(f"{runs}/{run['id']}").json()
        [step] = self.http.get(f"{runs}/{run['id']}/steps").json()["data"]
        [call] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        return {"run_id": run["id"], "step_id": step["id"], "call_id": call["id"]}

    def _post(self, path: str, **body: Any) -> Any:
        if "files" in body:
            body["data"] = {"purpose": "assistants"}
        return self.http.post(path, **body).raise_for_status().json()


def real(value: Any, made: Mapping[str, str], name: str = "") -> Any:
    """A body with the ids of objects in it."""
    if name == "tool_outputs":
        return [{"tool_call_id": made["call_id"], "output": "ok"}]
    if isinstance(value, dict):
        return {key: real(entry, made, key) for key, entry in value.items()}
    if isinstance(value, list):
        return [real(entry, made, name.removesuffix("s")) for entry in value]
    return made.get(name, value) if value in _WORDS else value


def real_path(path: str, made: Mapping[str, str]) -> str:
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part in _WORDS:
            parts[at] = made[_KINDS[parts[at - 1]]]
    return "/".join(parts)


def pointed(request: Request, made: Mapping[str, str]) -> dict[str, str]:
    """The query, with cursors that point to an object of the list."""
    kind = _KINDS[request.url.path.split("/")[-1]] if request.query_params else ""
    cursors = {"after", "before"} & request.query_params.keys()
    return {**request.query_params, **dict.fromkeys(cursors, made.get(kind, ""))}


def forward(request: Request, raw: bytes, objects: Objects) -> Response:
    path = request.url.path
    made = objects.made(with_run="/runs/" in path or path.endswith("/steps") or _asks_runs(request))
    body = json.dumps(real(json.loads(raw), made)).encode() if raw else raw
    headers = {name: value for name, value in request.headers.items() if name not in _HOP}
    answer = objects.http.request(
        request.method,
        real_path(path, made),
        params=pointed(request, made),
        content=body,
        headers={**headers, "authorization": objects.http.headers["authorization"]},
    )
    return Response(answer.content, answer.status_code, media_type=answer.headers["content-type"])


def _asks_runs(request: Request) -> bool:
    return request.method == "GET" and request.url.path.endswith("/runs")


@contextmanager
def proxy(server: EmbeddedServer) -> Iterator[str]:
    """Its address."""
    first = {"openai-beta": "assistants=v1", "authorization": f"Bearer {server.api_key}"}
    http = httpx2.Client(base_url=server.base_url, headers=first, trust_env=False, timeout=60)

    async def answer(request: Request) -> Response:
        raw = await request.body()
        return await asyncio.to_thread(forward, request, raw, Objects(http))

    methods = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", answer, methods=methods)])
    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()
        http.close()


def main() -> int:
    tests, python = Path(sys.argv[1]).resolve(), sys.argv[2]
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory, "suite.db")
        settings = Settings(database, "scripted", _SCRIPTS, embeddings="none")
        with EmbeddedServer(settings) as server, proxy(server) as address:
            suite = [str(tests / "api_resources" / "beta"), "--rootdir", str(tests.parent)]
            return subprocess.run(
                [python, "-m", "pytest", *suite, *_PYTEST, *sys.argv[3:]],
                cwd=tests.parent,
                env={**os.environ, "TEST_API_BASE_URL": address},
                check=False,
            ).returncode


if __name__ == "__main__":
    sys.exit(main())
