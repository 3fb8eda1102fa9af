"""The server, killed again and again: is anything lost that it had acknowledged?

    python benchmarks/server_soak.py [--kills 20] [--clients 6] [--seed NUMBER]

Clients talk on threads and conversations of their own: messages, runs and responses of the
scripted model with function calls, files into a vector store. Meanwhile the server gets SIGKILL at
random moments and is started again. A client whose answer was lost sends the request again with the
same Idempotency-Key, until it is answered. Afterwards: every message that was acknowledged is there
once and in order, no run or response is stuck, no thread is locked, of what was not to be stored
nothing is there, every file has its bytes, and the database is whole.

Exits 1 if one of these does not hold. Loopback only; bounded by the number of kills.
"""

import argparse
import hashlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

ROOT = Path(__file__).parent.parent
SERVE = """
import sys
from pathlib import Path
from assistctl.server import Settings, serve
turns = [{"when": "bill", "call": {"save_bill": {"sum": 36}}, "say": "The bill is saved."},
         {"say": "Good day to you, and thank you for your message."}]
settings = Settings(
    Path(sys.argv[1]), model="scripted", scripts={"shop": turns}, embeddings="none"
)
serve(settings, port=int(sys.argv[2]), on_ready=lambda url: print(url, flush=True))
"""
TOOL = {"type": "function", "function": {"name": "save_bill", "parameters": {"type": "object"}}}
FUNCTION = {"type": "function", "name": "save_bill", "strict": False}
SECRET = "not to be stored"
TERMINAL = ("completed", "failed", "incomplete", "cancelled", "expired")
PATIENCE = 60.0
"""Seconds after which what should have happened counts as never happening."""


class Killed:
    """The server in a process of its own, always on the same port and database."""

    def __init__(self, database: Path) -> None:
        self.database = database
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(self.database), str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT / "cli")},
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == self.url, "the server did not start"

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(30)


@dataclass
class Seen:
    """What a client was told; `messages` are (thread, id, text) in the order of their creation,
    `responses` (conversation, id, text; None where the outputs of calls were sent)."""

    messages: list[tuple[str, str, str]] = field(default_factory=list)
    runs: list[tuple[str, str]] = field(default_factory=list)
    responses: list[tuple[str, str, str | None]] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    requests: int = 0
    again: int = 0


