"""How well, and how fast, file_search finds: by words, by meaning, and by both.

    python benchmarks/search.py [--large KILOBYTES]

Thirty short documents and twenty questions about them, half of them Chinese; then two price lists
of 120 rows each, in Chinese and English, and twelve questions for their rows. A question is a
hit@k if what answers it (the document, the row) is in the first k results. All goes through the
embedded server over HTTP, as a client would have it. The meaning is that of the optional encoder
(pip install 'assistctl[search]'); where it is missing, only the words are measured.

--large adds a text of so many kilobytes (default 500; 0 for none), and says how
long it takes to index and, beside it, to answer a request, and how long a search in it takes.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from assistctl.server import EmbeddedServer, Settings

ASKED = json.loads((Path(__file__).parent / "search_questions.json").read_text(encoding="utf-8"))
DOCUMENTS: Mapping[str, str] = ASKED["documents"]
WEIGHTS = {"words": (0, 1), "meaning": (1, 0), "both": (1, 1)}
CHUNKS_OF_200 = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", type=int, default=500, metavar="KILOBYTES")
    kilobytes = parser.parse_args().large
    with tempfile.TemporaryDirectory() as directory:
        for embeddings in ("none", "auto"):
            settings = Settings(Path(directory) / f"{embeddings}.db", embeddings=embeddings)
            with EmbeddedServer(settings) as server:
                measure(Client(server), embeddings, kilobytes)


def measure(client: Client, embeddings: str, kilobytes: int) -> None:
    print(f"\nembeddings: {embeddings}")
    modes = ["words"] if embeddings == "none" else list(WEIGHTS)
    client.fill({"warm.txt": "The encoder is loaded once."})
    store, seconds = client.fill({f"{name}.txt": text for name, text in DOCUMENTS.items()})
    print(f"{len(DOCUMENTS) / seconds:8.0f} short documents indexed per second")
    print(f"{'':34}{'hit@1':>8}{'hit@3':>8}{'ms':>8}")
    named = [(question, f"{name}.txt") for question, name in ASKED["questions"]]
    for mode in modes:
        client.ask_all(f"documents, {mode}", store, mode, named)
    lists = {name: price_list(**made_of) for name, made_of in ASKED["price_lists"].items()}
    for chunking, words in ((None, ""), (CHUNKS_OF_200, ", small chunks")):
        store, _ = client.fill(lists, chunking)
        for mode in modes:
            client.ask_all(f"price rows{words}, {mode}", store, mode, ASKED["row_questions"])
    if kilobytes:
        measure_large(client, modes, kilobytes)


def measure_large(client: Client, modes: Sequence[str], kilobytes: int) -> None:
    named = [(question, name) for question, name in ASKED["questions"]]
    waits: list[float] = []
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(client, waits, done))
    watcher.start()
    store, seconds = client.fill({"large.txt": made_up(kilobytes * 1000)})
    done.set()
    watcher.join()
    print(f"{kilobytes / seconds:8.0f} kB per second of a text of {kilobytes:,} kB indexed")
    middle, worst = statistics.median(waits) * 1000, max(waits) * 1000
    print(f"{middle:8.1f} ms for a write meanwhile (median; the worst {worst:.0f})")
    client.ask_all("large text, warm", store, modes[-1], named[:1], quiet=True)
    for mode in modes:
        client.ask_all(f"large text, {mode}", store, mode, named, hits=False)


def watch(client: Client, waits: list[float], done: threading.Event) -> None:
    """How long a small write takes while others work."""
    while not done.wait(0.02):
        start = time.perf_counter()
        client.post("/threads", {})
        waits.append(time.perf_counter() - start)


def price_list(columns: Sequence[str], items: Sequence[str], sizes: Sequence[Sequence[str]]) -> str:
    """As CSV; every price another one."""
    rows = [",".join(columns)]
    for number, item in enumerate(items):
        for step, (size, origin) in enumerate(sizes):
            cost = round((2 + number * 0.45) * (1 + 0.9 * step), 2)
            rows.append(f"{item},{size},{origin},{cost},{cost * 2.4:.2f}")
    return "\n".join(rows) + "\n"


def made_up(size: int) -> str:
    """Paragraphs of the documents' sentences, mixed."""
    dice = random.Random(7)
    sentences = [part for text in DOCUMENTS.values() for part in re.split("(?<=[。；;.]) *", text)]
    text = ""
    while len(text.encode()) < size:
        text += "\n\n".join("".join(dice.choices(sentences, k=6)) for _ in range(100)) + "\n\n"
    return text


class Client:
    """As much of a client as is needed, without the SDK's seconds."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._opener = build_opener(ProxyHandler({}))

    def fill(
        self,
        files: Mapping[str, str],
        chunking: Mapping[str, Any] | None = None,
        pause: float = 0.002,
    ) -> tuple[str, float]:
        """A new store that holds the files: its id, and how many seconds indexing took."""
        ids = [self._upload(name, text) for name, text in files.items()]
        strategy = {"chunking_strategy": chunking} if chunking else {}
        store = self.post("/vector_stores", {"name": "benchmark"})["id"]
        start = time.perf_counter()
        batch = self.post(f"/vector_stores/{store}/file_batches", {"file_ids": ids, **strategy})
        while batch["status"] == "in_progress":
            time.sleep(pause)
            batch = self._send(f"/vector_stores/{store}/file_batches/{batch['id']}")
        assert batch["file_counts"]["completed"] == len(ids), batch
        return store, time.perf_counter() - start

    def ask_all(
        self,
        label: str,
        store: str,
        mode: str,
        questions: Sequence[tuple[str, str]],
        *,
        hits: bool = True,
        quiet: bool = False,
    ) -> None:
        """Ask and print; a result is a hit if its name or text holds the answer."""
        embedding, text = WEIGHTS[mode]
        ranking = {"hybrid_search": {"embedding_weight": embedding, "text_weight": text}}
        firsts = thirds = 0
        times = []
        for question, answer in questions:
            body = {"query": question, "max_num_results": 20, "ranking_options": ranking}
            start = time.perf_counter()
            found = self.post(f"/vector_stores/{store}/search", body)["data"]
            times.append(time.perf_counter() - start)
            right = [hit["filename"] == answer or answer in str(hit["content"]) for hit in found]
            firsts += any(right[:1])
            thirds += any(right[:3])
        if not quiet:
            count = len(questions)
            figures = f"{f'{firsts}/{count}':>8}{f'{thirds}/{count}':>8}" if hits else " " * 16
            print(f"{label:34}{figures}{statistics.median(times) * 1000:8.1f}")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._send(path, json.dumps(body).encode(), "application/json")

    def _upload(self, name: str, text: str) -> str:
        edge = "benchmark-edge"
        parts = (
            f'--{edge}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
            f"{text}\r\n--{edge}--\r\n"
        )
        answer = self._send("/files", parts.encode(), f"multipart/form-data; boundary={edge}")
        return str(answer["id"])

    def _send(self, path: str, data: bytes | None = None, kind: str = "") -> Any:
        headers = {"authorization": f"Bearer {self._server.api_key}", "content-type": kind}
        request = Request(self._server.base_url + path, data, headers)
        with self._opener.open(request, timeout=600) as response:
            return json.load(response)


if __name__ == "__main__":
    main()
