"""What the tests of sessions share."""

from __future__ import annotations

from typing import Any

from openai import OpenAI
from openai.types import beta
from openai.types.beta.agents import sessions

from tests.server.sdk_types import page

TYPES: dict[str, Any] = {
    "POST /agents": beta.Agent,
    "GET /agents": page(beta.Agent),
    "GET /agents/{agent_id}": beta.Agent,
    "POST /agents/{agent_id}": beta.Agent,
    "DELETE /agents/{agent_id}": beta.AgentDeleted,
    "POST /agents/sessions": beta.AgentSession,
    "GET /agents/sessions": page(beta.AgentSession),
    "GET /agents/sessions/{session_id}": beta.AgentSession,
    "POST /agents/sessions/{session_id}": beta.AgentSession,
    "DELETE /agents/sessions/{session_id}": beta.AgentSessionDeleted,
    "GET /agents/sessions/{session_id}/artifacts": page(sessions.SessionArtifact),
    "GET /agents/sessions/{session_id}/artifacts/{artifact_id}": sessions.SessionArtifact,
    "DELETE /agents/sessions/{session_id}/artifacts/{artifact_id}": sessions.SessionArtifactDeleted,
    "GET /agents/sessions/{session_id}/items": page(beta.AgentSessionItem),
    "GET /agents/sessions/{session_id}/turns": page(sessions.Turn),
    "GET /agents/sessions/{session_id}/turns/{turn_id}": sessions.Turn,
    "GET /agents/sessions/{session_id}/turns/{turn_id}/items": page(beta.AgentSessionItem),
}
"""What the SDK takes the answer of each operation for."""
NONE: Any = {"type": "none"}
SESSION = "agent.session."
BEGINNING = [
    "agent.session.turn.created",
    "agent.session.in_progress",
    "agent.session.turn.item.added",
    "agent.session.turn.in_progress",
]
WORDS = ["agent.session.turn.item.added", "agent.session.turn.content_part.added"]
WORDS_END = [
    "agent.session.turn.output_text.done",
    "agent.session.turn.content_part.done",
    "agent.session.turn.item.done",
]
END = ["agent.session.turn.completed", "agent.session.idle"]


def function(name: str) -> Any:
    parameters = {"type": "object", "properties": {"totalCost": {"type": "number"}}}
    return {"type": "function", "name": name, "description": name, "parameters": parameters}


def make_agent(client: OpenAI, **fields: Any) -> str:
    given: Any = {
        "model": "gpt-6-luna",
        "instructions": "Be kind.",
        "tools": [function("save_bill"), function("log")],
        "metadata": {"assistctl": "shop/flowers"},
        **fields,
    }
    return client.beta.agents.create(**given).id


def begin(client: OpenAI, agent_id: str, text: str, **fields: Any) -> Any:
    """A stream of the first turn of a new session."""
    return client.beta.agents.sessions.create(
        agent_id=agent_id, environment=NONE, input=text, stream=True, **fields
    )


def names(events: list[dict[str, Any]]) -> list[str]:
    """The types of events, without deltas."""
    return [event["type"] for event in events if not event["type"].endswith(".delta")]


def session_of(events: list[dict[str, Any]]) -> str:
    return str(next(event["session"]["id"] for event in events if "session" in event))


def items(client: OpenAI, session_id: str) -> list[dict[str, Any]]:
    """All items of a session, oldest first."""
    found = client.beta.agents.sessions.items.list(session_id, order="asc")
    return [item.to_dict() for item in found]


def message(text: str) -> Any:
    """An input event with a message."""
    part = {"type": "input_text", "text": text}
    return {
        "type": "agent.session.input.message",
        "input": [{"role": "user", "content": [part]}],
    }


def result(call: Any, output: str | None, **fields: Any) -> Any:
    """An input event with the result of a function call."""
    return {
        "type": "agent.session.input.tool_result",
        "turn_id": call["turn_id"],
        "call_id": call["call_id"],
        "success": True,
        "output": output,
        **fields,
    }
