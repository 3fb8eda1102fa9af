"""Names of files in /mnt/data, which come from users and from model code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_MOST_BYTES = 255
_SHORT_CHARACTERS = 60
# control characters, line and paragraph separators, changes of direction, halves of surrogates
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_name(name: str) -> bool:
    """Whether it names a file below a folder, by a relative path that can be shown as it is."""
    parts = name.split("/")
    return not (
        any(part in ("", ".", "..") for part in parts)
        or _UNSHOWABLE.search(name)
        or len(name.encode()) > _MOST_BYTES
    )


def shown(words: str) -> str:
    """Without what would disturb a terminal or could not be stored."""
    return _UNSHOWABLE.sub("\N{REPLACEMENT CHARACTER}", words)


def data_names(filenames: Iterable[str]) -> list[str]:
    """A name for each of these files, in order; the first to come keeps its own.

    Only the last part of a path counts, what cannot be shown becomes `_`, and of files that would
    have the same name the later ones get a number.
    """
    names: dict[str, None] = {}
    for filename in filenames:
        wished = _safe(filename)
        path, number, name = PurePosixPath(wished), 1, wished
        while name in names:
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        names[name] = None
    return list(names)


def _safe(filename: str) -> str:
    last = re.split(r"[/\\]", filename)[-1]
    name = _UNSHOWABLE.sub("_", last).strip() or "file"
    if is_name(name) and len(name.encode()) <= _MOST_BYTES - 10:
        return name
    path = PurePosixPath(name.strip(".") or "file")
    return path.stem[:_SHORT_CHARACTERS] + path.suffix[:_SHORT_CHARACTERS]
