"""How plan and sync grow: whole processes against `assistctl serve` behind a line with latency.

    python benchmarks/sync_scale.py [--latency MS] [SIZE ...]     (default 50 ms; 10 100 1000)

For each size a workspace of so many assistants is made (see `write_workspace`), and every step of
its life is one process, started as a user starts it. The server counts the requests (its access
log); docs/performance.md has the formulas beside them. Client and server share this machine.
Exits with 1 when the requests are not those of the formulas, or a plan is not what it should be.
"""

import argparse
import asyncio
import itertools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ASSISTCTL = [sys.executable, "-m", "assistctl"]
KEY = "sk-scale"
PARALLEL = 8
PAGE, FILE_PAGE = 100, 10_000
HANDBOOK = 5
FUNCTIONS = 10
TOP = """\
version: 1
workspace: scale
defaults: {model: gpt-6-luna, metadata: {team: retail}}
default_target: line
targets:
  line: {base_url: "${SCALE_URL}", api_key: "${SCALE_KEY}"}
vector_stores:
  handbook: {files: ["handbook/*.md"]}
"""
ASSISTANT = """\
name: Shop {key}
description: Answers the customers of shop {key}.
instructions: {{file: {key}.md}}
temperature: 0.2
tools:
  - type: code_interpreter
    files: [../prices.csv, {key}.csv]
  - type: file_search
    {search}
  - {{type: function, function: declared_{one}}}
  - {{type: function, python: "shop:derived_{two}"}}
"""
PYTHON = '''
def derived_{number}(customer: str, amount: float, tags: list[str] | None = None) -> dict:
    """Note a sale.

    Args:
        customer: Who buys.
        amount: What they pay, in euros.
        tags: Anything worth knowing.
    """
    return {{"customer": customer, "amount": amount, "tags": tags}}
'''
DECLARED = """\
  declared_{number}:
    description: Look up order {number}.
    parameters:
      type: object
      properties:
        order: {{type: string, description: The number on the bill.}}
        detail: {{enum: [short, long]}}
      required: [order, detail]
      additionalProperties: false
    strict: true
"""


@dataclass(frozen=True)
class Shape:
    """What a workspace of so many assistants declares. Each has a code_interpreter file of its own
    and one that all share; every tenth has a vector store of its own, with one file."""

    assistants: int

    @property
    def own_stores(self) -> int:
        return math.ceil(self.assistants / 10)

    @property
    def stores(self) -> int:
        return 1 + self.own_stores

    @property
    def files(self) -> int:
        return self.assistants + 1 + HANDBOOK + self.own_stores

    def plan(self, *, synced: bool) -> Counter[str]:
        """The lists: a page each when nothing is there."""
        there = self if synced else None
        return Counter(
            {
                "list assistants": pages(there.assistants if there else 0, PAGE),
                "list stores": pages(there.stores if there else 0, PAGE),
                "list files": pages(there.files if there else 0, FILE_PAGE),
            }
        )

    def sync(self) -> Counter[str]:
        """The plan, then what each object costs; polls depend on how long the target indexes."""
        return self.plan(synced=False) + Counter(
            {
                "upload": self.files,
                "write store": 2 * self.stores,
                "attach": self.stores,
                "write assistant": 2 * self.assistants,
            }
        )

    def plan_of_edit(self) -> Counter[str]:
        """Before an upload is deleted, agents are asked whether they use it, too."""
        return self.plan(synced=True) + Counter({"list agents": 1})

    def sync_of_edit(self) -> Counter[str]:
        """The file that all use: the old upload is kept in the snapshot, the file uploaded anew,
        everybody repointed, the old upload deleted."""
        return self.plan_of_edit() + Counter(
            {
                "fetch file": 1,
                "upload": 1,
                "read assistant": self.assistants,
                "write assistant": 2 * self.assistants,
                "delete file": 1,
            }
        )


def pages(objects: int, size: int) -> int:
    return max(1, math.ceil(objects / size))


@dataclass(frozen=True)
class Step:
    """What one process did and cost; `ideal` is requests × latency ÷ parallelism."""

    name: str
    requests: Counter[str]
    expected: Counter[str]
    wall: float
    cpu: float
    peak: float
    ideal: float

    @property
    def as_expected(self) -> bool:
        return without_polls(self.requests) == without_polls(self.expected)


def without_polls(requests: Counter[str]) -> Counter[str]:
    return Counter({kind: n for kind, n in requests.items() if kind != "poll" and n})


