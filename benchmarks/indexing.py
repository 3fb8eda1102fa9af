"""What it costs to index text with the offline encoder, as it is used and by its own pass.

    python benchmarks/indexing.py

Each text is attached to a vector store of an embedded server and indexed as any other, twice: with
the forward pass of `retrieval/embedders/forward.py`, and with that of the package. CPU seconds are
those of the whole process, which does nothing else meanwhile, so they hardly depend on what else
the machine does. Needs pip install 'assistctl[search]'.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from search import Client, made_up

from assistctl.server import EmbeddedServer, Settings
from assistctl.server.retrieval.embedders import offline

ROOT = Path(__file__).parent.parent
TEXTS = {
    "prose, Chinese and English mixed": made_up(200_000),
    "this project's documentation": "".join(
        path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/*.md"))
    ),
}
KNOWN = {"package's own": "none", "as used": offline._KNOWN_INSIDE}


def main() -> None:
    print(f"{'kB per CPU second':36}" + "".join(f"{way:>16}" for way in KNOWN) + f"{'ratio':>8}")
    for name, text in TEXTS.items():
        own, used = (speed(text, known) for known in KNOWN.values())
        print(f"{name:36}{own:16.0f}{used:16.0f}{used / own:8.1f}")


def speed(text: str, known: str) -> float:
    offline._loaded.cache_clear()
    with (
        mock.patch.object(offline, "_KNOWN_INSIDE", known),
        tempfile.TemporaryDirectory() as directory,
        EmbeddedServer(Settings(Path(directory) / "b.db", embeddings="auto")) as server,
    ):
        client = Client(server)
        client.fill({"warm.txt": "The encoder is loaded once."})
        time.sleep(1)
        start = time.process_time()
        client.fill({"large.txt": text}, pause=0.5)
        return len(text.encode()) / 1000 / (time.process_time() - start)


if __name__ == "__main__":
    main()
