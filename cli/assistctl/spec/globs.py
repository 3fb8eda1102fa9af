"""Globs as people expect them: `*`, `?`, `[…]`, and `**` for any number of directories.

Hidden names match only a part that itself begins with a dot. `**` does not follow symlinks to
directories, so that no loop of links is walked for ever. A last `**` stands for all files below.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_MAGIC = frozenset("*?[")


def is_pattern(text: str) -> bool:
    """Whether a declared path may name several files."""
    return not _MAGIC.isdisjoint(text)


def glob(base: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    """The files below `base` that match a pattern's parts; one may come more than once."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        while rest[:1] == ("**",):
            rest = rest[1:]
        yield from _anywhere(base, rest or ("*",))
        return
    for path in _matches(base, part):
        if not rest and path.is_file():
            yield path
        elif rest and path.is_dir():
            yield from glob(path, rest)


def _anywhere(base: Path, rest: tuple[str, ...]) -> Iterator[Path]:
    yield from glob(base, rest)
    for path in _matches(base, "*"):
        if path.is_dir() and not path.is_symlink():
            yield from _anywhere(path, rest)


def _matches(directory: Path, part: str) -> Iterator[Path]:
    """What a directory holds under one part of a pattern; nothing if it does not exist."""
    if not is_pattern(part):
        if (directory / part).exists():
            yield directory / part
    elif directory.is_dir():
        # Names, not Paths: most do not match, and a Path for each costs several times as much.
        for name in os.listdir(directory):  # noqa: PTH208
            if fnmatchcase(name, part) and (part[0] == "." or name[0] != "."):
                yield directory / name
