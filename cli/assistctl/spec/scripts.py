"""*.script.yaml: the turns of the scripted model."""

from __future__ import annotations

from assistctl.resources import Assistant, CodeInterpreter, FileSearch, Json
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.regexes import check_regex
from assistctl.spec.wording import remedy_for, shown

_TAKES = {"code_interpreter": "code", "file_search": "query"}
"""The tools that the server answers itself, each with the one argument that it takes: a text."""


def turns(script: Located, assistant: Assistant | None, findings: Findings) -> list[Json]:
    """The turns as plain values; a `when` that is no regular expression is a finding, and so is a
    call that the assistant cannot make. None: nobody can say which those are."""
    for turn, _ in script.items_at("turns"):
        if "when" in turn:
            check_regex("when", turn["when"], turn.value_place("when"), findings)
        if assistant is not None:
            _check_calls(turn.mapping("call"), assistant, findings)
    return list(plain(script.get("turns", [])))


def _check_calls(calls: Located, assistant: Assistant, findings: Findings) -> None:
    known = _callable(assistant)
    for name in calls:
        if name not in known:
            what = f"{assistant.key} has no function {shown(name)}"
            otherwise = "name one of its functions or tools, or remove this call"
            findings.add(calls.key_place(name), what, remedy_for(name, known, otherwise))
        elif name in _TAKES:
            _check_arguments(name, calls.mapping(name), findings)


def _check_arguments(name: str, given: Located, findings: Findings) -> None:
    key = _TAKES[name]
    if set(given) != {key} or not isinstance(given[key], str):
        remedy = f"write `{name}: {{{key}: …}}`"
        findings.add(given.place, f"{name} takes one argument, `{key}`, a text", remedy)


def _callable(assistant: Assistant) -> list[str]:
    kinds = {CodeInterpreter: "code_interpreter", FileSearch: "file_search"}
    tools = [kinds[type(tool)] for tool in assistant.tools if type(tool) in kinds]
    return [*(function.name for function in assistant.functions), *tools]
