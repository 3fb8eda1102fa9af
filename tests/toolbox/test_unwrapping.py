"""Decorated functions: what is called, and what is said where nothing can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.errors import AssistctlError, Place
from assistctl.resources import Function
from assistctl.toolbox import mount

Make = Callable[..., Any]

MADE_BY = {
    "an object that is not callable": """
        class FunctionTool:
            def __init__(self, f):
                self.f = f
        def function_tool(f): return FunctionTool(f)
    """,
    "a decorator with arguments": """
        from dataclasses import dataclass
        @dataclass
        class Tool:
            name: str
            run: object
        def tool(name):
            def inner(f): return Tool(name, {"sync": f})
            return inner
        function_tool = tool("x")
    """,
    "a closure": """
        class FunctionTool:
            __slots__ = ("on_invoke",)
        def function_tool(f):
            async def invoke(context, text): return f(text)
            made = FunctionTool()
            made.on_invoke = invoke
            return made
    """,
    "a bound method": """
        class Runner:
            def __init__(self, f): self.f = f
            def run(self, text): return self.f(text)
        class Tool:
            def __init__(self, f): self.run = Runner(f).run
        function_tool = Tool
    """,
    "a pydantic model": """
        from pydantic import BaseModel
        from typing import Any, Callable
        class FunctionTool(BaseModel):
            func: Callable[..., Any]
        def function_tool(f): return FunctionTool(func=f)
    """,
}


@pytest.mark.parametrize("made", MADE_BY)
def test_the_function_inside_an_object_is_called(box: Make, answer: Make, made: str) -> None:
    source = f"""{MADE_BY[made]}
        @function_tool
        def _jot(note: str) -> str:
            '''Write a note down.'''
            return note.upper()
    """
    function = Function("jot", Place("a.yaml", 1, 1), python="mod:_jot")
    assert answer(box(source, function), "jot", '{"note": "milk"}') == "MILK"


@pytest.mark.parametrize(
    "made", ["_jot = FunctionTool(_jot)", "_tool = FunctionTool(f=_jot)", "_tool = kept(_jot)"]
)
def test_what_is_made_of_a_function_by_a_call_is_like_what_a_decorator_makes(
    box: Make, answer: Make, made: str
) -> None:
    source = f"""
        class FunctionTool:
            def __init__(self, f): self.f = f
        def kept(f): return f
        def _jot(note: str) -> str:
            return note.upper()
        {made}
    """
    function = Function("jot", Place("a.yaml", 1, 1), python=f"mod:{made.split()[0]}")
    tools = box(source, function)
    assert tools.tools["jot"].function.parameters["required"] == ["note"]
    assert answer(tools, "jot", '{"note": "milk"}') == "MILK"


def test_a_name_that_is_bound_to_its_own_attribute_leads_nowhere(derive: Make) -> None:
    assert derive("def tool(a: int): ...\ntool = tool.fn\n") == [
        "tools/functions.yaml:3:5: 'mod:tool' has no `def` whose signature could be read; declare "
        "`parameters` for the function"
    ]


def test_what_wraps_openly_or_is_the_workspaces_own_is_called_itself(
    box: Make, answer: Make
) -> None:
    tools = box("""
        import functools
        class Counted:
            def __init__(self, f): self.f, self.calls = f, 0
            def __call__(self, **arguments):
                self.calls += 1
                return [self.calls, self.f(**arguments)]
        @functools.lru_cache
        def cached(a: int): return a
        @Counted
        def counted(a: int): return a
        @staticmethod
        def static(a: int): return a
    """)
    assert [answer(tools, name, '{"a": 3}') for name in ("cached", "counted", "static")] == [
        3,
        [1, 3],
        3,
    ]


def test_a_decorator_that_returns_nothing_is_told_by_validate(derive: Make) -> None:
    source = """
        REGISTERED = []
        def register(f):
            REGISTERED.append(f)
        def named(name):
            def inner(f):
                REGISTERED.append((name, f))
            return inner
        @register
        @named("x")
        def tool(note: str): ...
    """
    at = "tools/functions.yaml:3:5: the decorator"
    after = "makes None of 'mod:tool', so that it cannot be called; let it return the function, or"
    assert derive(source) == [
        f"{at} named (tools/mod.py:5) {after} an object that holds it",
        f"{at} register (tools/mod.py:3) {after} an object that holds it",
    ]


LOST = {
    "def made(f): return {'name': f.__name__, 'about': [f.__doc__, 3]}": "no function",
    "def made(f): return f'{f}'": "no function",
    "class Tool:\n    def __init__(self, f): self.name = f.__name__\n"
    "def made(f): return Tool(f)": "no function",
    "class made:\n    def __init__(self, f): self.name = f.__name__": "a made without it",
}
KEPT = [
    "def made(f): return f",
    "def made(f): return {'name': f.__name__, 'run': f}",
    "class Tool:\n    def __init__(self, f): self.f = f\ndef made(f): return Tool(f)",
    "class made:\n    def __init__(self, f): register(f)\n    def __call__(self, note): ...",
    "from elsewhere import made",
    "def made(f):\n    wrapped = twice(f)\n    return wrapped",
]


@pytest.mark.parametrize("decorator", LOST)
def test_a_decorator_that_certainly_loses_the_function_is_told_by_validate(
    derive: Make, decorator: str
) -> None:
    (problem,) = derive(f"{decorator}\n@made\ndef tool(note: str): ...\n")
    assert problem.endswith(
        f"makes {LOST[decorator]} of 'mod:tool', so that it cannot be called; let it return the "
        "function, or an object that holds it"
    )


@pytest.mark.parametrize("decorator", KEPT)
def test_a_decorator_that_may_keep_the_function_is_no_problem(derive: Make, decorator: str) -> None:
    assert derive(f"{decorator}\n@made\ndef tool(note: str): ...\n").parameters["required"]


def test_a_decorator_that_loses_the_function_is_told_before_any_model_is_asked(
    write: Callable[[dict[str, str]], Path],
) -> None:
    root = write(
        {
            "tools/mod.py": """
                def describe(f):
                    return dict(name=f.__name__)
                @describe
                def tool(note: str): ...
            """
        }
    )
    function = Function("tool", Place("a.yaml", 1, 1), python="mod:tool", parameters={})
    with pytest.raises(AssistctlError) as caught:
        mount(root, [function])
    assert str(caught.value) == (
        "tools/mod.py: @describe made a dict, which is no function of 'tool' (line 5), and the "
        "function is not to be found in it; leave the decorator out, or name a function of its own "
        "that it decorates"
    )
