"""Every field that a client may send is taken and shown, or refused by its name, and never passed
over in silence.

Of each body the contract yields all that it may be: one field varied at a time, beside what is
required. So it yields what it may not be: a field that it does not know, one of another type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server.agents.conftest import BETA, Check
from tests.server.agents.help import NONE, begin, items, make_agent
from tests.server.contract import Contract, Operation, below, options

Answer = tuple[int, Any]
Send = Callable[[str, Any], Answer]
UNKNOWN = "no_such_field"


@dataclass(frozen=True)
class Variation:
    """A body in which one field is not the usual one; `fits` the contract or does not."""

    field: str
    body: Any
    fits: bool = True


@dataclass(frozen=True)
class Variations:
    """What values there may be. `usual` are those that mean something, by the names of fields."""

    contract: Contract
    usual: Mapping[str, Any]

    def of(self, schema: dict[str, Any], at: str = "") -> Iterator[Variation]:
        schema = self.contract.resolved(schema)
        kinds = _kinds(schema)
        for option in options(schema):
            yield from self.of(option, at)
        if "properties" in schema:
            yield from self._of_object(schema, at)
        elif "array" in kinds:
            usual = self.usual.get(_last(at))
            yield from (Variation(at, value) for value in (usual, []) if isinstance(value, list))
            for each in self.of(schema["items"], f"{at}[]"):
                yield Variation(each.field, [each.body], each.fits)
        else:
            yield from (Variation(at, value) for value in self._plain(schema, at))
        if "null" in kinds and None not in schema.get("enum", ()):
            yield Variation(at, None)

    def least(self, schema: dict[str, Any], at: str) -> dict[str, Any]:
        """An object with what is required in it."""
        properties = schema["properties"]
        return {
            name: next(self.of(properties[name], below(at, name))).body
            for name in schema.get("required", ())
        }

    def _of_object(self, schema: dict[str, Any], at: str) -> Iterator[Variation]:
        needed = self.least(schema, at)
        yield Variation(at, needed)
        yield Variation(below(at, UNKNOWN), {**needed, UNKNOWN: 1}, fits=False)
        for name, each in schema["properties"].items():
            where = below(at, name)
            for varied in self.of(each, where):
                yield Variation(varied.field, {**needed, name: varied.body}, varied.fits)
            wrong = 7 if "integer" not in self._all_kinds(each) else True
            yield Variation(where, {**needed, name: wrong}, fits=False)

    def _plain(self, schema: dict[str, Any], at: str) -> list[Any]:
        """Scalars, and objects with keys of the client's; what is usual comes first."""
        kinds, usual = _kinds(schema), self.usual.get(_last(at))
        if "enum" in schema:
            values = schema["enum"]
        elif "boolean" in kinds:
            values = [False, True]
        elif "integer" in kinds:
            values = [1]
        elif "string" in kinds:
            values = ["x"] if usual is None else [usual]
        elif "object" in kinds:
            values = [{"a": "b"}, {}] if usual is None else [usual]
        else:
            values = []
        return sorted(values, key=lambda value: value != usual)

    def _all_kinds(self, schema: dict[str, Any]) -> set[str]:
        schema = self.contract.resolved(schema)
        return _kinds(schema).union(*map(self._all_kinds, options(schema)))


@dataclass
class Found:
    """What came of the variations of one body."""

    taken: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    """What refusals name."""
    not_shown: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def add(self, one: Variation, answer: Answer, *, shown: bool) -> None:
        status, body = answer
        told = json.dumps(one.body, ensure_ascii=False)
        if status in (200, 202):
            self.taken.add(one.field)
            self.not_shown |= set() if shown else {one.field}
            self.faults += [] if one.fits else [f"{one.field} was taken: {told}"]
            return
        param = re.sub(r"\[\d+\]", "[]", body["error"]["param"] or "")
        if status != 400 or not _names(param, one.field):
            self.faults.append(f"{one.field}: {status} {body['error']}: {told}")
        elif one.fits:
            self.refused.add(param)


