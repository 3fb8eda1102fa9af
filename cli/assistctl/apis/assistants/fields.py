"""Assistants, declared and observed, in normal form."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import is_protected, without_ours
from assistctl.apis.managed.stores import normal, protection
from assistctl.resources import (
    Address,
    Assistant,
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
)

ASSISTANT_FIELDS = (
    "model",
    "name",
    "description",
    "instructions",
    "reasoning_effort",
    "tools",
    "tool_resources",
    "temperature",
    "top_p",
    "response_format",
    "metadata",
)
CLEARED: Mapping[str, Json] = {
    "tools": [],
    "tool_resources": tool_resources.NONE,
    "metadata": {},
}
"""What is sent to clear a field; null for those not listed."""


def _declared(assistant: Assistant) -> dict[str, Json]:
    fields = {
        name: value if name == "metadata" else normal(value)
        for name, value in assistant.settings.items()
        if value is not None
    }
    if assistant.tools:
        fields["tools"] = [normal(_tool(tool)) for tool in assistant.tools]
    if resources := tool_resources.declared(assistant, empty=True):
        fields["tool_resources"] = resources
    ordered = {name: fields[name] for name in ASSISTANT_FIELDS if name in fields}
    return ordered | protection(assistant.protect)


def _tool(tool: Tool) -> dict[str, Json]:
    if isinstance(tool, CodeInterpreter):
        return {"type": "code_interpreter"}
    if isinstance(tool, FileSearch):
        options = {"file_search": dict(tool.options)} if tool.options else {}
        return {"type": "file_search", **options}
    assert isinstance(tool, FunctionTool)
    function = {**tool.function.contract, "strict": tool.function.strict}
    return {"type": "function", "function": function}


def _observed(body: Mapping[str, Json], addresses: Mapping[str, Address | None]) -> dict[str, Json]:
    """An assistant as the API returned it, in normal form.

    `addresses` maps ids to Addresses; an id that maps to None is left out (it is not there any
    more), an unknown one stays as it is.
    """
    fields = {name: normal(value) for name in ASSISTANT_FIELDS if (value := body.get(name))}
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            fields[name] = body[name]
    fields["metadata"] = without_ours(body.get("metadata"))
    fields["tool_resources"] = tool_resources.observed(_file_ids(body), _store_ids(body), addresses)
    return fields | protection(is_protected(body.get("metadata")))


_PLAIN: Mapping[str, Json] = {
    "temperature": 1,
    "top_p": 1,
    "response_format": "auto",
    "reasoning_effort": "medium",
}
"""What the API documents as the default of whole fields."""


_RANKERS = ("auto", "default_2024_08_21")
"""The default, and what it means."""


def _plainer(fields: Mapping[str, Json], name: str) -> tuple[Json, ...]:
    if name != "tools":
        return (None,) if name in _PLAIN and fields.get(name) == _PLAIN[name] else ()
    tools = fields.get(name) or []
    if all(_options(tool) is None for tool in tools):
        return ()
    results = 5 if str(fields.get("model")).startswith("gpt-3.5-turbo") else 20
    defaults = {"max_num_results": (results,), "ranker": _RANKERS, "score_threshold": (0,)}
    readings: list[Json] = []
    for number in range(1, len(defaults) + 1):
        for names in combinations(defaults, number):
            without = [_without(tool, {name: defaults[name] for name in names}) for tool in tools]
            readings += [without] if without not in (tools, *readings) else []
    return tuple(readings)


def _without(tool: Json, defaults: Mapping[str, tuple[Json, ...]]) -> Json:
    """A tool whose file_search does not say these values."""

    def plain(options: Mapping[str, Json]) -> dict[str, Json]:
        return {
            name: plain(value) if isinstance(value, dict) else value
            for name, value in options.items()
            if value not in defaults.get(name, ())
        }

    options = _options(tool)
    return tool if options is None else {**tool, "file_search": plain(options)}


def _options(tool: Json) -> Json:
    """What a tool says of its search; None if it says nothing."""
    options = tool.get("file_search") if isinstance(tool, dict) else None
    return options if isinstance(options, dict) else None


def _file_ids(body: Mapping[str, Json]) -> list[str]:
    return tool_resources.file_ids(body.get("tool_resources"))


def _store_ids(body: Mapping[str, Json]) -> list[str]:
    return tool_resources.store_ids(body.get("tool_resources"))


KIND = AssistantKind(
    collection="/assistants",
    cleared=CLEARED,
    declared=_declared,
    observed=_observed,
    plainer=_plainer,
    file_ids=_file_ids,
    store_ids=_store_ids,
)
"""How the Assistants API holds an assistant."""
