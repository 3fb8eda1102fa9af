"""Stands in for OpenAI's /responses where an MCP server is asked, which cannot be had here.

It wants consent to one call, and says what came of it. What it is sent and what it says is held to
the types of the SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from openai.types.responses import ResponseInputItemParam, ResponseStreamEvent, ToolParam
from pydantic import TypeAdapter

from tests.apis.fault_proxy import Answer, Request, served

_INPUT: TypeAdapter[Any] = TypeAdapter(list[ResponseInputItemParam])
_TOOLS: TypeAdapter[Any] = TypeAdapter(list[ToolParam])
_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
REQUEST = {
    "id": "mcpr_1",
    "type": "mcp_approval_request",
    "server_label": "stock",
    "name": "count",
    "arguments": '{"flower": "rose"}',
}


class HostedResponses:
    """What it was sent, and the items of its only conversation."""

    base_url = ""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.items: list[dict[str, Any]] = []
        self._ids = count(1)

    def events(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        _INPUT.validate_python(body["input"])
        _TOOLS.validate_python(body["tools"])
        self.sent.append(body)
        self.items += body["input"]
        response = {
            "id": f"resp_{next(self._ids)}",
            "object": "response",
            "created_at": 1,
            "model": body["model"],
            "output": [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": body["tools"],
            "status": "in_progress",
        }
        yield {"type": "response.created", "response": response, "sequence_number": 0}
        item = self._next(body["input"])
        self.items.append(item)
        done = {"type": "response.output_item.done", "output_index": 0, "sequence_number": 1}
        yield {**done, "item": item}
        completed = {**response, "status": "completed", "output": [item]}
        yield {"type": "response.completed", "response": completed, "sequence_number": 2}

    def _next(self, given: list[dict[str, Any]]) -> dict[str, Any]:
        if given[-1]["type"] == "message":
            return {**REQUEST, "id": f"mcpr_{next(self._ids)}"}
        text = "There are 12." if given[-1]["approve"] else "Then I cannot say."
        return {
            "id": f"msg_{next(self._ids)}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }


@contextmanager
def hosted_responses() -> Iterator[HostedResponses]:
    there = HostedResponses()

    def answer(request: Request) -> Answer:
        match str(request):
            case "POST /v1/conversations":
                made = {"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}}
                return Answer(200, json.dumps(made).encode())
            case "GET /v1/conversations/conv_1/items":
                page = {"object": "list", "data": there.items[::-1], "has_more": False}
                return Answer(200, json.dumps(page).encode())
        assert str(request) == "POST /v1/responses"
        events = list(there.events(json.loads(request.body)))
        for event in events:
            _EVENT.validate_python(event)
        told = "".join(f"event: {it['type']}\ndata: {json.dumps(it)}\n\n" for it in events)
        return Answer(200, told.encode(), (("content-type", "text/event-stream"),))

    with served(answer) as address:
        there.base_url = f"http://{address}/v1"
        yield there
