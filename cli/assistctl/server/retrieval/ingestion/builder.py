"""A text in the making: paragraphs, headings and tables as one plain text that keeps their sense.

Whatever the format, headings become Markdown's, and rows of tables lines of cells between bars.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.text import Context, Text

_MOST_CHARACTERS = 40_000_000
_LOOKED_AT = 20
_TITLE_ROWS = 5
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]|[\ud800-\udfff]")
_NUMBER = re.compile(r"[-+(]?[\W_]*\d[\d.,\s]*\D{0,4}")


class TextBuilder:
    """Collects a text from its beginning to its end."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._length = 0
        self._contexts: list[Context] = []
        self._sections: list[tuple[int, int]] = []  # level, number of the context: still open

    def heading(self, title: str, level: int) -> None:
        """Begin a section, which ends those of this `level` (from 1) and below it."""
        title = one_line(title)
        if not title:
            return
        if self._length:
            self._add("")
        while self._sections and self._sections[-1][0] >= level:
            self._close(self._sections.pop()[1])
        self._add("#" * level + " " + title)
        self._sections.append((level, self._open(self._lines[-1])))

    def paragraph(self, text: str, mark: str = "") -> None:
        """`mark` stands before the text if there is any: that of a list's item, with its indent."""
        text = _CONTROL.sub("", text).strip()
        if text:
            self._add(mark + text)

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Rows of cells; each row stays on one line, and keeps the column names with it."""
        lines = [[one_line(cell) for cell in row] for row in rows]
        lines = [row for row in lines if any(row)]
        named = names_until(lines)
        number = None
        for at, row in enumerate(lines):
            self._add(" | ".join(row).rstrip(" |"))
            if at + 1 == named < len(lines):
                number = self._open("\n".join(self._lines[-named:]))
        if number is not None:
            self._close(number)

    def finished(self) -> Text:
        """The whole text; nothing may be added afterwards."""
        for _, number in self._sections:
            self._close(number)
        return Text("\n".join(self._lines), self._contexts)

    def _add(self, line: str) -> None:
        self._length += len(line) + 1
        if self._length > _MOST_CHARACTERS:
            raise UnreadableFile(
                "invalid_file", f"The file holds more than {_MOST_CHARACTERS:,} letters."
            )
        self._lines.append(line)

    def _open(self, line: str) -> int:
        """Begin a context; `line` is what was added last."""
        self._contexts.append(Context(line, self._length - 1, self._length))
        return len(self._contexts) - 1

    def _close(self, number: int) -> None:
        context = self._contexts[number]
        self._contexts[number] = Context(context.line, context.start, self._length)


def one_line(text: str) -> str:
    """The text with single spaces for all that is white, and without control characters."""
    return " ".join(_CONTROL.sub("", text).split())


def names_until(rows: Sequence[Sequence[str]]) -> int:
    """How many rows at a table's top name its columns: the first one if no other looks more like
    names; what stands above the names (a title, a date) goes with them."""
    sample = rows[:_LOOKED_AT]
    widest = max(map(_filled, sample), default=0)
    for at, row in enumerate(sample[:_TITLE_ROWS]):
        if _filled(row) >= widest * 0.8 and not any(map(_is_number, row)):
            return at + 1
    return 1


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_number(cell: str) -> bool:
    """A number with its sign and unit: 3, -1.50 €, ¥12, 5支."""
    return bool(_NUMBER.fullmatch(cell.strip()))
