"""How many tokens a text is.

Encodings of models cannot be had offline, so tokens are estimated: a character of a script without
spaces is one, a word one for every six letters, a punctuation mark one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana, Han and Hangul, for use in a character class: scripts written without spaces, or nearly."""

# A "word" may be a megabyte of base64; a piece of 180 letters (30 tokens) can still be cut.
_UNIT = rf"[{CJK}]|[^\W{CJK}]{{1,180}}|[^\w\s]"


def units(text: str) -> Iterator[re.Match[str]]:
    """The text as characters, words and marks; between them are blanks only."""
    return re.finditer(_UNIT, text)  # compiled when it is first needed: that takes milliseconds


def count_tokens(text: str) -> int:
    """An estimate, see above."""
    return sum(map(weight, map(len, re.findall(_UNIT, text))))


def weight(length: int) -> int:
    """How many tokens a unit of so many letters is."""
    return -(-length // 6)
