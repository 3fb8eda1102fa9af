"""HTML as a reader sees it."""

from __future__ import annotations

from html.parser import HTMLParser

from assistctl.server.retrieval.reading.drafts import Draft
from assistctl.server.retrieval.text import Text

# Of the head only the title is text; where the head ends, HTML need not say.
_HIDDEN = frozenset({"script", "style", "template", "noscript", "title", "svg"})
_INLINE = frozenset(
    {"a", "abbr", "b", "code", "em", "i", "mark", "s", "small", "span", "font", "label"}
    | {"strong", "sub", "sup", "u", "wbr", "img", "input", "tbody", "thead", "tfoot", "time"}
)
_LEVELS = {f"h{level}": level for level in range(1, 7)}


def read(html: str) -> Text:
    page = _Page()
    page.feed(html)
    page.close()
    return page.finished()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._draft = Draft()
        self._words: list[str] = []
        self._hidden = 0
        self._preformatted = 0
        self._tables: list[_Table] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag in ("tr", "td", "th", "table"):
            self._begin(tag)
        elif tag == "pre":
            self._flush()
            self._preformatted += 1
        elif tag == "li" and not self._tables:
            self._flush()
            self._words.append("- ")
        elif tag not in _INLINE:
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in _HIDDEN))
        if tag == "table" and self._tables:
            self._end_table()
        elif tag in _LEVELS and not self._tables:
            self._draft.heading(self._taken(), _LEVELS[tag])
        elif tag == "pre":
            self._flush()
            self._preformatted = max(0, self._preformatted - 1)
        elif tag not in _INLINE:
            self._flush()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._words.append(data)

    def finished(self) -> Text:
        while self._tables:
            self._end_table()
        self._flush()
        return self._draft.finished()

    def _begin(self, tag: str) -> None:
        if tag == "table":
            self._flush()
            self._tables.append(_Table())
        elif self._tables:
            self._tables[-1].take(self._taken())
            self._tables[-1].begin(tag)
        else:
            self._flush()

    def _end_table(self) -> None:
        self._tables[-1].take(self._taken())
        rows = self._tables.pop().rows
        if self._tables:  # a table within a cell is that cell's text
            self._words.append(" ".join(cell for row in rows for cell in row))
        elif max(map(len, rows), default=0) > 1:
            self._draft.table(rows)
        else:  # pages are laid out by tables too
            for row in rows:
                self._draft.paragraph(" ".join(row))

    def _flush(self) -> None:
        if self._tables:
            self._words.append(" ")
        elif self._words:
            self._draft.paragraph(self._taken())

    def _taken(self) -> str:
        text = "".join(self._words)
        self._words.clear()
        if self._preformatted:
            return text
        return " ".join(text.split())


class _Table:
    """Rows of cells; text outside of any cell goes where it can."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []

    def begin(self, tag: str) -> None:
        if tag == "tr" or not self.rows:
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def take(self, text: str) -> None:
        if not text:
            return
        if not self.rows:
            self.rows.append([])
        if not self.rows[-1]:
            self.rows[-1].append("")
        self.rows[-1][-1] = f"{self.rows[-1][-1]} {text}".strip()
