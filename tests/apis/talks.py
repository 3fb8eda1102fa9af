"""Conversations with a scripted model, at each API: the server, the assistant that is talked with,
and what the thread holds afterwards."""

from __future__ import annotations

import json
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
from tests.apis.fault_proxy import FaultProxy

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


def posted(proxy: FaultProxy, ending: str) -> list[Any]:
    """What was sent to the paths that end so, in order."""
    return [
        json.loads(it.body)
        for it in proxy.requests
        if it.method == "POST" and it.path.partition("?")[0].endswith(ending)
    ]


def contents(talk: Any, path: str) -> list[tuple[str, str]]:
    """The items of a thread: what each is, and what it returns, who says it or what it calls."""
    return [
        (item["type"], item.get("output") or item.get("role") or item.get("name"))
        for item in talk.client.list(path, order="asc")
    ]
