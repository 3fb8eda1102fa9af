"""Embedders: what turns texts into vectors whose angles tell how near their meanings are.

By default it is the encoder of `pip install 'assistctl[search]'`, where it is installed: small,
multilingual, offline. An embeddings endpoint that is configured takes its place. Without either,
file_search finds by words alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from assistctl.server.retrieval.embedders import offline
from assistctl.server.retrieval.embedders.endpoint import EmbeddingsEndpoint
from assistctl.server.retrieval.embedders.protocol import Embedder, EmbedderError, Vector

__all__ = ["Embedder", "EmbedderError", "Vector", "chosen"]


def chosen(declared: Literal["auto", "none"] | Mapping[str, Any]) -> Embedder | None:
    """The embedder for `Settings.embeddings`, None for none; ValueError says what is wrong."""
    if isinstance(declared, Mapping):
        return EmbeddingsEndpoint(declared)
    if declared not in ("auto", "none"):
        raise ValueError(f"embeddings must be auto, none or an endpoint, not {declared!r}")
    return offline.encoder() if declared == "auto" else None
