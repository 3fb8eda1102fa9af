"""Parameters that assistctl fills in itself: known by annotation, hidden from the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistctl.events import ToolCall, ToolContext

Make = Callable[..., Any]
CONTEXT = ToolContext(None, None, "pool", Path(), "local")


@pytest.mark.parametrize(
    ("imports", "annotation"),
    [
        ("from assistctl import ToolContext", "ToolContext"),
        ("from assistctl.events import ToolContext as Here", "Here"),
        ("import assistctl", "assistctl.ToolContext"),
        ("from assistctl import ToolContext", "'ToolContext'"),
        ("from assistctl import ToolContext", "ToolContext | None = None"),
        ("from typing import Optional\nimport assistctl", "Optional[assistctl.ToolContext]"),
        (
            "from typing import Annotated\nfrom assistctl import ToolContext",
            "Annotated[ToolContext, 'x']",
        ),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
            "    from assistctl import ToolContext",
            "'ToolContext'",
        ),
        ("from assistctl import ToolContext\nHere = ToolContext", "Here"),
    ],
)
def test_a_context_is_known_by_its_annotation_and_no_model_is_told(
    derive: Make, imports: str, annotation: str
) -> None:
    derived = derive(f"{imports}\n\ndef tool(n: int, *, where: {annotation}): ...")
    assert derived.context == ("where",)
    assert derived.parameters == {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("annotation", ["list[ToolContext]", "ToolContext | int"])
def test_a_context_within_another_type_is_none(derive: Make, annotation: str) -> None:
    problems = derive(f"from assistctl import ToolContext\ndef tool(where: {annotation}): ...")
    assert problems == [
        "tools/functions.yaml:3:5: parameter 'where' of mod:tool (tools/mod.py:2): its annotation "
        "cannot be read: ToolContext is imported from assistctl; annotate it with a type that can "
        "be read, or declare `parameters` for the function"
    ]


def test_a_class_of_ones_own_by_that_name_is_no_context(derive: Make) -> None:
    source = "from dataclasses import dataclass\n@dataclass\nclass ToolContext:\n    x: int\n"
    derived = derive(source + "def tool(where: ToolContext): ...")
    assert (derived.context, list(derived.parameters["properties"])) == ((), ["where"])


def test_a_declared_schema_must_not_have_it(derive: Make) -> None:
    source = "from assistctl import ToolContext\ndef tool(n: int, where: ToolContext): ..."
    good = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert derive(source, parameters=good).context == ("where",)
    bad = good | {"properties": {**good["properties"], "where": {"type": "object"}}}
    assert derive(source, parameters=bad) == [
        "tools/functions.yaml:3:5: mod:tool (tools/mod.py:2): the schema has 'where', which is a "
        "ToolContext: assistctl gives it itself; take it out of the schema"
    ]


def test_the_function_learns_where_it_is_called(box: Make, tmp_path: Path) -> None:
    tools = box(
        """
        from assistctl import ToolContext
        def tool(where: ToolContext, /, n: int):
            return [where.thread, where.run, where.assistant, str(where.workspace), where.target, n]
        """,
        context=CONTEXT,
    )
    call = ToolCall("call_1", "tool", '{"n": 7}')
    (returned,) = tools.call([call], thread="thread_1", run="run_1")
    assert returned.output == f'["thread_1", "run_1", "pool", "{tmp_path}", "local", 7]'


def test_a_model_cannot_send_it(box: Make, answer: Make) -> None:
    tools = box("from assistctl import ToolContext\ndef tool(c: ToolContext): return 1\n")
    assert answer(tools, "tool", '{"c": {"target": "prod"}}')["error"]["type"] == (
        "invalid_arguments"
    )


def test_nor_where_the_function_takes_any_name(box: Make, function: Make, answer: Make) -> None:
    tools = box(
        "from assistctl import ToolContext\ndef tool(c: ToolContext, **more): return more",
        function(python="mod:tool", parameters={"type": "object"}),
    )
    assert answer(tools, "tool", '{"a": 1}') == {"a": 1}
    assert answer(tools, "tool", '{"c": 1}') == {
        "error": {
            "type": "invalid_arguments",
            "message": "the arguments do not fit the parameters of tool",
            "details": [{"at": "c", "message": "the function takes no such argument"}],
        }
    }
