"""Whole workspaces resolved."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistctl.errors import Place
from assistctl.resources import Assistant, CodeInterpreter, Function, FunctionTool, Workspace
from assistctl.toolbox import resolve

HERE = Path(__file__).parent
Write = Callable[[dict[str, str]], Path]
Make = Callable[..., Any]


def test_a_whole_tool_module_is_read_without_being_executed(
    workspace: Callable[..., Workspace], function: Callable[..., Function]
) -> None:
    declared = function(python="shop:save_bill")
    resolved, problems = resolve(workspace(declared, root=HERE))
    assert problems == ()
    date = {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None}
    colour = {"anyOf": [{"type": "string", "enum": ["red", "yellow"]}, {"type": "null"}]}
    line = {
        "description": "One line of a bill.",
        "type": "object",
        "properties": {
            "flower": {"description": "Name of the flower.", "type": "string"},
            "quantity": {"type": "integer", "description": "How many stems.", "default": 1},
            "colour": colour | {"default": None},
            "notes": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["flower"],
        "additionalProperties": False,
    }
    assert resolved.functions["tool"] == replace(
        declared,
        description="Save a bill.\n\nIt is written once, and never changed.",
        parameters={
            "type": "object",
            "properties": {
                "lines": {
                    "description": "What was sold, in the order of the till.",
                    "type": "array",
                    "items": line,
                },
                "customer": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "vip": {"type": "boolean"}},
                    "required": ["name"],
                    "additionalProperties": False,
                },
                "when": {"description": "The day; today if it is not given."} | date,
                "discount": {"type": ["string", "number"], "format": "decimal"},
                "till": {
                    "anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}],
                    "default": None,
                },
                "pay": {"type": "string", "enum": ["cash", "card"], "default": "cash"},
                "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                "totals": {
                    "anyOf": [
                        {"type": "object", "additionalProperties": {"type": "number"}},
                        {"type": "null"},
                    ],
                    "default": None,
                },
                "anything": {"default": None},
                "point": {
                    "type": "array",
                    "items": {"type": "integer"},
                    "minItems": 2,
                    "maxItems": 2,
                    "default": [0, 0],
                },
                "code": {"type": ["integer", "string"], "default": 7},
            },
            "required": ["lines", "customer"],
            "additionalProperties": False,
        },
        source="tools/shop.py:45",
    )


def test_a_function_without_python_and_parameters_takes_none(
    workspace: Callable[..., Workspace], function: Callable[..., Function]
) -> None:
    resolved, problems = resolve(
        workspace(
            function("plain"),
            function("strict", strict=True),
            function("declared", parameters={"type": "object"}),
        )
    )
    assert problems == ()
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    assert {name: each.parameters for name, each in resolved.functions.items()} == {
        "plain": nothing,
        "strict": nothing,
        "declared": {"type": "object"},
    }


def test_the_functions_of_assistants_are_resolved_and_their_other_tools_kept(
    write: Write, workspace: Callable[..., Workspace], function: Callable[..., Function]
) -> None:
    write({"tools/mod.py": "def save(a: int): ...\ndef drop(b: int): ..."})
    shared = function("save", python="mod:save")
    inline = function("drop", python="mod:drop", python_place=Place("assistants/a.yaml", 9, 15))
    broken = replace(inline, name="broken", python="mod:dorp")
    code = CodeInterpreter()
    tools = (code, FunctionTool(shared), FunctionTool(inline), FunctionTool(broken))
    assistant = Assistant("a", Place("assistants/a.yaml"), {}, tools)
    bare = Assistant("b", Place("assistants/b.yaml"), {})
    declared = replace(workspace(shared), assistants={"a": assistant, "b": bare})
    resolved, problems = resolve(declared)
    assert list(map(str, problems)) == [
        "assistants/a.yaml:9:15: tools/mod.py has no function 'dorp'; did you mean mod:drop?"
    ]
    first, second, third, fourth = resolved.assistants["a"].tools
    assert first is code
    assert isinstance(second, FunctionTool)
    assert second.function is resolved.functions["save"]
    assert isinstance(third, FunctionTool)
    assert third.function.parameters is not None
    assert list(third.function.parameters["properties"]) == ["b"]
    assert fourth == FunctionTool(broken)
    assert resolved.assistants["b"] is bare
    assert resolve(resolved)[0] == resolved


def test_all_problems_of_a_workspace_are_found_at_once_in_the_order_of_their_places(
    write: Write, workspace: Callable[..., Workspace]
) -> None:
    write({"tools/mod.py": "def save(a): ...", "tools/broken.py": "def"})
    named = {"z": "mod:save", "y": "mod", "x": "gone:save", "w": "broken:f", "v": "mod:sav"}
    functions = [
        Function(name, Place("tools/f.yaml", line, 3), python=python)
        for line, (name, python) in enumerate(named.items())
    ]
    _, problems = resolve(workspace(*functions))
    assert [str(each).split(";")[0] for each in problems] == [
        "tools/broken.py:1:4: this is not valid Python: invalid syntax",
        "tools/f.yaml: parameter 'a' of mod:save (tools/mod.py:1): it has no annotation",
        "tools/f.yaml:1:3: 'mod' does not name a Python function",
        "tools/f.yaml:2:3: 'gone:save' needs tools/gone.py, which does not exist",
        "tools/f.yaml:4:3: tools/mod.py has no function 'sav'",
    ]


@pytest.mark.parametrize(
    ("signature", "loose"),
    [
        ("a: int = 1", "parameters.a"),
        ("a: dict[str, int]", "parameters.a"),
        ("a: dict | None", "parameters.a"),
        ("a: list[Any]", "parameters.a[]"),
        ("a: list[Line]", "parameters.a[].b"),
    ],
)
def test_strict_mode_refuses_a_signature_that_leaves_something_open(
    derive: Make, signature: str, loose: str
) -> None:
    source = f"""
        from dataclasses import dataclass
        from typing import Any
        @dataclass
        class Line:
            b: int = 1
        def tool({signature}): ...
    """
    assert derive(source, strict=True) == [
        "tools/functions.yaml:3:5: mod:tool (tools/mod.py:7): `strict` demands that every property "
        f"is required and every type is closed, and {loose} is not; leave `strict` away, change "
        "the signature, or declare `parameters` for the function"
    ]
    assert derive(source).parameters["type"] == "object"


def test_strict_mode_takes_a_closed_signature(derive: Make) -> None:
    function = derive("def tool(a: int | None, b: list[str]): ...", strict=True)
    assert function.parameters["required"] == ["a", "b"]


def test_a_thousand_assistants_that_name_one_module_read_it_once(
    write: Write, workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    write({"tools/mod.py": "def save(a: int): ..."})
    reads: list[object] = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda *args: reads.append(args) or parse(*args))
    assistants = {
        f"a{n}": Assistant(
            f"a{n}", Place("x"), {}, (FunctionTool(Function("f", Place("x"), python="mod:save")),)
        )
        for n in range(1000)
    }
    _, problems = resolve(replace(workspace(), assistants=assistants))
    assert problems == ()
    assert len(reads) == 1


def test_resolving_costs_neither_pydantic_nor_jsonschema(write: Write) -> None:
    root = write({"tools/mod.py": "def save(a: int):\n    'Save.'"})
    script = f"""
        import sys
        from pathlib import Path
        from assistctl.errors import Place
        from assistctl.resources import Function, Target, Workspace
        from assistctl.toolbox import resolve
        def run(**fields):
            place = Place("x")
            target = Target("t", "assistants", "n", place)
            function = Function("f", place, **fields)
            resolve(Workspace(Path({str(root)!r}), "w", target, (), functions={{"f": function}}))
            heavy = ["pydantic", "pydantic_core", "jsonschema", "openai", "asyncio"]
            print([name for name in heavy if name in sys.modules])
        run()
        run(python="mod:save")
    """
    command = [sys.executable, "-c", "\n".join(line[8:] for line in script.splitlines())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"
