"""Two texts -> lines with what goes and what comes, word by word within a line that changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

CONTEXT = 3
"""So many lines that are the same are shown around those that are not."""

_MOST_WORDS = 4000
_ALIKE = 0.5
"""Below this likeness two passages are told as one that went and one that came."""

_WORDS = re.compile(
    # Where words are not written apart, each character is one.
    r"[^\W\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]+|\s+|."
)

Sign: TypeAlias = Literal[" ", "-", "+", "…"]


@dataclass(frozen=True)
class Part:
    """A piece of a line; `changed`: the other side has it not."""

    text: str
    changed: bool = False


@dataclass(frozen=True)
class Line:
    """A line that stays, goes or comes; or (…) so many that stay and are not shown."""

    sign: Sign
    parts: tuple[Part, ...] = ()
    hidden: int = 0


def difference(before: str, after: str) -> list[Line]:
    """What went and what came, with a little of what is around it; nothing of what is the same."""
    if before == after:
        return []
    old, new = before.splitlines(), after.splitlines()
    lines: list[Line] = []
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    codes = matcher.get_opcodes()
    for place, (kind, i, j, k, m) in enumerate(codes):
        if kind == "equal":
            lines += _same(old[i:j], first=place == 0, last=place == len(codes) - 1)
        else:
            lines += _changed(old[i:j], new[k:m])
    if old == new and before != after:
        went, came = ("without", "with") if after.endswith("\n") else ("with", "without")
        lines.append(Line("-", (Part(f"({went} a line break at the end)", True),)))
        lines.append(Line("+", (Part(f"({came} a line break at the end)", True),)))
    return lines


def _same(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[Line]:
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    hidden = len(lines) - head - tail
    if hidden < 2:
        yield from (Line(" ", (Part(line),)) for line in lines)
        return
    yield from (Line(" ", (Part(line),)) for line in lines[:head])
    yield Line("…", hidden=hidden)
    yield from (Line(" ", (Part(line),)) for line in lines[len(lines) - tail :])


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[Line]:
    one, other = _WORDS.findall("\n".join(old)), _WORDS.findall("\n".join(new))
    if old and new and len(one) + len(other) <= _MOST_WORDS:
        matcher = SequenceMatcher(None, one, other, autojunk=False)
        if matcher.ratio() >= _ALIKE:
            codes = matcher.get_opcodes()
            went = [(kind != "equal", "".join(one[i:j])) for kind, i, j, _, _ in codes]
            came = [(kind != "equal", "".join(other[k:m])) for kind, _, _, k, m in codes]
            yield from _lines("-", went)
            yield from _lines("+", came)
            return
    yield from (Line("-", (Part(line),)) for line in old)
    yield from (Line("+", (Part(line),)) for line in new)


def _lines(sign: Sign, pieces: Sequence[tuple[bool, str]]) -> Iterator[Line]:
    """Pieces of a passage, some of them changed, line by line."""
    parts: list[Part] = []
    for changed, text in pieces:
        for number, piece in enumerate(text.split("\n")):
            if number:
                yield Line(sign, tuple(parts))
                parts = []
            if piece:
                parts.append(Part(piece, changed))
    yield Line(sign, tuple(parts))