class Server:
    """`assistctl serve` in a process of its own, and its access log."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "serve.log"
        command = [*ASSISTCTL, "serve", "--port", "0", "--db", "scale.db", "--api-key", KEY]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, cwd=directory, stderr=log, env=environment())
        self.port = int(self._wait_for(r"http://127\.0\.0\.1:(\d+)/v1")[1])
        self._read = 0

    def _wait_for(self, pattern: str) -> re.Match[str]:
        for _ in range(600):
            if found := re.search(pattern, self._log.read_text()):
                return found
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError(f"the server did not start: {self._log.read_text()}")

    def requests(self) -> Counter[str]:
        """What was asked since the last time, by kind. The last lines come after the answers."""
        time.sleep(0.5)
        text = self._log.read_text()
        lines, self._read = text[self._read :], len(text)
        found = re.findall(r"method=(\w+) path=/v1(\S+) status=(\d+)", lines)
        failed = [f"{method} {path}: {status}" for method, path, status in found if status >= "400"]
        if failed:
            raise RuntimeError(f"requests failed: {failed[:5]}")
        return Counter(kind(method, path) for method, path, _ in found)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def kind(method: str, path: str) -> str:
    """`POST /assistants/asst_1` -> "write assistant"."""
    parts = path.strip("/").split("/")
    if parts[-1] == "content":
        return "fetch file"
    if len(parts) > 2:
        part = "member" if parts[2] == "files" else "batch"
        verbs = {"POST batch": "attach", "GET batch": "poll", "GET member": "list members"}
        return verbs.get(f"{method} {part}", f"{method} {path}")
    names = {"assistants": "assistant", "vector_stores": "store", "files": "file"}
    name = names.get(parts[0], parts[0].removesuffix("s"))
    if method == "GET":
        return f"list {name}s" if len(parts) == 1 else f"read {name}"
    if method == "DELETE":
        return f"delete {name}"
    return "upload" if name == "file" else f"write {name}"


@contextmanager
def line(port: int, latency: float) -> Iterator[int]:
    """A relay to a port on loopback that holds back what a client sends for so many seconds;
    yields its own port."""
    loop = asyncio.new_event_loop()

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float
    ) -> None:
        while data := await reader.read(1 << 16):
            if seconds:
                loop.call_later(seconds, writer.write, data)
            else:
                writer.write(data)
        loop.call_later(seconds, writer.close)

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        above, below = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            pass_on(reader, below, latency), pass_on(above, writer, 0), return_exceptions=True
        )

    listening = loop.run_until_complete(asyncio.start_server(relay, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def environment(port: int = 0) -> dict[str, str]:
    """A user's, for whom what is installed is compiled once."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("ASSISTCTL", "OPENAI"))}
    return {
        **inherited,
        "PYTHONPATH": str(ROOT / "cli"),
        "PYTHONDONTWRITEBYTECODE": "",
        "SCALE_URL": f"http://127.0.0.1:{port}/v1",
        "SCALE_KEY": KEY,
    }


def write_workspace(root: Path, shape: Shape) -> None:
    write = {"assistctl.yaml": TOP, "prices.csv": "rose,1.50\n" * 200}
    write |= {
        f"handbook/{n}.md": f"# Page {n}\n" + "Roses like water. " * 50 for n in range(HANDBOOK)
    }
    numbers = range(FUNCTIONS)
    write["tools/shop.py"] = "\n".join(PYTHON.format(number=n) for n in numbers)
    write["tools/shop.yaml"] = "functions:\n" + "".join(DECLARED.format(number=n) for n in numbers)
    for number in range(shape.assistants):
        key = f"shop-{number:05}"
        own = number % 10 == 0
        write[f"assistants/{key}.yaml"] = ASSISTANT.format(
            key=key,
            search=f"files: [{key}.guide.md]" if own else "vector_store: handbook",
            one=number % FUNCTIONS,
            two=(number + 1) % FUNCTIONS,
        )
        write[f"assistants/{key}.md"] = f"You are the clerk of shop {key}. " + "Be brief. " * 100
        write[f"assistants/{key}.csv"] = f"shop,{key}\n" * 20
        if own:
            write[f"assistants/{key}.guide.md"] = f"# Guide of shop {key}\n\nWe open at nine.\n"
    for name, text in write.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@dataclass
