"""What a model's words refer to: marks and paths -> annotations.

A citation mark, 【4:0†source】, becomes a file_citation: the first number is a search of this run,
the second one of its results. Search results show each mark to the model, which copies it where
it uses the passage. The path of a file that code has written, sandbox:/mnt/data/x.csv, becomes a
file_path. Either stays in the text verbatim, so that clients can replace it, and comes in one
delta together with its annotation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

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
class Sources:
    """What can be referred to: marks, and paths (in full) with the ids of their files."""

    resolve: Resolve
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Piece:
    """Text that may be shown now, with the annotations of what it refers to, as deltas have them:
    each with its number in the text, by which SDKs put them together."""

    text: str
    annotations: tuple[dict[str, Any], ...] = ()


@dataclass
class Citer:
    """Cuts a stream of text so that no mark or path is torn; what may become one is held back."""

    sources: Sources
    text: str = ""
    annotations: list[dict[str, Any]] = field(default_factory=list)
    _held: str = ""

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        return self._let_go(ended=False)

    def flush(self) -> list[Piece]:
        return self._let_go(ended=True)

    def _let_go(self, ended: bool) -> list[Piece]:
        pieces: list[Piece] = []
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
            pieces.append(self._release(length))
        return pieces

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

    def _release(self, length: int) -> Piece:
        text, self._held = self._held[:length], self._held[length:]
        start = len(self.text)
        self.text += text
        found = self._annotation(text)
        if found is None:
            return Piece(text)
        kind, file_id = found
        annotation = {
            "type": kind,
            "text": text,
            "start_index": start,
            "end_index": start + len(text),
            kind: {"file_id": file_id},
        }
        self.annotations.append(annotation)
        return Piece(text, ({"index": len(self.annotations) - 1, **annotation},))

    def _annotation(self, text: str) -> tuple[str, str] | None:
        """The type of annotation, and the id of the file, of a piece that refers to one."""
        if text in self.sources.paths:
            return "file_path", self.sources.paths[text]
        mark = _MARK.fullmatch(text)
        file_id = mark and self.sources.resolve(int(mark[1]), int(mark[2]), mark[3])
        return ("file_citation", file_id) if file_id else None


def mark(search: int, result: int) -> str:
    return f"【{search}:{result}†source】"


def without_marks(value: str, annotations: list[dict[str, Any]]) -> str:
    """The text of an earlier message for the model: what its marks pointed to is gone."""
    for annotation in annotations:
        if annotation["type"] == "file_citation":
            value = value.replace(annotation["text"], "")
    return value


def attachments(content: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a message has attached, as it was at the hosted API: the files that its text links to,
    each once. Clients look here for what code has made."""
    linked = [
        annotation["file_path"]["file_id"]
        for part in content
        if part["type"] == "text"
        for annotation in part["text"]["annotations"]
        if annotation["type"] == "file_path"
    ]
    return [
        {"file_id": file_id, "tools": [{"type": "code_interpreter"}]}
        for file_id in dict.fromkeys(linked)
    ]
