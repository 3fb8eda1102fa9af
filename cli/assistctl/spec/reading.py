"""One file -> its text, or the mapping that its YAML holds; all that can be wrong with a file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from io import FileIO
from pathlib import Path
from typing import Any

import yaml

from assistctl.errors import Place
from assistctl.spec.composing import Unreadable, compose
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList

MAX_BYTES = 4_000_000
_BLOCK = 65_536

# The C parser is ten times faster; PyYAML may be built without it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
# libyaml compares every %TAG with all before it: a small file keeps it busy for minutes.
_TAG_DIRECTIVE = re.compile("(?:^|(?<=[\r\n\x85\u2028\u2029]))%TAG")


_UNWRITTEN: ContextVar[Mapping[Path, bytes] | None] = ContextVar("unwritten", default=None)


@contextmanager
def unwritten(contents: Mapping[Path, bytes]) -> Iterator[None]:
    """Within the block these files, by their real paths, are read as if they held this, and those
    in `assistants/` and `tools/` that are not there as if they were."""
    token = _UNWRITTEN.set(contents)
    try:
        yield
    finally:
        _UNWRITTEN.reset(token)


def new_files(directory: Path) -> list[Path]:
    """The YAML files that are to be in a directory, but are not there yet."""
    contents = _UNWRITTEN.get() or {}
    return sorted(
        path
        for path in contents
        if path.parent == directory.resolve() and path.suffix == ".yaml" and not path.exists()
    )


def read(path: Path, file: str, findings: Findings) -> Located | None:
    """The mapping that a YAML file holds; None if it holds none, and then a finding says why.

    `file` is the path as the findings show it.
    """
    text = _text(path, file, MAX_BYTES, findings)
    return None if text is None else parsed(text, file, findings)


def parsed(text: str, file: str, findings: Findings) -> Located | None:
    """The same of the text of a file."""
    try:
        return _mapping(text, file, findings)
    except Unreadable as unreadable:
        findings.extend([unreadable.problem])
        return None


def read_text(path: Path | str, file: str, limit: int, findings: Findings) -> str | None:
    """The text of a UTF-8 file, its line ends as LF; None if unreadable, and a finding says why.

    `limit` is in bytes.
    """
    text = _text(path, file, limit, findings)
    return None if text is None else with_line_feeds(text)


def with_line_feeds(text: str) -> str:
    """The text, its line ends as LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(path: Path | str, file: str, limit: int, findings: Findings) -> str | None:
    try:
        return decode(read_bytes(path, file, limit), file)
    except Unreadable as unreadable:
        findings.extend([unreadable.problem])
        return None


def read_bytes(path: Path | str, file: str, limit: int) -> bytes:
    place = Place(file)
    try:
        contents = _UNWRITTEN.get()
        if contents and (real := Path(path).resolve()) in contents:
            data = contents[real]
        else:
            data = b""
            with FileIO(path) as stream:
                while len(data) <= limit and (block := stream.read(_BLOCK)):
                    data += block
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unreadable(place, f"cannot be read: {reason}", "make it a readable file") from None
    if len(data) > limit:
        raise Unreadable(
            place, f"is larger than {limit:,} bytes", "split it, or move its long parts elsewhere"
        )
    return data


def decode(data: bytes, file: str) -> str:
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        raise Unreadable(
            _place_in(before, file),
            f"byte 0x{data[error.start]:02x} is not UTF-8",
            "save the file as UTF-8",
        ) from None


def _place_in(before: str, file: str) -> Place:
    """The place right after a text."""
    return Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _mapping(text: str, file: str, findings: Findings) -> Located | None:
    _refuse(_CONTROL, text, file, "a control character", "remove it, or escape it in double quotes")
    if "%TAG" in text:
        _refuse(_TAG_DIRECTIVE, text, file, "a %TAG directive", "remove it: tags are not supported")
    try:
        events = iter(_LOADER(text).get_event, None)  # yaml.parse asks twice for each
        value, place = compose(events, file, findings)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, file) from None
    except yaml.YAMLError as error:
        raise Unreadable(
            Place(file), f"not valid YAML: {' '.join(str(error).split())}", "correct it"
        ) from None
    if value is None:
        raise Unreadable(Place(file), "the file is empty", "write its keys, or remove the file")
    if not isinstance(value, Located):
        if isinstance(value, str):
            _refuse_wide_colon(text, place)
        kind = "a list" if isinstance(value, LocatedList) else "a single value"
        raise Unreadable(place, f"the file is {kind}", "write a mapping: `key: value` lines")
    return value


def _refuse(pattern: re.Pattern[str], text: str, file: str, what: str, remedy: str) -> None:
    found = pattern.search(text)
    if found:
        place = _place_in(text[: found.start()], file)
        shown = f" (U+{ord(found[0]):04X})" if len(found[0]) == 1 else ""
        raise Unreadable(place, f"the file holds {what}{shown}", remedy)


# What a person most likely did, by the words of both parsers.
_SYNTAX = (
    ("mapping values are not allowed", "put a string that contains `: ` in quotes"),
    ("cannot start any token", "indent with spaces, and quote a string that begins with @, % or `"),
    ("could not find expected ':'", "write `key: value`, and indent the lines of a longer string"),
    ("unexpected end of stream", "close the quotes"),
    ("did not find expected ',' or", "close the bracket, or put a comma between its items"),
    ("expected ',' or", "close the bracket, or put a comma between its items"),
    ("alphabetic or numeric character", "put a string that begins with * or & in quotes"),
    ("escape", "use single quotes around a string with backslashes"),
)


_WIDE_COLON = re.compile(r"[ -]*\w[\w-]*(?=：)")
"""A key as somebody writes it whose keyboard is set to Chinese or Japanese."""

_KEY = re.compile(r"( *)[\w-]+ *")
"""What stands before the colon of a key that does not belong to the line above it."""


def _line(text: str, number: int) -> str:
    """A line of a text; there may be none, as YAML knows more line ends than we."""
    return "".join(text.split("\n")[number - 1 : number])


def _refuse_wide_colon(text: str, place: Place) -> None:
    """Raises Unreadable for a line that begins with a key and a full-width colon."""
    if key := _WIDE_COLON.match(_line(text, place.line)):
        wide = Place(place.file, place.line, key.end() + 1)
        raise Unreadable(wide, "not valid YAML: a full-width colon", "write `: ` instead")


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    problem = str(error.problem or error.context)
    before = _line(text, place.line)[: place.column - 1]
    key = _KEY.fullmatch(before) if "mapping values" in problem else None
    if "expected ':'" in problem and error.context_mark:
        _refuse_wide_colon(text, Place(file, error.context_mark.line + 1))
    if key:
        _refuse_wide_colon(text, Place(file, place.line - 1))
    if "mapping values" in problem:
        _refuse_wide_colon(text, place)
    where, began = "", error.context_mark
    if error.context and began and began.line + 1 != place.line:
        where = f" ({error.context} that begins on line {began.line + 1})"
    remedy = next(
        (advice for words, advice in _SYNTAX if words in problem),
        "indent what belongs together alike, and close every quote and bracket",
    )
    if key and key[1]:
        remedy = "indent the key like those beside it"
    return Unreadable(place, f"not valid YAML: {problem}{where}", remedy)
