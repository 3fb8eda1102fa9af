"""What a page of the console takes beside what it asks the API for, on one server with 10,000
threads and a thread of 2,000 messages, in one run:

    python benchmarks/console.py

A ratio of 3 means that a page takes three times as long as the same requests by themselves, one
after the other on one connection. Printed are medians.
"""

from __future__ import annotations

import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn

from assistctl.apis import connect
from assistctl.apis.transport.client import Client
from assistctl.console.access import Links
from assistctl.console.app import create_app
from assistctl.console.reach import Reach
from assistctl.console.visit import Console
from assistctl.errors import Place
from assistctl.record import store
from assistctl.record.threads import Turn
from assistctl.resources import Target, Workspace
from assistctl.server import EmbeddedServer, Settings
from assistctl.server.storage import documents
from assistctl.server.storage.database import Database
from assistctl.server.storage.documents import Collection
from assistctl.server.wire import MESSAGE, RUN, STEP, THREAD

THREADS, MESSAGES, TRIES = 10_000, 2_000, 15
BEGIN = 1_795_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        fill(root / "local.db")
        record(root)
        with EmbeddedServer(Settings(root / "local.db", model="scripted")) as server:
            target = Target(
                "local", "assistants", "bench", Place("-"), server.base_url, server.api_key
            )
            with console(root, target) as browse, httpx2.Client(timeout=60) as api:
                headers = {"authorization": f"Bearer {server.api_key}"}

                def get(path: str, **params: str | int) -> dict:
                    answer = api.get(server.base_url + path, params=params, headers=headers)
                    return answer.raise_for_status().json()

                compare(browse, get)


def compare(browse: httpx2.Client, get: Callable[..., dict]) -> None:
    long = "/threads/thread_long"

    def part() -> None:
        messages = get(f"{long}/messages", limit=50)["data"]
        get(f"{long}/runs", limit=100)
        for run in {it["run_id"] for it in messages if it["run_id"]}:
            get(f"{long}/runs/{run}/steps")

    rows = (
        ("list, newest", "/threads?of=target", lambda: get("/threads", limit=50)),
        (
            "list, a word in one of 10,000",
            "/threads?of=target&q=needle",
            lambda: get("/threads", limit=50, query="needle"),
        ),
        ("thread of 2,000, its end", long, part),
    )
    for name, path, by_hand in rows:
        page, own = seconds(lambda path=path: browse.get(f"/console{path}")), seconds(by_hand)
        print(f"{name:34} page {page * 1000:6.0f} ms  API {own * 1000:6.0f} ms  {page / own:.1f}")
    for name, path in (
        ("10,000 recorded, newest", "/threads?of=here"),
        ("10,000 recorded, a word in one", "/threads?of=here&q=needle"),
    ):
        page = seconds(lambda path=path: browse.get(f"/console{path}"))
        print(f"{name:34} page {page * 1000:6.0f} ms")


def seconds(work: Callable[[], object]) -> float:
    work()
    taken = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def fill(path: Path) -> None:
    database = Database(path)
    with database.write() as tx:
        for number in range(THREADS):
            add_thread(tx, f"thread_{number:05}", 2, "needle" if number == 17 else "hay")
        add_thread(tx, "thread_long", MESSAGES, "hay")
    database.close()


def add_thread(tx, thread: str, messages: int, word: str) -> None:
    documents.insert(
        tx,
        Collection(THREAD, "default"),
        {
            "id": thread,
            "object": "thread",
            "created_at": BEGIN,
            "metadata": {},
            "tool_resources": {},
        },
    )
    for turn in range(messages // 2):
        at, run = BEGIN + 10 * turn, f"run_{thread}{turn}"
        common = {"thread_id": thread, "assistant_id": "asst_bench", "created_at": at}
        for role, own in (("user", None), ("assistant", run)):
            text = {
                "value": f"{role} says {word} on {thread}, turn {turn}. " * 4,
                "annotations": [],
            }
            documents.insert(
                tx,
                Collection(MESSAGE, "default", thread),
                {
                    **common,
                    "id": f"msg_{thread}{turn}{role}",
                    "object": "thread.message",
                    "role": role,
                    "run_id": own,
                    "content": [{"type": "text", "text": text}],
                    "attachments": [],
                    "metadata": {},
                    "status": "completed",
                },
            )
        documents.insert(
            tx,
            Collection(RUN, "default", thread),
            {
                **common,
                "id": run,
                "object": "thread.run",
                "status": "completed",
                "started_at": at,
                "completed_at": at + 2,
                "model": "gpt-6-luna",
                "usage": None,
            },
        )
        documents.insert(
            tx,
            Collection(STEP, "default", run),
            {
                **common,
                "id": f"step_{thread}{turn}",
                "object": "thread.run.step",
                "run_id": run,
                "type": "message_creation",
                "status": "completed",
                "step_details": {
                    "type": "message_creation",
                    "message_creation": {"message_id": f"msg_{thread}{turn}assistant"},
                },
            },
        )


def record(root: Path) -> None:
    with store._database(root) as database:
        for number in range(THREADS):
            word = "needle" if number == 17 else "hay"
            turn = Turn(
                "clerk",
                "2026-11-28T10:00:00+00:00",
                f"Where is the {word}?",
                (),
                ({"type": "text", "text": f"In the barn, {number}."},),
                status="completed",
            )
            thread = store._add_thread(database, "local", f"thread_{number:05}", turn)
            store._add_turn(database, thread, turn)


@contextmanager
def console(root: Path, target: Target):
    links = Links()
    workspace = Workspace(root, "bench", target, ("local",))

    def reach(key: str | None) -> Reach:
        return Reach(connect(target), Client(target.base_url, target.api_key))

    app = create_app(Console("local", reach, lambda: workspace, links=links))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx2.Client(base_url=address, timeout=60) as browse:
            sent = {"token": links.new()}
            browse.post("/console/enter", data=sent, headers={"origin": address})
            yield browse
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
