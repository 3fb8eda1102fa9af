"""New files on their way into a workspace: all of them get there, or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.state_directory import state_directory


@contextmanager
def staging_directory(root: Path) -> Iterator[Path]:
    """A directory below `.assistctl/`, so on the workspace's own disk; gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="import-", dir=state_directory(root)))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def atomic_write(
    source: Path, root: Path, *, order: Collection[str], replacing: Collection[str] = ()
) -> Iterator[None]:
    """Move files from the staging directory `source` to the same paths in the workspace at `root`,
    one after the other as `order` has their POSIX paths. Everything is as before if the block
    raises.

    Only what is named in `replacing` may be there already; raises AssistctlError for other files.
    """
    if in_the_way := [
        path for path in order if path not in replacing and os.path.lexists(root / path)
    ]:
        listed = "\n".join(f"  {path}" for path in in_the_way)
        raise AssistctlError(
            f"these files are in the way, nothing was written:\n{listed}\n"
            "Move them away, or choose another key with --as; import never overwrites."
        )
    before = {path: (root / path).read_bytes() for path in replacing}
    files: list[Path] = []
    directories: list[Path] = []
    try:
        for path in order:
            directories += _make_directories(root / path)
            if path in replacing:
                shutil.copymode(root / path, source / path)
            else:
                _claim(root / path)
                files.append(root / path)
            shutil.move(source / path, (root / path).resolve())
        yield
    except BaseException:
        for file in reversed(files):
            file.unlink(missing_ok=True)
        for directory in reversed(directories):
            with suppress(OSError):  # somebody has put something there in the meantime
                directory.rmdir()
        for path, content in before.items():
            (root / path).write_bytes(content)
        raise


def _make_directories(path: Path) -> list[Path]:
    """Make the directories that a file needs; those that were not there yet, outermost first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    for directory in reversed(missing):
        directory.mkdir()
    return missing[::-1]


def _claim(path: Path) -> None:
    """Make an empty file, which nobody else has made meanwhile, to be replaced by the real one."""
    with path.open("xb"):
        pass
