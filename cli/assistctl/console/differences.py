"""Two texts -> lines with what goes and what comes, word by word within a line that changed."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal, TypeAlias

CONTEXT = 3
"""So many lines that are the same are shown around those that are not."""

MOST_PAIRS = 3_000_000
"""So many pairs of equal lines or words are looked at, in all. What both sides have many times, as
words have spaces, is a pair with each of the others, again for each thing in common that is found:
of two texts without more in common that would be the cube of their length."""

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
    effort = _Effort()
    codes = _compared(old, new, effort, _ends(old, new))
    for place, (is_same, i, j, k, m) in enumerate(codes):
        if is_same:
            lines += _same(old[i:j], first=place == 0, last=place == len(codes) - 1)
        else:
            lines += _changed(old[i:j], new[k:m], effort)
    if old == new and before != after:
        went, came = ("without", "with") if after.endswith("\n") else ("with", "without")
        lines.append(Line("-", (Part(f"({went} a line break at the end)", True),)))
        lines.append(Line("+", (Part(f"({came} a line break at the end)", True),)))
    return lines


@dataclass
class _Effort:
    """How many pairs may still be looked at."""

    left: int = MOST_PAIRS


_Code: TypeAlias = tuple[bool, int, int, int, int]
"""Whether a passage of the one and one of the other are the same, and where both are."""


def _compared(
    one: Sequence[str], other: Sequence[str], effort: _Effort, ends: tuple[int, int] = (0, 0)
) -> list[_Code]:
    """All of both, as passages that are the same and such that are not. `ends` is how much is known
    to be the same at the beginning and at the end."""
    begin, end = ends
    blocks = [(0, 0, begin), (len(one) - end, len(other) - end, end), (len(one), len(other), 0)]
    blocks += _in_common(one, other, (begin, len(one) - end, begin, len(other) - end), effort)
    codes: list[_Code] = []
    i = k = 0
    for j, m, size in sorted(blocks):
        if i < j or k < m:
            codes.append((False, i, j, k, m))
        if size and codes and codes[-1][0]:
            codes[-1] = (True, codes[-1][1], j + size, codes[-1][3], m + size)
        elif size:
            codes.append((True, j, j + size, m, m + size))
        i, k = j + size, m + size
    return codes


def _in_common(
    one: Sequence[str], other: Sequence[str], within: tuple[int, int, int, int], effort: _Effort
) -> Iterator[tuple[int, int, int]]:
    """The longest passage in common, those of what is before it and after it, and so on, as
    `SequenceMatcher.get_matching_blocks` has them, until that is too much."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    many = Counter(other)
    ranges = deque([within])
    while ranges:
        i, j, k, m = ranges.popleft()
        effort.left -= sum(1 + many[each] for each in one[i:j])
        if effort.left < 0:
            return
        a, b, size = matcher.find_longest_match(i, j, k, m)
        if size:
            yield a, b, size
            if i < a and k < b:
                ranges.append((i, a, k, b))
            if a + size < j and b + size < m:
                ranges.append((a + size, j, b + size, m))


def _ends(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """How much both have in common at the beginning, and at the end."""
    most = min(len(one), len(other))
    begin = next((at for at in range(most) if one[at] != other[at]), most)
    rest = most - begin
    return begin, next((at for at in range(rest) if one[-1 - at] != other[-1 - at]), rest)


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


def _changed(old: Sequence[str], new: Sequence[str], effort: _Effort) -> Iterator[Line]:
    one, other = _WORDS.findall("\n".join(old)), _WORDS.findall("\n".join(new))
    if old and new:
        codes = _compared(one, other, effort)
        alike = sum(j - i for is_same, i, j, _, _ in codes if is_same)
        if 2 * alike >= _ALIKE * (len(one) + len(other)):
            yield from _lines("-", [(not same, "".join(one[i:j])) for same, i, j, _, _ in codes])
            yield from _lines("+", [(not same, "".join(other[k:m])) for same, _, _, k, m in codes])
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
