"""A Request -> the body of a Responses request, in the dialect of its model."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from assistctl.server.models.dialect import (
    Dialect,
    Quirk,
    as_seen,
    asks_in_words,
    no_format_with_calls,
)
from assistctl.server.models.endpoint import Way
from assistctl.server.models.formats import in_words
from assistctl.server.models.protocol import STATE, Request

PATH = "/responses"

Item = dict[str, Any]

_BEGIN = "Begin."
_GO_ON = "Go on."
_LEAST_CAP = 16
_LONGEST_ID = 64


def responses_body(request: Request, dialect: Dialect, way: Way, origin: Mapping[str, str]) -> Item:
    """`origin` is what the state of answers from this model at this endpoint bears."""
    instructions = _instructions(request, dialect)
    options = {
        "instructions": instructions or None,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "reasoning": _reasoning(request),
        "max_output_tokens": _cap(request, dialect),
        "text": _text(request, dialect),
        "include": ["reasoning.encrypted_content"],
        "store": False,
        "tool_choice": _tool_choice(request),
        "parallel_tool_calls": False if request.tools and not request.parallel_tool_calls else None,
    }
    body: Item = {
        "model": way.name,
        "input": responses_input(request, dialect, origin),
        **{key: value for key, value in options.items() if value is not None},
        "stream": way.stream and not dialect.has(Quirk.WHOLE),
    }
    own_names = {"reasoning_effort": "reasoning", "max_completion_tokens": "max_output_tokens"}
    own_names["response_format"] = "text"
    for name in dialect.dropped:
        body.pop(own_names.get(name, name), None)
    if request.tools and not (request.tool_choice == "none" and "tool_choice" in dialect.dropped):
        body["tools"] = [_tool(tool, dialect) for tool in request.tools]
    return body


def responses_input(request: Request, dialect: Dialect, origin: Mapping[str, str]) -> list[Item]:
    """The thread as items, but for its instructions."""
    items: list[Item] = []
    in_words: set[str] = set()
    for message in as_seen(request, dialect):
        if dialect.has(Quirk.CALLS_IN_WORDS) and not _own_items(message, origin):
            in_words.update(call["id"] for call in message.get("tool_calls") or ())
        items += _items(message, in_words, origin)
    if not items:
        items.append(_said("user", _BEGIN))
    elif items[-1].get("role") == "assistant":
        items.append(_said("user", _GO_ON))
    return items


def _instructions(request: Request, dialect: Dialect) -> str:
    told = [str(m["content"]) for m in request.messages if m["role"] == "system"]
    if asks_in_words(request, dialect):
        told.append(in_words(request.response_format))
    return "\n\n".join(told)


def _items(
    message: Mapping[str, Any], in_words: Collection[str], origin: Mapping[str, str]
) -> Iterator[Item]:
    """The items of a message; calls `in_words`, by their ids, are told instead of sent."""
    role = message["role"]
    if role == "user":
        yield _said("user", message["content"])
    elif role == "tool":
        yield from _output(message, in_words)
    elif role == "assistant":
        own = _own_items(message, origin)
        yield from _as_it_came(message, own) if own else _from_elsewhere(message, in_words)


def _own_items(message: Mapping[str, Any], origin: Mapping[str, str]) -> Sequence[Item]:
    """The items of an answer of this very model, as they came; none for any other."""
    state = message.get(STATE) or {}
    ours = {key: state.get(key) for key in origin} == dict(origin)
    return state.get("items", ()) if ours else ()


def _said(role: str, content: Any) -> Item:
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    return {"type": "message", "role": role, "content": content}


def _part(part: Mapping[str, Any]) -> Item:
    if part["type"] == "text":
        return {"type": "input_text", "text": part["text"]}
    image = part["image_url"]
    return {
        "type": "input_image",
        "image_url": image["url"],
        "detail": image.get("detail") or "auto",
    }


def _output(message: Mapping[str, Any], in_words: Collection[str]) -> Iterator[Item]:
    if message["tool_call_id"] in in_words:
        yield _said("user", f"(The tool answered: {message['content']})")
        return
    call_id = message["tool_call_id"][:_LONGEST_ID]
    yield {"type": "function_call_output", "call_id": call_id, "output": message["content"]}


def _as_it_came(message: Mapping[str, Any], items: Sequence[Item]) -> Iterator[Item]:
    """The items of an answer, but for calls that were not made, and with the words as they are told
    now, if anything was taken out of them."""
    calls = {call["id"] for call in message.get("tool_calls") or ()}
    texts = [part for item in items for part in _texts(item)]
    words = message.get("content") or ""
    changed = words != "".join(part["text"] for part in texts)
    for item in items:
        if item.get("type") == "function_call" and item.get("call_id") not in calls:
            continue
        if changed and item.get("type") == "message":
            if not words:
                continue
            item = {**item, "content": [{**_blank(item), "text": words}]}
            words = ""
        yield item


def _texts(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if item.get("type") != "message":
        return []
    return [part for part in item.get("content") or () if part.get("type") == "output_text"]


def _blank(item: Mapping[str, Any]) -> Item:
    return {**(_texts(item) or [{"type": "output_text"}])[0], "annotations": []}


def _from_elsewhere(message: Mapping[str, Any], in_words: Collection[str]) -> Iterator[Item]:
    """An answer of another model, or of one asked by another API: without ids, by which reasoning
    would be missed."""
    calls = message.get("tool_calls") or ()
    words = [message["content"]] if message.get("content") else []
    for call in calls:
        if call["id"] in in_words:
            function = call["function"]
            words.append(f"(I called {function['name']} with {function['arguments'] or '{}'}.)")
    if words:
        yield _said("assistant", "\n".join(words))
    for call in calls:
        if call["id"] in in_words:
            continue
        yield {
            "type": "function_call",
            "call_id": call["id"][:_LONGEST_ID],
            "name": call["function"]["name"],
            "arguments": call["function"]["arguments"] or "{}",
        }


def _tool(tool: Mapping[str, Any], dialect: Dialect) -> Item:
    """Functions are flat here; strict, where nothing was said, would be tried."""
    function = {"type": "function", "parameters": None, **tool["function"]}
    if function["parameters"] is None:
        function["parameters"] = {"type": "object", "properties": {}}
    function.setdefault("strict", False)
    if "strict" in dialect.dropped:
        del function["strict"]
    return function


def _tool_choice(request: Request) -> Any:
    choice = request.tool_choice
    if not request.tools or choice is None or isinstance(choice, str):
        return choice if request.tools else None
    return {"type": "function", "name": choice["function"]["name"]}


def _reasoning(request: Request) -> Item | None:
    effort = request.reasoning_effort
    return {"effort": effort} if effort is not None else None


def _cap(request: Request, dialect: Dialect) -> int | None:
    cap = request.max_completion_tokens
    if cap is None:
        return None
    return max(min(cap, dialect.cap or cap), _LEAST_CAP)


def _text(request: Request, dialect: Dialect) -> Item | None:
    chosen = request.response_format
    if chosen is None or no_format_with_calls(request, dialect):
        return None
    if chosen["type"] == "json_schema" and not dialect.has(Quirk.JSON_OBJECT):
        return {"format": {"type": "json_schema", **chosen["json_schema"]}}
    return {"format": {"type": "json_object"}}
