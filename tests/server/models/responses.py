"""The wire of /v1/responses: what OpenAI takes there, and how an answer is streamed.

Reasoning items come before what they led to, and have to come back in front of it. Nothing is
stored: what is named by its id only is not found.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.server.models.asked import Asked
from tests.server.models.chat import pieces
from tests.server.models.mind import Answer, digest
from tests.server.models.replies import Reply, error

PARAMETERS = {
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "text"),
    *("reasoning", "temperature", "top_p", "max_output_tokens", "max_tool_calls", "stream"),
    *("stream_options", "store", "include", "previous_response_id", "conversation", "metadata"),
    *("truncation", "user", "safety_identifier", "prompt_cache_key", "service_tier"),
    *("top_logprobs", "background", "prompt"),
}
INCLUDES = (
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "code_interpreter_call.outputs",
)
_ITEM_KEYS = {
    "message": {"type", "role", "content", "id", "status", "phase"},
    "function_call": {"type", "call_id", "name", "arguments", "id", "status", "namespace"},
    "function_call_output": {"type", "call_id", "output", "id", "status"},
    "reasoning": {"type", "id", "summary", "encrypted_content", "content", "status"},
}
_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}
ENCRYPTED = "reasoning.encrypted_content"
_ISSUED = re.compile(r"call_r([0-9a-f]{15})\d{8}")


def refused(
    asked: Asked, known: frozenset[str] = frozenset(), *, reasoning: bool = True
) -> Reply | None:
    """What OpenAI would say to a request that breaks its contract, or lacks the reasoning that
    came with what is sent back."""
    for wrong in (*_wrong_parameters(asked, known), *_wrong_tools(asked), *_wrong_items(asked)):
        return wrong
    for wrong in (*_unpaired(asked), *(_without_reasoning(asked) if reasoning else ())):
        return wrong
    return None


def _wrong_parameters(asked: Asked, known: frozenset[str]) -> Iterator[Reply]:
    body = asked.body
    for name in sorted(set(body) - PARAMETERS - known):
        yield error(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
    if not body.get("input") and not body.get("prompt"):
        yield error(
            "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
        )
    for value in body.get("include") or []:
        if value not in INCLUDES:
            yield error(f"Invalid value: '{value}'.", param="include[0]", code="invalid_value")
    cap = body.get("max_output_tokens")
    if cap is not None and cap < 16:
        yield error(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but"
            f" got {cap} instead.",
            param="max_output_tokens",
            code="integer_below_min_value",
        )
    if body.get("previous_response_id"):
        yield error(
            f"Previous response with id '{body['previous_response_id']}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    for name in set(body.get("reasoning") or {}) - {"effort", "summary", "generate_summary"}:
        yield error(f"Unknown parameter: 'reasoning.{name}'.", code="unknown_parameter")
    for name in set(body.get("text") or {}) - {"format", "verbosity"}:
        yield error(f"Unknown parameter: 'text.{name}'.", code="unknown_parameter")
    wanted = (body.get("text") or {}).get("format") or {}
    if wanted.get("type") == "json_schema" and not {"name", "schema"} <= set(wanted):
        yield error(
            "Missing required parameter: 'text.format.name'.",
            param="text.format.name",
            code="missing_required_parameter",
        )


def _wrong_tools(asked: Asked) -> Iterator[Reply]:
    for number, tool in enumerate(asked.body.get("tools") or []):
        at = f"tools[{number}]"
        if "name" not in tool:
            yield error(
                f"Missing required parameter: '{at}.name'.",
                param=f"{at}.name",
                code="missing_required_parameter",
            )
        for key in set(tool) - {"type", "name", "description", "parameters", "strict"}:
            yield error(f"Unknown parameter: '{at}.{key}'.", param=at, code="unknown_parameter")
    choice = asked.body.get("tool_choice")
    if isinstance(choice, dict) and "name" not in choice:
        yield error(
            "Missing required parameter: 'tool_choice.name'.",
            param="tool_choice.name",
            code="missing_required_parameter",
        )


def _wrong_items(asked: Asked) -> Iterator[Reply]:
    for number, item in enumerate(asked.input):
        at, kind = f"input[{number}]", item.get("type") or "message"
        if kind not in _ITEM_KEYS:
            yield error(f"Invalid value: '{kind}'.", param=f"{at}.type", code="invalid_value")
            continue
        for key in sorted(set(item) - _ITEM_KEYS[kind]):
            yield error(
                f"Unknown parameter: '{at}.{key}'.", param=f"{at}.{key}", code="unknown_parameter"
            )
        prefix = _PREFIXES.get(kind)
        if prefix and item.get("id") and not str(item["id"]).startswith(prefix):
            yield error(
                f"Invalid '{at}.id': '{item['id']}'. Expected an ID that begins with '{prefix}'.",
                param=f"{at}.id",
                code="invalid_value",
            )
        call_id = item.get("call_id")
        if "call_id" in _ITEM_KEYS[kind] and not call_id:
            yield error(f"Missing required parameter: '{at}.call_id'.", param=f"{at}.call_id")
        if call_id and len(call_id) > 64:
            yield error(
                f"Invalid '{at}.call_id': string too long. Expected a string with maximum length"
                f" 64, but got a string with length {len(call_id)} instead.",
                param=f"{at}.call_id",
                code="string_above_max_length",
            )
        yield from _wrong_content(at, kind, item)


def _wrong_content(at: str, kind: str, item: Mapping[str, Any]) -> Iterator[Reply]:
    if kind == "message":
        role, content = item.get("role"), item.get("content")
        if role not in ("user", "assistant", "system", "developer"):
            yield error(f"Invalid value: '{role}'.", param=f"{at}.role", code="invalid_value")
        said = {"output_text", "refusal"} if role == "assistant" else {"input_text", "input_image"}
        if not isinstance(content, str | list):
            yield error(f"Invalid type for '{at}.content'.", param=f"{at}.content")
        for part in content if isinstance(content, list) else []:
            if part.get("type") not in said:
                yield error(
                    f"Invalid value: '{part.get('type')}'. Supported values are:"
                    f" {' and '.join(map(repr, sorted(said)))}.",
                    param=f"{at}.content[0]",
                    code="invalid_value",
                )
            if part.get("type") == "input_image" and not isinstance(part.get("image_url"), str):
                yield error(
                    f"Invalid type for '{at}.content[0].image_url': expected an image URL, but got"
                    " an object instead.",
                    code="invalid_type",
                )
    if kind == "function_call" and not isinstance(item.get("arguments"), str):
        yield error(f"Invalid type for '{at}.arguments'.", param=f"{at}.arguments")
    if kind == "function_call_output" and not isinstance(item.get("output"), str | list):
        yield error(f"Invalid type for '{at}.output'.", param=f"{at}.output")
    if kind == "reasoning" and not isinstance(item.get("summary"), list):
        yield error(
            f"Missing required parameter: '{at}.summary'.",
            param=f"{at}.summary",
            code="missing_required_parameter",
        )


def _unpaired(asked: Asked) -> Iterator[Reply]:
    """Wherever they stand, each call has its output and each output its call."""
    calls = [item.call_id for item in asked.items if item.kind == "call"]
    outputs = [item.call_id for item in asked.items if item.kind == "output"]
    for call_id in calls:
        if call_id not in outputs:
            yield error(f"No tool output found for function call {call_id}.", param="input")
    for call_id in outputs:
        if call_id not in calls:
            yield error(
                f"No tool call found for function call output with call_id {call_id}.",
                param="input",
            )


def _without_reasoning(asked: Asked) -> Iterator[Reply]:
    """A call that this model made follows its reasoning item, as it was; and a reasoning item is
    followed by what it led to."""
    seen: set[str] = set()
    items = [item for item in asked.items if item.role != "system"]
    for item, follower in zip(items, [*items[1:], None], strict=True):
        raw = item.raw or {}
        made = _ISSUED.fullmatch(item.call_id) if item.kind == "call" else None
        if item.kind == "reasoning":
            seen.add(str(raw.get("id")))
            yield from _wrong_reasoning(raw)
            if follower is None or follower.role != "assistant" or follower.kind == "reasoning":
                yield error(
                    f"Item '{raw.get('id')}' of type 'reasoning' was provided without its required"
                    " following item.",
                    param="input",
                )
        elif made and item_id("rs", made[1]) not in seen:
            yield _bare(item_id("fc", made[1]), "function_call", item_id("rs", made[1]))
        elif item.kind == "message" and str(raw.get("id")).startswith("msg_"):
            wanted = "rs" + str(raw["id"])[3:]
            if wanted not in seen:
                yield _bare(raw["id"], "message", wanted)


def _bare(item: str, kind: str, wanted: str) -> Reply:
    return error(
        f"Item '{item}' of type '{kind}' was provided without its required 'reasoning' item:"
        f" '{wanted}'.",
        param="input",
    )


def _wrong_reasoning(item: Mapping[str, Any]) -> Iterator[Reply]:
    sealed = item.get("encrypted_content")
    if not sealed:
        yield error(
            f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is"
            " set to false. Try again with `store` set to true, or remove this item from your"
            " input.",
            404,
            param="input",
        )
    elif sealed != seal(str(item.get("id"))):
        yield error(
            f"The encrypted content for item {item.get('id')} could not be verified. Reason:"
            " Encrypted content could not be decrypted or parsed.",
            code="invalid_encrypted_content",
        )


def seal(reasoning_id: str) -> str:
    return "gAAAAA" + base64.b64encode(digest("sealed", reasoning_id).encode()).decode()


def item_id(prefix: str, key: str, index: int = 0) -> str:
    return f"{prefix}_{digest(key[:15])[:40]}{index:02}"


def call_id(answer: Answer, index: int, *, reasoning: bool = True) -> str:
    """Tells whether there was reasoning before it, which is demanded back then."""
    return f"call_{'r' if reasoning else 'n'}{answer.key[:15]}{index:08}"


def output(asked: Asked, answer: Answer, *, reasoning: bool = True) -> list[dict[str, Any]]:
    """The items of the answer, complete."""
    made: list[dict[str, Any]] = []
    if reasoning:
        rs_id = item_id("rs", answer.key)
        item: dict[str, Any] = {"id": rs_id, "type": "reasoning", "summary": []}
        if ENCRYPTED in (asked.body.get("include") or []):
            item["encrypted_content"] = seal(rs_id)
        made.append(item)
    if answer.text:
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": answer.text}
        made.append(
            {
                "id": item_id("msg", answer.key),
                "type": "message",
                "status": "completed",
                "role": "assistant",
                "content": [part],
            }
        )
    for index, call in enumerate(answer.calls):
        made.append(
            {
                "id": item_id("fc", answer.key, index),
                "type": "function_call",
                "status": "completed",
                "call_id": call_id(answer, index, reasoning=reasoning),
                "name": call.name,
                "arguments": call.json,
            }
        )
    return made


def response(asked: Asked, answer: Answer, items: list[dict[str, Any]]) -> dict[str, Any]:
    out = len(answer.text) // 4 + 10 * len(answer.calls) + 65
    return {
        "id": f"resp_{digest(answer.key)[:40]}",
        "object": "response",
        "created_at": 1795000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": asked.model,
        "output": items,
        "parallel_tool_calls": True,
        "usage": {
            "input_tokens": asked.tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": out,
            "output_tokens_details": {"reasoning_tokens": 64},
            "total_tokens": asked.tokens + out,
        },
    }


def events(asked: Asked, answer: Answer, *, reasoning: bool = True) -> list[dict[str, Any]]:
    """All events of the answer, in OpenAI's order; without their sequence numbers."""
    items = output(asked, answer, reasoning=reasoning)
    done = response(asked, answer, items)
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    sent = [{"type": f"response.{at}", "response": begun} for at in ("created", "in_progress")]
    for index, item in enumerate(items):
        opened = {**item, "status": "in_progress"} if "status" in item else item
        opened = opened | ({"content": []} if "content" in item else {})
        opened = opened | ({"arguments": ""} if "arguments" in item else {})
        sent.append(_event("output_item.added", index, item=opened))
        sent += _within(index, item)
        sent.append(_event("output_item.done", index, item=item))
    return [*sent, {"type": "response.completed", "response": done}]


def _within(index: int, item: Mapping[str, Any]) -> list[dict[str, Any]]:
    named = {"item_id": item["id"]}
    if item["type"] == "function_call":
        given = item["arguments"]
        name = "function_call_arguments"
        parts = [_event(f"{name}.delta", index, **named, delta=piece) for piece in pieces(given)]
        return [*parts, _event(f"{name}.done", index, **named, arguments=given)]
    if item["type"] != "message":
        return []
    named |= {"content_index": 0}
    [part] = item["content"]
    said = part["text"]
    deltas = [
        _event("output_text.delta", index, **named, delta=piece, logprobs=[])
        for piece in pieces(said)
    ]
    return [
        _event("content_part.added", index, **named, part={**part, "text": ""}),
        *deltas,
        _event("output_text.done", index, **named, text=said, logprobs=[]),
        _event("content_part.done", index, **named, part=part),
    ]


def _event(name: str, index: int, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{name}", "output_index": index, **fields}


def numbered(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**event, "sequence_number": number} for number, event in enumerate(sent)]
