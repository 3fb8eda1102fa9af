"""Where another interpreter finds packages, as far as that can be told without starting it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from assistctl.errors import Problem
from assistctl.resources import Interpreter

VENV = ".venv/bin/python"


def own_python(root: Path) -> str | None:
    """The interpreter of a virtual environment beside assistctl.yaml, relative to that."""
    return VENV if (root / VENV).is_file() else None


def missing_python(interpreter: Interpreter | None) -> Iterator[Problem]:
    """What is to be said of an interpreter that is not there: a run needs it, a plan does not."""
    if interpreter is not None and not interpreter.python.is_file():
        what = f"`python`: {interpreter.shown} does not exist"
        yield Problem(interpreter.place, what, "make the environment, or correct the path")


def search_path(python: Path) -> tuple[str, ...]:
    """The directories of its packages, and those that `.pth` files add, as editable installs do."""
    prefixes = [python.parent.parent, *_below(python.parent.parent)]
    found: list[str] = []
    for prefix in prefixes:
        for pattern in ("lib*/python3*/site-packages", "lib/python3*/dist-packages"):
            for directory in sorted(prefix.glob(pattern)):
                found += [str(directory), *_added(directory)]
    return tuple(dict.fromkeys(found))


def find_spec(name: str, search: tuple[str, ...] | None) -> importlib.machinery.ModuleSpec | None:
    """A top-level package, looked up and not imported; `search` None: as this process would."""
    if search is None or name in sys.stdlib_module_names:
        try:
            return importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
    return importlib.machinery.PathFinder.find_spec(name, list(search))


def _below(environment: Path) -> Iterator[Path]:
    """The prefix whose packages a virtual environment sees, too, if it does."""
    try:
        lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    settings = {key.strip().lower(): value.strip() for key, _, value in map(_halves, lines)}
    if settings.get("include-system-site-packages", "").lower() == "true" and "home" in settings:
        yield Path(settings["home"]).parent


def _halves(line: str) -> tuple[str, str, str]:
    return line.partition("=")


def _added(directory: Path) -> Iterator[str]:
    for file in sorted(directory.glob("*.pth")):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            added = directory / line.strip()
            is_path = line.strip() and not line.startswith(("#", "import ", "import\t"))
            if is_path and added.is_dir():
                yield str(added)
