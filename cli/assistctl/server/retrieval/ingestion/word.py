"""Word documents (docx): headings, paragraphs, lists, tables, and the notes below.

mammoth makes HTML of them, which is then read as any other. What it would leave out or does not
know of is put before it in other terms: text within elements that it passes over (formulas, ruby,
fields, text boxes), and headings and lists by styles that are based on others. It gets nothing but
the parts with text, written anew, so that no entity, picture or link of the file reaches it.

The items of numbered lists have a mark, and no number: Word counts on across paragraphs in between,
mammoth does not, and a wrong number would be worse than none.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterator
from itertools import count
from xml.etree.ElementTree import Element, SubElement, tostring

from assistctl.server.retrieval.ingestion import html
from assistctl.server.retrieval.ingestion.archives import Archive, local
from assistctl.server.retrieval.ingestion.libraries import library
from assistctl.server.retrieval.text import Text

MAIN = "word/document.xml"
_STYLES = "word/styles.xml"
_NOTES = ("word/footnotes.xml", "word/endnotes.xml")
_PARTS = (MAIN, *_NOTES, _STYLES, "word/numbering.xml")

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_READ_BY_MAMMOTH = frozenset(
    {"document", "body", "footnotes", "footnote", "endnotes", "endnote", "p", "r", "t", "tab", "br"}
    | {"noBreakHyphen", "sym", "tbl", "tr", "tc", "footnoteReference", "endnoteReference"}
)
_NO_TEXT_OF_TODAY = frozenset({"del", "moveFrom", "Fallback", "rt"})
_READ_THROUGH = "smartTag"

_HEADING_NAME = re.compile(r"heading (\d)", re.IGNORECASE)
_DEEPEST_HEADING = 6
_DEEPEST_LIST = 5
_NESTED_STYLES = "\n".join(
    f"p[style-name='List {kind} {depth}'] => {'ul|ol > li > ' * (depth - 1)}{tag} > li:fresh"
    for kind, tag in (("Bullet", "ul"), ("Number", "ol"))
    for depth in range(2, _DEEPEST_LIST + 1)
)
_NOTE = re.compile(r'<li id="(?:foot|end)note-[^"]*"><p>')
_WAY_BACK = re.compile(r' <a href="#(?:foot|end)note-ref-[^"]*">↑</a>')


def read(archive: Archive) -> Text:
    mammoth = library("mammoth", "mammoth", "Word documents")
    parts = {name: archive.tree(name) for name in _PARTS if name in archive.names}
    styles = _Styles(parts.get(_STYLES, Element("none")))
    notes = {_value(note, "id") for name in _NOTES for note in parts.get(name, ())}
    for name in (MAIN, *_NOTES):
        if name in parts:
            _put_in_mammoths_terms(parts[name], styles, notes)
    page = mammoth.convert_to_html(_zipped(parts), style_map=_NESTED_STYLES).value
    return html.read(_with_numbered_notes(page), keeps_tabs=True)


def _zipped(parts: dict[str, Element]) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in list(parts):
            archive.writestr(name, tostring(parts.pop(name), "utf-8"))
    return content


def _with_numbered_notes(page: str) -> str:
    numbers = count(1)
    return _NOTE.sub(lambda _: f"<p>[{next(numbers)}] ", _WAY_BACK.sub("", page))


class _Styles:
    """What a paragraph is by its style, which may be based on another: a heading, of a list."""

    def __init__(self, root: Element) -> None:
        self._levels: dict[str, int] = {}
        self._lists: dict[str, Element] = {}
        self._bases: dict[str, str] = {}
        for style in root:
            if local(style.tag) == "style":
                style.attrib.setdefault(_W + "type", "paragraph")
                self._add(_value(style, "styleId"), style)

    def _add(self, style: str, described: Element) -> None:
        properties = _child(described, "pPr")
        self._bases[style] = _value(_child(described, "basedOn"))
        name = _value(_child(described, "name"))
        if named := _HEADING_NAME.fullmatch(name):
            self._levels[style] = int(named[1])
        elif name.lower() == "title":
            self._levels[style] = 1
        elif (outline := _value(_child(properties, "outlineLvl"))) != "":
            self._levels[style] = _outline_level(outline)
        if (listed := _child(properties, "numPr")) is not None:
            self._lists[style] = listed

    def level(self, style: str) -> int:
        """The level of a heading from 1, 0 for body text."""
        return next((self._levels[s] for s in self._family(style) if s in self._levels), 0)

    def listed(self, style: str) -> Element | None:
        return next((self._lists[s] for s in self._family(style) if s in self._lists), None)

    def _family(self, style: str) -> Iterator[str]:
        for _ in range(10):
            yield style
            style = self._bases.get(style, "")


def _put_in_mammoths_terms(root: Element, styles: _Styles, notes: Collection[str]) -> None:
    waiting = [root]
    while waiting:
        element = waiting.pop()
        name = local(element.tag)
        if name.endswith("Pr") or name in _NO_TEXT_OF_TODAY:
            continue
        if name == "p":
            _describe(element, styles)
        elif name == "cr":
            name = "br"
        elif name.endswith("Reference") and _value(element, "id") not in notes:
            name = _READ_THROUGH
        element.tag = _W + (name if name in _READ_BY_MAMMOTH else _READ_THROUGH)
        waiting.extend(element)


def _describe(paragraph: Element, styles: _Styles) -> None:
    """Say of a heading that it is one, and of an item of a list in which it is."""
    properties = _child(paragraph, "pPr")
    if properties is None:
        return
    style = _child(properties, "pStyle")
    outline = _value(_child(properties, "outlineLvl"))
    level = _outline_level(outline) if outline else styles.level(_value(style))
    listed = _child(properties, "numPr")
    if level:
        for replaced in (style, listed):
            if replaced is not None:
                properties.remove(replaced)
        heading = f"Heading{min(level, _DEEPEST_HEADING)}"
        SubElement(properties, _W + "pStyle", {_W + "val": heading})
    elif listed is not None:
        _bound(listed)
    elif (listed := styles.listed(_value(style))) is not None:
        _bound(listed)
        properties.append(listed)


def _bound(listed: Element) -> None:
    depth = _child(listed, "ilvl")
    value = _value(depth)
    if depth is not None and value.isdecimal() and int(value) >= _DEEPEST_LIST:
        depth.attrib = {_W + "val": str(_DEEPEST_LIST - 1)}


def _outline_level(value: str) -> int:
    """Word counts from 0, and 9 is body text."""
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def _child(element: Element | None, name: str) -> Element | None:
    children = () if element is None else element
    return next((child for child in children if local(child.tag) == name), None)


def _value(element: Element | None, attribute: str = "val") -> str:
    attributes = {} if element is None else element.attrib
    return next((value for name, value in attributes.items() if local(name) == attribute), "")
