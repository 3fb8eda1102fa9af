"""Which Python runs in the sandbox, and which files of the host it needs to see for that.

By default the server's own interpreter with its standard library, and of the installed packages
only well-known ones for calculating, with what they need. A virtual environment also holds the
server, its SDKs and whatever else: none of that is shown. An interpreter that was named for the
purpose is shown with all of its packages.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from assistctl.server.sandbox.layout import layout_here, layout_of

LIBRARIES = (
    "numpy",
    "pandas",
    "matplotlib",
    "scipy",
    "scikit-learn",
    "statsmodels",
    "seaborn",
    "sympy",
    "networkx",
    "pillow",
    "openpyxl",
    "xlsxwriter",
    "python-docx",
    "python-pptx",
    "pypdf",
    "reportlab",
    "tabulate",
    "tqdm",
)
"""Distributions that are shown where they are installed beside the server."""

_PACKAGES = "/opt/packages"
_ELSEWHERE = ("..", "", "/", ".", "__pycache__")
"""With these begin paths of files that are not a distribution's own: programs, absolute paths."""


@dataclass(frozen=True)
class Python:
    """An interpreter: what to bind (source -> destination), to hide, and to search for modules.

    `installed` names the distributions that its code may import, the well-known ones first.
    """

    executable: str
    shown: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    packages: tuple[str, ...]
    installed: tuple[str, ...] = ()


def own_python(libraries: Iterable[str] = LIBRARIES) -> Python:
    """The interpreter that runs this, with `libraries` as far as they are installed."""
    layout = layout_here()
    libraries = tuple(libraries)
    found = _closure(libraries)
    entries = tuple(dict.fromkeys(_entries(found.values())))
    return Python(
        layout.executable,
        (
            *((path, path) for path in layout.needed),
            *((str(path), f"{_PACKAGES}/{path.name}") for path in entries),
        ),
        layout.base_packages,
        (_PACKAGES,) if entries else (),
        own_packages(libraries),
    )


def own_packages(libraries: Iterable[str] = LIBRARIES) -> tuple[str, ...]:
    """Those of `libraries` that are installed beside the server: what own_python's `installed`
    are, without looking for all that they need."""
    return tuple(name for name in libraries if _installed(name))


def named_python(command: str) -> Python:
    """The interpreter `command`, or that of the virtual environment in this folder, with all that
    is installed for it. Raises what layout_of does."""
    layout = layout_of(str(Path(command, "bin", "python3")) if Path(command).is_dir() else command)
    packages = {path: f"/opt/site-{number}" for number, path in enumerate(layout.packages)}
    return Python(
        layout.executable,
        (*((path, path) for path in layout.needed), *packages.items()),
        layout.base_packages,
        tuple(packages.values()),
        tuple(sorted(layout.installed, key=lambda name: _normal(name) not in LIBRARIES)),
    )


def _closure(names: Iterable[str]) -> dict[str, Distribution]:
    """The installed ones of `names`, and what they require, by their normal names."""
    waiting, closure = [_normal(name) for name in names], dict[str, Distribution]()
    while waiting:
        name = waiting.pop()
        if name not in closure and (found := _installed(name)):
            closure[name] = found
            waiting += _required(found)
    return closure


def _installed(name: str) -> Distribution | None:
    """The one that an import would find; none where its metadata is damaged."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return found if found.metadata["Name"] else None


def _required(of: Distribution) -> Iterator[str]:
    """What it needs always; for extras it needs nothing."""
    for requirement in of.requires or ():
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        if name and "extra" not in requirement.partition(";")[2]:
            yield _normal(name[0])


def _entries(found: Iterable[Distribution]) -> Iterator[Path]:
    """The files and folders beside each other that make up a distribution."""
    for each in found:
        for top in _tops(each):
            if top not in _ELSEWHERE and not top.endswith(".pth"):
                yield Path(str(each.locate_file(top)))


def _tops(of: Distribution) -> Iterable[str]:
    """The first parts of its files' paths, once each. A RECORD is read as it is: `files` makes a
    path of each of some thousands, which took longer than all else before the first code runs."""
    record = of.read_text("RECORD")
    if record is None:
        return dict.fromkeys(file.parts[0] for file in of.files or ())
    rows = csv.reader(record.splitlines())
    return dict.fromkeys(row[0].partition("/")[0] for row in rows if row)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
