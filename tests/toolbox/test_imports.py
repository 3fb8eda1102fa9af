"""Imports between tool modules: what a run would refuse is told without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistctl.errors import Place
from assistctl.resources import Interpreter
from assistctl.toolbox import resolve

Write = Callable[[dict[str, str]], Path]
OFF_PATH = "finds nothing in a run: tools/ is not on Python's path"
RELATIVELY = "modules in tools/ import each other relatively"

FAULTS = {
    "from tools.helpers import clean": f"{OFF_PATH}; {RELATIVELY}: from .helpers import clean",
    "from helpers import clean as c": f"{OFF_PATH}; {RELATIVELY}: from .helpers import clean as c",
    "import helpers": f"{OFF_PATH}; {RELATIVELY}: from . import helpers",
    "import tools.helpers as h": f"{OFF_PATH}; {RELATIVELY}: from . import helpers as h",
    "from shop.till import total": f"{OFF_PATH}; {RELATIVELY}: from .shop.till import total",
    "from .helper import clean": "needs tools/helper.py, which does not exist; did you mean "
    "helpers?",
    "from ..helpers import clean": "leaves tools/; import only what is in tools/, or an installed "
    "package",
}


@pytest.fixture
def problems(write: Write, workspace: Callable[..., Any], function: Callable[..., Any]) -> Any:
    def problems(source: str, **more: str) -> list[str]:
        root = write(
            {
                "tools/mod.py": source,
                "tools/helpers.py": "def clean(text: str) -> str: return text",
                "tools/shop/till.py": "def total() -> int: return 3",
                **{f"tools/{name}.py": text for name, text in more.items()},
            }
        )
        _, found = resolve(workspace(function("tool", python="mod:tool"), root=root))
        return list(map(str, found))

    return problems


@pytest.mark.parametrize("line", FAULTS)
def test_an_import_of_a_sibling_that_fails_in_a_run_is_told_where_it_stands(
    problems: Callable[..., list[str]], line: str
) -> None:
    assert problems(f"\n{line}\ndef tool(a: int): ...\n") == [
        f"tools/mod.py:2:1: `{line}` {FAULTS[line]}"
    ]


def test_imports_are_told_of_within_functions_and_in_the_modules_that_are_imported(
    problems: Callable[..., list[str]],
) -> None:
    found = problems(
        """
        from .other import thing
        def tool(a: int):
            import helpers
        """,
        other="from helpers import clean\nfrom .third import x\nfrom . import mod\n",
        third="x = (",
    )
    assert found == [
        f"tools/mod.py:4:5: `import helpers` {OFF_PATH}; {RELATIVELY}: from . import helpers",
        f"tools/other.py:1:1: `from helpers import clean` {OFF_PATH}; {RELATIVELY}: "
        "from .helpers import clean",
        "tools/third.py:1:5: this is not valid Python: '(' was never closed; correct it",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "from .helpers import clean",
        "from . import helpers",
        "from .shop.till import total",
        "from .shop import till",
        "import json, missing_package",
        "try:\n    from helpers import clean\nexcept ImportError:\n    from .helpers import clean",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tools.helpers import clean",
    ],
)
def test_imports_that_work_or_may_fail_are_no_problem(
    problems: Callable[..., list[str]], source: str
) -> None:
    assert problems(f"{source}\ndef tool(a: int): ...\n") == []


def test_a_class_imported_for_type_checkers_only_is_what_the_function_gets(
    write: Write, workspace: Callable[..., Any], function: Callable[..., Any], answer: Any
) -> None:
    from assistctl.toolbox import mount

    root = write(
        {
            "tools/mod.py": """
                from __future__ import annotations
                from typing import TYPE_CHECKING
                if TYPE_CHECKING:
                    from .shapes import Order
                def tool(order: Order): return [type(order).__name__, order.day.year]
            """,
            "tools/shapes.py": """
                import datetime
                from dataclasses import dataclass
                @dataclass
                class Order:
                    day: datetime.date
            """,
        }
    )
    resolved, found = resolve(workspace(function("tool", python="mod:tool"), root=root))
    assert found == ()
    tools = mount(root, resolved.functions.values())
    assert answer(tools, "tool", '{"order": {"day": "2026-11-23"}}') == ["Order", 2026]


def test_a_package_of_the_interpreter_of_the_tools_may_be_called_like_a_tool_module(
    write: Write, workspace: Callable[..., Any], function: Callable[..., Any]
) -> None:
    root = write(
        {
            "tools/mod.py": "from helpers import clean\ndef tool(a: int): ...\n",
            "tools/helpers.py": "",
            ".venv/bin/python": "",
            ".venv/lib/python3.12/site-packages/helpers.py": "def clean(): ...",
        }
    )
    declared = workspace(function("tool", python="mod:tool"), root=root)
    assert len(resolve(declared)[1]) == 1
    python = Interpreter(root / ".venv/bin/python", ".venv/bin/python", Place("x"), 1 << 30)
    assert resolve(replace(declared, interpreter=python))[1] == ()
