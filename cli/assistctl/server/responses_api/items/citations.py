"""Text of a thread, in which citations are marks (【4:0†source】), as a text without them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assistctl.server.wire import Document


@dataclass(frozen=True)
class Cited:
    """An annotation, and where in the text what it is about stands, or stood."""

    annotation: Document
    start: int
    end: int


def without_marks(value: str, annotations: Iterable[Document]) -> tuple[str, list[Cited]]:
    """The text, and its annotations in order. Other servers may have counted otherwise (in units
    of UTF-16, say): what does not stand where an annotation says is looked for."""
    found = sorted(((_span(value, each), each) for each in annotations), key=lambda pair: pair[0])
    cuts = sorted({span for span, each in found if each["type"] == "file_citation"})

    def moved(place: int) -> int:
        return place - sum(min(place, end) - start for start, end in cuts if start < place)

    kept, last = "", 0
    for start, end in cuts:
        kept, last = kept + value[last:start], max(last, end)
    return kept + value[last:], [
        Cited(each, moved(start), moved(end)) for (start, end), each in found
    ]


def _span(value: str, annotation: Mapping[str, Any]) -> tuple[int, int]:
    """Where its text stands; nothing is there of one that is not in the text."""
    text = annotation["text"]
    start = annotation.get("start_index") or 0
    if not value.startswith(text, start):
        start = value.find(text)
    return (start, start + len(text)) if start >= 0 else (len(value), len(value))
