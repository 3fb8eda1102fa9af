"""What a page of the console takes beside what it asks the API for, on one server with 10,000
threads, a thread of 2,000 messages, 10,000 files and a store with 1,000 of them, in one run:

    python benchmarks/console.py

A ratio of 3 means that a page takes three times as long as the same requests by themselves, one
after the other on one connection. Printed are medians; the CPU is that of the server, too. The
workspace declares 10,000 files, none of which is at the target; its page is held against a plan.
"""

from __future__ import annotations

import io
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx2
import uvicorn

from assistctl.apis import connect
from assistctl.apis.transport.client import Client
from assistctl.console.access import Links
from assistctl.console.app import create_app
from assistctl.console.reach import Reach
from assistctl.console.visit import Console
from assistctl.loading import load
from assistctl.record import store
from assistctl.record.threads import Turn
from assistctl.resources import Target
from assistctl.server import EmbeddedServer, Settings
from assistctl.server.files import create as create_file
from assistctl.server.storage import documents
from assistctl.server.storage.database import Database
from assistctl.server.storage.documents import Collection
from assistctl.server.wire import MESSAGE, RUN, STEP, THREAD
from assistctl.sync import plan_sync

THREADS, MESSAGES, FILES, STORED, TRIES = 10_000, 2_000, 10_000, 1_000, 5
BEGIN = 1_795_000_000


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        fill(root / "local.db")
        record(root)
        settings = Settings(root / "local.db", model="scripted", embeddings="none")
        with EmbeddedServer(settings) as server:
            declare(root)
            target = replace(load(root).target, base_url=server.base_url, api_key=server.api_key)
            with console(root, target) as browse, httpx2.Client(timeout=60) as api:
                headers = {"authorization": f"Bearer {server.api_key}"}

                def get(path: str, **params: str | int) -> dict:
                    answer = api.get(server.base_url + path, params=params, headers=headers)
                    return answer.raise_for_status().json()

                compare(browse, threads(get))
                for name, path in (
                    ("10,000 recorded, newest", "/threads?of=here"),
                    ("10,000 recorded, a word in one", "/threads?of=here&q=needle"),
                ):
                    page, _ = seconds(lambda path=path: browse.get(f"/console{path}"))
                    print(f"{name:34} page {page * 1000:6.0f} ms")
                with closing(Client(server.base_url, server.api_key)) as client:
                    store = stored(client)
                compare(browse, files(api, server, get, store))
                with closing(connect(target)) as surface:

                    def plan() -> None:
                        plan_sync(surface, load(root))

                    compare(browse, (("10,000 declared files", "/workspace", plan),))


Row = tuple[str, str, Callable[[], object]]


def compare(browse: httpx2.Client, rows: tuple[Row, ...]) -> None:
    for name, path, by_hand in rows:
        page, cpu = seconds(lambda path=path: browse.get(f"/console{path}").raise_for_status())
        own, own_cpu = seconds(by_hand)
        print(
            f"{name:34} page {page * 1000:6.0f} ms  API {own * 1000:6.0f} ms  {page / own:.1f}"
            f"   CPU {cpu * 1000:6.0f} ms {own_cpu * 1000:6.0f} ms  {cpu / own_cpu:.1f}"
        )


def threads(get: Callable[..., dict]) -> tuple[Row, ...]:
    long = "/threads/thread_long"

    def part() -> None:
        messages = get(f"{long}/messages", limit=50)["data"]
        get(f"{long}/runs", limit=100)
        for run in {it["run_id"] for it in messages if it["run_id"]}:
            get(f"{long}/runs/{run}/steps")

    return (
        ("list, newest", "/threads?of=target", lambda: get("/threads", limit=50)),
        (
            "list, a word in one of 10,000",
            "/threads?of=target&q=needle",
            lambda: get("/threads", limit=50, query="needle"),
        ),
        ("thread of 2,000, its end", long, part),
    )


