"""Presentations (pptx): slides in their order, with titles, tables and the speaker's notes."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server.retrieval.ingestion.archives import Archive, local
from assistctl.server.retrieval.ingestion.builder import TextBuilder
from assistctl.server.retrieval.text import Text

MAIN = "ppt/presentation.xml"
_TITLES = ("title", "ctrTitle")
_DECORATION = ("sldNum", "dt", "ftr", "hdr", "sldImg")


def read(archive: Archive) -> Text:
    builder = TextBuilder()
    for number, slide in enumerate(_slides(archive), start=1):
        shapes = _Shapes()
        archive.parse(slide, shapes)
        builder.heading(shapes.title or f"Slide {number}", 1)
        shapes.write(builder)
        for kind, name in archive.related(slide).values():
            if kind == "notesSlide" and name in archive.names:
                notes = _Shapes()
                archive.parse(name, notes)
                notes.write(builder)
    return builder.finished()


def _slides(archive: Archive) -> list[str]:
    order = [each for each in archive.tree(MAIN).iter() if local(each.tag) == "sldId"]
    ids = [it for each in order for name, it in each.items() if name.endswith("}id")]  # not its own
    related = archive.related(MAIN)
    names = [related[identity][1] for identity in ids if identity in related]
    return [name for name in names if name in archive.names]


class _Shapes:
    """The text of one slide: a title, and paragraphs and tables in the order of the file."""

    def __init__(self) -> None:
        self.title = ""
        self._parts: list[str | list[list[str]]] = []
        self._words: list[str] = []
        self._placeholder = ""
        self._table: list[list[str]] | None = None
        self._in_text = False

    def write(self, builder: TextBuilder) -> None:
        for part in self._parts:
            if isinstance(part, str):
                builder.paragraph(part)
            else:
                builder.table(part)

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._in_text = name == "t"
        if name == "sp":
            self._placeholder = ""
        elif name == "ph":
            self._placeholder = attributes.get("type", "body")
        elif name == "tbl":
            self._table = []
        elif name == "tr" and self._table is not None:
            self._table.append([])
        elif name == "tc" and self._table:
            self._table[-1].append("")
        elif name == "br":
            self._words.append("\n")

    def end(self, name: str) -> None:
        if name == "t":
            self._in_text = False
        elif name == "p":
            self._finish("".join(self._words).strip())
            self._words.clear()
        elif name == "tbl" and self._table is not None:
            self._parts.append(self._table)
            self._table = None

    def data(self, text: str) -> None:
        if self._in_text:
            self._words.append(text)

    def _finish(self, text: str) -> None:
        if not text or self._placeholder in _DECORATION:
            return
        if self._table is not None:
            if self._table and self._table[-1]:
                self._table[-1][-1] = f"{self._table[-1][-1]} {text}".strip()
        elif self._placeholder in _TITLES:
            self.title = f"{self.title} {text}".strip()
        else:
            self._parts.append(text)
