"""openai-python's own tests of responses, conversations and containers against the embedded server.

    pip download openai==3.57.0 --no-binary openai --no-deps
    tar xzf openai-3.57.0.tar.gz -C /tmp/suite --strip-components=1 openai-3.57.0/tests
    python -m venv /tmp/sdk
    /tmp/sdk/bin/pip install openai==3.57.0 pytest pytest-asyncio respx rich httpx_aiohttp
    python benchmarks/sdk_responses.py /tmp/suite/tests /tmp/sdk/bin/python [PYTEST OPTIONS]

Those tests were written for a mock that knows no objects and demands nothing: ids in them are
"response_id" or "conv_123", a response is asked for without model and input. So a proxy stands
between, which makes the objects that a path names and puts their ids there, fills in a model and
an input where there are none, and takes one of `conversation` and `previous_response_id` where both
are sent, which the service refuses as well. Nothing else passes it changed, and no answer does.

Of 3.57.0 482 of 557 pass. The others ask for what this server refuses (prompt templates, images to
be compressed, functions that are not waited for) or what the service would (no file, a `limit` of
0, an expiry after 0 minutes), or hold what a history is compacted to against a type that knows no
messages of users, which the API's document has there.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from assistctl.server import EmbeddedServer, Settings

_SLOW = {"when": "Wait", "call": {"code_interpreter": {"code": "import time; time.sleep(20)"}}}
SCRIPTS = {"suite": [_SLOW, {"say": "Roses."}]}
_PARTS = (
    "test_responses.py responses test_conversations.py conversations test_containers.py containers"
)
_HOP = ("host", "authorization", "content-length", "accept-encoding")
_PYTEST = ["--tb=short", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto"]


class Objects:
    """Makes what a path names, and puts the ids of that where it has only words."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def real_path(self, path: str) -> str:
        parts = path.strip("/").split("/")
        if len(parts) < 2 or parts[1] in ("compact", "input_tokens"):
            return path
        if parts[0] == "responses":
            parts[1] = self._response(slow=parts[-1] == "cancel")
        elif parts[0] == "conversations":
            parts[1] = self._conversation()
            if len(parts) == 4:
                parts[3] = self._item(parts[1])
        elif parts[0] == "containers":
            parts[1] = self._post("/containers", {"name": "suite"})["id"]
            if len(parts) >= 4:
                parts[3] = self._container_file(parts[1])
        return "/" + "/".join(parts)

    def real_query(self, path: str, query: dict[str, str]) -> dict[str, str]:
        return without_cursors(query)

    def real_body(self, path: str, body: Any) -> Any:
        if path.strip("/") == "responses":
            body = {"model": "m", "input": "Hello.", **body}
            body["metadata"] = {**(body.get("metadata") or {}), "assistctl": "suite"}
        if path.strip("/") == "responses/compact":
            body = {"input": "Hello.", **body}
        if path.strip("/") in ("responses", "responses/input_tokens", "responses/compact"):
            if body.get("conversation"):
                body = {**body, "conversation": self._conversation()}
                body.pop("previous_response_id", None)
            elif body.get("previous_response_id"):
                body["previous_response_id"] = self._response(slow=False)
        if path.startswith("/containers") and body.get("file_ids"):
            body["file_ids"] = [self._file() for _ in body["file_ids"]]
        if path.startswith("/containers") and body.get("file_id"):
            body["file_id"] = self._file()
        return body

    def _response(self, *, slow: bool) -> str:
        body = {
            "model": "m",
            "input": "Wait." if slow else "Hello.",
            "background": slow,
            "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}],
            "metadata": {"assistctl": "suite"},
        }
        return str(self._post("/responses", body)["id"])

    def _conversation(self) -> str:
        return str(self._post("/conversations", {})["id"])

    def _item(self, conversation_id: str) -> str:
        given = {"items": [{"role": "user", "content": "Hello."}]}
        added = self._post(f"/conversations/{conversation_id}/items", given)
        return str(added["data"][0]["id"])

    def _file(self) -> str:
        sent = {"files": {"file": ("a.txt", b"roses")}, "data": {"purpose": "assistants"}}
        return str(self.http.post("/files", **sent).raise_for_status().json()["id"])

    def _container_file(self, container_id: str) -> str:
        path = f"/containers/{container_id}/files"
        return str(self._post(path, {"file_id": self._file()})["id"])

    def _post(self, path: str, body: Any) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()


class MakesObjects(Protocol):
    """What paths and bodies of the suite become on a server that knows objects."""

    http: httpx2.Client

    def real_path(self, path: str) -> str: ...

    def real_query(self, path: str, query: dict[str, str]) -> dict[str, str]: ...

    def real_body(self, path: str, body: Any) -> Any: ...


def without_cursors(query: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in query.items() if k not in ("after", "before", "starting_after")}


def forward(request: Request, raw: bytes, objects: MakesObjects) -> Response:
    path = request.url.path
    if raw and request.headers.get("content-type", "").startswith("application/json"):
        raw = json.dumps(objects.real_body(path, json.loads(raw))).encode()
    headers = {name: value for name, value in request.headers.items() if name not in _HOP}
    asked = objects.http.build_request(
        request.method,
        objects.real_path(path),
        params=objects.real_query(path, dict(request.query_params)),
        content=raw,
        headers={**headers, "authorization": objects.http.headers["authorization"]},
    )
    is_endless = request.method == "GET" and path.endswith("/events")
    answer = objects.http.send(asked, stream=is_endless)
    if is_endless:
        answer.close()
        return Response(b"", answer.status_code, media_type=answer.headers.get("content-type"))
    if answer.is_error:
        print(f"{request.method} {path} {answer.status_code} {answer.text[:300]}", file=sys.stderr)
    kind = answer.headers.get("content-type")
    return Response(answer.content, answer.status_code, media_type=kind)


@contextmanager
def proxy(server: EmbeddedServer, make: Callable[[httpx2.Client], MakesObjects]) -> Iterator[str]:
    """Its address."""
    headers = {"authorization": f"Bearer {server.api_key}"}
    http = httpx2.Client(base_url=server.base_url, headers=headers, trust_env=False, timeout=60)

    async def answer(request: Request) -> Response:
        raw = await request.body()
        return await asyncio.to_thread(forward, request, raw, make(http))

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


@contextmanager
def suite(
    scripts: Mapping[str, Any], make: Callable[[httpx2.Client], MakesObjects]
) -> Iterator[str]:
    """The address at which a suite finds the embedded server, on a database of its own."""
    with tempfile.TemporaryDirectory() as directory:
        settings = Settings(Path(directory, "suite.db"), "scripted", scripts, embeddings="none")
        with EmbeddedServer(settings) as server, proxy(server, make) as address:
            yield address


def run(
    parts: str, scripts: Mapping[str, Any], make: Callable[[httpx2.Client], MakesObjects]
) -> int:
    """Let parts of the suite, below tests/api_resources, run; returns pytest's exit code."""
    tests, python = Path(sys.argv[1]).resolve(), sys.argv[2]
    options = [*_PYTEST, *sys.argv[3:]]
    resources = tests / "api_resources"
    paths = [str(resources / part) for part in parts.split() if (resources / part).exists()]
    with suite(scripts, make) as address:
        return subprocess.run(
            [python, "-m", "pytest", *paths, "--rootdir", str(tests.parent), *options],
            cwd=tests.parent,
            env={**os.environ, "TEST_API_BASE_URL": address},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(run(_PARTS, SCRIPTS, Objects))
