"""Conversations in sessions with the embedded server's scripted model, over a real socket."""

import json
import time
from contextlib import contextmanager

import pytest

from assistctl.apis.agents import converse, environments, past, threads
from assistctl.apis.agents.converse import Conversation
from assistctl.apis.managed.ownership import uses
from assistctl.apis.transport.client import Client
from assistctl.conversation.turns import Limits, turn
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import (
    ActionRequired,
    Finished,
    Hit,
    RunStarted,
    Searched,
    ThreadStarted,
)
from assistctl.resources import (
    Assistant,
    CodeInterpreter,
    File,
    FileSearch,
)
from assistctl.server import EmbeddedServer, Settings
from assistctl.surface import Called, Message
from tests.apis import talks
from tests.apis.fault_proxy import Answer, answer_lost, error
from tests.apis.talks import FUNCTIONS, PLACE, Echo, contents, posted

SCRIPT = [
    {"when": "care", "call": {"file_search": {"query": "roses"}}, "say": "Water them."},
    {
        "when": "all",
        "call": {"file_search": {"query": "roses"}, "save_bill": {"total": 3}},
        "say": "All done.",
    },
    {"when": "blind", "call": {"file_search": {"q": "roses"}}, "say": "Alas."},
    *talks.SCRIPT,
]
NAMES = ("save_bill", "refund", "file_search")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = Settings(
        tmp_path_factory.mktemp("agents") / "local.db",
        model="scripted",
        embeddings="none",
        scripts={"ws/shop": SCRIPT},
        late_calls=0.05,
    )
    with EmbeddedServer(settings) as server:
        yield server


@contextmanager
def talking(base_url, api_key, thread=None, *tools, used=()):
    client = Client(base_url, api_key)
    agent = client.create(
        "/agents",
        {
            "model": "gpt-6-luna",
            "tools": [
                {
                    "type": "function",
                    "name": name,
                    "description": "Does it.",
                    "parameters": {"type": "object"},
                }
                for name in NAMES
            ],
            "metadata": {"assistctl": "ws/shop", **uses(*(used or ((), ())))},
        },
    )
    assistant = Assistant("shop", PLACE, {"model": "gpt-6-luna"}, FUNCTIONS + tools)
    yield Conversation(client, assistant, agent["id"], "ws/shop", thread)
    client.close()


@pytest.fixture
def talk(server):
    with talking(server.base_url, server.api_key) as talk:
        yield talk


@pytest.fixture
def far(server, proxy):
    """A conversation with the target behind a proxy."""
    with talking(proxy.base_url, server.api_key) as talk:
        yield talk


def items(talk):
    return contents(talk, f"/agents/sessions/{talk.thread}/items")


def test_results_are_given_again_by_one_key_until_the_target_knows_its_calls(tmp_path, monkeypatch):
    tries = []
    slow = Settings(
        tmp_path / "slow.db",
        model="scripted",
        embeddings="none",
        scripts={"ws/shop": SCRIPT},
        late_calls=0.6,
    )
    with EmbeddedServer(slow) as server, talking(server.base_url, server.api_key) as talk:
        post = talk.client._post

        def posted(path, body, key=None):
            if path.endswith("/events"):
                tries.append((key, body))
            return post(path, body, key)

        monkeypatch.setattr(talk.client, "_post", posted)
        events = list(turn(talk, Echo(), "3 roses sold"))
    assert events[-1].text == "Saved 7."
    assert [it.output for it in events[-1].tool_calls] == ['got {"total": 7}']
    assert len(tries) > 1
    assert tries == tries[:1] * len(tries)
    (result,) = tries[0][1]["events"]
    assert result | {"turn_id": "", "call_id": ""} == {
        "type": "agent.session.input.tool_result",
        "turn_id": "",
        "call_id": "",
        "success": True,
        "output": 'got {"total": 7}',
    }


