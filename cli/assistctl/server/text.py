"""From the bytes of a file to its text, its length in tokens, and its chunks."""

from __future__ import annotations

import codecs
import json
import re
from array import array
from collections.abc import Iterator
from html.parser import HTMLParser

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana, Han and Hangul, for use in a character class: scripts written without spaces, or nearly."""

_BINARY = {
    b"%PDF": "PDF",
    b"PK\x03\x04": "zip archive or Office document",
    b"\xd0\xcf\x11\xe0": "old Office document",
    b"\x89PNG": "PNG image",
    b"\xff\xd8\xff": "JPEG image",
    b"GIF8": "GIF image",
    b"RIFF": "RIFF media",
    b"\x1f\x8b": "gzip archive",
    b"\x7fELF": "program",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_UNIT = re.compile(rf"[{CJK}]|[^\W{CJK}]+|[^\w\s]")
_SENTENCE_END = frozenset("。！？；.!?;")


class UnreadableFile(Exception):
    """No text can be got from a file; `code` is the API's reason, the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def extract(filename: str, content: bytes) -> str:
    """The text of a file; raises UnreadableFile if there is none to be had."""
    text = _decode(content)
    suffix = filename.rpartition(".")[2].lower()
    if suffix in ("html", "htm", "xhtml"):
        text = _without_tags(text)
    elif suffix == "json" and "\\u" in text:
        text = _without_escapes(text)
    if not text.strip():
        raise UnreadableFile("invalid_file", "The file holds no text.")
    return text


def heading(filename: str, text: str) -> str:
    """What every chunk of a table needs to be understood: its line of column names."""
    if filename.lower().endswith((".csv", ".tsv")):
        return text.lstrip().partition("\n")[0].rstrip()
    return ""


def count_tokens(text: str) -> int:
    """An estimate of how many tokens a model would count, since encodings cannot be had offline."""
    return sum(_weight(unit.group()) for unit in _UNIT.finditer(text))


def split(text: str, size: int, overlap: int) -> Iterator[str]:
    """Chunks of at most `size` tokens (estimated), each repeating up to `overlap` of the last.

    A chunk ends at the end of a paragraph, line or sentence if one lies in its last third.
    """
    starts, ends, weights = array("I"), array("I"), array("I")
    for unit in _UNIT.finditer(text):
        starts.append(unit.start())
        ends.append(unit.end())
        weights.append(_weight(unit.group()))
    first, total = 0, len(starts)
    while first < total:
        last = _fill(weights, first, size)
        if last < total:
            last = _good_end(text, starts, ends, first, last)
        yield text[starts[first] if first else 0 : starts[last] if last < total else len(text)]
        if last >= total:
            return
        first = _step_back(text, starts, ends, weights, first, last, overlap)


def _fill(weights: array[int], first: int, size: int) -> int:
    """The unit behind the last one that fits; one unit always does."""
    used, last = weights[first], first + 1
    while last < len(weights) and used + weights[last] <= size:
        used += weights[last]
        last += 1
    return last


def _good_end(text: str, starts: array[int], ends: array[int], first: int, last: int) -> int:
    """The unit behind the best place to end a chunk of the units first…last-1."""
    best, rank = last, 0
    for unit in range(last, first + (last - first) * 2 // 3, -1):
        gap = text[ends[unit - 1] : starts[unit]]
        here = 3 if gap.count("\n") > 1 else 2 if "\n" in gap else 0
        if not here and text[ends[unit - 1] - 1] in _SENTENCE_END:
            here = 1
        if here > rank:
            best, rank = unit, here
    return best


def _step_back(
    text: str,
    starts: array[int],
    ends: array[int],
    weights: array[int],
    first: int,
    last: int,
    overlap: int,
) -> int:
    """Where the next chunk begins: within the overlap, at the beginning of a line if it can."""
    used, earliest = 0, last
    while earliest - 1 > first and used + weights[earliest - 1] <= overlap:
        earliest -= 1
        used += weights[earliest]
    for unit in range(earliest, last):
        if "\n" in text[ends[unit - 1] : starts[unit]]:
            return unit
    return earliest


def _weight(unit: str) -> int:
    return -(-len(unit) // 6)


def _decode(content: bytes) -> str:
    for signature, name in _BINARY.items():
        if content.startswith(signature):
            raise UnreadableFile("unsupported_file", f"Files of this type are not read: {name}.")
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(bom):
            return _decode_as(content, encoding)
    for encoding in ("utf-8", "gb18030", "cp1252"):
        try:
            text = _decode_as(content, encoding)
        except UnreadableFile:
            continue
        if encoding != "gb18030" or _is_chinese(content, text):
            return text
    raise _not_text()


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise _not_text() from None
    if _CONTROL.search(text):
        raise _not_text()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_text() -> UnreadableFile:
    return UnreadableFile(
        "unsupported_file", "The file is not text in UTF-8, UTF-16, GB18030 or Windows-1252."
    )


def _is_chinese(content: bytes, text: str) -> bool:
    """Almost any bytes decode as GB18030; in Chinese text most of what is not ASCII is Han, and
    each of these takes two high bytes, where an accented Latin letter stands alone."""
    foreign = [char for char in text if char > "\x7f"]
    han = len(re.findall(rf"[{CJK}\u3000-\u303f\uff00-\uffef]", text))
    high = sum(byte > 0x7F for byte in content)
    return han >= 0.9 * len(foreign) and high >= 1.7 * len(foreign)


class _Text(HTMLParser):
    """Collects what a reader would see."""

    _HIDDEN = frozenset({"script", "style", "template", "noscript", "head"})
    _INLINE = frozenset(
        {"a", "abbr", "b", "code", "em", "i", "mark", "s", "small", "span"}
        | {"strong", "sub", "sup", "u", "wbr", "img", "input"}
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in self._HIDDEN
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self._HIDDEN))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)

    def _break(self, tag: str) -> None:
        if tag in ("td", "th"):
            self.pieces.append("\t")
        elif tag not in self._INLINE:
            self.pieces.append("\n")


def _without_tags(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    text = re.sub(r"[^\S\n]+", " ", "".join(parser.pieces))
    return re.sub(r" ?\n\s*", "\n", text).strip()


def _without_escapes(text: str) -> str:
    """JSON may write any letter as an escape, which nobody searches for."""
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
        plain.encode()
    except (ValueError, RecursionError):
        return text
    return plain
