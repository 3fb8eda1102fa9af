"""Declared paths and globs -> files that exist, lie in the workspace, and have a SHA-256."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Set
from io import FileIO
from pathlib import Path, PurePosixPath

from assistctl.errors import Place
from assistctl.resources import File
from assistctl.spec.discovery import FILE
from assistctl.spec.findings import Findings
from assistctl.spec.globs import glob, is_pattern
from assistctl.spec.reading import read_text
from assistctl.spec.wording import is_unicode, remedy_for, shown

MAX_FILE_BYTES = 8 * 1024 * 1024 * 1024
"""What the Uploads API takes; beyond 512 MB sync sends a file in parts."""

_BLOCK = 1024 * 1024
_HIDDEN = f"{os.sep}."
"""What every path has that leads through something hidden."""

_NOWHERE = "is a symlink that leads nowhere", "correct where it leads"


class _NotUsable(Exception):
    """A declared path names nothing that may be used: what is wrong, and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy


_UNUSABLE = (_NotUsable, OSError, ValueError)
_UNREADABLE = "correct the path, or the rights of what it names"


class WorkspaceFiles:
    """The files of one workspace; each is read once, however often it is declared.

    A declared path is relative to the directory of the file in which it stands, which its Place
    names. `root` is a resolved path. `.env`, `.git` and their like hold what nobody else shall see:
    of hidden paths only those in `allowed`, relative to the root, are used.
    """

    def __init__(self, root: Path, findings: Findings, allowed: Set[str] = frozenset()) -> None:
        self._root = root
        self._below = os.path.join(root, "")  # noqa: PTH118  (with the slash at its end)
        self._findings = findings
        self._allowed = allowed
        # Paths as texts: a workspace names thousands, and to make a Path takes as long as to read.
        self._read: dict[str, File] = {}
        self._texts: set[str] = set()
        self._real: dict[str, str] = {}
        self._found: dict[tuple[str, str], str] = {}

    @property
    def used(self) -> Set[str]:
        """The paths of all that was asked for so far."""
        return self._read.keys() | self._texts

    def files(self, declared: Iterable[tuple[str, Place]]) -> tuple[File, ...]:
        """What the paths and globs name, in their order, each file once."""
        found: dict[str, File] = {}
        for text, place in declared:
            try:
                for path in self._named(text, place):
                    file = self._file(path)
                    found.setdefault(file.path, file)
            except _UNUSABLE as error:
                self._report(text, place, error)
        return tuple(found.values())

    def text(self, declared: str, place: Place, limit: int) -> str | None:
        """The text of one file, at most `limit` characters; None after a finding."""
        text = None
        try:
            path = self._literal(declared, place)
            self._texts.add(path)
            # UTF-8 takes at most four bytes a character.
            text = read_text(path, self._relative(path), limit * 4, self._findings)
            if text is not None and len(text) > limit:
                raise _NotUsable(f"has {len(text):,} characters, more than {limit:,}", "shorten it")
        except _UNUSABLE as error:
            self._report(declared, place, error)
        return None if self._findings.faulty(place) else text

    def _report(self, text: str, place: Place, error: _NotUsable | OSError | ValueError) -> None:
        what, remedy = (
            (error.what, error.remedy)
            if isinstance(error, _NotUsable)
            else (f"cannot be read: {_in_words(error)}", _UNREADABLE)
        )
        if not self._findings.faulty(place):
            self._findings.add(place, f"{shown(text)} {what}", remedy)

    def _named(self, text: str, place: Place) -> list[str]:
        if not is_pattern(text) or Path(self._base(text, place), text).is_file():
            return [self._literal(text, place)]
        base = Path(self._base(text, place))
        found = {self._inside(str(path))[0] for path in glob(base, PurePosixPath(text).parts)}
        if not found:
            raise _NotUsable("matches no file", f"correct it: it is relative to {place.file}")
        return sorted(found, key=lambda path: path.split(os.sep))  # noqa: PTH206  (see _read)

    def _literal(self, text: str, place: Place) -> str:
        known = place.file.rpartition("/")[0], text
        if known not in self._found:
            base = self._base(text, place)
            is_name = "/" not in text and text.strip(".")
            declared = os.path.join(base, text) if is_name else str(Path(base, text))  # noqa: PTH118
            self._found[known] = self._existing(text, declared, place)
        return self._found[known]

    def _existing(self, text: str, declared: str, place: Place) -> str:
        named, mode = self._inside(declared)
        path = Path(named) if not stat.S_ISREG(mode) else None
        if path is None or path.is_file():
            return named
        if path.is_dir():
            everything = shown(text.rstrip("/") + "/**")
            raise _NotUsable("is a directory", f"write {everything} for all its files")
        if path.exists():
            raise _NotUsable("is not a regular file", "name a regular file")
        if path.is_symlink():
            raise _NotUsable(*_NOWHERE)
        neighbours = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        otherwise = f"correct it: it is relative to {place.file}"
        raise _NotUsable("does not exist", remedy_for(path.name, neighbours, otherwise, alike=0.8))

    def _base(self, text: str, place: Place) -> str:
        if text.startswith("/") or os.path.isabs(text):  # noqa: PTH117  (a Path costs ten times it)
            raise _NotUsable("is an absolute path", f"write it relative to {place.file}")
        return os.path.join(self._below, place.file.rpartition("/")[0])  # noqa: PTH118  (see above)

    def _inside(self, path: str) -> tuple[str, int]:
        """The path under the name it bears in its real directory, and what is there, as `lstat`
        has it in its mode, 0 for nothing. Both that and what a symlink leads to must be in the
        workspace."""
        directory, name = os.path.split(path)
        try:
            named = os.path.join(self._resolved(directory), name)  # noqa: PTH118  (see _below)
            # Most are no links, and to resolve each part of each path again would cost the most.
            mode = _mode(named)
            is_plain = name != ".." and not stat.S_ISLNK(mode)
            real = named if is_plain else str(Path(named).resolve())
        except RuntimeError as error:  # so Python says until 3.12 that links lead in a circle
            raise _NotUsable(*_NOWHERE) from error
        if not self._holds(named):
            raise _NotUsable("lies outside the workspace", "copy the file into the workspace")
        if not self._holds(real):
            raise _NotUsable("leads outside the workspace", "copy the file in place of the symlink")
        if _HIDDEN in named or _HIDDEN in real:
            self._refuse_hidden(named, real)
        return named, mode

    def _resolved(self, directory: str) -> str:
        if directory not in self._real:
            self._real[directory] = str(Path(directory).resolve())
        return self._real[directory]

    def _holds(self, path: str) -> bool:
        return path.startswith(self._below) or path == str(self._root)

    def _refuse_hidden(self, *paths: str) -> None:
        names = [path[len(self._below) :].replace(os.sep, "/") for path in paths]
        if self._allowed and not self._allowed.isdisjoint(names):
            return
        for name in names:
            if any(map(_is_hidden, name.split("/"))):
                raise _NotUsable(
                    f"leads to {shown(name)}, which is hidden and may hold secrets",
                    "copy it to another name, or if it is meant, write "
                    f"`hidden_files: [{_in_unicode(names[0])}]` in {FILE}",
                )

    def _file(self, path: str) -> File:
        if path not in self._read:
            self._read[path] = _digested(path, self._relative(path))
        return self._read[path]

    def _relative(self, path: str) -> str:
        return _in_unicode(path[len(self._below) :].replace(os.sep, "/"))


def _in_unicode(name: str) -> str:
    if not is_unicode(name):
        raise _NotUsable("names a file whose name is not UTF-8", "rename the file")
    return name


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:  # and a ValueError for what is no path passes
        return 0


def _in_words(error: OSError | ValueError) -> str:
    """What the system said, or of what Python itself says, differently in each version, ours."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it has a character that no path can have"


def _is_hidden(part: str) -> bool:
    """What begins with two dots is not: a mounted Kubernetes volume leads through `..data/`."""
    return part.startswith(".") and not part.startswith("..")


def _digested(path: str, name: str) -> File:
    digest, size = hashlib.sha256(), 0
    with FileIO(path) as stream:
        expected = os.fstat(stream.fileno()).st_size
        if expected > MAX_FILE_BYTES:
            raise _NotUsable(f"names {name}, which is larger than 8 GB", "split the file")
        # Room for a whole block takes longer to get than a small file to read.
        room = min(max(expected + 1, 4096), _BLOCK)
        while block := stream.read(room):
            digest.update(block)
            size += len(block)
    return File(name, digest.hexdigest(), size)