class Life:
    """The steps of one workspace, in their order."""

    root: Path
    server: Server
    port: int
    latency: float
    wrong: list[str]

    def step(self, name: str, command: list[str], expected: Counter[str], summary: str) -> Step:
        """Run one command; `summary` is what its plan has to end in."""
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out:
            process = subprocess.Popen(
                [*ASSISTCTL, *command],
                cwd=self.root,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment(self.port),
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            said = out.read()
        if process.returncode or summary not in said:
            raise RuntimeError(f"{name}: exit {process.returncode}\n{said[-2000:]}")
        requests = self.server.requests()
        step = Step(
            name,
            requests,
            expected,
            wall,
            used.ru_utime + used.ru_stime,
            used.ru_maxrss / 1024,
            requests.total() * self.latency / PARALLEL,
        )
        if not step.as_expected:
            self.wrong.append(f"{name}: {in_words(requests)} is not {in_words(expected)}")
        return step


def live(size: int, latency: float, wrong: list[str]) -> list[Step]:
    shape = Shape(size)
    first, again = shape.plan(synced=False), shape.plan(synced=True)
    objects = shape.assistants + shape.stores + shape.files
    everything = f"Plan for line: {objects} to create, 0 to update, 0 to delete."
    one_file = "Plan for line: 0 to create, 1 to update, 0 to delete."
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "workspace"
        write_workspace(root, shape)
        server = Server(Path(directory))
        try:
            with line(server.port, latency) as port:
                life = Life(root, server, port, latency, wrong)
                steps = [
                    life.step("validate", ["validate"], Counter(), "Valid:"),
                    life.step("plan, nothing there", ["plan"], first, everything),
                    life.step("first sync", ["sync", "--yes"], shape.sync(), everything),
                    life.step("plan, nothing to do", ["plan"], again, "No changes."),
                ]
                (root / "prices.csv").write_text("rose,1.80\n" * 200)
                steps += [
                    life.step("plan, file of all", ["plan"], shape.plan_of_edit(), one_file),
                    life.step(
                        "sync, file of all", ["sync", "--yes"], shape.sync_of_edit(), one_file
                    ),
                ]
        finally:
            server.stop()
    return steps


def in_words(requests: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(requests.items())) or "none"


def report(size: int, steps: list[Step]) -> None:
    print(f"\n{size} assistants, {Shape(size).stores} stores, {Shape(size).files} files")
    head = f"{'':22}{'requests':>9}{'formula':>9}{'wall s':>9}{'ideal s':>9}{'ratio':>7}"
    print(f"{head}{'CPU s':>8}{'peak MB':>9}")
    for step in steps:
        asked = without_polls(step.requests).total()
        ratio = f"{step.wall / step.ideal:7.1f}" if step.ideal else f"{'–':>7}"
        print(
            f"{step.name:22}{asked:9}{step.expected.total():9}{step.wall:9.2f}{step.ideal:9.2f}"
            f"{ratio}{step.cpu:8.2f}{step.peak:9.0f}"
        )
    for step in steps:
        print(f"  {step.name}: {in_words(step.requests)}")


def report_growth(measured: dict[int, list[Step]]) -> None:
    """How often the costs of one size are those of the size before it."""
    sizes = list(measured)
    for before, after in itertools.pairwise(sizes):
        print(f"\nfrom {before} to {after} assistants (× {after / before:g})")
        print(f"{'':22}{'requests':>9}{'wall':>9}{'CPU':>9}{'peak':>9}")
        for old, new in zip(measured[before], measured[after], strict=True):
            asked = new.requests.total() / max(1, old.requests.total())
            print(
                f"{new.name:22}{asked:9.1f}{new.wall / old.wall:9.1f}{new.cpu / old.cpu:9.1f}"
                f"{new.peak / old.peak:9.1f}"
            )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, metavar="SIZE", default=[10, 100, 1000])
    parser.add_argument("--latency", type=float, default=50.0, metavar="MS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measures here too")
    asked = parser.parse_args()
    wrong: list[str] = []
    measured: dict[int, list[Step]] = {}
    print(f"{asked.latency:g} ms for each request, {PARALLEL} at a time;", end=" ")
    print(f"ideal is requests × latency ÷ {PARALLEL}")
    for size in asked.sizes:
        measured[size] = live(size, asked.latency / 1000, wrong)
        report(size, measured[size])
    report_growth(measured)
    if asked.json:
        asked.json.write_text(
            json.dumps({n: [vars(s) for s in steps] for n, steps in measured.items()})
        )
    for line_ in wrong:
        print(f"WRONG: {line_}")
    print(
        "\nrequests are not as the formulas say" if wrong else "\nrequests are as the formulas say"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
