"""Conversations with a scripted model, at each API: the server, the assistant that is talked with,
and what the thread holds afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from assistctl.errors import Place
from assistctl.events import (
    Event,
    StatusChanged,
    TextDelta,
    ToolCall,
    ToolReturned,
)
from assistctl.resources import Function, FunctionTool
from assistctl.surface import Conversation
from tests.apis.bench import Bench

PLACE = Place("assistants/shop.yaml", 1, 1)
SCRIPT = [
    {"when": "sold", "call": {"save_bill": {"total": 7}}, "say": "Saved 7."},
    {"when": "both", "call": {"save_bill": {"total": 1}, "refund": {"total": 2}}, "say": "Done."},
    {"say": "Hello there."},
]
FUNCTIONS = tuple(
    FunctionTool(Function(name, PLACE, "Does it.", {"type": "object"}))
    for name in ("save_bill", "refund")
)
MESSAGES = {
    "assistants": "/threads/{}/messages",
    "responses": "/conversations/{}/items",
    "agents": "/agents/sessions/{}/items",
}
"""Where the messages of a thread are."""


@dataclass
class Shop:
    """An assistant in sync with two functions, and the ways to it."""

    bench: Bench

    def talk(self, thread: str | None = None) -> Conversation:
        return self.bench.surface.converse(
            self.bench.assistants["shop"], self.bench.held("shop")["id"], thread
        )

    @contextmanager
    def at(self, base_url: str) -> Iterator[Shop]:
        """The same by another address of its target."""
        client = self.bench.api.client(base_url, self.bench.client._client.api_key)
        yield Shop(replace(self.bench, client=client))
        client.close()

    def roles(self, thread: str | None) -> list[str]:
        """Who has said something in a thread, in order."""
        path = MESSAGES[self.bench.api.name].format(thread)
        return [
            item["role"]
            for item in self.bench.client.list(path, order="asc")
            if item.get("type", "message") == "message"
        ]


class Echo:
    """Tools that answer every call with its arguments."""

    def call(self, calls: Sequence[ToolCall], **more: Any) -> Iterator[ToolReturned]:
        for call in calls:
            yield ToolReturned(call, f"got {call.arguments}", 0.0)


def said(events: Sequence[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def statuses(events: Sequence[Event]) -> list[str]:
    return [event.status for event in events if isinstance(event, StatusChanged)]
