"""/mnt/data from within: files are put there for the code, and what it wrote is found."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Mark(NamedTuple):
    """What changes when a file is written."""

    modified_ns: int
    size: int
    inode: int


Seen = dict[str, Mark]
"""By the name below the folder."""


class Folder:
    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def put(self, name: str, part: bytes, first: bool) -> None:
        """Write a file part by part. Raises OSError, above all when the folder is full."""
        path = self._path / name
        if first:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
        with path.open("ab") as file:
            file.write(part)

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)

    def seen(self) -> Seen:
        """Every regular file but hidden ones and bytecode; links are not followed."""
        return {str(path.relative_to(self._path)): mark for path, mark in self._walk()}

    def parts(self, name: str, size: int) -> Iterator[bytes]:
        """The file's bytes. Raises OSError, also where there is no regular file any more."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._path / name, flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(f"{name} is not a regular file")
            while part := os.read(descriptor, size):
                yield part
        finally:
            os.close(descriptor)

    def _walk(self) -> Iterator[tuple[Path, Mark]]:
        """Not by os.walk, which is recursive before Python 3.12: folders may lie deep."""
        waiting = [str(self._path)]
        while waiting:
            inner: list[str] = []
            for entry in _entries(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    inner.append(entry.path)
                    continue
                try:
                    info = entry.stat(follow_symlinks=False)
                except OSError:  # a thread of the code's was faster, or the path is too long
                    continue
                if stat.S_ISREG(info.st_mode):
                    yield Path(entry.path), Mark(info.st_mtime_ns, info.st_size, info.st_ino)
            waiting += reversed(inner)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            shown = [it for it in entries if it.name[0] != "." and it.name != "__pycache__"]
    except OSError:  # the same
        return []
    return sorted(shown, key=lambda entry: entry.name)
