"""Reading a workspace: what its files declare, over the process's environment and its `.env`."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl import spec, toolbox
from assistctl.apis.capabilities import refusals
from assistctl.errors import DeclarationError, Place, Problem
from assistctl.resources import Workspace

if TYPE_CHECKING:
    from dotenv.parser import Original

ENV = ".env"


def load(
    root: Path | None = None,
    target: str | None = None,
    *,
    refuse: bool = True,
    keyless: bool = False,
    tests: bool = False,
) -> Workspace:
    """The workspace in a directory, else in the nearest one above the current directory, as it is
    declared for a target, else for the one that it names itself. What the target's API cannot do
    is wrong, unless `refuse` is False; so is a key that is not set, unless the target is `keyless`,
    for nobody will be asked there. What is wrong with nothing but `tests` is a warning where these
    are not what is wanted.

    Raises DeclarationError with everything that is wrong with it, AssistctlError where there is
    none.
    """
    root = root_of(root)
    environ, faults = _environment(root)
    declared, problems = spec.load(root.resolve(), target=target, environ=environ, keyless=keyless)
    workspace, more = toolbox.resolve(declared)
    more += refusals(workspace) if refuse else ()
    problems = (*faults, *problems, *more)
    if tests or not all(spec.is_of_tests(problem.place.file) for problem in problems):
        if problems:
            raise DeclarationError(problems)
        return workspace
    return replace(workspace, warnings=tuple(sorted({*workspace.warnings, *problems})))


def glimpse(root: Path, target: str | None) -> Workspace:
    """As much of a workspace as can be read, whatever is wrong with it: good for the names of what
    it declares. Raises OSError."""
    environ, _ = _environment(root)
    declared, _ = spec.load(root.resolve(), target=target, environ=environ, keyless=True)
    workspace, _ = toolbox.resolve(declared)
    return workspace


def refused(workspace: Workspace) -> tuple[Problem, ...]:
    """What a workspace declares that its target's API cannot do."""
    return refusals(workspace)


def root_of(root: Path | None = None) -> Path:
    """A workspace's directory as it was given, else the nearest one above the current directory.
    Raises AssistctlError where there is none."""
    root = root or spec.find_root(Path.cwd())
    if root is None:
        raise spec.missing_workspace(Path.cwd())
    return root


def environment(root: Path) -> dict[str, str]:
    """The process's environment over the workspace's `.env`, which never overrides it. Raises
    DeclarationError."""
    environ, problems = _environment(root)
    if problems:
        raise DeclarationError(problems)
    return environ


def _environment(root: Path) -> tuple[dict[str, str], tuple[Problem, ...]]:
    path = root / ENV
    if not path.is_file():
        return dict(os.environ), ()
    from dotenv.parser import parse_stream  # 20 ms, and only for those who have the file

    try:
        lines = tuple(parse_stream(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except UnicodeDecodeError:
        problem = Problem(Place(ENV), "the file is not UTF-8", "save it as UTF-8")
        return dict(os.environ), (problem,)
    declared = {line.key: line.value for line in lines if line.key and line.value is not None}
    problems = tuple(_not_understood(line.original) for line in lines if line.error)
    return declared | os.environ, problems


def _not_understood(original: Original) -> Problem:
    """Says where, but nothing of the text, which may be a secret."""
    blank = len(original.string) - len(original.string.lstrip("\r\n"))
    line = original.line + original.string[:blank].count("\n")
    return Problem(
        Place(ENV, line, 1), "this is not NAME=VALUE", "mend the line, or quote the value"
    )
