"""How much of the contract of agents the server walks through.

Its operations are walked in one application. Those that only the service has are refused. Fields
that clients send are in test_contract_fields.py.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types import beta
from openai.types.beta import agents
from openai.types.beta.agents import sessions as session_types
from pydantic import TypeAdapter

from assistctl.server import EmbeddedServer, Settings
from assistctl.server.agents_api import elsewhere
from assistctl.server.routing import endpoints_below
from assistctl.server.sandbox import Sandboxes
from tests.server.agents.help import TYPES, function, message, result, session_of
from tests.server.chat_endpoint import ChatEndpoint, call, chat_endpoint_running, say
from tests.server.contract import Contract, Operation, paths

Send = Callable[..., Any]
OURS = {
    Operation(each.method, each.path)
    for word in ("agents", "vaults")
    for each in endpoints_below(word)
}
REFUSED = {Operation(e.method, e.path) for e in elsewhere.ENDPOINTS}
ANSWERED = sorted(OURS - REFUSED)
STREAM = Operation("GET", "/agents/sessions/{session_id}/events")
POST = Operation("POST", STREAM.path)
DOWNLOAD = Operation("GET", "/agents/sessions/{session_id}/artifacts/{artifact_id}/content")
BODIES: dict[str, Any] = {
    "POST /agents": beta.AgentCreateParams,
    "POST /agents/{agent_id}": beta.AgentUpdateParams,
    "POST /agents/sessions": agents.SessionCreateParams,
    "POST /agents/sessions/{session_id}": agents.SessionUpdateParams,
    str(POST): session_types.EventCreateParams,
}
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
    "agent.output.command_execution_output.delta",
}
NEVER_SAID = {
    "AgentToolResourceFunction.async",
    "PersistedAgentToolResourceFunction.async",
}
WRITE = {"code": "open('/workspace/a.txt', 'w').write('roses')\nprint(6 * 7)"}
DOCS = Path(__file__).parents[3] / "docs" / "server.md"
_STEMS = {"session_id": "sess"}
_BODIES = {POST: {"events": [{"type": "agent.session.input.cancel"}]}}
_CALL = re.compile(r"self\._(get|post|delete|get_api_list)\(\s*(?:path_template\(\s*)?\"([^\"]+)\"")


@dataclass
class Walk:
    """What one application was answered and told."""

    answers: list[tuple[Operation, int, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def confinable() -> bool:
    sandboxes = Sandboxes()
    try:
        return sandboxes.available() is None
    finally:
        sandboxes.close_all()


@pytest.fixture(scope="module")
def walk(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, confinable: bool
) -> Iterator[Walk]:
    walk = Walk()

    def keep(response: httpx2.Response) -> None:
        asked = response.request
        operation = contract.operation(asked.method, asked.url.path.removeprefix("/v1"))
        if operation is not None:
            kind = response.headers.get("content-type", "")
            is_json = kind.startswith("application/json")
            answer = json.loads(response.read()) if is_json else None
            walk.answers.append((operation, response.status_code, answer))

    database = tmp_path_factory.mktemp("walk") / "local.db"
    with (
        chat_endpoint_running() as endpoint,
        EmbeddedServer(Settings(database, {"base_url": endpoint.url}, embeddings="none")) as server,
        httpx2.Client(trust_env=False, verify=False, event_hooks={"response": [keep]}) as http,
    ):
        client = OpenAI(base_url=server.base_url, api_key=server.api_key, http_client=http)
        play(client, endpoint, walk.events, confinable=confinable)
        yield walk


def play(
    client: OpenAI, endpoint: ChatEndpoint, heard: list[dict[str, Any]], *, confinable: bool
) -> None:
    agents, sessions = client.beta.agents, client.beta.agents.sessions
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    agent = agents.create(
        model="gpt-6-luna",
        tools=[function("log"), {"type": "tool_search"}],
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_schema", "schema": schema}, "verbosity": "low"},
        metadata={"a": "b"},
    )
    agents.retrieve(agent.id)
    agents.update(agent.id, name="花店", text={"format": {"type": "text"}})
    agents.list(limit=1)

    go_on = threading.Event()
    endpoint.answer(
        *((call(("c1", "code_interpreter", json.dumps(WRITE))),) if confinable else ()),
        call(("c2", "log", '{"a": 1}'), text="Let me see."),
        say("Done."),
        say("Cut", finish="length"),
        call(("c3", "log", "{}")),
        say("Long ", go_on, "answer."),
    )
    prices = client.files.create(file=("p.csv", b"3\n4\n"), purpose="user_data")
    note = base64.b64encode(b"roses").decode()
    environment: Any = {
        "type": "openai_hosted",
        "container_size": "small",
        "files": [
            {"type": "file_id", "file_id": prices.id, "path": "/workspace/p.csv"},
            {"type": "inline", "data": note, "path": "/workspace/n.txt"},
        ],
    }
    picture = {"type": "input_image", "image_url": "data:image/png;base64,aGk="}
    given: Any = [{"role": "user", "content": [{"type": "input_text", "text": "x"}, picture]}]
    stream = sessions.create(
        agent_id=agent.id,
        environment=environment if confinable else {"type": "none"},
        input=given,
        metadata={"a": "b"},
        prompt_cache_options={"ttl": "30m"},
        stream=True,
        tool_handlers={"log": lambda given: "logged"},  # type: ignore[dict-item]
    )
    heard += [event.to_dict() for event in stream]
    session_id = session_of(heard)

    def hear(live: Any, until: str) -> None:
        for event in live:
            heard.append(event.to_dict())
            if event.type == until:
                break

    with sessions.events.stream(session_id) as live:
        sessions.events.create(session_id, events=[message("y")])
        hear(live, "agent.session.idle")
        sessions.events.create(session_id, events=[message("Log.")])
        hear(live, "agent.session.requires_action")
        [asked] = sessions.retrieve(session_id).to_dict()["required_actions"]  # type: ignore[misc]
        failed = result(asked, None, success=False, error="No log.")
        sessions.events.create(session_id, events=[failed])
        hear(live, "agent.session.turn.output_text.delta")
        with pytest.raises(openai.ConflictError):
            sessions.delete(session_id)
        sessions.events.create(session_id, events=[{"type": "agent.session.input.cancel"}])
        hear(live, "agent.session.idle")
    go_on.set()
    sessions.update(session_id, review="auto_review", agent={"model": "gpt-6.1"})
    sessions.retrieve(session_id)
    sessions.list(metadata={"a": "b"}, agent_id=agent.id)
    sessions.items.list(session_id)
    turn, *_ = sessions.turns.list(session_id)
    sessions.turns.retrieve(turn.id, session_id=session_id)
    sessions.turns.items.list(turn.id, session_id=session_id)
    for artifact in sessions.artifacts.list(session_id):
        known = {"session_id": session_id}
        sessions.artifacts.retrieve(artifact.id, **known)
        assert sessions.artifacts.content(artifact.id, **known).read() == b"roses"
        sessions.artifacts.delete(artifact.id, **known)
    sessions.delete(session_id)
    agents.delete(agent.id)


def path_of(operation: Operation, **ids: str) -> str:
    """Its path, with ids that nothing has but for those given."""
    names = re.findall(r"\{(\w+)\}", operation.path)
    return operation.path.format(**{name: ids.get(name, missing(name)) for name in names})


def missing(name: str) -> str:
    return f"{_STEMS.get(name, name.removesuffix('_id'))}_missing"


def body_of(operation: Operation) -> Any:
    return _BODIES.get(operation, {}) if operation.method == "POST" else None


def operations_of_the_sdk() -> set[Operation]:
    folder = Path(openai.__file__).parent / "resources" / "beta" / "agents"
    found = set()
    for path in folder.rglob("*.py"):
        for method, address in _CALL.findall(path.read_text(encoding="utf-8")):
            name = "GET" if method == "get_api_list" else method.upper()
            found.add(Operation(name, address))
    return found


def test_the_contract_is_what_the_installed_sdk_takes_this_api_for(contract: Contract) -> None:
    """Operations, events, and every field that is sent or read."""
    assert set(contract.operations) == operations_of_the_sdk()
    known = {
        **{f"{name}, sent": (_body(contract, name), model) for name, model in BODIES.items()},
        **{
            name: (contract.answer_schema(_operation(name)), model)
            for name, model in TYPES.items()
            if not isinstance(model, dict)
        },
        "events": ({"anyOf": [*contract.streamed(STREAM).values()]}, beta.AgentSessionEvent),
    }
    for name, (schema, model) in known.items():
        theirs = TypeAdapter(model).json_schema()
        expected = {path.removesuffix("_") for path in paths(theirs, theirs.get("$defs", {}))}
        # The SDK sends this one as a header, and for `async` has another word.
        assert contract.paths(schema) == expected - {"idempotency_key"}, name


def test_every_operation_is_answered_or_refused_by_its_name(contract: Contract) -> None:
    assert set(contract.operations) == OURS
    assert (len(ANSWERED), len(OURS)) == (20, 57)


def test_one_application_walks_all_that_is_answered_and_all_of_it_is_as_the_contract_has_it(
    contract: Contract, walk: Walk, confinable: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    walked = {operation for operation, status, _ in walk.answers if status in (200, 202)}
    schemas = contract.streamed(STREAM)
    faults: list[str] = []
    seen: set[str] = set()
    for operation, status, answer in walk.answers:
        if status == 200 and answer is not None:
            schema = contract.answer_schema(operation)
            faults += [f"{operation}: {fault}" for fault in contract.faults(schema, answer)]
            seen |= contract.fields_of(schema, answer)
    for event in walk.events:
        schema = schemas[event["type"]]
        faults += [f"{event['type']}: {fault}" for fault in contract.faults(schema, event)]
        seen |= contract.fields_of(schema, event)
    told = {event["type"] for event in walk.events}
    there_are = contract.fields({"anyOf": [*schemas.values()]})
    for operation in set(ANSWERED) - {STREAM, POST, DOWNLOAD}:
        there_are |= contract.fields(contract.answer_schema(operation))
    figures = (
        f"{len(walked)} of {len(contract.operations)} operations,"
        f" {len(told)} of {len(schemas)} events,"
        f" {len(objects_of(seen))} of {len(objects_of(there_are))} objects"
        f" with {len(seen)} of {len(there_are)} fields"
    )
    with capsys.disabled():
        print(f"\nagents: {figures}")
    assert faults == []
    if confinable:
        assert sorted(walked) == ANSWERED
        assert told == EVENTS
        # Of what is ever said, all is said but this.
        missing = {each for each in there_are - seen if objects_of({each}) <= objects_of(seen)}
        assert {each for each in missing if not each.endswith(".obfuscation")} == NEVER_SAID
        assert figures in " ".join(DOCS.read_text(encoding="utf-8").split())


def objects_of(fields: set[str]) -> set[str]:
    return {field.partition(".")[0] for field in fields}


def test_what_only_the_service_has_is_refused_by_its_name_at_each_of_its_operations(
    send: Send,
) -> None:
    names = set()
    for operation in sorted(REFUSED):
        refused = send(operation.method, path_of(operation), body_of(operation))
        error = refused.body["error"]
        assert (refused.status, error["code"]) == (400, "unsupported_operation"), operation
        names.add(error["message"])
    assert names == {
        f"{what} are not supported by this server."
        for what in (
            "Automations",
            "Environments apart from a session",
            "Subagents",
            "Templates of environments",
            "Traces",
            "Vaults",
        )
    }


def test_every_operation_demands_the_header_of_the_beta_and_a_key(ask: Send, check: Send) -> None:
    for operation in sorted(OURS):
        path, body = path_of(operation), body_of(operation)
        for headers, status, code in (
            ({}, 400, "invalid_beta"),
            ({"openai-beta": "assistants=v2"}, 400, "invalid_beta"),
            ({"openai-beta": "agents=v1", "authorization": "Bearer x"}, 401, "invalid_api_key"),
            ({"openai-beta": "agents=v1", "authorization": None}, 401, None),
        ):
            refused = ask(operation.method, path, body, headers)
            check(operation.method, path, refused.status, refused.body)
            assert (refused.status, refused.body["error"]["code"]) == (status, code), operation


def test_every_operation_says_which_id_cannot_be_one_and_what_is_not_there(
    send: Send, openai: OpenAI
) -> None:
    sessions = openai.beta.agents.sessions
    agent: Any = {"model": "m"}
    session = sessions.create(agent=agent, environment={"type": "none"}, input="x")
    asked = 0
    for operation in ANSWERED:
        for name in re.findall(r"\{(\w+)\}", operation.path):
            ids = {"session_id": session.id} if name != "session_id" else {}
            wrong, gone = (
                send(
                    operation.method, path_of(operation, **ids, **{name: value}), body_of(operation)
                )
                for value in ("undefined", missing(name))
            )
            error = wrong.body["error"]
            assert (wrong.status, error["param"], error["code"]) == (400, name, "invalid_value")
            assert error["message"].startswith(f"Invalid '{name}': 'undefined'."), operation
            error = gone.body["error"]
            assert (gone.status, error["type"]) == (404, "invalid_request_error"), operation
            assert error["message"].endswith(f"found with id '{missing(name)}'."), operation
            asked += 1
    assert asked == 21


def test_every_list_checks_its_parameters(contract: Contract, send: Send, openai: OpenAI) -> None:
    agent: Any = {"model": "m"}
    sessions = openai.beta.agents.sessions
    made = sessions.create(agent=agent, environment={"type": "none"}, input="x", stream=True)
    turn = made.get_final_result().turn
    ids = {"session_id": turn.session_id, "turn_id": turn.id}
    lists = [each for each in ANSWERED if "limit" in contract.queried(each)]
    assert len(lists) == 6
    for operation in lists:
        path = path_of(operation, **ids)
        for query, param in (
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("order=up", "order"),
            ("after=nobody", "after"),
        ):
            refused = send("GET", f"{path}?{query}")
            assert (refused.status, refused.body["error"]["param"]) == (400, param), path


def _operation(name: str) -> Operation:
    return Operation(*name.split(" "))


def _body(contract: Contract, name: str) -> dict[str, Any]:
    schema = contract.body_schema(_operation(name))
    assert schema is not None
    return schema