@pytest.fixture
def send(server: EmbeddedServer, check: Check) -> Iterator[Send]:
    """`send(path, body)`; of a stream the session that it begins with is the answer."""
    headers = {**BETA, "authorization": f"Bearer {server.api_key}"}
    with httpx2.Client(
        base_url=server.base_url, headers=headers, trust_env=False, verify=False
    ) as http:

        def send(path: str, body: Any) -> Answer:
            response = http.post(path, json=body)
            kind = response.headers.get("content-type", "")
            if kind.startswith("text/event-stream"):
                first = next(line for line in response.text.split("\n") if line[:5] == "data:")
                return 200, json.loads(first[5:])["session"]
            answer = response.json() if response.content else None
            if response.status_code != 202:
                check("POST", path, response.status_code, answer)
            return response.status_code, answer

        yield send


@pytest.fixture
def variations(contract: Contract, openai: OpenAI) -> Variations:
    file = openai.files.create(file=("a.txt", b"x"), purpose="user_data")
    usual = {
        "access": "disabled",
        "agent_id": make_agent(openai),
        "content": [{"type": "input_text", "text": "x"}],
        "data": "eA==",
        "enabled": False,
        "file_id": file.id,
        "image_url": "data:image/png;base64,aGk=",
        "input": "hello",
        "parameters": {"type": "object"},
        "path": "/workspace/x",
        "schema": {"type": "object"},
        "ttl": "30m",
    }
    return Variations(contract, usual)


TOOLS = {"tools[].async", "tools[].type"}
AGENT = {"experimental.time_awareness", "multi_agent.enabled", *TOOLS}
HIDDEN = {"multi_agent.max_concurrent_subagents", "tools[].async"}
"""What is false, or of nothing, and so not shown."""


ACTED_UPON = ("agent_id", "input", "stream", "stream_options")
"""What a session does not show by these names."""
SEARCH = {"agent.tools[]", "agent.tools[].type"}
"""A session does not show `tool_search`, which this API has for an agent only."""


@pytest.mark.parametrize("path", ["/agents", "/agents/{agent_id}"])
def test_every_field_of_an_agent_is_shown_or_refused(
    variations: Variations, openai: OpenAI, send: Send, path: str
) -> None:
    schema = body_schema(variations, path)
    agent_id = make_agent(openai)
    found = Found()
    for one in variations.of(schema):
        status, answer = send(path.format(agent_id=agent_id), one.body)
        found.add(one, (status, answer), shown=status == 200 and shows(answer, one.body))
    assert found.faults == []
    assert (found.refused, found.not_shown) == (AGENT, HIDDEN)


def test_every_field_of_a_session_is_shown_or_refused(variations: Variations, send: Send) -> None:
    schema = body_schema(variations, "/agents/sessions")
    found = Found()
    for one in variations.of(schema):
        given = one.body
        if given.get("stream") is True and not one.field.startswith("stream"):
            continue  # what else a streamed session may be is what any may be
        if isinstance(agent := given.get("agent", {}), dict):
            given = {**given, "agent": {"model": "m", **agent}}
        if given.get("stream_options") is not None:
            given = {"stream": True, **given}
        status, answer = send("/agents/sessions", {"input": "hello", **given})
        shown = {name: value for name, value in one.body.items() if name not in ACTED_UPON}
        found.add(one, (status, answer), shown=status == 200 and shows(answer, shown))
        if status == 200 and "agent_id" in given:
            assert answer["agent"]["id"] == given["agent_id"]
    assert found.faults == []
    assert found.refused == {
        *(f"agent.{name}" for name in AGENT),
        "environment.capability_directories",
        "environment.desktop",
        "environment.env",
        "environment.environment_id",
        "environment.environment_template_id",
        "environment.network",
        "environment.network.allowed_domains",
        "environment.network.blocked_domains",
        "environment.packages",
        "environment.plugins",
        "environment.setup_commands",
        "environment.skills",
        "environment.type",
        "input",  # null, or no messages
        "input[].content",
        "vault_ids",
    }
    hidden = {f"agent.{name}" for name in HIDDEN} | SEARCH
    assert found.not_shown == hidden | {
        "environment.env",  # these are empty, or refused
        "environment.network.blocked_domains",
        "environment.setup_commands",
        "review",  # `none`
    }


def test_every_field_of_a_session_that_changes_is_shown_or_refused(
    variations: Variations, openai: OpenAI, send: Send
) -> None:
    schema = body_schema(variations, "/agents/sessions/{session_id}")
    session_id = begin(openai, make_agent(openai), "hello").get_final_result().session_id
    found = Found()
    for one in variations.of(schema):
        status, answer = send(f"/agents/sessions/{session_id}", one.body)
        found.add(one, (status, answer), shown=status == 200 and shows(answer, one.body))
    assert found.faults == []
    assert found.refused == {f"agent.{name}" for name in TOOLS}
    assert found.not_shown == {"agent.tools[].async", "review"} | SEARCH


