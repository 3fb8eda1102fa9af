"""What a model's words refer to: marks and paths -> references to files.

A citation mark, 【4:0†source】, refers to a passage: the first number is a search of this run, the
second one of its results. Search results show each mark to the model, which copies it where it uses
the passage. The path of a file that code has written, sandbox:/mnt/data/x.csv, refers to that file.
Either stays in the text verbatim and comes in one span of its own, with its reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

FIRST_SEARCH = 4
"""The number of a run's first search; the hosted API's marks began about there, and clients and
prompts written for it look like that."""

DATA = "sandbox:/mnt/data/"
"""What the path of every file that code has written begins with, as answers have it."""

_MARK = re.compile(r"【(\d{1,6}):(\d{1,6})†([^【】]*)】", re.ASCII)
_GOES_ON = re.compile(r"\w", re.ASCII)
_LONGEST = 300

Resolve: TypeAlias = Callable[[int, int, str], str | None]
"""(search, result, what stands after the dagger) -> the id of the cited file, None if unknown."""


@dataclass(frozen=True)
class CitableSources:
    """What can be referred to: marks, and paths (in full) with the ids of their files."""

    resolve: Resolve
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """To a passage of a file, by a mark, or to a file that code has written, by its path."""

    kind: Literal["passage", "path"]
    file_id: str


@dataclass(frozen=True)
class TextSpan:
    """Text that may be shown now. One with a reference is the mark or the path, all of it."""

    text: str
    reference: Reference | None = None


@dataclass
class Citer:
    """Cuts a stream of text so that no mark or path is torn; what may become one is held back."""

    sources: CitableSources
    _held: str = ""

    def feed(self, text: str) -> list[TextSpan]:
        self._held += text
        return self._let_go(ended=False)

    def flush(self) -> list[TextSpan]:
        return self._let_go(ended=True)

    def _let_go(self, ended: bool) -> list[TextSpan]:
        spans: list[TextSpan] = []
        while self._held:
            start = self._start()
            if start > 0:
                length = start
            elif self._held[0] == "【":
                length = self._mark_length(ended)
            else:
                length = self._path_length(ended)
            if length == 0:
                break
            spans.append(self._release(length))
        return spans

    def _start(self) -> int:
        """Where the first thing begins that is, or may become, a mark or a path."""
        begins = [self._held.find("【")]
        if self.sources.paths:
            begins.append(self._held.find(DATA))
            tails = range(max(0, len(self._held) - len(DATA) + 1), len(self._held))
            begins += [at for at in tails if DATA.startswith(self._held[at:])][:1]
        return min((at for at in begins if at >= 0), default=len(self._held))

    def _mark_length(self, ended: bool) -> int:
        """How much may go of what begins like a mark; 0 if that is not known yet."""
        closing = self._held.find("】")
        others = [self._held.find("【", 1)]
        if self.sources.paths:
            others.append(self._held.find(DATA))
        another = min((at for at in others if at > 0), default=-1)
        if another > 0 and (closing < 0 or another < closing):
            return another
        if closing >= 0:
            return closing + 1
        return len(self._held) if ended or len(self._held) > _LONGEST else 0

    def _path_length(self, ended: bool) -> int:
        """The same for a path. Which one it is, is only known from what follows it."""
        if not ended and any(path.startswith(self._held) for path in self.sources.paths):
            return 0
        whole = [path for path in self.sources.paths if self._stands_alone(path)]
        return max(map(len, whole), default=min(len(DATA), len(self._held)))

    def _stands_alone(self, path: str) -> bool:
        rest = self._held[len(path) :]
        return self._held.startswith(path) and not _GOES_ON.match(rest)

    def _release(self, length: int) -> TextSpan:
        text, self._held = self._held[:length], self._held[length:]
        return TextSpan(text, self._reference(text))

    def _reference(self, text: str) -> Reference | None:
        if text in self.sources.paths:
            return Reference("path", self.sources.paths[text])
        mark = _MARK.fullmatch(text)
        file_id = mark and self.sources.resolve(int(mark[1]), int(mark[2]), mark[3])
        return Reference("passage", file_id) if file_id else None


def mark(search: int, result: int) -> str:
    """What the model is shown with a passage."""
    return f"【{search}:{result}†source】"
