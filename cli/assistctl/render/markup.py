"""Parts of Markdown that hold what somebody else has written."""

from __future__ import annotations

import re
from collections.abc import Sequence

from assistctl.render.terminal import one_line

_MARKUP = re.compile(r"[\\`*_\[\]<>|~@&#$:]")


def fence_around(lines: Sequence[str]) -> str:
    """A fence longer than any run of backticks that it has to hold."""
    runs = re.findall(r"`+", "\n".join(lines))
    return "`" * max(3, 1 + max(map(len, runs), default=0))


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
