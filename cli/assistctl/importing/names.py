"""Names for what is imported: keys of assistants and stores, and paths of their files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistctl.keys import LONGEST, as_key
from assistctl.resources import Json

if TYPE_CHECKING:
    from assistctl.surface import Body

FEW = 20
"""So many files are named one by one; more get a directory of their own, which a glob names."""

_LONGEST_NAME = 200  # bytes; most file systems take 255


def key_for(name: Json, object_id: str, taken: Collection[str], kind: str) -> str:
    """The first of the keys for an object that is free."""
    return next(key for key in keys_of(name, object_id, kind) if key not in taken)


def keys_of(name: Json, object_id: str, kind: str) -> Iterator[str]:
    """Keys made of a name, whatever its script, or of the id where it has no letters; with ever
    higher numbers."""
    slug = as_key(name.replace("_", "-") if isinstance(name, str) else "")
    while len(slug.encode()) > _LONGEST_NAME:
        slug = slug[:-1]
    if not any(map(str.isalpha, slug)):
        tail = re.sub("[^a-z0-9]", "", object_id.lower())[-8:]
        slug = f"{kind}-{tail}"
    yield from (_numbered(slug, number) for number in count(1))


def _numbered(slug: str, number: int) -> str:
    ending = "" if number == 1 else f"-{number}"
    return slug[: LONGEST - len(ending)].rstrip("-") + ending


def title_of(body: Body) -> str:
    """How messages call an object: `asst_… "FAQ"`."""
    name = body.get("name")
    return f'{body["id"]} "{name}"' if name and isinstance(name, str) else str(body["id"])


@dataclass
class Folder:
    """A directory that remote files go to, each under a name of its own.

    `path` and the keys of `files` are POSIX paths below the workspace; the values are the ids of
    the files that belong there.
    """

    path: str
    files: dict[str, str] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)

    def put(self, file: Body) -> str:
        """The path of a file, which is the same however often it is put."""
        file_id = str(file["id"])
        if file_id not in self._paths:
            self._add(self._free(PurePosixPath(plain_name(file))), file_id)
        return self._paths[file_id]

    def put_all(self, files: Iterable[Body], *, apart: str = "") -> list[str]:
        """The paths of these files; if they are many, a glob that names exactly these, for which
        they go to the directory `apart` in this one (empty: there are no others in it)."""
        listed = list(files)
        if len(listed) <= FEW:
            return [self.put(file) for file in listed]
        own = Folder(f"{self.path}/{apart}" if apart else self.path)
        for file in listed:
            self._add(own.put(file), str(file["id"]))
        return [f"{own.path}/*"]

    def _add(self, path: str, file_id: str) -> None:
        self.files[path] = file_id
        self._paths.setdefault(file_id, path)
        self._taken.add(path.casefold())  # the file system may not tell cases apart

    def _free(self, name: PurePosixPath) -> str:
        """Numbers go on where they were, since there may be thousands of one name."""
        while True:
            number = self._numbers[name.name] = self._numbers.get(name.name, 0) + 1
            numbered = name.name if number == 1 else f"{name.stem}-{number}{name.suffix}"
            if (path := f"{self.path}/{numbered}").casefold() not in self._taken:
                return path


def plain_name(file: Body) -> str:
    """The name of a remote file, as one that can safely be written here."""
    name = re.split(r"[/\\]", str(file.get("filename") or ""))[-1]
    name = name.encode(errors="replace").decode()
    name = "".join(c if c.isprintable() else "_" for c in name).strip().lstrip(".")
    pure = PurePosixPath(name or str(file["id"]))
    stem = pure.stem
    while stem and len(f"{stem}{pure.suffix}".encode()) > _LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}{pure.suffix}" if stem else str(file["id"])
