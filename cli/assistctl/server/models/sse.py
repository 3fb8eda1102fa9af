"""The events of an answer, whatever its endpoint calls it: server-sent events, or one JSON text.

Written by hand for what libraries leave out: llama.cpp tells of a failure in a field `error:`,
and some endpoints forget the empty line between events.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from assistctl.server.models.reading import BadAnswer

_LINE_END = re.compile(r"\r\n|\n|\r")
_MOST = 32 << 20
_WRAPPING = 1024
"""How many characters an answer may have, and how many more with each of its lines: what stands
around the words of a long one is many times as long as they are."""


@dataclass(frozen=True)
class ServerEvent:
    """`whole` is true of a body that is no stream."""

    data: str
    name: str = "message"
    whole: bool = False


async def read_events(chunks: AsyncIterator[bytes]) -> AsyncIterator[ServerEvent]:
    """A body that begins like JSON, or like a page, is one event; any other is read as a stream."""
    lines = _lines(chunks)
    event = _Open()
    async for line in lines:
        if event.first and line.lstrip()[:1] in ("{", "[", "<"):
            rest = [line]
            async for more in lines:
                rest.append(more)
            yield ServerEvent("\n".join(rest).strip(), whole=True)
            return
        for complete in event.feed(line):
            yield complete
    for complete in event.feed(""):
        yield complete


class _Open:
    """The event whose lines are coming in."""

    def __init__(self) -> None:
        self.first = True
        self._name = "message"
        self._data: list[str] = []

    def feed(self, line: str) -> list[ServerEvent]:
        if not line.strip():
            return self._complete()
        self.first = False
        name, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            done = self._complete() if self._data else []  # an empty line was forgotten
            self._name = value.strip()
            return done
        if name == "error" and colon:
            return [*self._complete(), ServerEvent(value, "error")]
        if name == "data":
            # JSON that is whole is not gone on with.
            done = self._complete(keep=True) if self._data and _closed(self._data[-1]) else []
            self._data.append(value)
            return done
        if line.lstrip().startswith("{"):
            return [*self._complete(), ServerEvent(line.strip())]
        return []

    def _complete(self, keep: bool = False) -> list[ServerEvent]:
        data, name = "\n".join(self._data), self._name
        self._data = []
        if not keep:
            self._name = "message"
        return [ServerEvent(data, name)] if data.strip() else []


def _closed(data: str) -> bool:
    return data.startswith("{") and data.rstrip().endswith("}")


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines by the ends that the format has; others, such as U+2028, belong to the text."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begun = returned = False
    spare = _MOST
    open_line: list[str] = []  # joined once it has ended: a long one comes in thousands of pieces
    async for chunk in chunks:
        text = decoder.decode(chunk)
        if not begun:
            text = text.removeprefix("\ufeff")
        if not text:
            continue
        begun = True
        spare -= len(text)
        if returned:  # a carriage return at a piece's end may be half of a line end
            text = "\r" + text
        returned = text.endswith("\r")
        first, *others = _LINE_END.split(text.removesuffix("\r"))
        open_line.append(first)
        spare += _WRAPPING * len(others)
        if spare < 0:
            raise BadAnswer(f"sent more than {_MOST >> 20} MB, which no answer is")
        for other in others:
            yield "".join(open_line)
            open_line = [other]
    open_line.append(decoder.decode(b"", True))
    yield "".join(open_line)
    if returned:
        yield ""
