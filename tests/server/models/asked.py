"""A request to a model, read the same way whichever of the two wires it came by."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

Wire: TypeAlias = Literal["chat", "responses"]


@dataclass(frozen=True)
class Item:
    """One thing said: a message, a call, or an output. `raw` is what held it on the wire."""

    kind: Literal["message", "call", "output", "reasoning"]
    role: str = ""
    text: str = ""
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    raw: Mapping[str, Any] | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The arguments of a call; {} for what is no object."""
        try:
            value = json.loads(self.arguments or "{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Asked:
    """`path` is without its query; `headers` have lower-case names."""

    wire: Wire
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.body.get("model") or "")

    @property
    def streamed(self) -> bool:
        return self.body.get("stream") is True

    @cached_property
    def messages(self) -> list[Mapping[str, Any]]:
        """As sent, of Chat Completions."""
        return [each for each in self.body.get("messages") or [] if isinstance(each, dict)]

    @cached_property
    def input(self) -> list[Mapping[str, Any]]:
        """As sent, of Responses."""
        given = self.body.get("input")
        if isinstance(given, str):
            return [{"role": "user", "content": given}]
        return [each for each in given or [] if isinstance(each, dict)]

    @cached_property
    def items(self) -> list[Item]:
        return list(_chat(self.messages) if self.wire == "chat" else _responses(self))

    @property
    def tools(self) -> dict[str, Mapping[str, Any]]:
        """What may be called, by name."""
        tools = [each for each in self.body.get("tools") or [] if isinstance(each, dict)]
        flat = [each.get("function", each) if self.wire == "chat" else each for each in tools]
        return {str(each.get("name")): each for each in flat}

    @property
    def effort(self) -> str | None:
        """What was asked for of reasoning effort."""
        if self.wire == "chat":
            return self.body.get("reasoning_effort")
        return (self.body.get("reasoning") or {}).get("effort")

    @property
    def cap(self) -> int | None:
        """The most tokens that the answer may have."""
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        return next((self.body[name] for name in names if self.body.get(name) is not None), None)

    @property
    def format(self) -> Mapping[str, Any] | None:
        """`response_format`, or `text.format`."""
        if self.wire == "chat":
            return self.body.get("response_format")
        return (self.body.get("text") or {}).get("format")

    @cached_property
    def question(self) -> str:
        """All that the user has said since an assistant spoke or called."""
        said: list[str] = []
        for item in reversed(self.items[: self._asked_at + 1]):
            if item.role == "user":
                said.append(item.text)
            elif item.role != "system":
                break
        return "\n".join(reversed(said))

    @cached_property
    def outputs(self) -> list[tuple[Item, str]]:
        """The calls since that question, each with its output."""
        since = self.items[self._asked_at + 1 :]
        found = {item.call_id: item.text for item in since if item.kind == "output"}
        calls = [item for item in since if item.kind == "call"]
        return [(call, found[call.call_id]) for call in calls if call.call_id in found]

    @cached_property
    def history(self) -> str:
        """All words and outputs from before the question."""
        return "\n".join(item.text for item in self.items[: self._asked_at] if item.text)

    @cached_property
    def tokens(self) -> int:
        """What the prompt costs: four bytes each, and some for each message and tool."""
        texts = [item.text + item.name + item.arguments for item in self.items]
        tools = json.dumps(list(self.tools.values())) if self.tools else ""
        return sum(len(text.encode()) // 4 + 4 for text in [*texts, tools] if text)

    @cached_property
    def _asked_at(self) -> int:
        places = [n for n, item in enumerate(self.items) if item.role == "user"]
        return places[-1] if places else -1


def text_of(content: Any) -> str:
    """The words of a message's content on either wire."""
    if isinstance(content, list):
        parts = (part for part in content if isinstance(part, dict))
        return "\n".join(str(part.get("text") or part.get("refusal") or "") for part in parts)
    return str(content or "")


def _chat(messages: list[Mapping[str, Any]]) -> Iterator[Item]:
    for message in messages:
        role, text = str(message.get("role")), text_of(message.get("content"))
        if role == "tool":
            call_id = str(message.get("tool_call_id"))
            yield Item("output", "tool", text, call_id, raw=message)
            continue
        role = "system" if role == "developer" else role
        if text or role != "assistant":
            yield Item("message", role, text, raw=message)
        for call in message.get("tool_calls") or []:
            function = call.get("function") or {}
            name, arguments = function.get("name") or "", function.get("arguments") or ""
            call_id = str(call.get("id"))
            yield Item("call", "assistant", "", call_id, name, str(arguments), raw=message)


def _responses(asked: Asked) -> Iterator[Item]:
    if asked.body.get("instructions"):
        yield Item("message", "system", str(asked.body["instructions"]))
    for item in asked.input:
        kind = item.get("type") or "message"
        call_id = str(item.get("call_id"))
        if kind == "message":
            role = "system" if item.get("role") == "developer" else str(item.get("role"))
            yield Item("message", role, text_of(item.get("content")), raw=item)
        elif kind == "function_call":
            name, arguments = str(item.get("name")), str(item.get("arguments"))
            yield Item("call", "assistant", "", call_id, name, arguments, raw=item)
        elif kind == "function_call_output":
            yield Item("output", "tool", text_of(item.get("output")), call_id, raw=item)
        elif kind == "reasoning":
            yield Item("reasoning", "assistant", raw=item)
