"""Files that an assistant has made, saved in a directory: nothing there is overwritten, and what a
target calls a file is no path."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from assistctl.errors import RemoteError
from assistctl.events import MadeFile

_LONGEST = 120
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|\Z)", re.IGNORECASE)


def save(
    files: Iterable[MadeFile], directory: Path, download: Callable[[MadeFile, Path], None]
) -> Iterator[MadeFile]:
    """Each file with where it was `saved`, or with the `error` that it was not for."""
    for file in files:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path = _reserved(directory, harmless(file.name or file.id))
            try:
                download(file, path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except (RemoteError, OSError) as error:
            yield replace(file, error=str(error))
        else:
            yield replace(file, saved=str(path))


def harmless(name: str) -> str:
    """The last part of a name, without what a shell, a listing or a file system would take for
    something else."""
    last = re.split(r"[/\\]", name)[-1]
    plain = "".join(it for it in last if not unicodedata.category(it).startswith("C"))
    plain = _FORBIDDEN.sub("_", plain).lstrip(".-~ ").rstrip(". ")
    if _DEVICE.match(plain):
        plain = f"file-{plain}"
    stem, suffix = Path(plain).stem, Path(plain).suffix[:20]
    while len(os.fsencode(stem + suffix)) > _LONGEST:
        stem = stem[:-1]
    return stem + suffix or "file"


def _reserved(directory: Path, name: str) -> Path:
    """An empty file that was not there before: of this name, or with a number."""
    stem, suffix = Path(name).stem, Path(name).suffix
    for number in count(1):
        path = directory / (name if number == 1 else f"{stem}-{number}{suffix}")
        try:
            path.open("xb").close()
        except FileExistsError:
            continue
        return path
    raise AssertionError("unreachable")