def test_a_function_that_failed_for_another_client_is_read_again_with_its_reason(talk):
    asked = list(talk.send("3 roses sold"))[-1]
    assert isinstance(asked, ActionRequired)
    path = f"/agents/sessions/{talk.thread}"
    [waiting] = talk.client.get(path)["required_actions"]
    ids = {name: waiting[name] for name in ("turn_id", "call_id")}
    failed = {"type": "agent.session.input.tool_result", **ids, "success": False, "error": "No."}
    time.sleep(0.1)  # a little later the server knows the call
    talk.client.submit(f"{path}/events", {"events": [failed]})
    while talk.client.get(path)["status"] != "idle":
        time.sleep(0.02)
    assert threads.read(talk.client, talk.thread).entries == (
        Message("user", "3 roses sold"),
        Called("save_bill", '{"total": 7}', "No."),
        Message("assistant", "Saved 7."),
    )
    [turn] = past.turns(talk.client, talk.thread)
    assert [call.output for call in turn.finished.tool_calls] == ["No."]


def test_a_search_is_answered_here_and_not_asked_of_the_person(server, tmp_path):
    path = tmp_path / "care.md"
    path.write_text("Water the roses daily.")
    with talking(server.base_url, server.api_key) as first:
        with path.open("rb") as file:
            upload = first.client.send("/files", "file", path.name, file, {"purpose": "assistants"})
        store = first.client.create("/vector_stores", {"file_ids": [upload["id"]]})
        while first.client.get(f"/vector_stores/{store['id']}")["status"] == "in_progress":
            pass
    used = ((), [store["id"]])
    found = json.dumps([{"filename": "care.md", "text": "Water the roses daily."}])
    search = FileSearch("handbook")
    with talking(server.base_url, server.api_key, None, search, used=used) as talk:
        events = list(turn(talk, Echo(), "care?"))
        assert (events[-1].text, events[-1].tool_calls) == ("Water them.", ())
        (told,) = events[-1].steps
        assert [event for event in events if isinstance(event, Searched)] == [told]
        (hit,) = told.hits
        assert 0 < hit.score <= 1
        text = "Water the roses daily."
        assert (told.queries, hit) == (("roses",), Hit("care.md", upload["id"], hit.score, text))
        assert ("function_call_output", found) in items(talk)
        events = list(turn(talk, Echo(), "all?"))
        assert [it.call.name for it in events[-1].tool_calls] == ["save_bill"]
        assert items(talk).count(("function_call_output", found)) == 2


def test_a_search_that_failed_is_told_so_later_too(server):
    with talking(server.base_url, server.api_key, None, FileSearch("handbook")) as talk:
        said = list(turn(talk, Echo(), "search blind"))[-1]
        [later] = past.turns(talk.client, talk.thread)
    wanted = ['the arguments must be {"query": "…"}']
    assert [step.error for step in said.steps] == wanted
    assert [step.error for step in later.finished.steps] == wanted


def test_code_finds_the_files_of_the_assistant_and_those_attached_in_its_workspace(
    server, proxy, tmp_path
):
    ids = []
    with talking(proxy.base_url, server.api_key) as first:
        for name in ("prices.csv", "2-prices.csv", "prices.csv", "prices.csv"):
            path = tmp_path / name
            path.write_text(name)
            with path.open("rb") as file:
                form = {"purpose": "assistants"}
                ids.append(first.client.send("/files", "file", path.name, file, form)["id"])
    code = CodeInterpreter((File("a/prices.csv", "0" * 64, 1),))
    with talking(proxy.base_url, server.api_key, None, code, used=(ids[:1], ())) as talk:
        attached = [{"file_id": it, "tools": [{"type": "code_interpreter"}]} for it in ids[1:]]
        assert list(talk.send("hi", attached[:2]))[-1].status == "completed"
        # Which this server does not do: it is told what it would be asked for.
        proxy.fault = lambda number, request: (
            (lambda request, forward: Answer(200, b"{}"))
            if "/environments/" in request.path
            else None
        )
        session = talk.client.get(f"/agents/sessions/{talk.thread}")
        environments.add(talk.client, session, attached[2:], set())
    (begun,) = posted(proxy, "/agents/sessions")
    assert begun["environment"] == {
        "type": "openai_hosted",
        "files": [
            {"type": "file_id", "file_id": ids[0], "path": "/workspace/prices.csv"},
            {"type": "file_id", "file_id": ids[1], "path": "/workspace/2-prices.csv"},
            {"type": "file_id", "file_id": ids[2], "path": "/workspace/3-prices.csv"},
        ],
    }
    path = f"/agents/environments/{session['environment']['id']}/files"
    placed = {"type": "file_id", "file_id": ids[3], "path": "/workspace/4-prices.csv"}
    assert posted(proxy, path) == [placed]


