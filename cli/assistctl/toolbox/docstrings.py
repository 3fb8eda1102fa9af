"""Docstrings, in whatever style: what they say of each parameter, and all the rest as text.

Google's, NumPy's and Sphinx's sections are known, and so is any section, in any language, that
speaks of parameters by their names. Only what a function returns and raises is left out; all else
that a person wrote stays in the text.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_PARAMETERS = frozenset(
    (
        *("arg", "args", "argument", "arguments", "param", "params", "parameter", "parameters"),
        *("keyword args", "keyword arguments", "keyword parameters", "other parameters"),
        *("attributes", "fields", "inputs", "参数", "參數", "引数", "매개변수"),
    )
)
_UNSAID = frozenset(
    (
        *("return", "returns", "return value", "return values", "yield", "yields", "receives"),
        *("raise", "raises", "except", "exceptions", "warns"),
    )
)
_PARAMETER_FIELDS = frozenset(
    ("param", "parameter", "arg", "argument", "key", "keyword", "kwarg", "var", "ivar", "cvar")
)
_UNSAID_FIELDS = frozenset(
    ("type", "return", "returns", "rtype", "raise", "raises", "except", "yield", "yields", "ytype")
)

_HEADER = re.compile(r"[#*_\s]*(?P<title>[^\W\d_][^:：.!?]{0,38}?)[*_\s]*[:：][*_\s]*")
_RULE = re.compile(r"-{3,}|={3,}|~{3,}")
_FIELD = re.compile(r"[:@](?P<kind>[a-z]+)(?P<about>\s(?:[^:\n]|:(?=\S))*?)?:(?:\s+|$)(?P<text>.*)")
_NAMES = r"[`*_\\]*[^\W\d]\w*[`*]*(?:\s*,\s*[`*_\\]*[^\W\d]\w*[`*]*)*"
_TYPE = r"(?:\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\[(?:[^\[\]]|\[[^\[\]]*\])*\])"
_ENTRY = re.compile(
    rf"(?:[-*•+]\s+|\d+[.)]\s+)?(?P<names>{_NAMES})\s*(?:{_TYPE})?[`*_]*"
    r"\s*(?:[:：]|--|–|—|(?<=\s)-(?=\s))\s*(?P<text>.*)"
)
_NUMPY_ENTRY = re.compile(rf"(?P<names>{_NAMES})\s*(?:[:：]\s*(?P<text>.*))?")
_WORD = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Documentation:
    """`text` is what is said of no parameter; None if there is nothing. `names` holds what is said
    of each parameter, or of each field of a class, in one line each."""

    text: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def read(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, names: Collection[str]
) -> Documentation:
    """Split the docstring of a function with such parameters, or a class with such fields."""
    match node.body[0]:
        case ast.Expr(value=ast.Constant(value=str(text))) as docstring:
            # Its first line stands so far in; cleandoc has to know, if that is a header.
            return split("\n" + " " * docstring.col_offset + text, names)
    return Documentation()


def split(docstring: str, names: Collection[str] | None = None) -> Documentation:
    """`names` are those that something can be said of; None stands for all."""
    lines = inspect.cleandoc(docstring).split("\n")
    reader = _Reader(lines, names)
    text = re.sub(r"\n\s*\n\s*\n+", "\n\n", "\n".join(reader.text())).strip()
    return Documentation(text or None, reader.found)


@dataclass(frozen=True)
class _Reader:
    lines: Sequence[str]
    names: Collection[str] | None
    found: dict[str, str] = field(default_factory=dict)

    def text(self) -> Iterator[str]:
        """The lines that say nothing of a parameter; fills `found` with what the others say."""
        at = 0
        while at < len(self.lines):
            for read in (self._field, self._underlined, self._headed):
                section = read(at)
                if section is not None:
                    at, rest = section
                    yield from rest
                    break
            else:
                yield self.lines[at]
                at += 1

    def _field(self, at: int) -> tuple[int, list[str]] | None:
        """Sphinx: `:param [type] name: text`, and `@param name: text`."""
        line = self.lines[at]
        match = _FIELD.fullmatch(line.strip())
        if not match or match["kind"] not in _PARAMETER_FIELDS | _UNSAID_FIELDS:
            return None
        end = self._end_of_block(at + 1, _indent(line) + 1)
        if match["kind"] in _UNSAID_FIELDS:
            return end, []
        # Not quite Sphinx, yet common: the next lines are not indented.
        while end == at + 1 or self.lines[end - 1].strip():
            if end == len(self.lines) or self._ends_field(self.lines[end]):
                break
            end += 1
        words = (match["about"] or "").split()
        said = _one_line([match["text"], *self.lines[at + 1 : end]])
        if words and self._keep(words[-1], said):
            return end, []
        return end, list(self.lines[at:end])

    def _ends_field(self, line: str) -> bool:
        return not line.strip() or bool(_FIELD.fullmatch(line.strip()) or _title(line))

    def _underlined(self, at: int) -> tuple[int, list[str]] | None:
        """NumPy: a title, a rule below it, and entries that are not indented."""
        if not self._has_rule(at):
            return None
        title = self.lines[at].strip().rstrip(":").lower()
        end = at + 2
        while end < len(self.lines) and not self._has_rule(end):
            end += 1
        body = self.lines[at + 2 : end]
        if title in _UNSAID:
            return end, [""]
        if title in _PARAMETERS or self._speaks_of_names(body, _NUMPY_ENTRY):
            return end, ["", *self._entries(body, _NUMPY_ENTRY)]
        return None

    def _has_rule(self, at: int) -> bool:
        title, rule = self.lines[at], self.lines[at + 1] if at + 1 < len(self.lines) else ""
        return bool(
            title.strip() and _indent(title) == _indent(rule) and _RULE.fullmatch(rule.strip())
        )

    def _headed(self, at: int) -> tuple[int, list[str]] | None:
        """Google: `Title:`, and an indented block."""
        title = _title(self.lines[at])
        if title is None:
            return None
        end = self._end_of_block(at + 1, _indent(self.lines[at]) + 1)
        if end == at + 1 and title in _PARAMETERS:
            end = self._end_of_entries(end)
        body = self.lines[at + 1 : end]
        if end == at + 1:
            return None
        if title in _UNSAID:
            return end, [""]
        if title in _PARAMETERS or self._speaks_of_names(body, _ENTRY):
            return end, ["", *self._entries(body, _ENTRY)]
        return None

    def _end_of_block(self, start: int, indent: int) -> int:
        """The first line after those that are so far in; blank lines are part of what follows."""
        end = at = start
        while at < len(self.lines):
            if self.lines[at].strip():
                if _indent(self.lines[at]) < indent:
                    break
                end = at + 1
            at += 1
        return end

    def _end_of_entries(self, start: int) -> int:
        """The end of the entries that stand right below a title without being indented."""
        end = start
        while end < len(self.lines) and self._named(self.lines[end], _ENTRY):
            end = self._end_of_block(end + 1, _indent(self.lines[end]) + 1)
        return end

    def _named(self, line: str, entry: re.Pattern[str]) -> list[str]:
        """The names that an entry begins with; none if one of them is unknown."""
        match = entry.fullmatch(line.strip())
        names = _WORD.findall(match["names"]) if match else []
        return names if self.names is None or all(name in self.names for name in names) else []

    def _speaks_of_names(self, body: Sequence[str], entry: re.Pattern[str]) -> bool:
        """Whether the entries of an unknown section are all about parameters."""
        if self.names is None:
            return False
        base = min((_indent(line) for line in body if line.strip()), default=0)
        heads = [line for line in body if line.strip() and _indent(line) == base]
        return bool(heads) and all(self._named(line, entry) for line in heads)

    def _entries(self, body: Sequence[str], entry: re.Pattern[str]) -> Iterator[str]:
        """Keep what is said of each name; yields the lines that are about none of them."""
        base = min((_indent(line) for line in body if line.strip()), default=0)
        names: list[str] = []
        said: list[str] = []
        rest: list[str] = []
        into: list[str] = rest
        for number, line in enumerate(body):
            if line.strip() and _indent(line) == base:
                found = self._named(line, entry)
                goes_on = number and body[number - 1].strip() and entry is _ENTRY
                if found:
                    self._keep_all(names, said)
                    names, said = found, [_text_of(line, entry, body[number + 1 :], base)]
                    into = said
                elif not goes_on or entry.fullmatch(line.strip()):
                    into = rest
            into.append(line[base:] if into is rest else line)
        self._keep_all(names, said)
        if "".join(rest).strip(" -.").lower() not in ("", "none", "n/a"):
            yield from rest

    def _keep_all(self, names: Sequence[str], said: Sequence[str]) -> None:
        # The first is what follows the name in its line; the second that line itself.
        for name in names:
            self._keep(name, _one_line([*said[:1], *said[2:]]))

    def _keep(self, name: str, said: str) -> bool:
        """Whether the name is one of a parameter; if so, what is said of it is kept."""
        name = name.lstrip("*\\`").rstrip("`*")
        known = self.names is None or name in self.names
        if known and said:
            self.found.setdefault(name, said)
        return known


def _title(line: str) -> str | None:
    match = _HEADER.fullmatch(line)
    return " ".join(match["title"].lower().split()) if match else None


def _text_of(line: str, entry: re.Pattern[str], below: Sequence[str], base: int) -> str:
    """What follows the name in an entry's line. NumPy has the type there, which is only taken
    where it reads like a sentence and nothing stands below it."""
    match = entry.fullmatch(line.strip())
    text = (match["text"] if match else "") or ""
    described = bool(below and below[0].strip() and _indent(below[0]) > base)
    return text if entry is _ENTRY or (not described and len(text.split()) > 2) else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _one_line(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
