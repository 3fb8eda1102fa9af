"""Values -> YAML that reads as if a person had written it, and that `reading` reads back the same.

Block style; long texts as `|` or `>-`; quotes only where a reader, of YAML 1.1 or 1.2, would see
something else than the string. In values `${` is escaped, since it would begin a variable.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from assistctl.resources import Json
from assistctl.spec.located import Path
from assistctl.spec.scalars import resolve

WIDTH = 100
_STEP = "  "

# What both parsers take as it stands, and `reading` as well; line breaks other than LF are not.
_PRINTABLE = r"\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_ONE_LINE = re.compile(f"[{_PRINTABLE}]*")
_LINES = re.compile(f"[\n{_PRINTABLE}]*")
_STRANGE = re.compile(f"[^{_PRINTABLE}]|\t")

_PLAIN_STARTS = frozenset("_/.(^$+")
_NOT_PLAIN = re.compile(r":(\s|$)|\s#|\t")
_FLOW = re.compile(r"[,\[\]{}:#]")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_EXACT_FLOAT = 2.0**53


def document(fields: Mapping[str, Json], remarks: Mapping[Path, str] | None = None) -> str:
    """The text of a file that holds this mapping, its keys in their order.

    A remark becomes a comment above the key or item at its path; () is the head of the file.
    """
    writer = _Writer(remarks or {})
    return "".join(f"{line}\n" for line in [*writer.remark((), ""), *writer.mapping(fields, "")])


def entries(fields: Mapping[str, Json], indent: str, remarks: Mapping[Path, str]) -> list[str]:
    """The lines of a mapping that stands so far inside another file."""
    return list(_Writer(remarks).mapping(fields, indent))


def after(start: str, value: Json, indent: str, remarks: Mapping[Path, str]) -> list[str]:
    """The lines of a value after the key or dash that ends `start`, the beginning of their first;
    `indent` is the white space before that key or dash."""
    return list(_Writer(remarks)._entry(start, value, indent, ()))


def item(value: Json, indent: str) -> list[str]:
    """The lines of one item of a list whose dashes stand so far inside."""
    return list(_Writer({})._list([value], indent, ()))


def in_flow(value: Json) -> str:
    """Any value in one line, as it stands in `[…]` and `{…}`."""
    if isinstance(value, Mapping):
        pairs = (f"{_inline(key, flow=True)}: {in_flow(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(in_flow, value))}]"
    return _scalar(value, flow=True)


class _Writer:
    """Yields lines; `indent` is the white space before them."""

    def __init__(self, remarks: Mapping[Path, str]) -> None:
        self._remarks = remarks

    def remark(self, path: Path, indent: str) -> Iterator[str]:
        if text := self._remarks.get(path):
            harmless = _STRANGE.sub("\ufffd", " ".join(text.split()))
            room = max(WIDTH - len(indent) - 2, 40)
            for line in textwrap.wrap(harmless, room, break_long_words=False):
                yield f"{indent}# {line}"

    def mapping(self, fields: Mapping[str, Json], indent: str, path: Path = ()) -> Iterator[str]:
        for key, value in fields.items():
            yield from self.remark((*path, key), indent)
            yield from self._entry(f"{indent}{_inline(key)}:", value, indent, (*path, key))

    def _list(self, items: Sequence[Json], indent: str, path: Path) -> Iterator[str]:
        for index, item in enumerate(items):
            yield from self.remark((*path, index), indent)
            inside = (*path, index)
            if isinstance(item, Mapping) and item:
                lines = list(self.mapping(item, indent + _STEP, inside))
                # What is said of the first key stands above the dash.
                first = next(n for n, line in enumerate(lines) if not line.lstrip().startswith("#"))
                yield from (line.removeprefix(_STEP) for line in lines[:first])
                yield f"{indent}- {lines[first].removeprefix(indent + _STEP)}"
                yield from lines[first + 1 :]
            else:
                yield from self._entry(f"{indent}-", item, indent, inside)

    def _entry(self, start: str, value: Json, indent: str, path: Path) -> Iterator[str]:
        """A value after the key or dash that begins its line."""
        deeper = indent + _STEP
        flow = self._flow(value, path)
        if flow is not None and len(start) + len(flow) < WIDTH:
            yield f"{start} {flow}"
        elif isinstance(value, Mapping) and value:
            yield start
            yield from self.mapping(value, deeper, path)
        elif isinstance(value, list | tuple) and value:
            yield start
            yield from self._list(value, deeper, path)
        elif isinstance(value, str) and (block := _block(_escaped(value), len(start), deeper)):
            yield f"{start} {block[0]}"
            yield from block[1:]
        else:
            yield f"{start} {_scalar(value)}"

    def _flow(self, value: Json, path: Path) -> str | None:
        """`[a, b]` and `{a: b}`: lists of words, and mappings of one, that nobody remarks upon."""
        if any(remarked[: len(path)] == path and remarked != path for remarked in self._remarks):
            return None
        if isinstance(value, Mapping) and len(value) == 1 and all(map(_is_word, value.values())):
            ((key, item),) = value.items()
            return f"{{{_inline(key, flow=True)}: {_scalar(item, flow=True)}}}"
        if isinstance(value, list | tuple) and value and all(map(_is_word, value)):
            return f"[{', '.join(_scalar(item, flow=True) for item in value)}]"
        return None


def _is_word(value: Json) -> bool:
    """Whether a value fits into a line among others."""
    return not isinstance(value, Mapping | list | tuple) and "\n" not in str(value)


def _scalar(value: Json, *, flow: bool = False) -> str:
    """A value in one line; mappings and lists only empty ones."""
    if isinstance(value, str):
        return _inline(_escaped(value), flow=flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    return "{}" if isinstance(value, Mapping) else "[]"


def _number(value: float) -> str:
    """As `scalars` reads it; what JSON does not have is written so that it is refused."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf"
    if value.is_integer() and abs(value) < _EXACT_FLOAT:
        return str(int(value))
    return repr(value)


