"""A workspace's `.assistctl/`: conveniences of this machine, on which no sync depends."""

from __future__ import annotations

from pathlib import Path

STATE = ".assistctl"


def state_directory(root: Path) -> Path:
    """The directory, made on first use; it keeps itself out of git, and what was said in the local
    target's threads to its owner. Raises OSError."""
    directory = root / STATE
    directory.mkdir(0o700, exist_ok=True)
    ignore = directory / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return directory
