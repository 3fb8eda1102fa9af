"""Wheels of what is installed here, for pip to install it elsewhere without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement


def wheelhouse(directory: Path, *names: str) -> Path:
    """The directory, with wheels of all that these packages need, and of them; not of those that
    are installed in place."""
    for package in _needed(names):
        if not package.read_text("direct_url.json"):
            _pack(package, directory)
    return directory


def _needed(names: tuple[str, ...]) -> Iterator[Distribution]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        package = distribution(waiting.pop())
        if package.name not in found:
            found.add(package.name)
            yield package
            needs = map(Requirement, package.requires or [])
            waiting += [
                each.name
                for each in needs
                if each.marker is None or each.marker.evaluate({"extra": ""})
            ]


def _pack(package: Distribution, directory: Path) -> None:
    """pip writes scripts and compiled modules anew, and does not look at digests in wheels."""
    about = package.read_text("WHEEL") or ""
    tags = [line.split()[1] for line in about.splitlines() if line.startswith("Tag:")]
    pythons, abis, platforms = map(set, zip(*(tag.split("-") for tag in tags), strict=True))
    words = [package.name.replace("-", "_").replace(".", "_"), package.version]
    words += [".".join(sorted(part)) for part in (pythons, abis, platforms)]
    with ZipFile(directory / f"{'-'.join(words)}.whl", "w") as wheel:
        for file in package.files or []:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                wheel.write(file.locate(), str(file))
