"""A thread created and read: the server beside Starlette with one SQLite statement for each.

    python benchmarks/server_ratio.py [ROUNDS]        (default 20 rounds of 100 threads)

Both are processes of their own, on uvicorn with h11, with the handler in a thread and a database in
WAL mode; they are asked in turns over one connection each, so that whatever else the machine does
hits both. What comes out is a ratio of medians.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
OURS = """
import sys
from pathlib import Path
from assistctl.server import Settings, serve
serve(Settings(Path(sys.argv[1]), api_keys={"sk-key": "p"}, embeddings="none"), port=0,
      on_ready=lambda url: print(url, flush=True))
"""
BARE = """
import json, secrets, socket, sqlite3, sys, threading, time
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

local = threading.local()

def database():
    if not hasattr(local, "db"):
        local.db = sqlite3.connect(sys.argv[1], isolation_level=None)
        local.db.execute("PRAGMA journal_mode = WAL")
        local.db.execute("PRAGMA synchronous = NORMAL")
        local.db.execute("CREATE TABLE IF NOT EXISTS threads (id TEXT PRIMARY KEY, body TEXT)")
    return local.db

async def create(request):
    await request.json()
    return await run_in_threadpool(insert)

def insert():
    thread = {"id": "thread_" + secrets.token_hex(12), "object": "thread",
              "created_at": int(time.time()), "metadata": {}, "tool_resources": {}}
    database().execute("INSERT INTO threads VALUES (?, ?)", (thread["id"], json.dumps(thread)))
    return JSONResponse(thread)

def read(request):
    [(body,)] = database().execute(
        "SELECT body FROM threads WHERE id = ?", (request.path_params["id"],))
    return JSONResponse(json.loads(body))

app = Starlette(routes=[Route("/v1/threads", create, methods=["POST"]),
                        Route("/v1/threads/{id}", read, methods=["GET"])])
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # no Nagle
listener.bind(("127.0.0.1", 0))
listener.listen()
print(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", flush=True)
config = uvicorn.Config(app, http="h11", ws="none", loop="asyncio", log_config=None,
                        access_log=False)
uvicorn.Server(config).run([listener])
"""


class Asked:
    """One server, and how long it took for what."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = HTTPConnection(str(address.hostname), address.port)
        self.seconds: dict[str, list[float]] = {"create": [], "read": []}

    def ask_for(self, threads: int) -> None:
        for _ in range(threads):
            answer = self._ask("create", "POST", "/v1/threads", b"{}")
            identity = answer.split(b'"id"', 1)[1].split(b'"')[1].decode()
            self._ask("read", "GET", f"/v1/threads/{identity}")

    def _ask(self, kind: str, method: str, path: str, body: bytes | None = None) -> bytes:
        headers = {"Authorization": "Bearer sk-key", "Content-Type": "application/json"}
        start = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        answer = response.read()
        self.seconds[kind].append(time.perf_counter() - start)
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {answer!r}")
        return answer


@contextmanager
def started(script: str) -> Iterator[Asked]:
    with tempfile.TemporaryDirectory() as directory:
        process = subprocess.Popen(
            [sys.executable, "-c", script, f"{directory}/ratio.db"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
        )
        try:
            assert process.stdout is not None
            yield Asked(process.stdout.readline().strip())
        finally:
            process.terminate()
            process.wait(30)


def main(rounds: int) -> None:
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(started(script))
            for name, script in (("server", OURS), ("Starlette", BARE))
        }
        for asked in servers.values():  # connections, caches
            asked.ask_for(20)
            for times in asked.seconds.values():
                times.clear()
        for _ in range(rounds):
            for asked in servers.values():
                asked.ask_for(100)
    print(f"{'p50 ms':10}" + "".join(f"{name:>12}" for name in servers) + f"{'ratio':>9}")
    for kind in ("create", "read"):
        ours, bare = (statistics.median(asked.seconds[kind]) * 1000 for asked in servers.values())
        print(f"{kind:10}{ours:12.2f}{bare:12.2f}{ours / bare:9.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
