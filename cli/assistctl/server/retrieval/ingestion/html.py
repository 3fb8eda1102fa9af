"""HTML as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

from assistctl.server.retrieval.ingestion.builder import TextBuilder
from assistctl.server.retrieval.text import Text

# Of the head only the title is text; where the head ends, HTML need not say.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "title", "svg"})
_INLINE = frozenset(
    {"a", "abbr", "b", "code", "em", "i", "mark", "s", "small", "span", "font", "label"}
    | {"strong", "sub", "sup", "u", "wbr", "img", "input", "tbody", "thead", "tfoot", "time"}
)
_LISTS = frozenset({"ul", "ol", "menu"})
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_MOST_COLUMNS = 1_000
"""As many as a cell may span; HTML itself says so."""


def read(html: str, keeps_tabs: bool = False) -> Text:
    """Tabs are white space like any other, unless the page was not written by hand."""
    page = _Page(keeps_tabs)
    page.feed(html)
    page.close()
    return page.finished()


class _Page(HTMLParser):
    def __init__(self, keeps_tabs: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._keeps_tabs = keeps_tabs
        self._builder = TextBuilder()
        self._words: list[str] = []
        self._hidden = 0
        self._preformatted = 0
        self._lists = 0
        self._mark = ""  # of an item whose text has not begun
        self._tables: list[_Table] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in ("tr", "td", "th", "table"):
            self._begin(tag, dict(attrs))
        elif tag == "pre":
            self._flush()
            self._preformatted += 1
        elif tag in _LISTS:
            self._flush()
            self._lists += 1
        elif tag == "li" and not self._tables:
            self._flush()
            self._mark = "  " * (self._lists - 1) + "- "
        elif tag not in _INLINE:
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        if tag == "table" and self._tables:
            self._end_table()
        elif tag in _LEVELS and not self._tables:
            self._builder.heading(self._taken(), _LEVELS[tag])
        elif tag == "pre":
            self._flush()
            self._preformatted = max(0, self._preformatted - 1)
        elif tag == "li" or tag in _LISTS:
            self._flush()
            self._lists = max(0, self._lists - (tag in _LISTS))
            self._mark = ""
        elif tag not in _INLINE:
            self._flush()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)

    def finished(self) -> Text:
        while self._tables:
            self._end_table()
        self._flush()
        return self._builder.finished()

    def _begin(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "table":
            self._flush()
            self._tables.append(_Table())
        elif self._tables:
            self._tables[-1].take(self._taken())
            self._tables[-1].begin(tag, attributes)
        else:
            self._flush()

    def _end_table(self) -> None:
        self._tables[-1].take(self._taken())
        rows = self._tables.pop().rows
        if self._tables:  # a table within a cell is that cell's text
            self._words.append(" ".join(cell for row in rows for cell in row))
        elif max(map(len, rows), default=0) > 1:
            self._builder.table(rows)
        else:  # pages are laid out by tables too
            for row in rows:
                self._builder.paragraph(" ".join(row))

    def _flush(self) -> None:
        if self._tables:
            self._words.append(" ")
        elif text := self._taken():
            self._builder.paragraph(text, self._mark)
            self._mark = ""

    def _taken(self) -> str:
        text = "".join(self._words)
        self._words.clear()
        if self._preformatted:
            return text
        between_tabs = text.split("\t") if self._keeps_tabs else [text]
        return "\t".join(" ".join(part.split()) for part in between_tabs).strip()


class _Table:
    """Rows of cells; text outside of any cell goes where it can, and a cell that spans several
    leaves the others empty, so that each stands below its name."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._width = 1
        self._spans: dict[int, int] = {}  # column -> how many more rows a cell reaches down there
        self._taken: set[int] = set()  # columns of this row that belong to a cell above

    def begin(self, tag: str, attributes: Mapping[str, str | None]) -> None:
        if tag == "tr" or not self.rows:
            self.rows.append([])
            self._width, self._taken = 1, set(self._spans)
            self._spans = {column: more - 1 for column, more in self._spans.items() if more > 1}
        if tag in ("td", "th"):
            row = self.rows[-1]
            row.extend([""] * (self._width - 1))
            while len(row) in self._taken:
                row.append("")
            self._width, more = _span(attributes, "colspan"), _span(attributes, "rowspan") - 1
            if more:
                columns = range(len(row), len(row) + self._width)
                self._spans.update(dict.fromkeys(columns, more))
            row.append("")

    def take(self, text: str) -> None:
        if not text:
            return
        if not self.rows:
            self.rows.append([])
        if not self.rows[-1]:
            self.rows[-1].append("")
        self.rows[-1][-1] = f"{self.rows[-1][-1]} {text}".strip()


def _span(attributes: Mapping[str, str | None], name: str) -> int:
    value = attributes.get(name) or ""
    return max(1, min(int(value), _MOST_COLUMNS)) if re.fullmatch("[0-9]{1,9}", value) else 1
