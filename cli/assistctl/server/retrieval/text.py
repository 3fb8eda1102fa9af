"""Text, cut into pieces that can be understood alone."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assistctl.server.tokens import count_tokens, units, weight

_SENTENCE_END = frozenset("。！？；.!?;")
_HEADING = re.compile(r"^(#{1,6}) +\S.*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Context:
    """A line (of column names, or a heading) without which the text from `start` to `end` is not
    understood. It stands itself right before `start`."""

    line: str
    start: int
    end: int

    @property
    def begins(self) -> int:
        return self.start - len(self.line)


@dataclass(frozen=True)
class Text:
    """A text with what gives its parts their sense; outer contexts come before inner ones."""

    value: str
    contexts: Sequence[Context] = ()


@dataclass(frozen=True)
class Piece:
    """`text` up to `new_from` repeats: the lines of its context, and what the last piece held."""

    text: str
    new_from: int = 0


def headings(text: str) -> list[Context]:
    """The sections of a Markdown text: each heading holds until the next of its level or above."""
    without_code = _FENCE.sub(lambda fence: " " * len(fence.group()), text)
    found = list(_HEADING.finditer(without_code))
    ends = [len(text)] * len(found)
    within: list[int] = []
    for number, heading in enumerate(found):
        while within and len(found[within[-1]][1]) >= len(heading[1]):
            ends[within.pop()] = heading.start()
        within.append(number)
    return [
        Context(heading[0].rstrip(), heading.start() + len(heading[0].rstrip()), end)
        for heading, end in zip(found, ends, strict=True)
    ]


def cut(text: Text, size: int, overlap: int) -> Iterator[Piece]:
    """Pieces of at most `size` tokens, each repeating up to `overlap` of the last.

    A piece ends at the end of a section, paragraph, line or sentence if one lies in its second
    half, and begins with the lines of its context; these may fill half of it.
    """
    units, contexts = _Units(text), _Contexts(text.contexts)
    first, known = 0, 0
    while first < len(units):
        begin = units.begin(first) if first else 0
        lead = contexts.lead(units.starts[first], size // 2)
        last = units.fill(first, size - count_tokens(lead))
        if last < len(units):
            last = units.good_end(first, last)
        end = units.begin(last) if last < len(units) else len(text.value)
        yield Piece(lead + text.value[begin:end], len(lead) + known - begin)
        first, known = units.step_back(first, last, overlap) if last < len(units) else last, end


def passages(piece: Piece, size: int) -> Iterator[str]:
    """What is new in a piece, in parts of about `size` tokens, for a model that reads few at once;
    each with the headings above it."""
    at = 0
    for part in cut(Text(piece.text, headings(piece.text)), size, 0):
        at += len(part.text) - part.new_from
        if at > piece.new_from:
            yield part.text


class _Contexts:
    """The contexts of a text, asked for at positions that only grow."""

    def __init__(self, contexts: Sequence[Context]) -> None:
        self._ahead = list(reversed(contexts))
        self._within: list[Context] = []

    def lead(self, position: int, most: int) -> str:
        """The lines that a piece beginning at `position` needs, of at most `most` tokens; where
        they are more, inner ones are worth more than outer ones."""
        while self._ahead and self._ahead[-1].start <= position:
            self._within.append(self._ahead.pop())
        self._within = [context for context in self._within if position < context.end]
        lines: list[str] = []
        for context in reversed(self._within):
            tokens = count_tokens(context.line)
            if tokens > most and lines:
                break
            lines.append(_shortened(context.line, most) + "\n")
            most -= tokens
        return "".join(reversed(lines))


def _shortened(line: str, most: int) -> str:
    """As many units of the line as `most` tokens allow."""
    for unit in units(line):
        most -= weight(len(unit.group()))
        if most < 0:
            return line[: unit.start()].rstrip()
    return line


class _Units:
    """The words, characters and marks of a text, by number."""

    def __init__(self, text: Text) -> None:
        self._text = text.value
        self._sections = {context.begins for context in text.contexts}
        self._leads = {context.start for context in text.contexts}
        self.starts, self._ends, self._weights = array("I"), array("I"), array("I")
        add_start, add_end = self.starts.append, self._ends.append
        add_weight = self._weights.append
        for unit in units(text.value):
            start, end = unit.span()
            add_start(start)
            add_end(end)
            add_weight(weight(end - start))
        self._count = len(self.starts)

    def __len__(self) -> int:
        return self._count

    def begin(self, unit: int) -> int:
        """Where a piece that begins with this unit begins: with its line, if it can, since
        the indentation of code and lists means something."""
        start = self.starts[unit]
        line = self._text.rfind("\n", self._ends[unit - 1] if unit else 0, start) + 1
        return line or start

    def fill(self, first: int, size: int) -> int:
        """The unit behind the last one that fits; one unit always does."""
        weights, count = self._weights, self._count
        used, last = weights[first], first + 1
        while last < count and used + weights[last] <= size:
            used += weights[last]
            last += 1
        return last

    def good_end(self, first: int, last: int) -> int:
        """The unit behind the best place to end a piece of the units first…last-1."""
        best, rank = last, 0
        for unit in range(last, first + (last - first) // 2, -1):
            here = self._rank(unit)
            if here > rank:
                best, rank = unit, here
        return best

    def step_back(self, first: int, last: int, overlap: int) -> int:
        """Where the next piece begins: within the overlap, with a whole line if it can."""
        used, earliest = 0, last
        while earliest - 1 > first and used + self._weights[earliest - 1] <= overlap:
            earliest -= 1
            used += self._weights[earliest]
        for unit in range(earliest, last):
            if "\n" in self._gap(unit):
                return unit
        return earliest

    def _rank(self, unit: int) -> int:
        """How good it is to end before this unit."""
        gap = self._gap(unit)
        if self._ends[unit - 1] in self._leads:
            return 0
        if gap.count("\n") > 1 or ("\n" in gap and self.starts[unit] in self._sections):
            return 3
        if "\n" in gap:
            return 2
        return int(self._text[self._ends[unit - 1] - 1] in _SENTENCE_END)

    def _gap(self, unit: int) -> str:
        """What stands between this unit and the one before."""
        return self._text[self._ends[unit - 1] : self.starts[unit]]
