"""Environments in which the code of sessions runs: real sandboxes, seen through the SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI
from openai.types.beta.agents.sessions import SessionArtifact

from assistctl.server import EmbeddedServer
from assistctl.server.sandbox import Sandboxes
from tests.server.agents.help import END, WORDS, WORDS_END, function, items, names, session_of
from tests.server.sdk_types import misfits

Told = Callable[..., list[dict[str, Any]]]
Send = Callable[..., Any]
TOTAL = (
    "import os\n"
    "prices = open('/workspace/data/prices.csv').read().split()\n"
    "open('/workspace/total.txt', 'w').write(str(sum(map(int, prices))))\n"
    "print(open('/mnt/data/note.txt').read(), len(prices))"
)
SCRIPT = [
    {"when": "total", "call": {"code_interpreter": {"code": TOTAL}}, "say": "It is 12."},
    {"when": "again", "call": {"code_interpreter": {"code": "len(prices)"}}, "say": "Three."},
    {"when": "fail", "call": {"code_interpreter": {"code": "1 / 0"}}, "say": "It fails."},
    {
        "when": "mixed",
        "call": {"code_interpreter": {"code": "6 * 7"}, "log": {"text": "x"}},
        "say": "Mixed.",
    },
]
AGENT: Any = {"model": "gpt-6-luna", "tools": [function("log")]}
SCRIPTED: Any = {"assistctl": "shop/flowers"}
COMMAND = [
    "agent.session.turn.item.added",
    "agent.session.turn.item.done",
]


@pytest.fixture(scope="module")
def confinable() -> None:
    sandboxes = Sandboxes()
    reason = sandboxes.available()
    sandboxes.close_all()
    if reason:
        pytest.skip(f"no sandbox here: {reason}")


@pytest.fixture
def client(
    confinable: None,
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
) -> OpenAI:
    return connect(start(scripts={"shop/flowers": SCRIPT}))


def hosted(client: OpenAI) -> Any:
    """An environment with a file by its id and one that comes along."""
    prices = client.files.create(file=("p.csv", b"3\n4\n5\n"), purpose="user_data")
    note = base64.b64encode("花".encode()).decode()
    return {
        "type": "openai_hosted",
        "container_size": "small",
        "network": {"access": "disabled"},
        "packages": {"python": []},
        "files": [
            {"type": "file_id", "file_id": prices.id, "path": "/workspace/data/prices.csv"},
            {"type": "inline", "data": note, "path": "/workspace/note.txt"},
        ],
    }


def begin(client: OpenAI, environment: Any, text: str, **fields: Any) -> Any:
    return client.beta.agents.sessions.create(
        agent=AGENT, environment=environment, input=text, metadata=SCRIPTED, stream=True, **fields
    )


def test_code_finds_its_files_and_what_it_does_is_told_as_a_command(
    client: OpenAI, told: Told
) -> None:
    environment = hosted(client)
    heard = told(begin(client, environment, "total"))
    session_id = session_of(heard)
    env_id = session_id.replace("sess_", "env_")
    assert names(heard)[1] == "agent.session.environment.ready"
    assert heard[1]["environment"] == {
        "id": env_id,
        "type": "openai_hosted",
        "status": "ready",
        "error": None,
    }
    assert names(heard)[6:] == [*COMMAND, *WORDS, *WORDS_END, *END]
    begun, done = (e["item"] for e in heard if e.get("item", {}).get("type") == "command_execution")
    assert begun == {
        "id": begun["id"],
        "type": "command_execution",
        "command": TOTAL,
        "cwd": "/workspace",
        "output": None,
        "exit_code": None,
        "duration_ms": None,
        "status": "in_progress",
        "turn_id": heard[-2]["turn_id"],
    }
    assert done == {**begun, "output": "花 3\n", "exit_code": 0, "status": "completed"}
    assert [e["delta"] for e in heard if e["type"].startswith("agent.output")] == ["花 3\n"]
    assert items(client, session_id)[1] == done

    shown = client.beta.agents.sessions.retrieve(session_id).environment.to_dict()
    files: Any = shown["files"]
    assert shown == {
        "type": "openai_hosted",
        "id": env_id,
        "files": [
            {
                "id": files[0]["id"],
                "type": "file_id",
                "file_id": environment["files"][0]["file_id"],
                "path": "/workspace/data/prices.csv",
                "size_bytes": 6,
            },
            {
                "id": files[1]["id"],
                "type": "inline",
                "path": "/workspace/note.txt",
                "size_bytes": 3,
            },
        ],
        "network": {"access": "disabled", "allowed_domains": []},
        "packages": {"npm": [], "python": [], "system": []},
        "desktop": {"enabled": False},
        "capability_directories": [],
        "plugins": [],
        "skills": [],
        "container_size": "small",
    }


def test_what_code_has_written_is_an_artifact_and_its_variables_last(client: OpenAI) -> None:
    made = begin(client, hosted(client), "total").get_final_result()
    sessions = client.beta.agents.sessions
    [artifact] = sessions.artifacts.list(made.session_id)
    assert misfits(SessionArtifact, artifact.to_dict()) == []
    assert artifact.to_dict() == {
        "id": artifact.id,
        "object": "agent.session.artifact",
        "created_at": artifact.created_at,
        "environment_id": made.session_id.replace("sess_", "env_"),
        "path": "/workspace/total.txt",
        "session_id": made.session_id,
        "size_bytes": 2,
        "turn_id": made.turn_id,
    }
    place: Any = {"session_id": made.session_id}
    assert sessions.artifacts.content(artifact.id, **place).read() == b"12"
    assert sessions.artifacts.retrieve(artifact.id, **place) == artifact
    with sessions.stream(made.session_id, input="again") as stream:
        stream.get_final_result()
    assert items(client, made.session_id)[-2]["output"] == "3\n"
    gone = sessions.artifacts.delete(artifact.id, **place)
    assert (gone.id, gone.deleted, gone.object) == (
        artifact.id,
        True,
        "agent.session.artifact.deleted",
    )
    assert list(sessions.artifacts.list(made.session_id)) == []
    with pytest.raises(sdk.NotFoundError):
        sessions.artifacts.content(artifact.id, **place)
    uploads = {file.filename for file in client.files.list()}
    sessions.delete(made.session_id)
    assert uploads - {file.filename for file in client.files.list()} == {"note.txt"}


def test_code_that_fails_is_a_command_that_has_failed(client: OpenAI) -> None:
    made = begin(client, {"type": "openai_hosted"}, "fail").get_final_result()
    assert made.output_text.startswith("A tool call failed: ZeroDivisionError")
    command = items(client, made.session_id)[1]
    assert (command["status"], command["exit_code"]) == ("failed", 1)
    assert "ZeroDivisionError" in command["output"]


def test_code_and_a_function_in_one_round_have_places_of_their_own(
    client: OpenAI, told: Told
) -> None:
    handlers: Any = {"log": lambda given: "logged"}
    heard = told(begin(client, {"type": "openai_hosted"}, "mixed", tool_handlers=handlers))
    places = [
        (e["item"]["type"], e["output_index"]) for e in heard if e["type"].endswith("item.done")
    ]
    assert places == [("command_execution", 0), ("function_call", 1), ("message", 2)]
    kinds = [it["type"] for it in items(client, session_of(heard))]
    assert kinds == [
        "message",
        "command_execution",
        "function_call",
        "function_call_output",
        "message",
    ]


def test_a_session_with_an_environment_may_begin_with_nothing_said(client: OpenAI) -> None:
    sessions = client.beta.agents.sessions
    made = sessions.create(agent=AGENT, environment={"type": "openai_hosted"}, metadata=SCRIPTED)
    assert (made.status, made.usage) == ("idle", None)
    handlers: Any = {"log": lambda given: "logged"}
    with sessions.stream(made.id, input="mixed", tool_handlers=handlers) as stream:
        assert stream.get_final_result().output_text == "Mixed."


def test_where_code_is_switched_off_no_environment_is_to_be_had(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    client = connect(start(code_interpreter=False))
    with pytest.raises(sdk.BadRequestError, match="switched off") as refusal:
        begin(client, {"type": "openai_hosted"}, "total")
    assert refusal.value.code == "unsupported_environment"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"network": {"access": "enabled"}}, "network"),
        ({"packages": {"python": ["pandas"]}}, "packages"),
        ({"env": {"KEY": "1"}}, "env"),
        ({"setup_commands": [{"command": "ls"}]}, "setup_commands"),
        ({"skills": [{}]}, "skills"),
        ({"environment_template_id": "x"}, "environment_template_id"),
        ({"desktop": {"enabled": True}}, "desktop"),
        ({"files": [{"type": "inline", "data": "aGk=", "path": "/etc/x"}]}, "files[0].path"),
        (
            {"files": [{"type": "inline", "data": "aGk=", "path": "/workspace/../x"}]},
            "files[0].path",
        ),
        ({"files": [{"type": "inline", "data": "?", "path": "/workspace/x"}]}, "files[0].data"),
        ({"files": [{"type": "inline", "data": "", "path": "/workspace/x"}] * 2}, "files"),
    ],
)
def test_what_the_sandbox_cannot_stand_for_is_refused_by_its_name(
    send: Send, fields: dict[str, Any], param: str
) -> None:
    body = {"agent": AGENT, "environment": {"type": "openai_hosted", **fields}, "input": "x"}
    refused = send("POST", "/agents/sessions", body)
    assert (refused.status, refused.body["error"]["param"]) == (400, f"environment.{param}")


def test_a_file_that_is_not_there_cannot_be_given(send: Send) -> None:
    file = {"type": "file_id", "file_id": "file-x", "path": "/workspace/x"}
    environment = {"type": "openai_hosted", "files": [file]}
    body = {"agent": AGENT, "environment": environment, "input": "x"}
    assert send("POST", "/agents/sessions", body).status == 404
