"""Text as text, in whichever encoding people have."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

from assistctl.server.reading.failures import UnreadableFile
from assistctl.server.text import CJK

_MOST_BYTES = 64 * 2**20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_CHINESE = re.compile(rf"[{CJK}\u3000-\u303f\uff00-\uffef]")
_DECLARED = re.compile(rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)=["']?([\w-]{2,30})""")
_SAMPLE = 100_000


def decode(content: BinaryIO) -> str:
    """Raises UnreadableFile for what is not text."""
    raw = content.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise UnreadableFile(
            "invalid_file", f"The file is text of more than {_MOST_BYTES // 2**20} MB."
        )
    for bom, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if raw.startswith(bom):
            return _decoded(raw, encoding)
    for encoding in ("utf-8", *_declared(raw), "gb18030", "cp1252"):
        try:
            text = _decoded(raw, encoding)
        except UnreadableFile:
            continue
        if encoding != "gb18030" or _is_chinese(raw):
            return text
    raise _not_text()


def _declared(raw: bytes) -> list[str]:
    """The encoding that a page of HTML or XML says that it has."""
    found = _DECLARED.search(raw[:2_048].lower())
    try:
        return [codecs.lookup(found[1].decode()).name] if found else []
    except LookupError:
        return []


def _decoded(raw: bytes, encoding: str) -> str:
    try:
        text = raw.decode(encoding)
    except (UnicodeError, LookupError):
        raise _not_text() from None
    if _CONTROL.search(text):
        raise _not_text()
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_text() -> UnreadableFile:
    return UnreadableFile(
        "unsupported_file", "The file is not text in UTF-8, UTF-16, GB18030 or Windows-1252."
    )


def _is_chinese(raw: bytes) -> bool:
    """Almost any bytes decode as GB18030; in Chinese text most of what is not ASCII is Han, and
    each of these takes two high bytes, where an accented Latin letter stands alone."""
    sample = raw[:_SAMPLE]
    foreign = [char for char in sample.decode("gb18030", "ignore") if char > "\x7f"]
    han = len(_CHINESE.findall("".join(foreign)))
    high = sum(byte > 0x7F for byte in sample)
    return han >= 0.9 * len(foreign) and high >= 1.7 * len(foreign)