def _escaped(text: str) -> str:
    return text.replace("${", "$${")


def _inline(text: str, *, flow: bool = False) -> str:
    """A string in one line: plain if everybody reads it so, else in quotes."""
    if _is_plain(text) and not (flow and _FLOW.search(text)):
        return text
    if ("\\" in text or '"' in text) and "\t" not in text and _ONE_LINE.fullmatch(text):
        return "'" + text.replace("'", "''") + "'"
    escaped = (_ESCAPES.get(c) or (_escape(c) if _STRANGE.match(c) else c) for c in text)
    return f'"{"".join(escaped)}"'


def _is_plain(text: str) -> bool:
    return (
        bool(text)
        and (text[0].isalnum() or text[0] in _PLAIN_STARTS)
        and text == text.strip()
        and not text.startswith("...")
        and not _NOT_PLAIN.search(text)
        and _ONE_LINE.fullmatch(text) is not None
        and resolve(text) == text
        and text not in _BOOLEAN_TO_SOME
    )


_BOOLEAN_TO_SOME = frozenset("ynYN")
"""Strings to us and to most; what we write shall be read alike by all."""


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _block(text: str, before: int, indent: str) -> list[str] | None:
    """The lines of a text as a block scalar, the header first; None if it is better in one line.

    `before` columns are taken on the header's line; a text is folded only if it does not fit there.
    """
    if "\n" in text:
        return _literal(text, indent)
    if before + len(text) + 1 > WIDTH:
        return _folded(text, indent)
    return None


def _literal(text: str, indent: str) -> list[str] | None:
    if not text.strip("\n") or not _LINES.fullmatch(text):
        return None
    # Where the first line is itself indented, a reader must be told how far the block is.
    header = "|" + (str(len(_STEP)) if text[0] in " \t\n" else "")
    if not text.endswith("\n"):
        header += "-"
    elif text.endswith("\n\n"):
        header += "+"
    lines = text.removesuffix("\n").split("\n")
    return [header, *(indent + line if line else "" for line in lines)]


def _folded(text: str, indent: str) -> list[str] | None:
    """`>-`: only where a reader puts exactly one space for each line break."""
    if not _ONE_LINE.fullmatch(text) or " ".join(text.split()) != text or " " not in text:
        return None
    room = max(WIDTH - len(indent), 40)
    lines = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    if " ".join(lines) != text or "\t" in text:
        return None
    return [">-", *(indent + line for line in lines)]
