"""The text files of a workspace as they shall be, beside what is on the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.errors import AssistctlError, Refused
from assistctl.resources import Json
from assistctl.spec.editing import at, value_of
from assistctl.spec.located import Path as Steps

_SUFFIX = ".assistctl-pull"


@dataclass(frozen=True)
class FileEdit:
    """A file that changes: its POSIX path below the workspace, and its bytes before and after."""

    path: str
    before: bytes
    after: bytes


@dataclass
class Drafts:
    """The files of the workspace at `root`, by their POSIX paths, read when they are asked for."""

    root: Path
    _before: dict[str, bytes] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _values: dict[str, tuple[str, Json]] = field(default_factory=dict)

    def text(self, file: str) -> str:
        """What the file is to hold, line ends and a byte order mark as they are."""
        if file not in self._texts:
            self._before.setdefault(file, (self.root / file).read_bytes())
            self._texts[file] = self._before[file].decode()
        return self._texts[file]

    def put(self, file: str, text: str) -> None:
        """Have the file hold this text."""
        self.text(file)
        self._texts[file] = text

    def value(self, file: str, path: Steps = ()) -> Json:
        """What a YAML file holds at a path, or ABSENT."""
        text = self.text(file)
        if file not in self._values or self._values[file][0] is not text:
            self._values[file] = text, value_of(text, file)
        return at(self._values[file][1], path)

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """Everything that differs from what is on the disk."""
        return tuple(
            FileEdit(file, self._before[file], after)
            for file, text in sorted(self._texts.items())
            if (after := text.encode()) != self._before[file]
        )

    @contextmanager
    def undone_by(self, failure: type[Exception]) -> Iterator[None]:
        """Everything is as before the block if it raises this."""
        before = dict(self._texts)
        try:
            yield
        except failure:
            self._texts = before
            raise


def contents(root: Path, edits: Sequence[FileEdit]) -> Mapping[Path, bytes]:
    """What the files will hold, by their real paths."""
    return {(root / edit.path).resolve(): edit.after for edit in edits}


def write(root: Path, edits: Sequence[FileEdit]) -> None:
    """Write all of them or none: each beside the old one, which it then replaces. A kill in between
    leaves each either old or new.

    Raises Refused where one has been changed since it was read or may not be written, OSError.
    """
    paths = [(root / edit.path).resolve() for edit in edits]
    beside = [path.with_name(f".{path.name}{_SUFFIX}") for path in paths]
    for edit, path in zip(edits, paths, strict=True):
        if not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise Refused(f"{edit.path} is read-only; nothing was written")
    replaced: list[tuple[Path, FileEdit]] = []
    try:
        for edit, path, new in zip(edits, paths, beside, strict=True):
            _prepare(new, edit.after, path)
        for edit, path in zip(edits, paths, strict=True):
            if path.read_bytes() != edit.before:
                raise Refused(
                    f"{edit.path} has been changed since it was read; nothing was written. Do it "
                    "again"
                )
        for edit, path, new in zip(edits, paths, beside, strict=True):
            new.replace(path)
            replaced.append((path, edit))
    except BaseException as error:
        for path, edit in replaced:
            path.write_bytes(edit.before)
        if isinstance(error, OSError):
            where = Path(error.filename).name if error.filename else root.name
            raise AssistctlError(f"{where}: {error.strerror}; nothing was written") from error
        raise
    finally:
        for new in beside:
            with suppress(OSError):
                new.unlink()


def _prepare(new: Path, content: bytes, like: Path) -> None:
    """Make a file that is on the disk before it gets the name of another, whose rights it has."""
    # Nobody reads it who may not read the old one, and it leads to no other file.
    new.unlink(missing_ok=True)
    with open(new, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    new.chmod(stat.S_IMODE(like.stat().st_mode))
