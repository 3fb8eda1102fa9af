"""Workspaces with real tool modules, and short ways to resolve, mount and call them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from assistctl.errors import Place
from assistctl.events import ToolCall, ToolReturned
from assistctl.resources import Function, Target, Workspace
from assistctl.toolbox import Toolbox, mount, resolve

PLACE = Place("tools/functions.yaml", 3, 5)


@pytest.fixture(autouse=True)
def stdout_and_modules_as_before() -> Iterator[None]:
    stdout, modules = sys.stdout, set(sys.modules)
    yield
    sys.stdout = stdout
    for name in set(sys.modules) - modules:
        if name.startswith("_assistctl_tools_"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[dict[str, str]], Path]:
    """Writes files, named by their paths, into a fresh workspace; answers its root."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text), encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Workspace]:
    def workspace(*functions: Function, root: Path = tmp_path) -> Workspace:
        target = Target("local", "assistants", "test", PLACE)
        return Workspace(
            root, "test", target, ("local",), functions={each.name: each for each in functions}
        )

    return workspace


@pytest.fixture
def function() -> Callable[..., Function]:
    def function(name: str = "tool", **fields: Any) -> Function:
        return replace(Function(name, PLACE), **fields)

    return function


@pytest.fixture
def derive(
    write: Callable[[dict[str, str]], Path],
    workspace: Callable[..., Workspace],
    function: Callable[..., Function],
) -> Callable[..., Function | list[str]]:
    """Resolves `mod:tool` of a module with this source; answers it completed, or its problems."""

    def derive(source: str, **fields: Any) -> Function | list[str]:
        write({"tools/mod.py": source})
        fields = {"python": "mod:tool"} | fields
        resolved, problems = resolve(workspace(function(**fields)))
        return list(map(str, problems)) or resolved.functions["tool"]

    return derive


@pytest.fixture
def box(
    write: Callable[[dict[str, str]], Path],
    workspace: Callable[..., Workspace],
    function: Callable[..., Function],
) -> Callable[..., Toolbox]:
    """Resolves and mounts functions of `tools/mod.py`: all of its own public ones, or as given."""

    def box(source: str, *functions: Function, **options: Any) -> Toolbox:
        root = write({"tools/mod.py": source})
        if not functions:
            names = [
                line.split("def ")[1].split("(")[0]
                for line in dedent(source).splitlines()
                if line.startswith(("def ", "async def ")) and "def _" not in line
            ]
            functions = tuple(function(name, python=f"mod:{name}") for name in names)
        resolved, problems = resolve(workspace(*functions))
        assert not problems, "\n".join(map(str, problems))
        return mount(root, resolved.functions.values(), **options)

    return box


@pytest.fixture
def answer() -> Callable[..., Any]:
    """Makes one call; answers the output, read as JSON where it is JSON."""

    def answer(box: Toolbox, name: str, arguments: str = "{}", **options: Any) -> Any:
        (returned,) = box.call([ToolCall("call_1", name, arguments)], **options)
        return _read(returned)

    return answer


def _read(returned: ToolReturned) -> Any:
    try:
        return json.loads(returned.output)
    except ValueError:
        return returned.output
