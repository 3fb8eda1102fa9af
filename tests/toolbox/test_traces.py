"""Where a tool raised: told to people by the lines of its own code, and not to the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.events import ToolCall, ToolReturned
from assistctl.toolbox import mount

Make = Callable[..., Any]


def returned(write: Make, workspace: Make, function: Make, files: dict[str, str]) -> ToolReturned:
    from assistctl.toolbox import resolve

    root = write(files)
    resolved, problems = resolve(workspace(function("tool", python="mod:tool")))
    assert problems == ()
    (found,) = mount(root, resolved.functions.values()).call([ToolCall("1", "tool", "{}")])
    return found


def test_the_lines_of_the_tools_own_code_lead_to_the_fault(
    write: Make, workspace: Make, function: Make, tmp_path: Path
) -> None:
    found = returned(
        write,
        workspace,
        function,
        {
            "tools/mod.py": "from .inner import read\ndef tool():\n    return read('{')\n",
            "tools/inner.py": "import json\ndef read(text):\n    return json.loads(text)\n",
        },
    )
    assert "tools/" not in found.output
    assert found.trace is not None
    assert found.trace.short == (
        "tools/mod.py:3 in tool: return read('{')\n"
        "tools/inner.py:3 in read: return json.loads(text)"
    )
    lines = found.trace.whole.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{tmp_path}/tools/mod.py", line 3, in tool'
    assert "json/decoder.py" in found.trace.whole
    assert "assistctl/toolbox" not in found.trace.whole


def test_of_a_deep_recursion_the_innermost_lines_are_told(
    write: Make, workspace: Make, function: Make
) -> None:
    source = "def tool(): down(9)\ndef down(n): return down(n - 1) if n else 1 / n\n"
    found = returned(write, workspace, function, {"tools/mod.py": source})
    assert found.trace is not None
    assert found.trace.short.splitlines() == [
        "… 6 more",
        *["tools/mod.py:2 in down: def down(n): return down(n - 1) if n else 1 / n"] * 5,
    ]


def test_an_async_tool_is_traced_like_another(write: Make, workspace: Make, function: Make) -> None:
    source = "async def tool():\n    raise KeyError('x')\n"
    found = returned(write, workspace, function, {"tools/mod.py": source})
    assert found.trace is not None
    assert found.trace.short == "tools/mod.py:2 in tool: raise KeyError('x')"
    assert "asyncio" not in found.trace.whole


def test_arguments_that_are_refused_have_no_trace(
    write: Make, workspace: Make, function: Make
) -> None:
    found = returned(
        write, workspace, function, {"tools/mod.py": "def tool(a: int = 3, /): return a"}
    )
    assert (found.output, found.trace) == ("3", None)


def test_packages_of_an_environment_in_the_workspace_are_not_its_own_code(
    write: Make,
    workspace: Make,
    function: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages = ".venv/lib/python3.12/site-packages"
    monkeypatch.syspath_prepend(str(tmp_path / packages))
    found = returned(
        write,
        workspace,
        function,
        {
            "tools/mod.py": "import lib_that_raises\ndef tool():\n    lib_that_raises.run()\n",
            f"{packages}/lib_that_raises.py": "def run():\n    1 / 0\n",
        },
    )
    assert found.trace is not None
    assert found.trace.short == "tools/mod.py:3 in tool: lib_that_raises.run()"
    assert "lib_that_raises.py" in found.trace.whole
