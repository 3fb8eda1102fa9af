"""Assistants as agents, declared and observed, in normal form.

An agent has no field for a description, for files or for stores to search: these are in its
metadata, and so go with every write. Functions are written as the Assistants API writes them until
they are sent, so that a plan looks the same at every target.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.apis.managed import tool_resources
from assistctl.apis.managed.kinds import AssistantKind
from assistctl.apis.managed.ownership import (
    described,
    description_of,
    is_protected,
    used_files,
    used_stores,
    without_ours,
)
from assistctl.apis.managed.stores import normal, protection
from assistctl.plan.fingerprints import keyed
from assistctl.plan.state import PROTECT
from assistctl.resources import (
    Address,
    Assistant,
    CodeInterpreter,
    FileSearch,
    FunctionTool,
    Json,
    Tool,
)

SEARCH = "file_search"
"""The function that stands for the tool of this name, which agents have not."""

_TEXT: Mapping[str, Json] = {"format": {"type": "text"}, "verbosity": "medium"}
_SUBAGENTS = "max_concurrent_subagents"
_PLAIN: Mapping[str, tuple[Json, ...]] = {
    "service_tier": ("auto",),
    "multi_agent": ({"enabled": False}, {"enabled": False, _SUBAGENTS: None}),
    "compaction": ({"async": False},),
    "experimental": ({"time_awareness": False},),
}
"""What the API documents as the defaults of whole fields."""

_OF_SESSIONS = ("environment", "vault_ids", "prompt_cache_options", "review")
_OWN = ("model", "name", "instructions", "reasoning", "text", *_PLAIN)
_CLEARED: Mapping[str, Json] = {
    "text": _TEXT,
    "service_tier": "auto",
    "multi_agent": {"enabled": False},
    "experimental": {"time_awareness": False},
    "tools": [],
    "tool_resources": tool_resources.NONE,
    "metadata": {},
}
_QUERY: Mapping[str, Json] = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to look for, in words."}},
    "required": ["query"],
    "additionalProperties": False,
}


def _declared(assistant: Assistant) -> dict[str, Json]:
    settings = assistant.settings
    fields = {
        name: normal(settings[name])
        for name in ("model", "name", "description", "instructions")
        if settings.get(name) is not None
    }
    own = {name: normal(value) for name, value in of_agent(assistant).items()}
    if effort := settings.get("reasoning_effort"):
        own["reasoning"] = {**own.get("reasoning", {}), "effort": effort}
    if chosen := _format(settings.get("response_format")):
        own["text"] = {**own.get("text", {}), "format": chosen}
    tools = [_tool(tool) for tool in assistant.tools if not isinstance(tool, CodeInterpreter)]
    tools += [_plain_tool(tool) for tool in own.pop("tools", ())]
    fields |= own
    if tools:
        fields["tools"] = tools
    if resources := tool_resources.declared(assistant):
        fields["tool_resources"] = resources
    if settings.get("metadata") is not None:
        fields["metadata"] = settings["metadata"]
    return fields | protection(assistant.protect)


def of_agent(assistant: Assistant) -> dict[str, Json]:
    """What is declared for agents alone and the agent itself holds."""
    own = assistant.own.get("agents", {})
    return {name: value for name, value in own.items() if name not in _OF_SESSIONS}


def of_session(assistant: Assistant) -> dict[str, Json]:
    """What each new session is told, its environment aside."""
    own = assistant.own.get("agents", {})
    return {name: own[name] for name in _OF_SESSIONS if name in own and name != "environment"}


def said_once(assistant: Assistant) -> dict[str, Json]:
    """The fields of the agent that are other ones in a session which begins now."""
    fields, names = _declared(assistant), {"reasoning_effort": "reasoning"}
    wanted = [names.get(name, name) for name in assistant.once]
    return {name: fields[name] for name in wanted if name in fields}


def _tool(tool: Tool) -> dict[str, Json]:
    if isinstance(tool, FileSearch):
        told = "Search the files of this assistant for passages that help to answer."
        function: dict[str, Json] = {"name": SEARCH, "description": told, "parameters": _QUERY}
    else:
        assert isinstance(tool, FunctionTool)
        function = tool.function.contract
    return {"type": "function", "function": function}


def _format(declared: Json) -> Json:
    """A schema has neither a name nor `strict` here."""
    if not isinstance(declared, Mapping):
        return None
    if declared["type"] != "json_schema":
        return {"type": declared["type"]}
    return {"type": "json_schema", "schema": declared["json_schema"].get("schema", {})}


def _observed(body: Mapping[str, Json], addresses: Mapping[str, Address | None]) -> dict[str, Json]:
    metadata = body.get("metadata")
    fields = {name: value for name in _OWN if (value := normal(body.get(name)))}
    if description := description_of(body):
        fields["description"] = description
    if tools := body.get("tools"):
        fields["tools"] = [_nested(tool) for tool in tools]
    fields["metadata"] = without_ours(metadata)
    fields["tool_resources"] = tool_resources.observed(
        used_files(body), used_stores(body), addresses
    )
    return fields | protection(is_protected(metadata))


def _nested(tool: Mapping[str, Json]) -> Json:
    """A function as the Assistants API has it; what is false by default is not said."""
    told = _plain_tool(tool)
    if tool.get("type") != "function":
        return told
    function = {key: told.pop(key) for key in _FUNCTION if key in told}
    return {**told, "function": function}


def _plain_tool(tool: Mapping[str, Json]) -> dict[str, Json]:
    told: dict[str, Json] = normal(tool)
    return {k: v for k, v in told.items() if not (k in _FALSE and v is False)}


_FALSE = ("defer_loading", "async", "required", "include_screenshots")
"""Of tools: what is false if nothing is said."""

_FUNCTION = ("name", "description", "parameters")


def _flat(tool: Mapping[str, Json]) -> Json:
    own = {name: value for name, value in tool.items() if name != "function"}
    return {**own, **tool.get("function", {})}


def _plainer(fields: Mapping[str, Json], name: str) -> tuple[Json, ...]:
    if name != "text":
        return (None,) if name in _PLAIN and fields.get(name) in _PLAIN[name] else ()
    text = fields.get("text") or {}
    defaults = [name for name, default in _TEXT.items() if text.get(name) == default]
    drops = [*([name] for name in defaults), *([defaults] if len(defaults) > 1 else [])]
    return tuple({k: v for k, v in text.items() if k not in drop} or None for drop in drops)


def _sent(body: dict[str, Json]) -> dict[str, Json]:
    """The agent's own fields, with the others in its metadata."""
    used = tool_resources.in_metadata(body.pop("tool_resources", None))
    pairs = {**used, **described(body.pop("description", None))}
    if body.get("tools"):
        body["tools"] = [_flat(tool) for tool in body["tools"]]
    return {**body, "metadata": pairs}


