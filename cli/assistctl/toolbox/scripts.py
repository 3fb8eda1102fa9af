"""What scripts of the scripted model call, held against the functions of their assistants."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from assistctl.errors import Problem
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    FileSearch,
    Function,
    Json,
    ScriptedCall,
    Workspace,
)
from assistctl.suggestion import remedy
from assistctl.toolbox.arguments import expected_of
from assistctl.toolbox.outputs import Refusal


def misfits(workspace: Workspace) -> Iterator[Problem]:
    """Calls that an assistant could only have answered with an error: of functions that it has not,
    or with arguments that do not fit. A script may mean to try just that."""
    for call in workspace.scripted_calls:
        if assistant := workspace.assistants.get(call.assistant):
            yield from _misfit(call, {each.name: each for each in _callable(assistant)})


def _misfit(call: ScriptedCall, there: Mapping[str, Function]) -> Iterator[Problem]:
    if call.function not in there:
        known = f"it has {', '.join(sorted(there))}" if there else "it has none"
        what = f"the assistant {call.assistant} has no function {call.function!r} to call"
        yield Problem(call.place, what, remedy(call.function, there, known))
        return
    function = there[call.function]
    if function.parameters is None:
        return
    try:
        expected_of(function).read(json.dumps(call.arguments))
    except Refusal as refusal:
        faults = "; ".join(map(str, refusal.details))
        yield Problem(call.place, refusal.message, faults or "correct them")


def _callable(assistant: Assistant) -> Iterator[Function]:
    """Its functions, and what the tools of the server take."""
    yield from assistant.functions
    for tool in assistant.tools:
        if isinstance(tool, CodeInterpreter):
            yield _of_server(assistant, "code_interpreter", "code")
        elif isinstance(tool, FileSearch):
            yield _of_server(assistant, "file_search", "query")


def _of_server(assistant: Assistant, name: str, argument: str) -> Function:
    schema: Json = {
        "type": "object",
        "properties": {argument: {"type": "string"}},
        "required": [argument],
    }
    return Function(name, assistant.place, parameters=schema)
