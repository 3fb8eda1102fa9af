"""Tool modules imported: where they live, what they see, and how their failures are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.errors import AssistctlError, Place
from assistctl.resources import Function
from assistctl.toolbox import mount

Make = Callable[..., Any]
Write = Callable[[dict[str, str]], Path]
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


def functions(*references: str) -> list[Function]:
    return [
        Function(
            each.split(":")[1], Place("tools/f.yaml", line, 1), python=each, parameters=NOTHING
        )
        for line, each in enumerate(references, 1)
    ]


def failure(root: Path, *references: str) -> str:
    with pytest.raises(AssistctlError) as caught:
        mount(root, functions(*references))
    return str(caught.value)


def test_tool_modules_import_each_other_relatively_and_stay_off_the_path(
    write: Write, answer: Make
) -> None:
    root = write(
        {
            "tools/__init__.py": "CURRENCY = 'CNY'",
            "tools/bills.py": """
                from . import CURRENCY
                from .prices import price
                from .shop.till import till
                def bill():
                    from .prices import price as again
                    return [CURRENCY, price(), till(), again is price, __name__.count(".")]
            """,
            "tools/prices.py": "def price(): return 3",
            "tools/shop/till.py": "from ..prices import price\ndef till(): return price() + 1",
        }
    )
    mount(root, functions("prices:price"))  # imports what is needed for that
    before = set(sys.modules)
    tools = mount(root, functions("bills:bill", "shop.till:till"))
    assert answer(tools, "bill") == ["CNY", 3, 4, True, 1]
    assert answer(tools, "till") == 4
    assert str(root / "tools") not in sys.path
    assert {name.partition(".")[0] for name in set(sys.modules) - before} == {
        name for name in sys.modules if name.startswith("_assistctl_tools_") and "." not in name
    } - before


def test_two_mounts_share_nothing(tmp_path_factory: pytest.TempPathFactory, answer: Make) -> None:
    boxes = []
    for text in ("first", "second"):
        tools = tmp_path_factory.mktemp(text) / "tools"
        tools.mkdir()
        (tools / "mod.py").write_text(
            "from .state import calls\ndef tool(): calls.append(1); return TEXT, len(calls)\n"
            f"TEXT = {text!r}"
        )
        (tools / "state.py").write_text("calls = []")
        boxes.append(mount(tools.parent, functions("mod:tool")))
    boxes.append(mount(tools.parent, functions("mod:tool")))
    assert [answer(each, "tool") for each in [*boxes, boxes[0]]] == [
        ["first", 1],
        ["second", 1],
        ["second", 1],
        ["first", 2],
    ]


def test_a_module_is_imported_once_for_all_its_functions(write: Write, answer: Make) -> None:
    root = write({"tools/mod.py": "calls = []\ndef a(): calls.append(1)\ndef b(): return calls"})
    tools = mount(root, functions("mod:a", "mod:b"))
    answer(tools, "a")
    assert answer(tools, "b") == [1]


def test_a_function_of_an_installed_package_is_imported_by_its_name(
    tmp_path: Path, answer: Make
) -> None:
    tools = mount(tmp_path, functions("email.utils:make_msgid"))
    assert answer(tools, "make_msgid").startswith("<")


def test_an_edited_module_is_seen_by_the_next_mount(write: Write, answer: Make) -> None:
    root = write({"tools/mod.py": "def tool(): return 'before'"})
    assert answer(mount(root, functions("mod:tool")), "tool") == "before"
    write(
        {
            "tools/mod.py": "def tool(): return 'after it was edited'",
            "tools/new.py": "def new(): ...",
        }
    )
    assert answer(mount(root, functions("mod:tool", "new:new")), "tool") == "after it was edited"


def test_every_failed_import_is_told_once_with_the_line_at_fault(write: Write) -> None:
    root = write(
        {
            "tools/prices.py": "def price(): ...",
            "tools/sibling.py": "\nimport prices",
            "tools/dependency.py": "from .deeper import x",
            "tools/deeper.py": "x = 1\nimport no_such_package.inside",
            "tools/raises.py": "def f():\n    raise ValueError('no\\nuse')\nf()",
            "tools/leaves.py": "import sys\nsys.exit(3)",
            "tools/syntax.py": "\n\ndef tool(:",
            "tools/dynamic.py": "tool = 3",
        }
    )
    names = ["sibling", "dependency", "raises", "leaves", "syntax", "dynamic", "gone"]
    assert failure(root, *(f"{name}:{name}" for name in names)) == "\n".join(
        [
            "tools/sibling.py:2: importing 'sibling' failed: ModuleNotFoundError: No module named "
            "'prices'; modules in tools/ import each other relatively: from . import prices",
            "tools/deeper.py:2: importing 'dependency' failed: ModuleNotFoundError: No module "
            "named 'no_such_package'; install 'no_such_package' where assistctl runs",
            "tools/raises.py:2: importing 'raises' failed: ValueError: no use; correct the module",
            "tools/leaves.py:2: importing 'leaves' failed: SystemExit: 3; correct the module",
            "tools/syntax.py:3: importing 'syntax' failed: SyntaxError: invalid syntax; "
            "correct the module",
            "tools/dynamic.py: the imported module has no 'dynamic'; define it at the top level of "
            "the module",
            "tools/f.yaml:7:1: 'gone:gone' needs tools/gone.py, which does not exist; create it, "
            "or correct it",
        ]
    )


def test_an_environment_that_lies_here_is_named_when_a_package_is_missing(write: Write) -> None:
    root = write({"tools/mod.py": "import no_such_package", ".venv/bin/python": ""})
    assert failure(root, "mod:tool") == (
        "tools/mod.py:1: importing 'mod' failed: ModuleNotFoundError: No module named "
        "'no_such_package'; install 'no_such_package' where assistctl runs; there is a .venv here: "
        "set `tools: {python: .venv/bin/python}` in assistctl.yaml"
    )


def test_a_failure_outside_tools_is_told_where_the_function_is_declared(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(
        {
            "site/broken_pkg/__init__.py": "",
            "site/broken_pkg/tools.py": "def tool(:",
            "tools/mod.py": "\nexec('def :')\ndef tool(): ...",
        }
    )
    monkeypatch.syspath_prepend(str(root / "site"))
    assert failure(root, "broken_pkg.tools:tool", "mod:tool_too").splitlines() == [
        "tools/f.yaml:1:1: importing 'broken_pkg.tools' failed: SyntaxError: invalid syntax; "
        "correct the module",
        "tools/mod.py:2: importing 'mod' failed: SyntaxError: invalid syntax; correct the module",
    ]


def test_a_name_that_is_not_callable_is_told(write: Write) -> None:
    root = write({"tools/mod.py": "tool = 3"})
    assert failure(root, "mod:tool") == (
        "tools/mod.py: the imported module has no callable 'tool'; define it at the top level of "
        "the module"
    )


def test_a_broken_package_file_is_told_for_its_modules(write: Write) -> None:
    root = write({"tools/__init__.py": "1 / 0", "tools/mod.py": "def tool(): ..."})
    for _ in range(2):
        assert failure(root, "mod:tool") == (
            "tools/__init__.py:1: importing 'mod' failed: ZeroDivisionError: division by zero; "
            "correct the module"
        )


def test_an_interrupt_during_an_import_is_not_swallowed(write: Write) -> None:
    root = write({"tools/mod.py": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        mount(root, functions("mod:tool"))


def test_a_relative_workspace_root_is_fine(
    write: Write, answer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(
        {
            "tools/mod.py": "def tool():\n    from . import later\n    return later.x",
            "tools/later.py": "x = 1",
        }
    )
    monkeypatch.chdir(root)
    tools = mount(Path(), functions("mod:tool"))
    monkeypatch.chdir("/")
    assert answer(tools, "tool") == 1


def test_functions_must_be_resolved_and_have_one_meaning_each(write: Write) -> None:
    root = write({"tools/mod.py": "def tool(): ..."})
    with pytest.raises(ValueError, match=r"tool has no parameters yet: resolve\(\) comes before"):
        mount(root, [Function("tool", Place("x"), python="mod:tool")])
    first, other = (Function("f", Place("a.yaml", line, 1), parameters=NOTHING) for line in (1, 2))
    with pytest.raises(AssistctlError) as caught:
        mount(root, [first, first, other])
    assert str(caught.value) == (
        "a.yaml:2:1: a function 'f' is also declared at a.yaml:1:1; "
        "give an assistant each name once"
    )
