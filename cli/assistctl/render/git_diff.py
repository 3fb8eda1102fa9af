"""Files that change -> a diff, as git shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from assistctl.render.terminal import one_line
from assistctl.render.values import diff_lines

_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def git_diff(files: Iterable[tuple[str, str, str]]) -> str:
    """A unified diff of files by their paths, each with its text before and after; styled."""
    lines = (line for path, before, after in files for line in _lines(path, before, after))
    return "\n".join(lines)


def _lines(path: str, before: str, after: str) -> Iterator[str]:
    yield click.style(f"--- a/{one_line(path)}", bold=True)
    yield click.style(f"+++ b/{one_line(path)}", bold=True)
    for line in diff_lines(before, after):
        color = _COLORS.get(line[:1])
        yield click.style(line, fg=color) if color else line