def test_options_of_a_stream_are_for_a_stream(send: Send) -> None:
    body = {"agent": {"model": "m"}, "environment": NONE, "input": "hello"}
    for given in ({"stream": False}, {}):
        status, answer = send("/agents/sessions", {**body, **given, "stream_options": {}})
        assert (status, answer["error"]["param"]) == (400, "stream_options")


def test_every_field_of_input_is_seen_among_the_items_or_refused(
    variations: Variations, openai: OpenAI, send: Send
) -> None:
    agent_id = make_agent(openai)
    idle = begin(openai, agent_id, "hello").get_final_result().session_id
    said = [{"role": "user", "content": variations.usual["content"]}]
    events = [{"type": "agent.session.input.cancel"}]
    variations = replace(variations, usual={**variations.usual, "input": said, "events": events})
    found = Found()
    for one in variations.of(body_schema(variations, "/agents/sessions/{session_id}/events")):
        session_id, body = idle, one.body
        if '"call_id": "x"' in json.dumps(body):
            session_id, event = waiting(openai, agent_id, body["events"][0])
            body = {**body, "events": [event]}
        answer = send(f"/agents/sessions/{session_id}/events", body)
        shown = answer[0] == 202 and is_seen(openai, session_id, body["events"][0])
        found.add(one, answer, shown=shown)
    assert found.faults == []
    assert found.refused == {
        "events",  # none
        "events[].input",  # no message
        "events[].input[].content",
        "events[].output[].type",  # pictures
        "events[].type",  # approvals
    }
    assert found.not_shown == set()


def waiting(client: OpenAI, agent_id: str, event: Any) -> tuple[str, Any]:
    """A session that waits for the result of a call, and the event with the ids of that."""
    for told in begin(client, agent_id, "bill"):
        if told.type == "agent.session.requires_action":
            [asked] = told.session.to_dict()["required_actions"]
            ids = {name: asked[name] for name in ("turn_id", "call_id") if event.get(name) == "x"}
            return told.session.id, {**event, **ids}
    raise AssertionError


def is_seen(client: OpenAI, session_id: str, event: Any) -> bool:
    """Whether input that was taken is seen as an item. Of a result either `output` counts or
    `error`, by its `success`."""
    every = items(client, session_id)
    if event["type"].endswith("message"):
        said = [each for each in every if each.get("role") == "user"]
        return shows(said[-len(event["input"]) :], event["input"])
    if event["type"].endswith("tool_result"):
        [output] = [each for each in every if each["type"] == "function_call_output"]
        given = event.get("output") or ""
        text = given if isinstance(given, str) else "\n".join(part["text"] for part in given)
        error = event.get("error") or "The function call failed."
        expected = (text, None) if event["success"] else (None, error)
        return (output["output"], output["error"]) == expected
    return True


def body_schema(variations: Variations, path: str) -> dict[str, Any]:
    schema = variations.contract.body_schema(Operation("POST", path))
    assert schema is not None
    return schema


def shows(answer: Any, given: Any) -> bool:
    """Whether all that was given is read back, but what is in files; null stands for what is so
    without it."""
    if given is None:
        return True
    if isinstance(given, dict):
        return isinstance(answer, dict) and all(
            shows(answer.get(name), value) for name, value in given.items() if name != "data"
        )
    if isinstance(given, list):
        same = isinstance(answer, list) and len(answer) == len(given)
        return same and all(map(shows, answer, given))
    return bool(answer == given)


def _kinds(schema: dict[str, Any]) -> set[str]:
    kinds = schema.get("type", ())
    return {kinds} if isinstance(kinds, str) else set(kinds)


def _last(at: str) -> str:
    return at.rpartition(".")[2]


def _names(param: str, field: str) -> bool:
    """Whether a refusal names the field, what it is in, or what kind of thing it is in."""
    if param == field or field.startswith((f"{param}.", f"{param}[")):
        return bool(param)
    inside, _, name = param.rpartition(".")
    return (name == "type" and field.startswith(f"{inside}.")) or param.startswith(f"{field}.")
