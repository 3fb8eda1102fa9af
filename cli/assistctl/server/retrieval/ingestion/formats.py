"""What kind of file it is, by its first bytes and its name, and the text that is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from assistctl.server.retrieval.ingestion import (
    html,
    markdown,
    office,
    pdf,
    plain,
    records,
    sheets,
    tables,
)
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.text import Text
from assistctl.server.tokens import count_tokens

MOST_TOKENS = 5_000_000
"""The API's own limit for a file in a vector store."""

_HEAD_BYTES = 16
_UNREADABLE = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"RIFF": "RIFF media",
    b"\x1f\x8b": "a gzip archive",
    b"\x7fELF": "a program",
    b"{\\rtf": "RTF; save it as .docx",
}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


def extract(filename: str, content: BinaryIO) -> Text:
    """The text of a file that can seek; raises UnreadableFile if there is none to be had."""
    text = _reader(_suffix(filename), _head(content))(content)
    if not text.value.strip():
        raise UnreadableFile("invalid_file", "The file holds no text.")
    tokens = count_tokens(text.value)
    if tokens > MOST_TOKENS:
        raise UnreadableFile(
            "invalid_file",
            f"The file holds about {tokens:,} tokens of text;"
            f" a file of a vector store may hold {MOST_TOKENS:,}.",
        )
    return text


def is_simple(filename: str, content: BinaryIO) -> bool:
    """Whether reading the file is nothing but decoding: no parser that could be attacked."""
    head = _head(content)
    binary = head.startswith((b"%PDF", b"PK\x03\x04", _OLD_OFFICE))
    return not binary and _PARSED.get(_suffix(filename)) is not html.read


def _reader(suffix: str, head: bytes) -> Callable[[BinaryIO], Text]:
    for signature, name in _UNREADABLE.items():
        if head.startswith(signature):
            raise UnreadableFile("unsupported_file", f"Files of this type are not read: {name}.")
    if head.startswith(b"%PDF"):
        return pdf.read
    if head.startswith(b"PK\x03\x04"):
        return office.read
    if head.startswith(_OLD_OFFICE):
        if suffix == "xls":
            return sheets.read
        raise UnreadableFile(
            "unsupported_file",
            "Files of this type are not read: an old Office document; save it as .docx or .pptx.",
        )
    return lambda content: _PARSED.get(suffix, Text)(plain.decode(content))


def _head(content: BinaryIO) -> bytes:
    head = content.read(_HEAD_BYTES)
    content.seek(0)
    return head


def _suffix(filename: str) -> str:
    return filename.rpartition(".")[2].lower()


_PARSED: dict[str, Callable[[str], Text]] = {
    **dict.fromkeys(("html", "htm", "xhtml"), html.read),
    **dict.fromkeys(("md", "markdown"), markdown.read),
    "csv": tables.read,
    "tsv": tables.read,
    "json": records.read,
    "jsonl": records.read_lines,
}
