"""Events -> JSON values."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

from assistctl.events import (
    ActionRequired,
    CodeReturned,
    Event,
    Finished,
    Hit,
    MadeFile,
    Searched,
    Source,
    Step,
    TextDelta,
    ToolCall,
    ToolCalled,
    ToolReturned,
)
from assistctl.render.values import json_line
from assistctl.resources import Json


def finished_json(event: Finished) -> dict[str, Json]:
    """The result of a turn: `{"status", "thread", "run", "text", "tool_calls": [{"name",
    "arguments", "output", "seconds", "error"}], "usage", "seconds", "annotations", "sources",
    "files", "steps"}`, `cost` where the model's price is known, `error` if it did not complete.

    `arguments` is the value that the model's JSON stands for, or its text if it is not JSON; text
    and annotations are as the API gave them.
    """
    result = {
        "status": event.status,
        "thread": event.thread,
        "run": event.run,
        "text": event.text,
        "tool_calls": [returned_json(returned) for returned in event.tool_calls],
        "usage": dict(event.usage) if event.usage is not None else None,
        "seconds": _rounded(event.seconds),
        "annotations": [dict(annotation) for annotation in event.annotations],
        "sources": [_told(source) for source in event.sources],
        "files": [_told(file) for file in event.files],
        "steps": [step_json(step) for step in event.steps],
    }
    known = {"cost": event.cost, "error": event.error}
    return result | {name: value for name, value in known.items() if value is not None}


def step_json(step: Step) -> dict[str, Json]:
    """What was done on the way, by its `type`: code_interpreter (`code`, `output`, `files`),
    file_search (`queries`, `hits`) or function; with `id`, `seconds` and `error`."""
    match step:
        case CodeReturned():
            files = [_told(file) for file in step.files]
            own = {"id": step.id, "code": step.code, "output": step.output, "files": files}
        case Searched():
            hits = [_told(hit) for hit in step.hits]
            own = {"id": step.id, "queries": list(step.queries), "hits": hits}
        case ToolReturned():
            return {"type": "function", "id": step.call.id, **returned_json(step)}
    kind = "code_interpreter" if isinstance(step, CodeReturned) else "file_search"
    return {"type": kind, **own, "seconds": _rounded(step.seconds), "error": step.error}


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
        case CodeReturned() | Searched():
            own = step_json(event)
        case TextDelta():
            own = _told(event)
        case _:
            own = asdict(event)
    return {"type": kind, **{name: value for name, value in own.items() if name != "type"}}


def parsed(arguments: str) -> Json:
    """What the model's JSON stands for; its text as it came if it is not JSON (NaN is not)."""
    try:
        value = json.loads(arguments)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return arguments
    return value


def arguments_line(arguments: str) -> str:
    """The same in one line: as JSON, or the text as it came."""
    value = parsed(arguments)
    return value if isinstance(value, str) else json_line(value)


def _call_json(call: ToolCall) -> dict[str, Json]:
    return {"id": call.id, "name": call.name, "arguments": parsed(call.arguments)}


def returned_json(returned: ToolReturned) -> dict[str, Json]:
    """`{"name", "arguments", "output", "seconds", "error"}`"""
    return {
        "name": returned.call.name,
        "arguments": parsed(returned.call.arguments),
        "output": returned.output,
        "seconds": _rounded(returned.seconds),
        "error": returned.error,
    }


def _told(value: Source | MadeFile | Hit | TextDelta) -> dict[str, Json]:
    """What is known of it."""
    return {name: known for name, known in asdict(value).items() if known is not None}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
