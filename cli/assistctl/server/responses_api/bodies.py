"""What a request for a response may hold, and how it is completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.http import bodies, schemas
from assistctl.server.responses_api import items, tools
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    anything,
    array,
    boolean,
    choice,
    either,
    integer,
    mapping,
    record,
    string,
    tagged,
    typed,
)
from assistctl.server.wire import ApiError, Json

INCLUDES = (
    "file_search_call.results",
    "code_interpreter_call.outputs",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
    "computer_call_output.output.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
)
"""What nothing here produces may be asked for nevertheless, and has no effect."""
_LEAST_OUTPUT = 16
_NOT_HERE: Mapping[str, str] = {
    "prompt": "prompt templates are not kept here; send their text as `instructions` and `input`",
    "moderation": "nothing is moderated here",
    "context_management": "histories are compacted by /responses/compact only",
    "access_programs": "there are no access programs here",
    "background_options": "a background response begins at once here",
    "image": "images are not compressed here",
}

_SCHEMA_FORMAT = typed(
    {
        "name": Required(bodies.NAME),
        "description": string(),
        "schema": Required(bodies.SCHEMA),
        "strict": boolean,
    }
)


def _schema_format(value: Json, path: str) -> Json:
    chosen = _SCHEMA_FORMAT(value, path)
    strict = chosen.get("strict") or False
    schemas.check(
        chosen["schema"],
        f"response_format '{chosen['name']}'",
        strict=strict,
        param=f"{path}.schema",
        code="invalid_json_schema",
    )
    given = {name: each for name, each in chosen.items() if each is not None}
    return {**given, "strict": strict}


_TEXT = record(
    {
        "format": tagged({"text": {}, "json_object": {}, "json_schema": _schema_format}),
        "verbosity": choice("low", "medium", "high"),
    }
)
_REASONING = record(
    {
        "effort": bodies.REASONING_EFFORT,
        "summary": choice("auto", "concise", "detailed"),
        "generate_summary": choice("auto", "concise", "detailed"),
        "context": string(),
        "mode": string(),
    }
)
_INPUT = either(string(longest=10_485_760), items.ITEMS)
_CONVERSATION = either(string(shortest=1), record({"id": Required(string(shortest=1))}))


def _without_logprobs(value: Json, path: str) -> Json:
    if integer(least=0, most=20)(value, path):
        raise _not_here(path, "log probabilities are not kept here")
    return value


_SHARED: Fields = {
    "model": Required(bodies.MODEL),
    "input": _INPUT,
    "instructions": string(longest=bodies.INSTRUCTIONS_LENGTH),
    "previous_response_id": string(shortest=1),
    "conversation": _CONVERSATION,
    "tools": tools.TOOLS,
    "tool_choice": tools.CHOICE,
    "parallel_tool_calls": boolean,
    "text": _TEXT,
    "reasoning": _REASONING,
    "truncation": choice("auto", "disabled"),
}
_MIRRORED: Fields = {
    "prompt_cache_key": string(),
    "prompt_cache_retention": choice("in_memory", "in-memory", "24h"),
    "prompt_cache_options": mapping(anything, most=16, longest_key=64),
    "service_tier": choice("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
}
"""What changes nothing here."""
_CREATE = record(
    {
        **_SHARED,
        **_MIRRORED,
        "background": boolean,
        "client_metadata": mapping(anything, most=64, longest_key=256),  # in no document; Codex
        "include": array(string()),
        "max_output_tokens": integer(least=_LEAST_OUTPUT),
        "max_tool_calls": integer(least=0),
        "metadata": bodies.METADATA,
        "safety_identifier": string(),
        "store": boolean,
        "stream": boolean,
        "stream_options": record({"include_obfuscation": boolean}),
        "temperature": bodies.TEMPERATURE,
        "top_logprobs": _without_logprobs,
        "top_p": bodies.TOP_P,
        "user": string(),
    }
)
_COMPACT = record(
    {
        **_MIRRORED,
        "model": Required(bodies.MODEL),
        "input": _INPUT,
        "instructions": string(longest=bodies.INSTRUCTIONS_LENGTH),
        "previous_response_id": string(shortest=1),
    }
)
_COUNT = record({**_SHARED, "model": bodies.MODEL, "personality": string()})


def create(body: Json) -> dict[str, Any]:
    """A checked request for a response; what is null is left out."""
    checked = _checked(_CREATE, body)
    included(checked.get("include", []))
    if checked.get("background") and checked.get("store") is False:
        raise ApiError(
            "Background responses are stored until they are fetched: leave out 'store', or set it"
            " to true.",
            param="store",
            code="invalid_value",
        )
    return checked


def count(body: Json) -> dict[str, Any]:
    """A checked request for a number of tokens, for which a model need not be named."""
    return {"model": "", **_checked(_COUNT, body)}


def compact(body: Json) -> dict[str, Any]:
    return _checked(_COMPACT, body)


def included(values: Sequence[str]) -> frozenset[str]:
    """What is to be shown beyond the usual, of `include`."""
    for value in values:
        if value == "message.output_text.logprobs":
            raise _not_here("include", "log probabilities are not kept here")
        choice(*INCLUDES)(value, "include")
    return frozenset(values)


def _checked(check: Check, body: Json) -> dict[str, Any]:
    for name, reason in _NOT_HERE.items():
        if isinstance(body, dict) and body.get(name) is not None:
            raise _not_here(name, reason)
    checked = {name: value for name, value in check(body, "").items() if value is not None}
    if "conversation" in checked and "previous_response_id" in checked:
        raise ApiError(
            "Mutually exclusive parameters. Ensure you are only providing one of:"
            " 'previous_response_id' or 'conversation'.",
            code="mutually_exclusive_parameters",
        )
    return checked


def _not_here(name: str, reason: str) -> ApiError:
    return ApiError(
        f"'{name}' is not supported by this server: {reason}.",
        param=name,
        code="unsupported_parameter",
    )
