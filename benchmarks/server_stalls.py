"""How long one client waits while sixty others keep a slow thing of the server busy.

    python benchmarks/server_stalls.py [SECONDS [KIND…]]        (default 8 seconds of each)

A line per kind of work: what GET /assistants and GET /healthz take meanwhile, over a connection of
another project's. The clients that keep it busy are a process of their own on the same machine, so
`nothing` (only as many clients that list assistants, too) is what to compare with. Loopback only.
"""

import http.client
import json
import multiprocessing
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "cli")]

CLIENTS = 60
PROBE_PAUSE = 0.02
SERVE = """
import sys
from pathlib import Path
from assistctl.server import Settings, serve
code = "sum(range(3 * 10 ** 7))"
turns = [{"when": "count", "call": {"code_interpreter": {"code": code}}, "say": "Done."},
         {"say": "Good day to you."}]
settings = Settings(
    Path(sys.argv[1]), model="scripted", scripts={"s": turns},
    embeddings={"base_url": sys.argv[2], "model": "slow"},
    api_keys={"sk-busy": "busy", "sk-quiet": "quiet"},
)
serve(settings, port=0, on_ready=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True)
class Client:
    """One connection that is used again and again."""

    connection: http.client.HTTPConnection
    key: str

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json"):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.key}", "content-type": kind}
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return {}
        return json.loads(answer)

    def upload(self, name: str, content: bytes) -> str:
        form = (
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--b\r\n'
            b'Content-Disposition: form-data; name="file"; filename="%b"\r\n\r\n%b\r\n--b--\r\n'
        ) % (name.encode(), content)
        answer = self.ask("POST", "/v1/files", form, "multipart/form-data; boundary=b")
        return answer.get("id", "")


def client(url: str, key: str = "sk-busy", timeout: float = 120) -> Client:
    where = urlsplit(url)
    return Client(http.client.HTTPConnection(where.hostname, where.port, timeout=timeout), key)


def hostile_pdf() -> bytes:
    """A tree of 300,000 pages that are all one."""
    kids = b"3 0 R " * 300_000
    bodies = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 300000/Kids[%b]>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
        b"<</Length 0>>stream\n\nendstream",
    )
    objects = (b"%d 0 obj%b endobj\n" % each for each in enumerate(bodies, 1))
    return b"%PDF-1.4\n" + b"".join(objects) + b"trailer<</Root 1 0 R>>\n%%EOF"


def harmless_docx() -> bytes:
    from tests.server.office_files import docx, paragraph

    return docx(
        "".join(paragraph(f"Bouquet {number} costs {number} euros.") for number in range(9000))
    )


def words(seed: int, size: int) -> bytes:
    unit = b"Roses %d are red and cost %d euros, as every customer of the shop knows.\n"
    lines = (unit % (seed, number) for number in range(size // 70))
    return b"".join(lines)


Step = Callable[[Client, int], object]
"""What one client does, again and again; the number is the client's."""


def listing(url: str) -> Step:
    return lambda here, _: here.ask("GET", "/v1/assistants")


def reading(url: str) -> Step:
    """The text of files that take long to read, asked for while they are read and afterwards."""
    maker = client(url)
    files = [maker.upload("a.pdf", hostile_pdf()), maker.upload("a.docx", harmless_docx())]
    store = maker.ask("POST", "/v1/vector_stores", {"file_ids": files})["id"]
    path = f"/v1/vector_stores/{store}/files/{{}}/content"
    return lambda here, number: here.ask("GET", path.format(files[number % 2]))


def indexing(url: str) -> Step:
    store = client(url).ask("POST", "/v1/vector_stores", {})["id"]

    def step(here: Client, number: int) -> None:
        file = here.upload("a.txt", words(number, 200_000))
        here.ask("POST", f"/v1/vector_stores/{store}/files", {"file_id": file})

    return step


def searching(url: str) -> Step:
    maker = client(url)
    files = [maker.upload("a.txt", words(number, 100_000)) for number in range(10)]
    store = maker.ask("POST", "/v1/vector_stores", {"file_ids": files})["id"]
    while maker.ask("GET", f"/v1/vector_stores/{store}")["file_counts"]["in_progress"]:
        time.sleep(0.5)
    path = f"/v1/vector_stores/{store}/search"

    def step(here: Client, number: int) -> None:
        query = f"what do {number} red roses cost at {time.time()}"
        here.ask("POST", path, {"query": query})

    return step


def coding(url: str) -> Step:
    body = {"model": "m", "metadata": {"assistctl": "s"}, "tools": [{"type": "code_interpreter"}]}
    assistant = client(url).ask("POST", "/v1/assistants", body)["id"]
    thread = {"messages": [{"role": "user", "content": "count"}]}
    body = {"assistant_id": assistant, "thread": thread}

    def step(here: Client, number: int) -> None:
        run = here.ask("POST", "/v1/threads/runs", body)
        path = f"/v1/threads/{run['thread_id']}/runs/{run['id']}"
        while here.ask("GET", path).get("status") in ("queued", "in_progress"):
            time.sleep(0.5)

    return step