def files(
    api: httpx2.Client, server: EmbeddedServer, get: Callable[..., dict], store: str
) -> tuple[Row, ...]:
    newest = [it["id"] for it in get("/files", limit=50, order="desc")["data"]]
    one, path = newest[0], f"/vector_stores/{store}"

    def uses() -> None:
        get("/assistants", limit=100)
        get("/vector_stores", limit=100)
        get(f"{path}/files", limit=100)

    def members(**params: str) -> None:
        get(path)
        for it in get(f"{path}/files", limit=50, order="desc", **params)["data"]:
            if not it["attributes"]:
                get(f"/files/{it['id']}")

    def search() -> None:
        members()
        body = {"query": "needle", "max_num_results": 10}
        headers = {"authorization": f"Bearer {server.api_key}"}
        answer = api.post(f"{server.base_url}{path}/search", json=body, headers=headers)
        assert len(answer.raise_for_status().json()["data"]) == 1

    def read() -> None:
        get(path)
        get(f"{path}/files/{one}")
        get(f"{path}/files/{one}/content")

    return (
        ("10,000 files, newest", "/files", lambda: get("/files", limit=50, order="desc")),
        (
            "a part of a name, of 10,000 files",
            "/files?q=page-7",
            lambda: get("/files", limit=10_000, order="desc"),
        ),
        ("what uses 50 files", f"/files/uses?{'&'.join(f'file={it}' for it in newest)}", uses),
        ("one file", f"/files/{one}", lambda: (get(f"/files/{one}"), uses())),
        ("stores", "/stores", lambda: get("/vector_stores", limit=50)),
        ("store of 1,000 files", f"/stores/{store}", members),
        ("a search in it", f"/stores/{store}?q=needle", search),
        ("one of its files", f"/stores/{store}/files/{one}", read),
    )


def stored(client: Client) -> str:
    """A store with some of the files, once they are read; its id."""
    wanted = [str(it["id"]) for it in client.list("/files", limit=STORED, order="desc")][:STORED]
    store = str(client.create("/vector_stores", {"name": "handbook"})["id"])
    client.create(f"/vector_stores/{store}/file_batches", {"file_ids": wanted})
    while client.get(f"/vector_stores/{store}")["file_counts"]["completed"] < STORED:
        time.sleep(1)
    return store


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of CPU in this process, in which all of them are."""
    work()
    taken, used = [], []
    for _ in range(TRIES):
        begun, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append(time.perf_counter() - begun)
        used.append(time.process_time() - cpu)
    return statistics.median(taken), statistics.median(used)


def declare(root: Path) -> None:
    """A workspace with as many files."""
    for name in ("docs", "assistants"):
        (root / name).mkdir()
    for number in range(FILES):
        (root / "docs" / f"page-{number}.md").write_text(f"Page {number} is about hay.")
    (root / "assistctl.yaml").write_text(
        "version: 1\nworkspace: bench\ndefaults: {model: gpt-6-luna}\n"
        'targets: {local: {model: scripted}}\nvector_stores: {docs: {files: ["docs/*.md"]}}\n'
    )
    (root / "assistants" / "clerk.yaml").write_text(
        "instructions: Say what the pages say.\ntools: [{type: file_search, vector_store: docs}]\n"
    )


def fill(path: Path) -> None:
    database = Database(path)
    with database.write() as tx:
        for number in range(THREADS):
            add_thread(tx, f"thread_{number:05}", 2, "needle" if number == 17 else "hay")
        add_thread(tx, "thread_long", MESSAGES, "hay")
        for number in range(FILES):
            word = "needle" if number == FILES - 17 else "hay"
            text = io.BytesIO(f"Page {number} is about {word}.".encode())
            create_file(tx, "default", text, filename=f"page-{number}.md", purpose="assistants")
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
            store._add_turn(database, "local", f"thread_{number:05}", turn)


@contextmanager
def console(root: Path, target: Target):
    links = Links()

    def reach(key: str | None) -> Reach:
        return Reach(connect(target), Client(target.base_url, target.api_key))

    app = create_app(
        Console(
            "local", reach, lambda: load(root), links=links, root=root, namespace=target.namespace
        )
    )
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
