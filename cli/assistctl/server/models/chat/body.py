"""A Request -> the body of a Chat Completions request, in the dialect of its model.

A thread may look like anything: two messages of a user in a row, an answer at its end, calls of a
model that has been changed since. Templates and validators are particular, so what they all take is
sent: users and assistant by turns, a user's message or a tool's output at the end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.models.chat.state import THOUGHTS
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

PATH = "/chat/completions"

Message = dict[str, Any]

_BEGIN = "Begin."
_GO_ON = "Go on."
_NOTHING_SAID = "You are a helpful assistant."
_NO_ANSWER = "(No answer was given.)"
_NO_THOUGHTS = "(Not known.)"
"""Where thoughts are demanded that nobody has: some endpoints take an empty text for none."""
_NO_SIGNATURE = "skip_thought_signature_validator"
"""What Gemini takes for calls that it has not made itself."""
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def chat_body(request: Request, dialect: Dialect, way: Way, origin: Mapping[str, str]) -> Message:
    """`origin` is what the state of answers from this model at this endpoint bears."""
    dropped = dialect.dropped
    cap = request.max_completion_tokens
    if cap is not None and dialect.cap is not None:
        cap = min(cap, dialect.cap)
    options = {
        "tool_choice": _tool_choice(request, dialect),
        "parallel_tool_calls": False if request.tools and not request.parallel_tool_calls else None,
        "response_format": _response_format(request, dialect),
        "temperature": request.temperature,
        "top_p": request.top_p,
        "reasoning_effort": _effort(request, dialect),
        "max_completion_tokens": cap,
        "stream_options": None if dialect.has(Quirk.WHOLE) or not way.stream else _WITH_USAGE,
    }
    body: Message = {
        "model": way.name,
        "messages": chat_messages(request, dialect, origin),
        **{key: value for key, value in options.items() if value is not None},
        "stream": way.stream and not dialect.has(Quirk.WHOLE),
    }
    body = {key: value for key, value in body.items() if key not in dropped}
    if "max_completion_tokens" in body and dialect.has(Quirk.OLD_CAP):
        body["max_tokens"] = body.pop("max_completion_tokens")
    if request.tools and not (request.tool_choice == "none" and "tool_choice" in dropped):
        offered = _alone(request, dialect) or request.tools
        body["tools"] = [_tool(tool, dropped) for tool in offered]
    return body


_WITH_USAGE = {"include_usage": True}


def chat_messages(request: Request, dialect: Dialect, origin: Mapping[str, str]) -> list[Message]:
    """The thread as this model takes it."""
    messages = [_with_state(message, dialect, origin) for message in as_seen(request, dialect)]
    if asks_in_words(request, dialect):
        messages = _instructed(messages, in_words(request.response_format))
    if dialect.has(Quirk.CALLS_IN_WORDS):
        messages = _in_words(messages)
    messages = _distinct(_by_turns(messages))
    if dialect.has(Quirk.USER_FIRST):
        messages = _user_first(messages)
    if dialect.has(Quirk.NO_SYSTEM):
        messages = _without_system(messages)
    if dialect.has(Quirk.TOOLS_ANSWERED):
        messages = _tools_answered(messages)
    if dialect.has(Quirk.SHORT_IDS):
        messages = [_short_ids(message) for message in messages]
    if dialect.has(Quirk.NAMED_OUTPUTS):
        messages = _named(messages)
    return [_content(message, dialect) for message in messages]


def _response_format(request: Request, dialect: Dialect) -> Any:
    chosen = request.response_format
    if no_format_with_calls(request, dialect):
        return None
    if chosen and chosen.get("type") == "json_schema" and dialect.has(Quirk.JSON_OBJECT):
        return {"type": "json_object"}
    return chosen


def _tool_choice(request: Request, dialect: Dialect) -> Any:
    if not request.tools:
        return None
    return "required" if _alone(request, dialect) else request.tool_choice


def _alone(request: Request, dialect: Dialect) -> Sequence[Mapping[str, Any]]:
    """The function that was chosen by its name, where only offering no other can choose it."""
    choice = request.tool_choice
    unnamed = dialect.has(Quirk.UNNAMED_CHOICE) and "tool_choice" not in dialect.dropped
    if not unnamed or not isinstance(choice, Mapping):
        return ()
    name = choice["function"]["name"]
    return [tool for tool in request.tools if tool["function"]["name"] == name]


def _effort(request: Request, dialect: Dialect) -> str | None:
    if request.tools and dialect.has(Quirk.EFFORT_NONE):
        return "none"
    return request.reasoning_effort


def _tool(tool: Mapping[str, Any], dropped: frozenset[str]) -> Mapping[str, Any]:
    if "strict" not in dropped:
        return tool
    function = {key: value for key, value in tool["function"].items() if key != "strict"}
    return {**tool, "function": function}


def _with_state(message: Mapping[str, Any], dialect: Dialect, origin: Mapping[str, str]) -> Message:
    """An assistant's message with what its model attached to it, if this is that model, or else
    with what the provider takes for it."""
    sent = {key: value for key, value in message.items() if key != STATE}
    if message["role"] != "assistant":
        return sent
    state = message.get(STATE) or {}
    ours = state if {key: state.get(key) for key in origin} == dict(origin) else {}
    calls = message.get("tool_calls")
    owed = dialect.has(Quirk.REASONING_OWED)
    for key, value in (ours.get("message") or {}).items():
        if key not in dialect.dropped and (calls or owed or key not in THOUGHTS):
            sent[key] = value
    if owed and not sent.get("reasoning_content"):
        sent["reasoning_content"] = _NO_THOUGHTS
    if calls:
        sent["tool_calls"] = _calls_with_state(calls, ours.get("calls") or {}, dialect)
    return sent


def _calls_with_state(
    calls: Sequence[Mapping[str, Any]], state: Mapping[str, Any], dialect: Dialect
) -> list[Message]:
    attached = []
    for number, call in enumerate(calls):
        own = dict(state.get(str(number)) or {})
        function = {**call["function"], **own.pop("function", {})}
        attached.append({**call, **own, "function": function})
    if dialect.has(Quirk.SIGNED_CALLS) and "thought_signature" not in json.dumps(attached):
        google = {"thought_signature": _NO_SIGNATURE}
        attached[0] = {**attached[0], "extra_content": {"google": google}}
    return attached


def _instructed(messages: Sequence[Message], more: str) -> list[Message]:
    """The messages with one more paragraph of instructions."""
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{more}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": more}, *messages]


def _in_words(messages: Sequence[Message]) -> list[Message]:
    """Past calls and their outputs as text, for an endpoint that takes no calls here."""
    told: list[Message] = []
    for message in messages:
        if message["role"] == "tool":
            told.append({"role": "user", "content": f"(The tool answered: {message['content']})"})
        elif calls := message.get("tool_calls"):
            lines = [f"(I called {_spelled(call['function'])}.)" for call in calls]
            said = [message["content"]] if message.get("content") else []
            told.append({"role": "assistant", "content": "\n".join([*said, *lines])})
        else:
            told.append(message)
    return told


def _spelled(function: Mapping[str, Any]) -> str:
    return f"{function['name']} with {function['arguments'] or '{}'}"


def _by_turns(messages: Sequence[Message]) -> list[Message]:
    """Neighbours of one role as one message; something to answer at the end."""
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if last and _joinable(last, message):
            merged[-1] = {**last, **message, "content": _together(last, message)}
        else:
            merged.append(message)
    if not merged:
        merged = [{"role": "system", "content": _NOTHING_SAID}]
    if merged[-1]["role"] == "system":
        merged.append({"role": "user", "content": _BEGIN})
    elif merged[-1]["role"] == "assistant":
        merged.append({"role": "user", "content": _GO_ON})
    return merged


def _joinable(last: Message, message: Message) -> bool:
    if last["role"] != message["role"] or message["role"] not in ("user", "assistant"):
        return False
    return not (last.get("tool_calls") or message.get("tool_calls"))


def _together(last: Message, message: Message) -> Any:
    both = (last["content"], message["content"])
    if all(isinstance(content, str) for content in both):
        return "\n\n".join(both)
    return [part for content in both for part in _parts(content)]


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _user_first(messages: Sequence[Message]) -> list[Message]:
    at = 1 if messages[0]["role"] == "system" else 0
    if messages[at]["role"] == "user":
        return list(messages)
    return [*messages[:at], {"role": "user", "content": _BEGIN}, *messages[at:]]


def _without_system(messages: Sequence[Message]) -> list[Message]:
    if messages[0]["role"] != "system":
        return list(messages)
    system, *rest = messages
    asked = {"role": "user", "content": system["content"]}
    if rest and rest[0]["role"] == "user":
        return [{**rest[0], "content": _together(asked, rest[0])}, *rest[1:]]
    return [asked, *rest]


def _tools_answered(messages: Sequence[Message]) -> list[Message]:
    answered: list[Message] = []
    for message in messages:
        if answered and answered[-1]["role"] == "tool" and message["role"] == "user":
            answered.append({"role": "assistant", "content": _NO_ANSWER})
        answered.append(message)
    return answered


def _distinct(messages: Sequence[Message]) -> list[Message]:
    """Endpoints that count their calls anew in each answer give one id to several."""
    taken: set[str] = set()
    names: dict[str, str] = {}
    distinct: list[Message] = []
    for message in messages:
        if calls := message.get("tool_calls"):
            names = {}
            for call in calls:
                call_id = call["id"]
                while call_id in taken:
                    call_id = _short_id(f"{call_id} again")
                taken.add(call_id)
                names[call["id"]] = call_id
            message = {**message, "tool_calls": [{**c, "id": names[c["id"]]} for c in calls]}
        elif message["role"] == "tool":
            call_id = message["tool_call_id"]
            message = {**message, "tool_call_id": names.get(call_id, call_id)}
        distinct.append(message)
    return distinct


def _short_ids(message: Message) -> Message:
    if "tool_call_id" in message:
        return {**message, "tool_call_id": _short_id(message["tool_call_id"])}
    if calls := message.get("tool_calls"):
        return {**message, "tool_calls": [{**call, "id": _short_id(call["id"])} for call in calls]}
    return message


def _short_id(call_id: str) -> str:
    """Nine letters and digits, always the same for one id; such ids stay as they are."""
    if len(call_id) == 9 and call_id.isascii() and call_id.isalnum():
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode()).digest()[:8])
    digits = []
    for _ in range(9):
        number, digit = divmod(number, len(_LETTERS))
        digits.append(_LETTERS[digit])
    return "".join(digits)


def _named(messages: Sequence[Message]) -> list[Message]:
    names: dict[str, str] = {}
    named: list[Message] = []
    for message in messages:
        for call in message.get("tool_calls") or ():
            names[call["id"]] = call["function"]["name"]
        if message["role"] == "tool":
            message = {**message, "name": names.get(message["tool_call_id"], "tool")}
        named.append(message)
    return named


def _content(message: Message, dialect: Dialect) -> Message:
    """What stands for words where there are only calls."""
    if message["role"] != "assistant" or message.get("content"):
        return message
    if dialect.has(Quirk.NO_CONTENT) and message.get("tool_calls"):
        return {key: value for key, value in message.items() if key != "content"}
    empty = dialect.has(Quirk.EMPTY_CONTENT) or not message.get("tool_calls")
    return {**message, "content": "" if empty else None}
