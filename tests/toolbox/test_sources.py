"""Modules read as text: names followed through branches and imports, and broken files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.errors import Place, Problem
from assistctl.resources import Function, Workspace
from assistctl.toolbox import resolve
from assistctl.toolbox.references import Reference
from assistctl.toolbox.sources import Library

Write = Callable[[dict[str, str]], Path]


def names(function: Any) -> list[str]:
    assert not isinstance(function, list), function
    return list(function.parameters["properties"])


@pytest.mark.parametrize(
    "source",
    [
        "from .impl import tool",
        "from .impl import save as tool",
        "from .impl import save\ntool = save",
        "from .impl import *",
        "from . import tool",
        "from .deep.inner import tool",
        "from .deep import tool",
        "try:\n    from .impl import tool\nexcept ImportError:\n    tool = None",
        "if FAST:\n    def tool(a: int): ...\nelse:\n    def tool(b: int): ...",
        "if X: ...\nelse:\n    def tool(a: int): ...",
        "def tool(old: int): ...\ndef tool(a: int): ...",
        "@decorate(1)\ndef tool(a: int): ...",
        "with suppress(E):\n    tool: F = None\nfrom .impl import tool",
    ],
)
def test_a_function_is_found_where_the_module_says_it_is(
    derive: Callable[..., Any], write: Write, source: str
) -> None:
    write(
        {
            "tools/__init__.py": "from .impl import save as tool",
            "tools/impl.py": "def save(a: int): ...\ntool = save",
            "tools/deep/__init__.py": "from ..impl import tool",
            "tools/deep/inner.py": "from ..impl import tool",
        }
    )
    assert names(derive(source)) == ["a"]


@pytest.mark.parametrize("source", ["from .mod import tool", "tool = tool"])
def test_a_name_that_leads_nowhere_is_missing(derive: Callable[..., Any], source: str) -> None:
    (problem,) = derive(source)
    assert "tools/mod.py has no function 'tool'" in problem or "has no `def`" in problem


def test_an_installed_package_is_followed_within_itself(
    write: Write, derive: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(
        {
            "site/installed_tools/__init__.py": "raise SystemExit",
            "site/installed_tools/api.py": "from installed_tools._api import tool",
            "site/installed_tools/_api.py": """
                import installed_tools.kinds
                from installed_tools import kinds
                def tool(a: kinds.Size): ...
            """,
            "site/installed_tools/kinds.py": "from typing import Literal\nSize = Literal['s']",
        }
    )
    monkeypatch.syspath_prepend(str(root / "site"))
    function = derive("", python="installed_tools.api:tool")
    assert function.parameters["properties"] == {"a": {"type": "string", "enum": ["s"]}}
    assert "installed_tools" not in sys.modules


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        (b"\ndef tool(:\n", 2, "this is not valid Python: invalid syntax"),
        (b"\n  x = 1\n", 2, "this is not valid Python: unexpected indent"),
        (b"x = '\xff'", 1, "this is not valid Python: (unicode error) 'utf-8' codec can't"),
        (b"# coding: no-such-thing\n", 1, "this is not valid Python: unknown encoding"),
        (b"x = 1\0", 1, "this is not valid Python: source code "),
        (b"x = " + b"(" * 500, 1, "this is not valid Python: too many nested parentheses"),
    ],
)
def test_a_broken_module_is_a_problem_at_its_own_line(
    write: Write, workspace: Callable[..., Workspace], source: bytes, line: int, what: str
) -> None:
    root = write({"tools/mod.py": ""})
    (root / "tools/mod.py").write_bytes(source)
    _, (problem,) = resolve(workspace(Function("tool", Place("a.yaml", 1, 1), python="mod:tool")))
    assert (problem.place.file, problem.place.line) == ("tools/mod.py", line)
    assert problem.place.column >= 1
    assert problem.what.startswith(what)
    assert problem.remedy == "correct it"


def test_a_broken_module_is_one_problem_for_all_its_functions(
    write: Write, workspace: Callable[..., Workspace]
) -> None:
    write({"tools/mod.py": "def :"})
    functions = [Function(f"f{n}", Place("a.yaml", n, 1), python=f"mod:f{n}") for n in range(3)]
    _, problems = resolve(workspace(*functions))
    assert problems == (
        Problem(
            Place("tools/mod.py", 1, 5), "this is not valid Python: invalid syntax", "correct it"
        ),
    )


def test_an_invalid_escape_in_a_tool_is_no_warning_of_ours(derive: Callable[..., Any]) -> None:
    assert names(derive(r"PATTERN = '\d'" + "\ndef tool(a: int): ...")) == ["a"]


def test_a_module_of_very_deep_syntax_is_a_problem(derive: Callable[..., Any]) -> None:
    branches = "\n".join(["if x: ...", *["elif x: ..."] * 3000])
    for source in (f"x = {'-' * 50_000}1", branches):
        (problem,) = derive(f"{source}\ndef tool(): ...")
        assert problem.startswith("tools/mod.py")


def test_an_imported_tool_module_must_lie_in_the_workspace_too(
    derive: Callable[..., Any], write: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "impl.py"
    outside.write_text("def tool(): ...")
    root = write({"tools/other.py": ""})
    (root / "tools/impl.py").symlink_to(outside)
    (problem,) = derive("from .impl import tool")
    assert "tools/impl.py is a link that leaves the workspace" in problem


def test_a_module_is_read_once(write: Write) -> None:
    root = write({"tools/mod.py": "def tool(): ..."})
    library = Library(root)
    first = library.open(Reference("mod", "tool"))
    (root / "tools/mod.py").unlink()
    (root / "tools/mod.py").write_text("def :")
    assert library.open(Reference("mod", "other")) is first
