"""One vector store with very many small files, against the embedded server.

    python benchmarks/store_files.py [FILES] [PARALLEL]

Prints, for a first sync of FILES files (default 10,000, which is the most that a store holds), for
a sync after one of them has changed, and for a plan after that: requests made, seconds, and how
far the process had grown by then (the server included). PARALLEL is as in `assistctl sync`.
"""

import hashlib
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from assistctl.apis.managed.managed_surface import ManagedSurface
from assistctl.apis.transport.client import Client
from assistctl.errors import Place
from assistctl.plan.reconcile import reconcile
from assistctl.resources import Assistant, File, FileSearch, Target, VectorStore, Workspace
from assistctl.server import EmbeddedServer, Settings
from tests.apis.surfaces import ASSISTANTS

PLACE = Place("assistctl.yaml", 1, 1)


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    parallel = int(sys.argv[2]) if len(sys.argv) > 2 else 8
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        settings = Settings(root / "local.db", model="scripted", embeddings="none")
        with EmbeddedServer(settings) as server:
            client = Counting(server.base_url, server.api_key, parallel=parallel)
            surface = ASSISTANTS.surface(client, "bench")
            print(f"{number:,} files, {parallel} requests at a time")
            print(f"{'':24}{'changes':>8}{'requests':>10}{'seconds':>9}{'MB':>7}")
            for name, changed in (("first sync", None), ("one file changed", 0), ("plan", 0)):
                workspace = declared(root, number, changed)
                measure(name, surface, workspace, client)
            store = next(client.list("/vector_stores"))
            print(f"in the store: {store['file_counts']}")
            client.close()


class Counting(Client):
    """A client that counts what it sends by method."""

    def __init__(self, *about: str, parallel: int) -> None:
        super().__init__(*about, parallel=parallel)
        self.sent: Counter[str] = Counter()
        self._client._client.event_hooks["request"].append(
            lambda request: self.sent.update([request.method])
        )


def declared(root: Path, number: int, changed: int | None) -> Workspace:
    files = []
    (root / "docs").mkdir(exist_ok=True)
    for each in range(number):
        text = f"page {each}" + (", changed" if each == changed else "")
        path = f"docs/{each}.md"
        (root / path).write_text(text, encoding="utf-8")
        files.append(File(path, hashlib.sha256(text.encode()).hexdigest(), len(text.encode())))
    target = Target("local", "assistants", "bench", PLACE)
    shop = Assistant("shop", PLACE, {"model": "m"}, (FileSearch("handbook"),))
    stores = {"handbook": VectorStore("handbook", PLACE, tuple(files))}
    return Workspace(root, "bench", target, ("local",), {"shop": shop}, stores)


def measure(name: str, surface: ManagedSurface, workspace: Workspace, client: Counting) -> None:
    client.sent.clear()
    start = time.perf_counter()
    wanted = surface.declare(workspace)
    observed = surface.observe(wanted)
    plan = reconcile("local", wanted, observed)
    if name != "plan":
        operations = surface.compile(plan, wanted, observed)
        outcomes = surface.execute(workspace.root, operations, wanted, observed)
        failed = [outcome for outcome in outcomes if outcome.error]
        assert not failed, failed[0]
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sent = client.sent.total()
    print(f"{name:24}{len(plan.changes):8,}{sent:10,}{seconds:9.1f}{grown:7.0f}")


if __name__ == "__main__":
    main()
