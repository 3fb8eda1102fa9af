"""Citation marks in what a model says: 【4:0†source】 -> file_citation annotations.

The first number is a search of this run, the second one of its results. Search results show each
mark to the model, which copies it where it uses the passage. The mark stays in the text verbatim,
so that clients can replace it, and comes in one delta together with its annotation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

FIRST_SEARCH = 4
"""The number of a run's first search; the hosted API's marks began about there, and clients and
prompts written for it look like that."""

_MARK = re.compile(r"【(\d{1,6}):(\d{1,6})†([^【】]*)】", re.ASCII)
_LONGEST = 300

Resolve: TypeAlias = Callable[[int, int, str], str | None]
"""(search, result, what stands after the dagger) -> the id of the cited file, None if unknown."""


@dataclass(frozen=True)
class Piece:
    """Text that may be shown now, with the annotations of the marks in it."""

    text: str
    annotations: tuple[dict[str, Any], ...] = ()


@dataclass
class Citer:
    """Cuts a stream of text so that no mark is torn; a would-be mark is held back until it ends."""

    resolve: Resolve
    text: str = ""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    _held: str = ""

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        pieces: list[Piece] = []
        while self._held:
            opening = self._held.find("【")
            if opening != 0:
                pieces.append(self._release(len(self._held) if opening < 0 else opening))
                continue
            closing = self._held.find("】")
            another = self._held.find("【", 1)
            if another > 0 and (closing < 0 or another < closing):
                pieces.append(self._release(another))
            elif closing >= 0:
                pieces.append(self._release(closing + 1))
            elif len(self._held) > _LONGEST:
                pieces.append(self._release(len(self._held)))
            else:
                break
        return pieces

    def flush(self) -> list[Piece]:
        return [self._release(len(self._held))] if self._held else []

    def _release(self, length: int) -> Piece:
        text, self._held = self._held[:length], self._held[length:]
        start = len(self.text)
        self.text += text
        found: list[dict[str, Any]] = []
        mark = _MARK.fullmatch(text)
        file_id = mark and self.resolve(int(mark[1]), int(mark[2]), mark[3])
        if file_id:
            found.append(
                {
                    "type": "file_citation",
                    "text": text,
                    "start_index": start,
                    "end_index": start + len(text),
                    "file_citation": {"file_id": file_id},
                }
            )
            self.annotations += found
        return Piece(text, tuple(found))


def mark(search: int, result: int) -> str:
    return f"【{search}:{result}†source】"


def without_marks(value: str, annotations: list[dict[str, Any]]) -> str:
    """The text of an earlier message for the model: what its marks pointed to is gone."""
    for annotation in annotations:
        value = value.replace(annotation["text"], "")
    return value