def uploading(url: str) -> Step:
    content = os.urandom(8 * 2**20)
    return lambda here, _: here.upload("a.bin", content)


def posting(url: str) -> Step:
    body = {"messages": [{"role": "user", "content": "x" * 200_000}]}
    return lambda here, _: here.ask("POST", "/v1/threads", body)


def writing(url: str) -> Step:
    return lambda here, _: here.ask("POST", "/v1/threads", {})


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another process has the database's write lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def seeded(database: Path) -> Iterator[None]:
    """Another process adds a large dump."""
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder, "dump.jsonl")
        with dump.open("w") as lines:
            for number in range(20_000):
                thread, message = f"thread_{number}", {"content": "roses", "role": "user"}
                made = {"id": thread, "created_at": number}
                lines.write(json.dumps(made) + "\n")
                message |= {"id": f"msg_{number}", "thread_id": thread, "created_at": number}
                lines.write(json.dumps(message) + "\n")
        script = (
            "import sys; from pathlib import Path; from assistctl.server import Settings, seed\n"
            "seed(Settings(Path(sys.argv[1])), Path(sys.argv[2]), project=sys.argv[3])"
        )
        ended = threading.Event()

        def again() -> None:
            number = 0
            while not ended.is_set():
                number += 1
                arguments = [str(database), str(dump), f"seeded-{number}"]
                subprocess.run([sys.executable, "-c", script, *arguments], env=environment())

        thread = threading.Thread(target=again)
        thread.start()
        yield
        ended.set()
        thread.join()


@contextmanager
def undisturbed(database: Path) -> Iterator[None]:
    yield


KINDS = {
    "nothing": (listing, undisturbed),
    "reading": (reading, undisturbed),
    "indexing": (indexing, undisturbed),
    "search": (searching, undisturbed),
    "seeding": (writing, seeded),
    "code": (coding, undisturbed),
    "uploads": (uploading, undisturbed),
    "large JSON": (posting, undisturbed),
    "a held lock": (writing, locked),
}


def keep_busy(url: str, kind: str, ready, stop) -> None:
    """The process of the clients."""
    step = KINDS[kind][0](url)
    done: list[None] = []

    def work(number: int) -> None:
        here = client(url, timeout=600)
        while not stop.is_set():
            step(here, number)
            done.append(None)
            time.sleep(0.05 if kind == "nothing" else 0)

    for number in range(CLIENTS):
        threading.Thread(target=work, args=(number,), daemon=True).start()
    ready.set()
    stop.wait()


@contextmanager
def slow_embeddings() -> Iterator[str]:
    """An endpoint that takes half a second for each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["input"]
            time.sleep(0.5 if len(asked) < 4 else 0)
            data = [
                {"index": at, "embedding": [zlib.crc32(text.encode()) % 1000 / 1000, *[0.1] * 255]}
                for at, text in enumerate(asked)
            ]
            raw = json.dumps({"object": "list", "data": data, "model": "slow"}).encode()
            with suppress(ConnectionError):
                self.send_response(200)
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "cli")}


@contextmanager
def serving(database: Path, embeddings: str) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(database), embeddings],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def probe(url: str, seconds: float) -> dict[str, list[float]]:
    """How long each request took; one that had no answer counts as the time it was waited for."""
    paths = {"GET /assistants": "/v1/assistants", "GET /healthz": "/healthz"}
    taken: dict[str, list[float]] = {name: [] for name in paths}
    here = client(url, "sk-quiet", timeout=30)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, path in paths.items():
            start = time.perf_counter()
            here.ask("GET", path)
            taken[name].append(time.perf_counter() - start)
            time.sleep(PROBE_PAUSE)
    return taken


def measure(kind: str, seconds: float, embeddings: str) -> None:
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "stalls.db")
        with serving(database, embeddings) as url:
            quiet = client(url, "sk-quiet")
            for number in range(20):
                quiet.ask("POST", "/v1/assistants", {"model": "m", "name": f"Shop {number}"})
            ready, stop = context.Event(), context.Event()
            busy = context.Process(target=keep_busy, args=(url, kind, ready, stop))
            busy.start()
            ready.wait(120)
            with KINDS[kind][1](database):
                time.sleep(1)
                taken = probe(url, seconds)
                stop.set()
                busy.terminate()
                busy.join()
    shown = ""
    for times in taken.values():
        ranked = sorted(times)
        figures = (statistics.median(times), ranked[int(len(times) * 0.99)], ranked[-1])
        shown += f"{len(times):7}" + "".join(f"{figure * 1000:9.1f}" for figure in figures)
    print(f"{kind:14}{shown}", flush=True)


def main(seconds: float, kinds: list[str]) -> None:
    print(f"{'':14}{'GET /assistants':>34}{'GET /healthz':>34}")
    print("kept busy     " + f"{'count':>7}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}" * 2)
    with slow_embeddings() as embeddings:
        for kind in kinds:
            measure(kind, seconds, embeddings)


if __name__ == "__main__":
    main(float((sys.argv[1:] or ["8"])[0]), sys.argv[2:] or list(KINDS))
