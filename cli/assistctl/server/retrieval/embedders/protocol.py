"""What the index asks of an embedder."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias

Vector: TypeAlias = bytes
"""Numbers of 32 bits, in the machine's order, of length 1 together: the product of two vectors is
the cosine between them."""

NUMBER_BYTES = 4


class EmbedderError(Exception):
    """Texts could not be embedded; the message says why. It may work later."""


class Embedder(Protocol):
    """`name` tells vectors apart that cannot be compared: another model, another name. Texts of
    up to `passage_tokens` are what it represents well. Its methods may be called by any thread."""

    name: str
    passage_tokens: int

    def embed(self, texts: Sequence[str], patience: float) -> list[Vector]:
        """A vector for each text. Raises EmbedderError, after `patience` seconds at the latest."""

    def close(self) -> None:
        """Let go of what it holds; an `embed` under way raises EmbedderError soon."""


def packed(numbers: Iterable[float]) -> Vector:
    """The numbers as a vector; raises EmbedderError for those that have no direction."""
    values = array("f", numbers)
    length = math.sqrt(math.fsum(value * value for value in values))
    if not length or not math.isfinite(length):
        raise EmbedderError("an embedding without a direction")
    return array("f", (value / length for value in values)).tobytes()
