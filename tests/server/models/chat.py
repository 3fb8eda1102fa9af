"""The wire of Chat Completions: what a strict endpoint takes, and how an answer is spelt there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.server.models.asked import Asked
from tests.server.models.mind import Answer
from tests.server.models.replies import Reply, error

PARAMETERS = {
    *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "response_format"),
    *("temperature", "top_p", "reasoning_effort", "max_completion_tokens", "max_tokens", "stream"),
    *("stream_options", "stop", "n", "seed", "user", "metadata", "store", "verbosity"),
    *("presence_penalty", "frequency_penalty"),
}
_KEYS = {
    "system": {"role", "content"},
    "developer": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id", "name"},
}
_CALL_KEYS = {"id", "type", "function", "index"}


def refused(
    asked: Asked, own: frozenset[str] = frozenset(), known: frozenset[str] = frozenset()
) -> Reply | None:
    """What OpenAI would say to a request that breaks its contract; `own` are keys of messages and
    calls that this endpoint has beyond it, `known` its parameters."""
    wrongs = (*_wrong_parameters(asked.body, known), *_wrong_messages(asked.body, own))
    return error(wrongs[0]) if wrongs else None


def _wrong_parameters(body: Mapping[str, Any], known: frozenset[str]) -> Iterator[str]:
    for name in sorted(set(body) - PARAMETERS - known):
        yield f"Unrecognized request argument supplied: {name}"
    if not isinstance(body.get("model"), str):
        yield "you must provide a model parameter"
    for name, value in body.items():
        if value is None:
            yield f"Invalid type for '{name}': expected something, but got null instead."
    if "stream_options" in body and body.get("stream") is not True:
        yield "The 'stream_options' parameter is only allowed when 'stream' is enabled."
    tools = body.get("tools")
    if "tools" in body and not tools:
        yield "Invalid 'tools': empty array. Expected an array with minimum length 1."
    for name in ("tool_choice", "parallel_tool_calls"):
        if name in body and not tools:
            yield f"Invalid value for '{name}': only allowed when 'tools' are specified."
    for number, tool in enumerate(tools or []):
        name = (tool.get("function") or {}).get("name") or ""
        if tool.get("type") != "function" or not re.fullmatch(r"[\w-]{1,64}", name):
            yield f"Invalid 'tools[{number}].function.name': '{name}'."
    if "max_tokens" in body and "max_completion_tokens" in body:
        yield "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."


def _wrong_messages(body: Mapping[str, Any], own: frozenset[str]) -> Iterator[str]:
    messages = body.get("messages")
    if not messages or not isinstance(messages, list):
        yield "Invalid 'messages': empty array. Expected an array with minimum length 1."
        return
    for number, message in enumerate(messages):
        at, role = f"messages[{number}]", message.get("role")
        if role not in _KEYS:
            yield f"Invalid value: '{role}'. Supported values are: {sorted(_KEYS)}."
            continue
        for key in sorted(set(message) - _KEYS[role] - own):
            yield f"'{at}' : property '{key}' is unsupported"
        yield from _wrong_content(at, message)
        for call in message.get("tool_calls") or []:
            yield from _wrong_call(at, call, own)
    yield from unanswered(messages)


def _wrong_content(at: str, message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if content is None and not message.get("tool_calls"):
        yield f"Invalid value for 'content': expected a string, got null. ({at})"
    elif content is not None and not isinstance(content, str | list):
        yield f"Invalid type for '{at}.content': expected a string."
    if "tool_calls" in message and not message["tool_calls"]:
        yield f"Invalid '{at}.tool_calls': empty array."
    kinds = {"text", "image_url"} if message["role"] == "user" else {"text", "refusal"}
    for part in content if isinstance(content, list) else []:
        if part.get("type") not in kinds:
            yield f"Invalid value: '{part.get('type')}'. Supported values are: {sorted(kinds)}."


def _wrong_call(at: str, call: Mapping[str, Any], own: frozenset[str]) -> Iterator[str]:
    function = call.get("function") or {}
    for key in sorted(set(call) - _CALL_KEYS - own):
        yield f"'{at}.tool_calls' : property '{key}' is unsupported"
    if not call.get("id") or not isinstance(call["id"], str):
        yield f"Missing required parameter: '{at}.tool_calls[0].id'."
    if call.get("type") != "function":
        yield f"Missing required parameter: '{at}.tool_calls[0].type'."
    if not isinstance(function.get("arguments"), str):
        yield f"Invalid type for '{at}.tool_calls[0].function.arguments': expected a string."


def unanswered(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Every call is answered right behind its message, and nothing else is."""
    open_ids: list[str] = []
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_ids:
                yield (
                    "Invalid parameter: messages with role 'tool' must be a response to a"
                    " preceeding message with 'tool_calls'."
                )
                return
            open_ids.remove(message["tool_call_id"])
            continue
        if open_ids:
            break
        open_ids = [call.get("id") for call in message.get("tool_calls") or []]
        if len(set(open_ids)) < len(open_ids):
            yield "Duplicate 'id' in 'tool_calls'."
    if open_ids:
        yield (
            "An assistant message with 'tool_calls' must be followed by tool messages responding"
            " to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(map(str, open_ids))
        )


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1795000000,
        "model": "judge",
        "choices": [choice],
    }


def chunks(asked: Asked, answer: Answer) -> list[dict[str, Any]]:
    """As OpenAI streams it: words in pieces, then calls one after another, then usage."""
    sent = [delta(role="assistant", content="")]
    sent += [delta(content=piece) for piece in pieces(answer.text)]
    for index, call in enumerate(answer.calls):
        first = {"name": call.name, "arguments": ""}
        part = {"index": index, "id": call_id(answer, index), "type": "function"}
        sent.append(delta(tool_calls=[{**part, "function": first}]))
        for piece in pieces(call.json):
            sent.append(delta(tool_calls=[{"index": index, "function": {"arguments": piece}}]))
    sent.append(delta("tool_calls" if answer.calls else "stop"))
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        sent.append({**delta(), "choices": [], "usage": usage(asked, answer)})
    return sent


def completion(asked: Asked, answer: Answer) -> dict[str, Any]:
    """The same in one document."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": call_id(answer, index),
                "type": "function",
                "function": {"name": call.name, "arguments": call.json},
            }
            for index, call in enumerate(answer.calls)
        ]
    reason = "tool_calls" if answer.calls else "stop"
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1795000000,
        "model": "judge",
        "choices": [choice],
        "usage": usage(asked, answer),
    }


def usage(asked: Asked, answer: Answer) -> dict[str, Any]:
    out = len(answer.text) // 4 + 10 * len(answer.calls) + 1
    return {
        "prompt_tokens": asked.tokens,
        "completion_tokens": out,
        "total_tokens": asked.tokens + out,
    }


def call_id(answer: Answer, index: int) -> str:
    return f"call_c{answer.key[:19]}{index:04}"


def pieces(text: str) -> list[str]:
    """The text in three parts, or fewer."""
    size = max(1, -(-len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]
