"""Text as text, in whichever encoding people have."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from typing import BinaryIO

from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.tokens import CJK

_MOST_BYTES = 64 * 2**20
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_CHINESE = re.compile(rf"[{CJK}\u3000-\u303f\uff00-\uffef]")
_FOREIGN = re.compile(rb"[\x80-\xff]")
_HAN = re.compile("[\u4e00-\u9fff]")
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
    for encoding in (*_bare_utf16(raw), "utf-8", *_declared(raw), *_chinese(raw), "cp1252"):
        with suppress(UnreadableFile):
            return _decoded(raw, encoding)
    raise _not_text()


def _bare_utf16(raw: bytes) -> list[str]:
    """UTF-16 without a mark of its order: the halves of ASCII characters that are zero, such as
    those of spaces and line ends, stand on one side, nearly all of them."""
    first, second = raw[:_SAMPLE:2].count(0), raw[1:_SAMPLE:2].count(0)
    if len(raw) % 2 or 4 * min(first, second) >= max(first, second):
        return []
    return ["utf-16-be" if first > second else "utf-16-le"]


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
        "unsupported_file", "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252."
    )


def _chinese(raw: bytes) -> list[str]:
    """GB18030 or Big5, if it is Chinese, the likelier one first. Almost any bytes decode as either.
    In Chinese text most of what is not ASCII is Han, and most of these are common ones, which each
    encoding has in a place of their own. In GB18030 each takes two high bytes, too, where an
    accented Latin letter stands alone."""
    foreign = _FOREIGN.search(raw)
    sample = raw[foreign.start() :][:_SAMPLE] if foreign else b""
    simplified, traditional = sample.decode("gb18030", "ignore"), sample.decode("cp950", "ignore")
    high = sum(byte > 0x7F for byte in sample)
    is_gb = _is_mostly_han(simplified) and high >= 1.7 * len(_foreign(simplified))
    common = _common(traditional, "cp950", range(0xA4, 0xC7))
    is_big5 = common >= 0.9 and _is_mostly_han(traditional)
    if is_big5 and (not is_gb or common > _common(simplified, "gb18030", range(0xB0, 0xD8))):
        return ["cp950", "gb18030"] if is_gb else ["cp950"]
    return ["gb18030"] if is_gb else []


def _is_mostly_han(text: str) -> bool:
    foreign = _foreign(text)
    return len(_CHINESE.findall("".join(foreign))) >= 0.9 * len(foreign) > 0


def _foreign(text: str) -> list[str]:
    return [char for char in text if char > "\x7f"]


def _common(text: str, encoding: str, leads: range) -> float:
    """The share of Han characters that begin with one of these bytes in the encoding."""
    han: list[str] = _HAN.findall(text)
    firsts = [char.encode(encoding, "ignore")[:1] for char in han]
    return len([first for first in firsts if first and first[0] in leads]) / max(1, len(han))
