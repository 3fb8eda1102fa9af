"""Word documents (docx): headings, paragraphs, lists, tables, and the notes below."""

from __future__ import annotations

import re
from collections.abc import Mapping

from assistctl.server.retrieval.reading.archives import Archive
from assistctl.server.retrieval.reading.drafts import Draft
from assistctl.server.retrieval.text import Text

MAIN = "word/document.xml"
_STYLES = "word/styles.xml"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_HEADING_NAME = re.compile(r"heading (\d)", re.IGNORECASE)
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_DEEPEST = 6


def read(archive: Archive) -> Text:
    styles = _Styles()
    if _STYLES in archive.names:
        archive.parse(_STYLES, styles)
    draft = Draft()
    for part in (MAIN, *_NOTES):
        if part in archive.names:
            archive.parse(part, _Body(draft, styles))
    return draft.finished()


class _Styles:
    """Which paragraph styles are headings, and of which level; a style may be based on another."""

    def __init__(self) -> None:
        self._levels: dict[str, int] = {}
        self._bases: dict[str, str] = {}
        self._style = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name == "style":
            self._style = attributes.get("styleId", "")
        elif name == "basedOn":
            self._bases[self._style] = value
        elif name == "outlineLvl":
            self._levels.setdefault(self._style, outline_level(value))
        elif name == "name":
            named = _HEADING_NAME.fullmatch(value)
            if named or value.lower() == "title":
                self._levels[self._style] = int(named[1]) if named else 1

    def end(self, name: str) -> None:
        pass

    def data(self, text: str) -> None:
        pass

    def level(self, style: str) -> int:
        """The level of a heading from 1, 0 for body text."""
        for _ in range(10):
            if style in self._levels:
                return self._levels[style]
            style = self._bases.get(style, "")
        return 0


def outline_level(value: str) -> int:
    """Word counts from 0, and 9 is body text."""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


class _Paragraph:
    def __init__(self) -> None:
        self.words: list[str] = []
        self.level = 0
        self.listed = False

    @property
    def text(self) -> str:
        return "".join(self.words).strip()


class _Body:
    def __init__(self, draft: Draft, styles: _Styles) -> None:
        self._draft = draft
        self._styles = styles
        self._paragraphs: list[_Paragraph] = []
        self._tables: list[list[list[str]]] = []
        self._in_text = False
        self._repeated = 0  # text boxes are written twice, once for old readers

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._repeated += name == "Fallback"
        if self._repeated:
            return
        self._in_text = name == "t"
        if name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "tbl":
            self._tables.append([])
        elif name == "tr" and self._tables:
            self._tables[-1].append([])
        elif name == "tc" and self._tables and self._tables[-1]:
            self._tables[-1][-1].append("")
        elif self._paragraphs:
            self._format(self._paragraphs[-1], name, attributes)

    def _format(self, paragraph: _Paragraph, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name == "pStyle":
            paragraph.level = self._styles.level(value)
        elif name == "outlineLvl":
            paragraph.level = outline_level(value)
        elif name == "numPr":
            paragraph.listed = True
        elif name in _BREAKS and "val" not in attributes:  # with one it is a tab stop
            paragraph.words.append(_BREAKS[name])

    def end(self, name: str) -> None:
        if self._repeated:
            self._repeated -= name == "Fallback"
        elif name == "t":
            self._in_text = False
        elif name == "p" and self._paragraphs:
            self._finish(self._paragraphs.pop())
        elif name == "tbl" and self._tables:
            self._finish_table(self._tables.pop())

    def data(self, text: str) -> None:
        if self._in_text and not self._repeated and self._paragraphs:
            self._paragraphs[-1].words.append(text)

    def _finish(self, paragraph: _Paragraph) -> None:
        if self._tables:
            self._put_in_cell(paragraph.text)
        elif paragraph.level:
            self._draft.heading(paragraph.text, min(paragraph.level, _DEEPEST))
        elif paragraph.text:
            self._draft.paragraph("- " * paragraph.listed + paragraph.text)

    def _finish_table(self, rows: list[list[str]]) -> None:
        if self._tables:
            self._put_in_cell(" ".join(cell for row in rows for cell in row))
        else:
            self._draft.table(rows)

    def _put_in_cell(self, text: str) -> None:
        rows = self._tables[-1]
        if rows and rows[-1]:
            rows[-1][-1] = f"{rows[-1][-1]} {text}".strip()
