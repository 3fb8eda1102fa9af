"""How much of the Agents API the server speaks. No document says what it is but the SDK, whose
methods are its operations and whose types its objects and events."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import openai
from openai import OpenAI
from openai.types import beta

from assistctl.server.agents_api import elsewhere, vaults
from assistctl.server.routing import endpoints_below
from assistctl.server.sandbox import Sandboxes
from tests.server.agents.help import NONE, function, message, session_of
from tests.server.chat_endpoint import ChatEndpoint, call, say

Told = Callable[..., list[dict[str, Any]]]
EVENTS = {
    "agent.session.created",
    "agent.session.in_progress",
    "agent.session.requires_action",
    "agent.session.idle",
    "agent.session.turn.created",
    "agent.session.turn.in_progress",
    "agent.session.turn.completed",
    "agent.session.turn.failed",
    "agent.session.turn.cancelled",
    "agent.session.turn.item.added",
    "agent.session.turn.item.done",
    "agent.session.turn.content_part.added",
    "agent.session.turn.content_part.done",
    "agent.session.turn.output_text.delta",
    "agent.session.turn.output_text.done",
    "agent.session.environment.ready",
}
COMMAND = "agent.output.command_execution_output.delta"
_CALL = re.compile(r"self\._(get|post|delete|get_api_list)\(\s*(?:path_template\(\s*)?\"([^\"]+)\"")


def operations_of_the_sdk() -> set[tuple[str, str]]:
    folder = Path(openai.__file__).parent / "resources" / "beta" / "agents"
    found = set()
    for path in folder.rglob("*.py"):
        for method, address in _CALL.findall(path.read_text(encoding="utf-8")):
            found.add(("GET" if method == "get_api_list" else method.upper(), address))
    return found


def test_each_operation_of_the_sdk_is_answered_or_refused_by_its_name() -> None:
    ours = {
        (each.method, each.path) for word in ("agents", "vaults") for each in endpoints_below(word)
    }
    refused = {(e.method, e.path) for e in (*elsewhere.ENDPOINTS, *vaults.ENDPOINTS)}
    assert ours == operations_of_the_sdk()
    assert (len(ours - refused), len(ours)) == (20, 57)


def test_the_events_of_one_application_are_half_of_those_that_there_are(
    modelled: OpenAI, endpoint: ChatEndpoint, told: Told
) -> None:
    sessions = modelled.beta.agents.sessions
    agent: Any = {"model": "gpt-6-luna", "tools": [function("log")]}
    sandboxes = Sandboxes()
    confinable = sandboxes.available() is None
    sandboxes.close_all()
    go_on = threading.Event()
    code = call(("c1", "code_interpreter", '{"code": "print(6 * 7)"}'))
    endpoint.answer(
        *((code,) if confinable else ()),
        call(("c2", "log", "{}")),
        say("Done."),
        say("Cut", finish="length"),
        say("Long ", go_on, "answer."),
    )
    environment: Any = {"type": "openai_hosted"} if confinable else NONE
    handlers: Any = {"log": lambda given: "logged"}
    stream = sessions.create(
        agent=agent, environment=environment, input="x", stream=True, tool_handlers=handlers
    )
    heard = told(stream)
    session_id = session_of(heard)
    with sessions.events.stream(session_id) as live:
        sessions.events.create(session_id, events=[message("y")])
        heard += told(live, until="agent.session.idle")
        sessions.events.create(session_id, events=[message("z")])
        heard += told(live, until="agent.session.turn.output_text.delta")
        sessions.events.create(session_id, events=[{"type": "agent.session.input.cancel"}])
        heard += told(live, until="agent.session.idle")
    go_on.set()
    expected = EVENTS | {COMMAND} if confinable else EVENTS - {"agent.session.environment.ready"}
    assert {event["type"] for event in heard} == expected
    [union, _] = get_args(beta.AgentSessionEvent)
    every = {get_args(each.model_fields["type"].annotation)[0] for each in get_args(union)}
    assert expected < every
    assert (len(EVENTS | {COMMAND}), len(every)) == (17, 33)