def _as_assistant(body: Mapping[str, Json]) -> dict[str, Json]:
    """An agent as `import` reads assistants, with what only agents have under `agents`."""
    fields, files, stores = _observed(body, {}), used_files(body), used_stores(body)
    tools = [tool for tool in fields.get("tools", ()) if not (stores and _is_search(tool))]
    own = [tool for tool in tools if tool["type"] in _FILLED_IN]
    tools = [tool for tool in tools if tool["type"] not in _FILLED_IN]
    tools += [{"type": "code_interpreter"}] if files else []
    tools += [{"type": "file_search"}] if stores else []
    text = (fields.get("text") or {}).get("format") or {}
    return {
        **{name: body.get(name) for name in ("id", "created_at", "metadata")},
        **{name: fields.get(name) for name in ("model", "name", "description", "instructions")},
        "reasoning_effort": (fields.get("reasoning") or {}).get("effort"),
        "response_format": _response_format(text) if "schema" in text else "auto",
        "tools": tools,
        "tool_resources": fields["tool_resources"],
        "agents": _own(fields, own),
    }


def _own(fields: Mapping[str, Json], tools: list[dict[str, Json]]) -> dict[str, Json]:
    """What is there for agents alone, without what they have if nothing is said."""
    plain = {name: fields.get(name) for name in _PLAIN if fields.get(name) not in _PLAIN[name]}
    verbosity = (fields.get("text") or {}).get("verbosity")
    summary = (fields.get("reasoning") or {}).get("summary")
    own = {
        "reasoning": {"summary": summary} if summary else None,
        "text": {"verbosity": verbosity} if verbosity not in (None, _TEXT["verbosity"]) else None,
        **plain,
        "tools": [_without_filled_in(tool) for tool in tools] or None,
    }
    return {name: value for name, value in own.items() if value is not None}


def _without_filled_in(tool: Mapping[str, Json]) -> dict[str, Json]:
    filled_in = _FILLED_IN[tool["type"]]
    told = {name: value for name, value in tool.items() if value not in ({}, filled_in.get(name))}
    if transport := told.get("transport"):
        told["transport"] = {name: value for name, value in transport.items() if value}
    return told


_FILLED_IN: Mapping[str, Mapping[str, Json]] = {
    "web_search": {"mode": "live", "context_size": "medium"},
    "mcp": {},
    "programmatic_tool_calling": {"enabled": True},
    "automations": {},
}
"""The tools that only agents have and YAML can declare, and what the API documents as defaults."""


def _in_yaml(fields: Mapping[str, Json]) -> dict[str, Json]:
    """What all APIs have, and under `agents` what only this one has."""
    told = {name: fields[name] for name in (*_SAME, PROTECT) if name in fields}
    own = {name: fields[name] for name in _PLAIN if name in fields}
    tools = keyed(fields.get("tools")) or {}
    named = tools.values() if isinstance(tools, dict) else tools
    if common := [tool for tool in named if tool["type"] not in _FILLED_IN]:
        told["tools"] = common
    if more := [tool for tool in named if tool["type"] in _FILLED_IN]:
        own["tools"] = more
    if effort := (reasoning := dict(fields.get("reasoning") or {})).pop("effort", None):
        told["reasoning_effort"] = effort
    if answers := (text := dict(fields.get("text") or {})).pop("format", None):
        told["response_format"] = _response_format(answers)
    own |= {name: rest for name, rest in (("reasoning", reasoning), ("text", text)) if rest}
    return told | ({"agents": own} if own else {})


_SAME = ("model", "name", "description", "instructions", "tool_resources", "metadata")


def _response_format(answers: Mapping[str, Json]) -> Json:
    """A schema needs a name there."""
    if answers.get("type") != "json_schema":
        return answers
    schema = {"name": "answer", "schema": answers.get("schema", {})}
    return {"type": "json_schema", "json_schema": schema}


def _is_search(tool: Mapping[str, Json]) -> bool:
    return bool((tool.get("function") or {}).get("name") == SEARCH)


KIND = AssistantKind(
    collection="/agents",
    cleared=_CLEARED,
    declared=_declared,
    observed=_observed,
    plainer=_plainer,
    file_ids=used_files,
    store_ids=used_stores,
    sent=_sent,
    in_metadata=("tool_resources", "description"),
    as_assistant=_as_assistant,
    in_yaml=_in_yaml,
)
"""How the Agents API holds an assistant."""
