"""Markdown as it streams onto a terminal: styled, wrapped between words, never written twice.

Whatever is on the screen stays as it is, so that answers longer than the screen, the scrollback and
a window that changes its size are right. Words are written once it is certain how they look; only
tables wait for their end. The only styles are those of click; links show where they lead.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click
from markdown_it import MarkdownIt
from markdown_it.token import Token

from assistctl.render.run import Out
from assistctl.render.terminal import WORDS, sanitize, width

_FENCE = re.compile(r"(\s*)(`{3,}(?!.*`)|~{3,})(.*)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+")
_QUOTE = re.compile(r"\s{0,3}(?:>\s?)+")
_RULE = re.compile(r"\s{0,3}([-*_])\s*(?:\1\s*){2,}")
_ROW = re.compile(r"\s{0,3}\|")
_UNDECIDED = re.compile(
    r"\s*(?:[-*+]|\d{1,9}[.)]?|#{1,6}|>+|`{1,2}|~{1,2}|(?:`{3,}|~{3,}|\|).*|[-*_\s]+)?\s*"
)
"""How a line may begin of which it is not clear yet what it is."""

_OPEN = re.compile(r"\*(?!\s)|(?<!\w)_(?!\s)|`|!?\[(?![^][]*\][^(\[])|~(?:~|\Z)|!\Z")
"""What may begin something that is not there as a whole yet."""

_RULE_WIDTH = 40
_CELL = 6
"""The least columns of a terminal for one of a table."""

Styles = dict[str, Any]


@dataclass
class MarkdownStream:
    """Takes the pieces of an answer, made harmless already, as a file does; `finish` says that no
    more of it comes for now."""

    out: Out
    columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns
    _line: str = ""
    """What has come of the line that is not over yet."""

    _told: int = 0
    """How many visible characters of it were written."""

    _fence: str = ""
    _rows: list[str] = field(default_factory=list)
    _column: int = 0
    _indent: str = ""
    _space: bool = False

    def write(self, text: str) -> None:
        """More of the answer."""
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            self._take(line, whole=True)
        self._line = rest
        if rest:
            self._take(rest, whole=False)

    def finish(self) -> None:
        """What was held back is written."""
        if self._line:
            self.write("\n")
        self._end_table()
        self._fence = ""
        self.out.flush()

    def flush(self) -> None:
        """What is certain is on the screen."""
        self.out.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal that is written to."""
        return self.out.isatty()

    def _take(self, line: str, *, whole: bool) -> None:
        if self._fence:
            self._code(line, whole)
        elif whole and (fence := _FENCE.fullmatch(line)) and not self._told:
            self._end_table()
            self._fence = fence[2]
            self._whole(click.style(line.strip(), dim=True))
        elif _ROW.match(line) and not self._told:
            if whole:
                self._rows.append(line)
        elif whole and _RULE.fullmatch(line) and not self._told:
            self._end_table()
            self._whole(click.style("─" * min(_RULE_WIDTH, self.columns()), dim=True))
        elif whole or self._told or not _UNDECIDED.fullmatch(line):
            self._end_table()
            self._text(line, whole)

    def _code(self, line: str, whole: bool) -> None:
        if not whole:
            return
        mark = line.strip()
        if mark and set(mark) == {self._fence[0]} and len(mark) >= len(self._fence):
            self._fence = ""
            self._whole(click.style(mark, dim=True))
        else:
            self._whole(click.style(line, fg="cyan") if line else "")

    def _whole(self, text: str) -> None:
        self.out.write(text + "\n")

    def _text(self, line: str, whole: bool) -> None:
        """As much of a line of text as is certain."""
        before, styles, text = _beginning(line)
        pieces = [*_inline(text)]
        if not whole:
            pieces = [*_certain(pieces)]
        if not self._told and (pieces or whole):
            self._start(before, styles)
        skip = max(0, self._told - 1)
        for piece, own in pieces:
            self._say(piece[skip:], {**styles, **own})
            skip = max(0, skip - len(piece))
        if pieces:
            self._told = max(self._told, 1 + sum(len(piece) for piece, _ in pieces))
        if whole:
            self.out.write("\n")
            self._told, self._column, self._space = 0, 0, False

    def _start(self, before: str, styles: Styles) -> None:
        self._told, self._space = 1, False
        self.out.write(before)
        self._column = width(before)
        self._indent = before if "▌" in before else " " * self._column

    def _say(self, text: str, styles: Styles) -> None:
        for word in re.findall(WORDS, text):
            if word.isspace():
                self._space = True
                continue
            space = " " if self._space else ""
            self._space = False
            if self._column > len(self._indent) and (
                self._column + len(space) + width(word) > self.columns()
            ):
                self.out.write("\n" + self._indent)
                self._column, space = width(self._indent), ""
            self.out.write(space + (click.style(word, **styles) if styles else word))
            self._column += len(space) + width(word)

    def _end_table(self) -> None:
        if self._rows:
            rows, self._rows = self._rows, []
            self.out.write(_table(rows, self.columns()))


