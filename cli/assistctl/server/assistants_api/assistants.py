"""Assistants as documents: what may be said of one, and what it is where nothing is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assistctl.server.http import bodies
from assistctl.server.validation import Check, string
from assistctl.server.wire import Document

FIELDS: Mapping[str, Check] = {
    "name": string(longest=256),
    "description": string(longest=512),
    "instructions": bodies.INSTRUCTIONS,
    "reasoning_effort": bodies.REASONING_EFFORT,
    "tools": bodies.TOOLS,
    "metadata": bodies.METADATA,
    "temperature": bodies.TEMPERATURE,
    "top_p": bodies.TOP_P,
    "response_format": bodies.RESPONSE_FORMAT,
}
"""The checks of what may be left out; `model` and `tool_resources` come to these."""

_DEFAULTS: Mapping[str, Callable[[], Any]] = {
    "name": lambda: None,
    "description": lambda: None,
    "instructions": lambda: None,
    "reasoning_effort": lambda: None,
    "tools": list,
    "metadata": dict,
    "temperature": lambda: 1.0,
    "top_p": lambda: 1.0,
    "response_format": lambda: "auto",
}


def new(identity: str, created_at: int, fields: Mapping[str, Any]) -> Document:
    """An assistant of checked fields, still without its resources."""
    return {
        "id": identity,
        "object": "assistant",
        "created_at": created_at,
        "model": fields["model"],
        **{name: _or_default(name, fields.get(name)) for name in _DEFAULTS},
    }


def changed(assistant: Document, fields: Mapping[str, Any]) -> Document:
    """With the checked fields that are given; null makes one what it is by default."""
    given = {name: _or_default(name, fields[name]) for name in _DEFAULTS if name in fields}
    return {**assistant, **given, "model": fields.get("model") or assistant["model"]}


def _or_default(name: str, value: Any) -> Any:
    return _DEFAULTS[name]() if value is None else value
