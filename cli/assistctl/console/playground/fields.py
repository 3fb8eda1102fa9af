"""What an assistant is told besides its tools, as the fields of a form, and read from these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from assistctl.errors import AssistctlError
from assistctl.resources import Json
from assistctl.unreadable_json import why_no_json

TEXTS = ("model", "instructions", "reasoning_effort")
NUMBERS = ("temperature", "top_p", "max_completion_tokens")
FORMAT, CHOICE = "response_format", "tool_choice"
NAMES = (*TEXTS, *NUMBERS, FORMAT, CHOICE)
"""By the names that they have in the YAML."""

RUN = ("max_completion_tokens", CHOICE)
"""What the YAML has under `run`."""

FORMATS = ("auto", "text", "json_object", "json_schema")
CHOICES = ("auto", "none", "required")
SCHEMA = "json_schema"
"""The field of a format's schema, and the format that has one."""

_FUNCTION = "function:"


def shown(settings: Mapping[str, Json]) -> dict[str, str]:
    """What the fields hold."""
    form, choice = settings.get(FORMAT), settings.get(CHOICE)
    schema = form.get(SCHEMA) if isinstance(form, Mapping) else None
    return {
        **{name: str(settings.get(name, "")) for name in (*TEXTS, *NUMBERS)},
        FORMAT: str(form.get("type")) if isinstance(form, Mapping) else form or "",
        SCHEMA: json.dumps(schema, ensure_ascii=False, indent=2) if schema else "",
        CHOICE: _chosen(choice) if isinstance(choice, Mapping) else choice or "",
    }


def read(sent: Mapping[str, str], base: Mapping[str, Json]) -> dict[str, Json]:
    """The settings that a form has sent; what it has no field for, or has not changed, is as in
    `base`. Raises AssistctlError."""
    settings, before = dict(base), shown(base)
    given = {name: text.replace("\r\n", "\n") for name, text in sent.items()}
    for name in NAMES:
        told = (name, SCHEMA) if name == FORMAT else (name,)
        if name not in given or all(given.get(it, "") == before[it] for it in told):
            continue
        settings.pop(name, None)
        value = _value(name, given)
        if value not in ("", None):
            settings[name] = value
    return settings


def choices(tools: Sequence[str], settings: Mapping[str, Json]) -> list[str]:
    """What `tool_choice` can be, where these tools are on offer by their ids."""
    now = shown(settings)[CHOICE]
    return list(dict.fromkeys([*CHOICES, *tools, *filter(None, [now])]))


def _value(name: str, given: Mapping[str, str]) -> Json:
    text = given[name] if name == "instructions" else given[name].strip()
    if name in NUMBERS and text:
        return _number(name, text)
    if name == FORMAT and text not in ("", "auto"):
        return {"type": text, **({SCHEMA: _schema(given)} if text == SCHEMA else {})}
    if name == CHOICE and text not in ("", *CHOICES):
        kind, _, function = text.partition(":")
        return {"type": kind, **({"function": {"name": function}} if function else {})}
    return text


def _chosen(choice: Mapping[str, Json]) -> str:
    """A choice of one tool, as the id of that."""
    function = choice.get("function")
    return f"{_FUNCTION}{function.get('name')}" if function else str(choice.get("type"))


def _schema(given: Mapping[str, str]) -> Json:
    example = '{"name": "order", "schema": {"type": "object"}}'
    try:
        schema = json.loads(given.get(SCHEMA) or "null", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise AssistctlError(f"the schema of the answers is {why_no_json(error)}") from None
    if not isinstance(schema, dict):
        raise AssistctlError(f"the schema of the answers is no object, such as {example}")
    return schema


def _no_constant(name: str) -> Json:
    raise ValueError(name)


def _number(name: str, text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise AssistctlError(f"{name}: {text!r} is no number") from None
    return int(value) if value.is_integer() and "." not in text else value