def _beginning(line: str) -> tuple[str, Styles, str]:
    """What stands before a line's text, how the text looks, and the text."""
    if heading := _HEADING.match(line):
        return "", {"bold": True, "underline": True}, line[heading.end() :].rstrip(" #")
    if quote := _QUOTE.match(line):
        return "▌ " * quote[0].count(">"), {"italic": True}, line[quote.end() :]
    if item := _ITEM.match(line):
        mark = "•" if item[2] in "-*+" else item[2]
        return f"{item[1]}{mark} ", {}, line[item.end() :]
    text = line.lstrip(" ")
    return line[: len(line) - len(text)], {}, text


def parser(options: dict[str, Any], *rules: str) -> MarkdownIt:
    """A parser whose tokens are harmless, too: a text that was made so has entities (`&#8238;`,
    `&#13;`) and addresses (`<http://a/%1b>`, shown decoded) that are characters once parsed."""
    made = MarkdownIt("commonmark", {"html": False, **options}).enable(list(rules))
    made.core.ruler.push("harmless", lambda state: _make_harmless(state.tokens))
    return made


def _make_harmless(tokens: Iterable[Token]) -> None:
    for token in tokens:
        token.content = sanitize(token.content)
        _make_harmless(token.children or ())


_MARKDOWN = parser({}, "strikethrough")


def _inline(text: str) -> Iterator[tuple[str, Styles]]:
    """Pieces of a line with their styles."""
    (token,) = _MARKDOWN.parseInline(text)
    styles: list[Styles] = []
    links: list[str] = []
    for child in token.children or ():
        own = {name: value for each in styles for name, value in each.items()}
        if child.type == "code_inline":
            yield child.content, {**own, "fg": "cyan"}
        elif child.type == "image":
            yield f"{child.content} ({child.attrs.get('src')})", own
        elif child.type == "link_close":
            styles.pop()
            yield f" ({links.pop()})", own | {"underline": False}
        elif child.nesting == 1:
            styles.append(_STYLES.get(child.type, {}))
            links += [str(child.attrs.get("href"))] if child.type == "link_open" else []
        elif child.nesting == -1:
            styles.pop()
        else:
            yield _visible(child), own


_STYLES: dict[str, Styles] = {
    "strong_open": {"bold": True},
    "em_open": {"italic": True},
    "s_open": {"strikethrough": True},
    "link_open": {"underline": True},
}


def _visible(token: Token) -> str:
    return token.content if token.content else " " if "break" in token.type else ""


def _certain(pieces: list[tuple[str, Styles]]) -> Iterator[tuple[str, Styles]]:
    """Those that look the same whatever comes: up to the last space before something that may have
    begun, and is not over."""
    for number, (text, styles) in enumerate(pieces):
        last = number == len(pieces) - 1
        begun = None if styles.get("fg") else _OPEN.search(text)
        if begun or last:
            end = text.rfind(" ", 0, begun.start() if begun else None)
            if end > 0:
                yield text[:end], styles
            return
        yield text, styles


def _table(rows: list[str], columns: int) -> str:
    """A table as rich draws it, as wide as the terminal at most, but that nothing in it is cut; one
    that has no room for its columns as it came."""
    if columns < _CELL * (rows[0].count("|") - 1):
        return "\n".join(rows) + "\n"
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import Markdown, TableElement
    from rich.table import Table

    class Folded(TableElement):
        """Also words that do not fit into a line, as sentences are without spaces."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for drawn in super().__rich_console__(console, options):
                for column in drawn.columns if isinstance(drawn, Table) else ():
                    column.overflow = "fold"
                yield drawn

    console = Console(width=columns, force_terminal=True, highlight=False)
    with console.capture() as capture:
        table = Markdown("\n".join(rows), hyperlinks=False)
        table.elements = {**Markdown.elements, "table_open": Folded}  # type: ignore[misc]
        _make_harmless(table.parsed)
        console.print(table)
    return capture.get().strip("\n") + "\n"
