"""What an agent is told to be: checked as it is sent, and completed as the service completes it.

A saved agent, the agent of one session and the changes to either are made of these fields. What
would change how an agent works but cannot be had here is refused by its name; what only a hosted
service knows (tiers, verbosity, compaction) is kept and shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from assistctl.server.http import bodies, schemas
from assistctl.server.validation import (
    Check,
    Required,
    array,
    boolean,
    choice,
    integer,
    record,
    string,
    tagged,
    typed,
)
from assistctl.server.wire import ApiError, Document, Json, invalid

_TOOLS_BYTES = 3 * 2**20
_MOST_SUBAGENTS = 6
_ELSEWHERE = ("programmatic_tool_calling", "mcp", "web_search", "computer_use", "automations")
_FUNCTION = typed(
    {
        "name": Required(bodies.NAME),
        "description": Required(string()),
        "parameters": Required(bodies.SCHEMA),
        "defer_loading": boolean,
        "async": boolean,
    }
)
_KIND = typed({})


def unsupported(what: str, param: str | None = None, code: str = "unsupported_value") -> ApiError:
    """This server does not have it; `what` begins the sentence that says so."""
    return ApiError(f"{what} not supported by this server.", param=param, code=code)


def refused(what: str, code: str = "unsupported_value") -> Check:
    """The check of a kind of object that cannot be had here."""

    def check(value: Json, path: str) -> Json:
        raise unsupported(what, f"{path}.type", code)

    return check


def _function(value: Json, path: str) -> Json:
    tool = _FUNCTION(value, path)
    schemas.check_function(tool, strict=False, param=f"{path}.parameters")
    if tool.get("async"):
        raise unsupported("Functions whose result is not waited for are", f"{path}.async")
    completed = {key: tool[key] for key in ("type", "name", "description", "parameters")}
    return completed | {"defer_loading": bool(tool.get("defer_loading"))}


def _tool(value: Json, path: str) -> Json:
    """`tool_search` says how a model comes by functions; it is told of all of them here."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "function":
        return _function(value, path)
    if kind in _ELSEWHERE:
        raise unsupported(f"Tools of type '{kind}' are", f"{path}.type", code="unsupported_tool")
    if kind is not None:
        choice("function", "tool_search", *_ELSEWHERE)(kind, f"{path}.type")
    return _KIND(value, path)


def _tools(value: Json, path: str) -> Json:
    tools = array(_tool)(value, path)
    names = [tool["name"] for tool in tools if tool["type"] == "function"]
    for name in names:
        if names.count(name) > 1:
            raise invalid(path, f"there are several functions named '{name}'.")
    if len(json.dumps(tools, ensure_ascii=False, separators=(",", ":")).encode()) > _TOOLS_BYTES:
        raise invalid(path, f"at most {_TOOLS_BYTES} bytes of JSON are accepted.")
    return tools


def _schema_format(value: Json, path: str) -> Json:
    chosen = typed({"schema": Required(bodies.SCHEMA)})(value, path)
    schemas.check(chosen["schema"], "text.format", strict=False, param=path, code=None)
    return chosen


_FORMAT = tagged({"text": {}, "json_schema": _schema_format})


def _text(value: Json, path: str) -> Json:
    text = record({"format": _FORMAT, "verbosity": choice("low", "medium", "high")})(value, path)
    return {
        "format": text.get("format") or {"type": "text"},
        "verbosity": text.get("verbosity") or "medium",
    }


def _reasoning(value: Json, path: str) -> Json:
    """Which effort is a model's own nobody here knows: it stays null."""
    reasoning = record(
        {"effort": bodies.REASONING_EFFORT, "summary": choice("auto", "concise", "detailed")}
    )(value, path)
    return {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")}


def _multi_agent(value: Json, path: str) -> Json:
    chosen = record(
        {
            "enabled": Required(boolean),
            "max_concurrent_subagents": integer(least=1, most=_MOST_SUBAGENTS),
        }
    )(value, path)
    if chosen["enabled"]:
        raise unsupported("Subagents are", f"{path}.enabled")
    return _no_subagents()


def _experimental(value: Json, path: str) -> Json:
    chosen = record({"time_awareness": boolean})(value, path)
    if chosen.get("time_awareness"):
        raise unsupported("Reminders of the time are", f"{path}.time_awareness")
    return {"time_awareness": False}


def _compaction(value: Json, path: str) -> Json:
    return {"async": bool(record({"async": boolean})(value, path).get("async"))}


def _no_subagents() -> Document:
    return {"enabled": False, "max_concurrent_subagents": None}


FIELDS: Mapping[str, Check] = {
    "instructions": bodies.INSTRUCTIONS,
    "reasoning": _reasoning,
    "service_tier": choice("auto", "default", "flex", "priority", "fast", "ultrafast"),
    "text": _text,
    "tools": _tools,
    "multi_agent": _multi_agent,
    "compaction": _compaction,
    "experimental": _experimental,
}
"""The checks of what may be left out of any agent; they complete what they let through."""
_DEFAULTS: Mapping[str, Callable[[], Any]] = {
    "instructions": lambda: None,
    "reasoning": lambda: {"effort": None, "summary": None},
    "service_tier": lambda: "auto",
    "text": lambda: {"format": {"type": "text"}, "verbosity": "medium"},
    "tools": list,
    "multi_agent": _no_subagents,
    "compaction": lambda: {"async": False},
    "experimental": lambda: {"time_awareness": False},
}


def completed(fields: Mapping[str, Any]) -> Document:
    """All of the fields, from those that were given; null is as good as nothing."""
    return {
        name: fields[name] if fields.get(name) is not None else default()
        for name, default in _DEFAULTS.items()
    }


def changed(before: Document, fields: Mapping[str, Any]) -> Document:
    """With the fields that are given; null makes one what it is by default."""
    given = {name: value for name, value in completed(fields).items() if name in fields}
    return {**before, **given, "model": fields.get("model") or before["model"]}
