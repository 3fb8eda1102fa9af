"""Markdown: the text as it is, with its sections and tables known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from assistctl.server.retrieval.text import Context, Text, headings

_DELIMITER = re.compile(r"[\s|:-]*-[\s|:-]*")


def read(text: str) -> Text:
    contexts = [*headings(text), *_tables(text)]
    return Text(text, sorted(contexts, key=lambda context: context.start))


def _tables(text: str) -> Iterator[Context]:
    """Names stand above a line of dashes and bars; a table ends with its last line of bars."""
    names, start, at, found = "", 0, 0, False
    for line in [*text.split("\n"), ""]:
        if found and "|" not in line:
            yield Context(names, start, at)
            found = False
        elif not found and "|" in line and "|" in names and _DELIMITER.fullmatch(line):
            found = True
        if not found:
            names, start = line, at + len(line)
        at += len(line) + 1
