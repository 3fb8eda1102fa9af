"""What a run that waits for its client says: its `required_action`."""

from __future__ import annotations

from collections.abc import Iterable

from assistctl.server.engine.record import ToolCall
from assistctl.server.wire import Document


def action_required(calls: Iterable[ToolCall]) -> Document:
    """What the client is asked to do: answer every function call of the step."""
    asked = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": asked}}