class Client(threading.Thread):
    """Talks until it is told to stop; `error` is what it could not cope with."""

    def __init__(self, url: str, assistant: str, store: str, chance: random.Random) -> None:
        super().__init__()
        self.seen = Seen()
        self.error: Exception | None = None
        self.stopping = threading.Event()
        self._assistant, self._store, self._chance = assistant, store, chance
        self._http = httpx2.Client(base_url=url, timeout=30, trust_env=False)
        self._keys = 0

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                self._converse() if self._chance.random() < 0.5 else self._respond()
        except Exception as error:  # noqa: BLE001 - told by the main thread
            self.error = error
        finally:
            self._http.close()

    def ask(self, method: str, path: str, **sent) -> httpx2.Response:
        """The answer to one request, sent as often as it takes; POSTs bear one key throughout."""
        self._keys += 1
        headers = {"idempotency-key": f"{self.name}-{self._keys}"} if method == "POST" else {}
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                response = self._http.request(method, path, headers=headers, **sent)
                self.seen.requests += 1
                return response
            except httpx2.TransportError:
                assert time.monotonic() < deadline, "the server did not come back"
                self.seen.again += 1
                time.sleep(0.05)

    def get(self, path: str, **sent) -> dict:
        return self._good(self.ask("GET", path, **sent))

    def post(self, path: str, body: object = None, **sent) -> dict:
        return self._good(self.ask("POST", path, json=body, **sent))

    def _good(self, response: httpx2.Response) -> dict:
        assert response.is_success, f"{response.request.url}: {response.text}"
        return response.json()

    def _converse(self) -> None:
        thread = self.post("/threads", {})["id"]
        for _ in range(self._chance.randint(1, 4)):
            if self.stopping.is_set():
                return
            self._say(thread, f"{self._chance.choice(('hello', 'the bill'))} {self._keys}")
            run = self.post(f"/threads/{thread}/runs", {"assistant_id": self._assistant})
            self.seen.runs.append((thread, run["id"]))
            if not self._follow(f"/threads/{thread}/runs/{run['id']}"):
                return
        if self._chance.random() < 0.3:
            self._upload()

    def _respond(self) -> None:
        """A conversation by responses. One that a killed server has left is locked for a while:
        then it is left alone."""
        conversation = self.post("/conversations", {})["id"]
        given: str | list[dict] = ""
        for _ in range(self._chance.randint(1, 4)):
            if self.stopping.is_set():
                return
            given = given or f"{self._chance.choice(('hello', 'the bill'))} {self._keys}"
            body = {"model": "m", "metadata": {"assistctl": "shop"}, "tools": [FUNCTION]}
            answer = self.ask(
                "POST", "/responses", json={**body, "conversation": conversation, "input": given}
            )
            if answer.status_code == 400 and "conversation_locked" in answer.text:
                return
            response = self._good(answer)
            text = given if isinstance(given, str) else None
            self.seen.responses.append((conversation, response["id"], text))
            given = [
                {"type": "function_call_output", "call_id": item["call_id"], "output": "ok"}
                for item in response["output"]
                if item["type"] == "function_call"
            ]
            self.ask("POST", "/responses", json={**body, "store": False, "input": SECRET})

    def _say(self, thread: str, text: str) -> None:
        message = self.post(f"/threads/{thread}/messages", {"role": "user", "content": text})
        self.seen.messages.append((thread, message["id"], text))

    def _follow(self, path: str) -> bool:
        """Whether the run has ended soon. The one of a killed server does so when its lease is
        over; its thread is left alone, to be looked at in the end."""
        deadline = time.monotonic() + 2
        while (run := self.get(path))["status"] not in TERMINAL:
            if time.monotonic() > deadline:
                return False
            if run["status"] == "requires_action":
                calls = run["required_action"]["submit_tool_outputs"]["tool_calls"]
                outputs = [{"tool_call_id": call["id"], "output": "ok"} for call in calls]
                self.post(f"{path}/submit_tool_outputs", {"tool_outputs": outputs})
            time.sleep(0.02)
        return True

    def _upload(self) -> None:
        lines = (f"{number},{self._chance.random()}" for number in range(1_000))
        content = "\n".join(lines).encode()
        file = self._good(
            self.ask(
                "POST", "/files", data={"purpose": "assistants"}, files={"file": ("a.txt", content)}
            )
        )
        self.seen.files.append((file["id"], hashlib.sha256(content).hexdigest()))
        self.post(f"/vector_stores/{self._store}/files", {"file_id": file["id"]})


def soak(database: Path, kills: int, clients: int, chance: random.Random) -> list[str]:
    """Kill the server so many times; returns what is wrong afterwards, and prints figures."""
    server = Killed(database)
    start = time.monotonic()
    with httpx2.Client(base_url=server.url, trust_env=False) as http:
        body = {"model": "m", "metadata": {"assistctl": "shop"}, "tools": [TOOL]}
        assistant = http.post("/assistants", json=body).json()["id"]
        store = http.post("/vector_stores", json={}).json()["id"]
    talking = [
        Client(server.url, assistant, store, random.Random(chance.random())) for _ in range(clients)
    ]
    for client in talking:
        client.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.1, 1.5))
        server.end(signal.SIGKILL)
        server.start()
    for client in talking:
        client.stopping.set()
    for client in talking:
        client.join()
    problems = [f"a client failed: {client.error}" for client in talking if client.error]
    seen = [client.seen for client in talking]
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        problems += lost_messages(http, seen)
        problems += stuck_runs(http, seen)
        problems += lost_responses(http, seen)
        problems += broken_files(http, seen, store)
    wait_for_leases(database)
    server.end(signal.SIGTERM)
    problems += broken_database(database)
    report(seen, kills, time.monotonic() - start, database)
    return problems


def lost_messages(http: httpx2.Client, seen: list[Seen]) -> list[str]:
    """Each thread has exactly the user's messages that were acknowledged, in their order."""
    problems = []
    told: dict[str, list[str]] = {}
    for client in seen:
        for thread, identity, _ in client.messages:
            told.setdefault(thread, []).append(identity)
    for thread, identities in told.items():
        query = {"order": "asc", "limit": 100}
        listed = http.get(f"/threads/{thread}/messages", params=query).json()["data"]
        found = [message["id"] for message in listed if message["role"] == "user"]
        if found != identities:
            problems.append(f"{thread}: told of {identities}, found {found}")
    return problems


