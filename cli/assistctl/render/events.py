"""Events -> JSON values."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from assistctl.events import ActionRequired, Event, Finished, ToolCall, ToolCalled, ToolReturned
from assistctl.resources import Json


def finished_json(event: Finished) -> dict[str, Json]:
    """The result of a turn: `{"status", "thread", "run", "text", "tool_calls": [{"name",
    "arguments", "output", "seconds", "error"}], "usage"}`, and `error` if it did not complete.

    `arguments` is the value that the model's JSON stands for, or its text if it is not JSON.
    """
    result = {
        "status": event.status,
        "thread": event.thread,
        "run": event.run,
        "text": event.text,
        "tool_calls": [returned_json(returned) for returned in event.tool_calls],
        "usage": dict(event.usage) if event.usage is not None else None,
    }
    return result if event.error is None else {**result, "error": event.error}


def event_json(event: Event) -> dict[str, Json]:
    """An event as a flat object: `type` and the event's own fields."""
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    match event:
        case Finished():
            own = finished_json(event)
        case ActionRequired():
            own = {"calls": [_call_json(call) for call in event.calls]}
        case ToolCalled():
            own = _call_json(event.call)
        case ToolReturned():
            own = {"id": event.call.id, **returned_json(event)}
        case _:
            own = asdict(event)
    return {"type": kind, **own}


def parsed(arguments: str) -> Json:
    """What the model's JSON stands for; its text as it came if it is not JSON (NaN is not)."""
    try:
        value = json.loads(arguments)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return arguments
    return value


def _call_json(call: ToolCall) -> dict[str, Json]:
    return {"id": call.id, "name": call.name, "arguments": parsed(call.arguments)}


def returned_json(returned: ToolReturned) -> dict[str, Json]:
    """`{"name", "arguments", "output", "seconds", "error"}`"""
    return {
        "name": returned.call.name,
        "arguments": parsed(returned.call.arguments),
        "output": returned.output,
        "seconds": round(returned.seconds, 3),
        "error": returned.error,
    }
