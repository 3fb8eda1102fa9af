"""The client against a server that answers what the test says, over a real socket."""

import json
import socket

import pytest

from assistctl.apis.client import RETRIES, Client, LostAnswer
from assistctl.errors import AssistctlError, RemoteError
from tests.apis.fault_proxy import Answer, Request, served

DROP = Answer()


def reply(body, status=200, **headers):
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, json.dumps(body).encode(), (*Answer.headers, *more))


def problem(status, message="No.", **headers):
    error = {"message": message, "type": "x", "param": None, "code": "y"}
    return reply({"error": error}, status, **headers)


class Target:
    """Gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests: list[Request] = []

    def __call__(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer


@pytest.fixture
def pauses(monkeypatch):
    """How long the client would have slept."""
    slept = []
    monkeypatch.setattr("assistctl.apis.client.time.sleep", slept.append)
    return slept


@pytest.fixture
def talking_to(pauses):
    """A client of a target with these answers."""
    opened = []

    def start(*answers):
        target = Target(*answers)
        context = served(target)
        address = context.__enter__()
        client = Client(f"http://{address}/v1", "key")
        opened.append((context, client))
        return client, target

    yield start
    for context, client in opened:
        client.close()
        context.__exit__(None, None, None)


def page(*ids, more=False):
    return reply({"object": "list", "data": [{"id": i} for i in ids], "has_more": more})


def test_every_request_carries_the_key_and_the_version_of_the_api(talking_to):
    client, target = talking_to(reply({"id": "asst_1"}))
    assert client.get("/assistants/asst_1") == {"id": "asst_1"}
    (request,) = target.requests
    assert str(request) == "GET /v1/assistants/asst_1"
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["openai-beta"] == "assistants=v2"


def test_a_list_is_read_page_after_page(talking_to):
    client, target = talking_to(page("a", "b", more=True), page("c", more=True), page("d"))
    assert [item["id"] for item in client.list("/x", limit=2, order="asc")] == ["a", "b", "c", "d"]
    assert [request.path for request in target.requests] == [
        "/v1/x?limit=2&order=asc",
        "/v1/x?limit=2&order=asc&after=b",
        "/v1/x?limit=2&order=asc&after=c",
    ]


def test_what_moved_to_the_next_page_meanwhile_comes_once(talking_to):
    client, _ = talking_to(page("a", "b", more=True), page("b", "c"))
    assert [item["id"] for item in client.list("/x")] == ["a", "b", "c"]


def test_a_server_that_ignores_the_cursor_is_an_error(talking_to):
    client, target = talking_to(page("a", "b", more=True))
    with pytest.raises(RemoteError) as error:
        list(client.list("/x"))
    assert str(error.value) == "GET /x: the list never ends; the server ignores `after`"
    assert len(target.requests) == 2


@pytest.mark.parametrize("body", [{}, {"data": None}, [], {"data": ["a"]}, {"data": [{"id": 1}]}])
def test_an_answer_that_is_no_list_never_passes_for_an_empty_one(talking_to, body):
    client, target = talking_to(reply(body))
    with pytest.raises(LostAnswer):
        list(client.list("/x"))
    assert len(target.requests) == RETRIES + 1


@pytest.mark.parametrize(
    "broken",
    [
        DROP,
        problem(500),
        problem(503),
        problem(429),
        problem(408),
        problem(409),
        Answer(200, b"<html>"),
        Answer(200, b'{"id": "as'),
        Answer(200, b'{"id": "asst_1"}', cut=5),
        Answer(200, b"\xff\xfe"),
        Answer(200, b"fine", (("content-type", "text/plain"),)),
        reply({}),
        reply(["asst_1"]),
    ],
)
def test_what_is_safe_to_repeat_is_repeated_until_there_is_an_answer(talking_to, broken):
    for send in (Client.get, Client.post):
        client, target = talking_to(broken, broken, reply({"id": "asst_1"}))
        assert send(client, "/assistants/asst_1") == {"id": "asst_1"}
        assert len(target.requests) == 3


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (problem(503, "Busy."), "GET /x: 503 Busy."),
        (Answer(502, b"<html>"), "GET /x: 502 Bad Gateway"),
        (reply({}), "GET /x: the answer is not an object with an id"),
        (
            Answer(200, b"<html>"),
            "GET /x: the answer is not JSON (Expecting value: line 1 column 1 (char 0))",
        ),
    ],
)
def test_in_the_end_the_client_gives_up_and_says_why(talking_to, pauses, broken, text):
    client, target = talking_to(broken)
    with pytest.raises(LostAnswer) as error:
        client.get("/x")
    assert str(error.value) == text
    assert len(target.requests) == RETRIES + 1
    assert len(pauses) == RETRIES
    assert pauses == sorted(pauses)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 501])
def test_a_refusal_is_final(talking_to, status):
    for method in ("get", "post", "create"):
        client, target = talking_to(problem(status, "No such model."))
        with pytest.raises(RemoteError) as error:
            getattr(client, method)("/x", *([{}] if method == "create" else []))
        assert str(error.value).endswith(f" /x: {status} No such model.")
        assert not isinstance(error.value, LostAnswer)
        assert (error.value.status, error.value.code) == (status, "y")
        assert len(target.requests) == 1


def test_a_target_that_is_not_there_cannot_be_reached(pauses):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}/v1", "key")
    with pytest.raises(LostAnswer) as error:
        client.get("/x")
    client.close()
    assert str(error.value).startswith("GET /x: cannot reach the target (")
    assert error.value.status is None


def test_a_server_says_how_long_to_wait(talking_to, pauses):
    answers = [problem(429, retry_after=value) for value in ("3", "0", "3600", "tomorrow")]
    client, _ = talking_to(*answers, reply({"id": "x"}))
    client.get("/x")
    assert [round(pause) for pause in pauses[:3]] == [3, 0, 60]


def test_a_create_is_not_repeated_before_a_look_has_shown_that_nothing_was_made(talking_to):
    client, target = talking_to(DROP, problem(500), reply({"id": "asst_1"}))
    looks = []

    def find():
        looks.append(len(target.requests))

    assert client.create("/assistants", {"model": "m"}, find) == {"id": "asst_1"}
    assert looks == [1, 2]


def test_what_a_lost_create_has_made_is_found(talking_to):
    client, target = talking_to(DROP)
    found = client.create("/assistants", {"model": "m"}, lambda: {"id": "asst_1"})
    assert found == {"id": "asst_1"}
    assert len(target.requests) == 1


def test_without_a_way_to_look_a_lost_create_is_final(talking_to):
    client, target = talking_to(DROP, reply({"id": "asst_1"}))
    with pytest.raises(LostAnswer):
        client.create("/threads", {})
    assert len(target.requests) == 1


def test_a_create_that_answers_without_an_id_has_lost_its_answer(talking_to):
    client, _ = talking_to(reply({"object": "assistant"}))
    found = client.create("/assistants", {"model": "m"}, lambda: {"id": "asst_1"})
    assert found == {"id": "asst_1"}


def test_what_is_not_there_any_more_counts_as_deleted(talking_to):
    client, target = talking_to(DROP, problem(404))
    client.delete("/assistants/asst_1")
    assert [str(request) for request in target.requests] == ["DELETE /v1/assistants/asst_1"] * 2


def test_a_delete_needs_no_answer_in_json(talking_to):
    client, target = talking_to(Answer(204, b"", ()))
    client.delete("/assistants/asst_1")
    assert len(target.requests) == 1


def test_an_upload_is_repeated_from_its_beginning(talking_to, tmp_path):
    client, target = talking_to(problem(500), reply({"id": "file-1"}))
    path = tmp_path / "花.csv"
    path.write_bytes("花名,成本\n".encode() * 50_000)
    sent = []
    assert client.upload(path, "花.csv", sent.append) == {"id": "file-1"}
    first, second = target.requests
    size = path.stat().st_size
    for request in (first, second):
        assert path.read_bytes() in request.body
        assert b'name="purpose"\r\n\r\nassistants' in request.body
    assert sent.count(size) >= 2
    assert max(sent) == size


def test_a_proxy_in_the_environment_is_not_asked_for_loopback(talking_to, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client, _ = talking_to(reply({"id": "x"}))
    assert client.get("/x") == {"id": "x"}


@pytest.mark.parametrize("key", ["sk-1\n", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_an_error_that_does_not_show_it(key):
    with pytest.raises(AssistctlError) as error:
        Client("http://127.0.0.1:1/v1", key)
    assert str(error.value) == (
        "the API key has characters that no HTTP header can carry (a line break at its end?); set "
        "it again"
    )


def test_a_stream_yields_events_and_translates_its_errors(talking_to):
    events = (
        b'event: thread.run.created\ndata: {"id": "run_1"}\n\n'
        b'event: error\ndata: {"error": {"message": "Gone.", "code": "z"}}\n\n'
    )
    sse = (("content-type", "text/event-stream"),)
    client, _ = talking_to(Answer(200, events, sse))
    seen = []
    with (
        pytest.raises(RemoteError, match=r"POST /x: Gone\."),
        client.stream("/x", {}) as stream,
    ):
        for event in stream:
            seen.append(event)
    assert seen == [{"event": "thread.run.created", "data": {"id": "run_1"}}]


def test_a_stream_that_is_cut_is_a_lost_answer(talking_to):
    events = b'event: thread.run.created\ndata: {"id": "run_1"}\n\n' * 3
    client, _ = talking_to(Answer(200, events, (("content-type", "text/event-stream"),), cut=20))
    with pytest.raises(LostAnswer, match="cannot reach"), client.stream("/x", {}) as stream:
        list(stream)