def stuck_runs(http: httpx2.Client, seen: list[Seen]) -> list[str]:
    """Every run ends once the leases of the killed servers are over; one that waits for its client
    lets itself be cancelled."""
    problems = []
    statuses: Counter[str] = Counter()
    deadline = time.monotonic() + PATIENCE
    for thread, run in (pair for client in seen for pair in client.runs):
        path = f"/threads/{thread}/runs/{run}"
        while (status := http.get(path).json()["status"]) not in TERMINAL:
            if status == "requires_action":
                http.post(f"{path}/cancel")
            if time.monotonic() > deadline:
                problems.append(f"{run} is {status}")
                break
            time.sleep(0.1)
        statuses[status] += 1
    print(f"runs: {', '.join(f'{count} {status}' for status, count in statuses.items())}")
    return problems


def lost_responses(http: httpx2.Client, seen: list[Seen]) -> list[str]:
    """Each response that was acknowledged has ended, and its conversation has the user's messages
    once and in order; one that was never acknowledged may have brought a last one."""
    problems = []
    statuses: Counter[str] = Counter()
    told: dict[str, list[str]] = {}
    for conversation, identity, text in (each for client in seen for each in client.responses):
        response = http.get(f"/responses/{identity}").json()
        statuses[response["status"]] += 1
        if response["status"] not in ("completed", "failed"):
            problems.append(f"{identity} is {response['status']}")
        told.setdefault(conversation, []).extend([text] if text else [])
    for conversation, texts in told.items():
        query = {"order": "asc", "limit": 100}
        items = http.get(f"/conversations/{conversation}/items", params=query).json()["data"]
        found = [item["content"][0]["text"] for item in items if item.get("role") == "user"]
        if found[: len(texts)] != texts or len(found) > len(texts) + 1:
            problems.append(f"{conversation}: told of {texts}, found {found}")
    told_of = (f"{count} {status}" for status, count in statuses.items())
    print(f"responses: {', '.join(told_of)}")
    return problems


def broken_files(http: httpx2.Client, seen: list[Seen], store: str) -> list[str]:
    """The bytes are those that were sent, and the indexer gets to the end of its list."""
    problems = []
    for client in seen:
        for identity, digest in client.files:
            content = http.get(f"/files/{identity}/content").content
            if hashlib.sha256(content).hexdigest() != digest:
                problems.append(f"{identity} has other bytes")
    deadline = time.monotonic() + PATIENCE
    while (found := http.get(f"/vector_stores/{store}").json())["status"] != "completed":
        if time.monotonic() > deadline:
            return [*problems, f"the vector store is never done: {found['file_counts']}"]
        time.sleep(0.1)
    total = sum(len(client.files) for client in seen)
    if found["file_counts"]["completed"] != total:
        problems.append(f"{total} files were attached, the store has {found['file_counts']}")
    return problems


def wait_for_leases(database: Path) -> None:
    """Until the leases of the killed servers are over, also of what no client was told of."""
    deadline = time.monotonic() + PATIENCE
    with closing(sqlite3.connect(database)) as connection:
        while locked(connection) and time.monotonic() < deadline:
            time.sleep(0.1)


def locked(connection: sqlite3.Connection) -> int:
    """How many threads have a run at work."""
    return int(connection.execute("SELECT count(*) FROM active_runs").fetchone()[0])


def broken_database(database: Path) -> list[str]:
    connection = sqlite3.connect(database)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        active = locked(connection)
        secrets = connection.execute(
            "SELECT count(*) FROM documents WHERE body LIKE ?", (f"%{SECRET}%",)
        ).fetchone()[0]
        connection.execute("INSERT INTO chunk_words (chunk_words) VALUES ('integrity-check')")
    except sqlite3.DatabaseError as error:
        return [f"the database is broken: {error}"]
    finally:
        connection.close()
    problems = [] if found == [("ok",)] else [f"integrity_check: {found}"]
    problems += [f"{secrets} traces of what was not to be stored"] if secrets else []
    return problems + ([f"{active} threads are locked"] if active else [])


def report(seen: list[Seen], kills: int, seconds: float, database: Path) -> None:
    print(
        f"{kills} kills in {seconds:.0f} s: {sum(c.requests for c in seen)} requests answered,"
        f" {sum(c.again for c in seen)} sent again;"
        f" {sum(len(c.messages) for c in seen)} messages,"
        f" {sum(len(c.runs) for c in seen)} runs, {sum(len(c.responses) for c in seen)} responses,"
        f" {sum(len(c.files) for c in seen)} files;"
        f" database {database.stat().st_size / 2**20:.1f} MB"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        chance = random.Random(given.seed)
        problems = soak(Path(directory) / "soak.db", given.kills, given.clients, chance)
    for problem in problems:
        print(f"WRONG: {problem}")
    print(f"seed {given.seed}: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