def test_a_file_cannot_be_attached_where_no_code_reads_it(talk):
    attached = {"file_id": "file-1", "tools": [{"type": "file_search"}]}
    with pytest.raises(AssistctlError, match="takes files only with code_interpreter"):
        list(talk.send("hi", [attached]))


def states(talk):
    """How the session and its turns stand at the target."""
    path = f"/agents/sessions/{talk.thread}"
    turns = [turn["status"] for turn in talk.client.list(f"{path}/turns", order="asc")]
    return talk.client.get(path)["status"], turns


def test_a_turn_is_cancelled_before_anything_of_it_was_heard(talk):
    events = talk.send("both")
    assert next(events) == ThreadStarted(talk.thread)
    assert talk.cancel() == "cancelled"
    assert states(talk) == ("idle", ["cancelled"])
    events.close()
    list(talk.send("hi"))
    events = talk.send("both")
    assert next(events) == ThreadStarted(talk.thread)
    assert talk.cancel() == "cancelled"  # nothing was said yet
    assert states(talk) == ("idle", ["cancelled", "completed"])


def test_a_session_of_which_nothing_was_heard_is_found_and_its_turn_cancelled(talk, monkeypatch):
    def interrupted(*given, **more):
        next(real(*given, **more))
        raise KeyboardInterrupt
        yield

    real = converse.listened
    monkeypatch.setattr(converse, "listened", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(talk.send("both"))
    assert talk.cancel() == "cancelled"
    assert states(talk) == ("idle", ["cancelled"])


def test_a_cancel_that_is_refused_because_the_turn_has_just_ended_is_no_error(far, proxy):
    events = far.send("hi")
    while not isinstance(next(events), RunStarted):
        pass
    while states(far) != ("idle", ["completed"]):
        pass  # of which nobody here has heard yet
    proxy.fault = lambda number, request: error(400) if request.path.endswith("/events") else None
    assert far.cancel() == "completed"


def test_a_cancel_that_is_refused_while_the_turn_goes_on_is_an_error(server, talk, proxy):
    assert isinstance(list(talk.send("sold"))[-1], ActionRequired)
    proxy.fault = lambda number, request: error(400) if request.path.endswith("/events") else None
    refused = pytest.raises(RemoteError, match="events: 400 fault 400")
    with talking(proxy.base_url, server.api_key, talk.thread) as far, refused:
        far.cancel_active_run()


@pytest.mark.parametrize(
    ("message", "limits", "excess"),
    [
        ("sold", Limits(rounds=0), "the model asked for tools in more than 0 rounds"),
        ("care?", Limits(rounds=0), "the model asked for tools in more than 0 rounds"),
        ("all?", Limits(calls=1), "the model asked for more than 1 tool calls"),
        ("care?", Limits(seconds=0.0), "the turn took longer than 0 s"),
    ],
)
def test_a_turn_that_exceeds_its_limits_by_functions_or_searches_is_cancelled_and_says_so(
    server, message, limits, excess
):
    search = FileSearch("handbook")
    with talking(server.base_url, server.api_key, None, search) as talk:
        finished = list(turn(talk, Echo(), message, limits=limits))[-1]
        assert (finished.status, finished.error) == ("cancelled", excess)
        if talk.thread:  # where there is no time at all, nothing is begun
            assert states(talk) == ("idle", ["cancelled"])


def test_a_session_whose_answer_is_lost_is_found_and_not_made_again(far, proxy):
    proxy.fault = lambda number, request: (
        answer_lost if request.method == "POST" and request.path == "/v1/agents/sessions" else None
    )
    events = list(far.send("hi"))
    assert (events[0], events[-1].text) == (ThreadStarted(far.thread), "Hello there.")
    assert len(posted(proxy, "/agents/sessions")) == 1


def test_an_agent_that_is_gone_is_an_error_at_once(far, proxy):
    path = f"/agents/{far.agent}"
    far.client.delete(path)
    with pytest.raises(RemoteError, match=f"GET {path}: 404 No agent found"):
        list(far.send("hi"))
    assert [str(it) for it in proxy.requests].count(f"GET /v1{path}") == 1


def is_list_of_sessions(request):
    return str(request) == "GET /v1/agents/sessions"


def test_a_session_whose_answer_is_lost_is_told_from_others_and_may_be_listed_late(far, proxy):
    proxy.fault = lambda number, request: (
        answer_lost if request.method == "POST" and request.path == "/v1/agents/sessions" else None
    )
    other = {"id": "session_other", "status": "idle", "metadata": {}}
    lists = []

    def rewrite(request, body):
        if is_list_of_sessions(request):
            lists.append(body["data"])
            body["data"] = [other, *(body["data"] if len(lists) > 1 else ())]
        return body

    proxy.rewrite = rewrite
    events = list(far.send("hi"))
    assert (events[0], events[-1].text) == (ThreadStarted(lists[-1][0]["id"]), "Hello there.")
    assert len(lists) == 2


@pytest.mark.parametrize("refused", [False, True], ids=["never listed", "no list"])
def test_of_a_session_that_is_not_found_it_is_said_that_nothing_is_known(
    far, proxy, monkeypatch, refused
):
    monkeypatch.setattr(converse, "UNSEEN_SECONDS", 0.0)
    proxy.rewrite = lambda request, body: (
        body | {"data": []} if is_list_of_sessions(request) else body
    )
    proxy.fault = lambda number, request: (
        (answer_lost if request.method == "POST" else error(400) if refused else None)
        if request.path.startswith("/v1/agents/sessions")
        else None
    )
    with pytest.raises(RemoteError) as told:
        list(far.send("hi"))
    (begun,) = posted(proxy, "/agents/sessions")
    key = begun["metadata"]["assistctl_key"]
    assert str(told.value).endswith(
        "; it is not known whether a session was begun: look for one with the metadata"
        f" assistctl_key={key} before you say it again"
    )


def test_what_comes_late_of_the_turn_before_is_not_taken_for_the_end_of_this_one(talk, monkeypatch):
    list(talk.send("hi"))
    before, idle = talk._turn, talk._session
    late = [
        {"type": "agent.session.turn.completed", "turn": before, "turn_id": before["id"]},
        {"type": "agent.session.idle", "session": idle},
    ]

    def listened(*given, **more):
        for number, event in enumerate(real(*given, **more)):
            yield from late if number == 0 else ()
            yield event

    real = converse.listened
    monkeypatch.setattr(converse, "listened", listened)
    events = list(turn(talk, Echo(), "sold"))
    assert (events[-1].text, events[-1].run != before["id"]) == ("Saved 7.", True)
    assert [event.run for event in events if isinstance(event, RunStarted)] == [events[-1].run]


def test_a_session_that_was_not_begun_is_begun_again_and_one_that_is_refused_is_an_error(
    far, proxy
):
    refusals = iter([error(429, retry_after_ms="10")])
    proxy.fault = lambda number, request: (
        next(refusals, None) if request.path == "/v1/agents/sessions" else None
    )
    assert list(far.send("hi"))[-1].status == "completed"
    assert len(posted(proxy, "/agents/sessions")) == 2
    proxy.fault = lambda number, request: error(400) if request.path.endswith("/events") else None
    with pytest.raises(RemoteError, match="events: 400 fault 400"):
        list(far.send("hi"))


def test_finished_says_why_a_turn_failed(talk):
    failed = {
        "id": "turn_1",
        "subagent_id": None,
        "status": "failed",
        "error": {"code": "server_error", "message": "x"},
        "usage": None,
    }
    list(talk._read({"type": "agent.session.turn.failed", "turn": failed}))
    assert talk.finished() == Finished(
        "failed", "None", "turn_1", "", None, "server_error: x", code="server_error"
    )
