"""Reading the workspace that a command works on."""

from __future__ import annotations

import os
from pathlib import Path

from assistctl import spec, toolbox
from assistctl.commands._options import Options
from assistctl.errors import DeclarationError
from assistctl.resources import Workspace


def load(options: Options) -> Workspace:
    """The workspace as declared. Raises DeclarationError with everything that is wrong with it,
    AssistctlError where there is none."""
    root = options.workspace or spec.find_root(Path.cwd())
    if root is None:
        raise spec.missing_workspace(Path.cwd())
    environ = environment(root)
    workspace, problems = spec.load(root.resolve(), target=options.target, environ=environ)
    if workspace is not None:
        workspace, more = toolbox.resolve(workspace)
        problems = (*problems, *more)
    if problems or workspace is None:
        raise DeclarationError(problems)
    return workspace


def environment(root: Path) -> dict[str, str]:
    """The process's environment over the workspace's `.env`, which never overrides it."""
    path = root / ".env"
    if not path.is_file():
        return dict(os.environ)
    from dotenv import dotenv_values  # 20 ms, and only for those who have the file

    declared = dotenv_values(path, interpolate=False, encoding="utf-8")
    return {name: value for name, value in declared.items() if value is not None} | os.environ
