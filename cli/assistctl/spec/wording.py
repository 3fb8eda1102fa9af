"""How things are named in a sentence: lists of choices, kinds of values, suggestions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from assistctl.resources import Json
from assistctl.suggestion import remedy

_KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "empty",
}
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_SURROGATE = re.compile("[\ud800-\udfff]")


def either(words: Iterable[str]) -> str:
    """`a, b or c`."""
    return _joined(words, "or")


def both(words: Iterable[str]) -> str:
    """`a, b and c`."""
    return _joined(words, "and")


def _joined(words: Iterable[str], last_word: str) -> str:
    *most, last = words
    return f"{', '.join(most)} {last_word} {last}" if most else last


def quoted(names: Iterable[str]) -> list[str]:
    return [shown(name) for name in names]


def kinds(types: str | Collection[str]) -> str:
    """JSON Schema type names in words; null is left out beside others."""
    names = [types] if isinstance(types, str) else [t for t in types if t != "null"] or ["null"]
    return either(_KINDS[name] for name in names)


def kind_of(value: Json) -> str:
    """What a value is, in words: `a list`, `a number`, `true`."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a mapping"


def shown(value: Json, limit: int = 60) -> str:
    """A scalar as one short line; other values by their kind."""
    if isinstance(value, str):
        text = value if len(value) <= limit else value[: limit - 3] + "..."
        text = _CREDENTIALS.sub("//***@", text)
        return f"`{text}`" if text.isprintable() else ascii(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return kind_of(value)
    return str(value)


def is_unicode(text: str) -> bool:
    """False for what the system gave us as bytes that are not UTF-8 (lone surrogates)."""
    return text.isascii() or not _SURROGATE.search(text)


def remedy_for(word: str, known: Iterable[str], otherwise: str, alike: float = 0.6) -> str:
    """`remedy`, the word shown as what is written in YAML."""
    return remedy(word, known, otherwise, alike, shown)
