"""What reaches a terminal: untrusted text made harmless, columns counted, lines cut.

rich is imported where it is needed: `assistctl --help` and `validate` do without.
"""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from typing import TextIO

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


_HARMFUL = (
    *(code for code in range(0x20) if chr(code) not in "\n\t\r"),
    *range(0x7F, 0xA0),
    *range(0xD800, 0xE000),
    *map(ord, _BIDI),
)

ESCAPES = {code: f"\\u{code:04x}" for code in _HARMFUL}
"""For `str.translate` over JSON text: the same characters as JSON's own escapes."""

_HARMLESS: dict[int, str | None] = {
    **ESCAPES,
    **{code: f"\\x{code:02x}" for code in _HARMFUL if code < 0x100},
    ord("\r"): None,
}

WORDS = r"\s+|[^\s\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]+|."
"""What a line may be broken between: a word, a run of spaces, a character of a script without."""


def sanitize(text: str) -> str:
    """Text of a model, a tool or a remote, safe to show on a terminal.

    Controls that a terminal obeys (C0 but for newline and tab, DEL, C1, bidi controls) and lone
    surrogates are spelled out (`\\x1b`), so that a reader sees that they are there; carriage
    returns are dropped. What is invisible but commands nothing (a zero-width space, which Thai is
    written with) stays. Each character is judged alone, hence for streamed text
    `sanitize(a) + sanitize(b) == sanitize(a + b)`, wherever the chunks were cut.
    """
    return text.translate(_HARMLESS)


def is_plain_terminal() -> bool:
    """Whether the terminal, if there is one, says that it obeys no control sequences."""
    return os.environ.get("TERM") in ("dumb", "unknown")


def width(text: str) -> int:
    """Columns that the text takes on a terminal: wide (CJK) characters two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """The text filled up with spaces to so many columns."""
    return text + " " * (columns - width(text))


def shortened(text: str, columns: int) -> str:
    """The text in at most so many columns, cut with an ellipsis."""
    if width(text) <= columns:
        return text
    from rich.cells import set_cell_size

    cut = set_cell_size(text, columns - 1).rstrip(" ")
    while width(cut) >= columns:  # a joiner that joins nothing is measured and cut differently
        cut = cut[:-1]
    return cut + "…"


def one_line(text: str) -> str:
    """Untrusted text on one line: made harmless, whitespace collapsed."""
    return sanitize(" ".join(text.split()))


def nothing_hidden(text: str) -> str:
    """Harmless text in which what is invisible is spelled out, too: for whoever is to decide."""
    return "".join(
        it if unicodedata.category(it) != "Cf" else _spelled(it) for it in sanitize(text)
    )


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def fitted(text: str, stream: TextIO) -> str:
    """Harmless text, which may be styled; for a terminal its lines are broken between words."""
    if not stream.isatty():
        return text
    columns = shutil.get_terminal_size().columns
    return "\n".join(_wrapped(line, columns) for line in text.split("\n"))


def _wrapped(line: str, columns: int) -> str:
    import click  # who uses the rooms below as a library has no terminal

    told, column, space = "", 0, ""
    for word in re.findall(WORDS, line):
        if word.isspace():
            space = word
            continue
        room = width(space) + width(click.unstyle(word))
        if column and column + room > columns:
            told, column, space = f"{told}\n", 0, ""
        told, column = f"{told}{space}{word}", column + width(space) + width(click.unstyle(word))
        space = ""
    return told + space
