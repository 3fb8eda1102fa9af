"""Parts of Markdown that hold what somebody else has written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from assistctl.render.terminal import one_line
from assistctl.render.values import counted

_Thing = TypeVar("_Thing")

_MARKUP = re.compile(r"[\\`*_\[\]<>|~@&#$:]")


def fence_around(lines: Sequence[str]) -> str:
    """A fence longer than any run of backticks that it has to hold."""
    runs = re.findall(r"`+", "\n".join(lines))
    return "`" * max(3, 1 + max(map(len, runs), default=0))


def details(summary: str, lines: Sequence[str], language: str = "") -> str:
    """Lines that are shown to whoever opens the summary, which is HTML."""
    fence = fence_around(lines)
    opened = [f"<details><summary>{summary}</summary>", "", f"{fence}{language}"]
    return "\n".join([*opened, *lines, fence, "", "</details>"])


def as_many_as_fit(
    things: Sequence[_Thing], told: Callable[[_Thing], str], room: int, noun: str, command: str
) -> Iterator[str]:
    """What is told of each, within so many characters; where there is no room for the others they
    are counted, and it is said which command shows them."""
    for number, thing in enumerate(things):
        text = told(thing)
        room -= len(text) + 2
        if room < 0:
            left_out = counted(len(things) - number, noun)
            yield f"The details of {left_out} are left out here; `{command}` shows them."
            return
        yield text


def code(text: str) -> str:
    """A code span, safe in a table cell as well."""
    line = one_line(text).replace("|", "\\|")
    runs = set(map(len, re.findall(r"`+", line)))
    ticks = "`" * next(n for n in range(1, len(runs) + 2) if n not in runs)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{space}{line}{space}{ticks}"


def plain(text: str) -> str:
    """Words that mean nothing to Markdown or HTML, and mention nobody."""
    escaped = _MARKUP.sub(_entity, one_line(text))
    return escaped.replace("&#64;", "&#64;&#8203;")


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
