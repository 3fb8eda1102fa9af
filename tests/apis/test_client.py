"""The client against a server that answers what the test says, over a real socket."""

import email.utils
import json
import re
import socket
import threading
import time
from contextlib import ExitStack, closing

import pytest

from assistctl.apis.transport.client import UNSEEN_SECONDS, Client, path_of
from assistctl.apis.transport.failures import LostAnswer
from assistctl.apis.transport.files import upload
from assistctl.apis.transport.pacing import REQUEST_SECONDS, RETRIES, Pacing
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


class Clock:
    """Time that passes only by sleeping; `slept` holds how long each time."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    @property
    def pace(self):
        return Pacing(lambda: self.now, self.sleep)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pauses(clock):
    """How long the client would have slept."""
    return clock.slept


@pytest.fixture
def talking_to(clock):
    """A client of a target with these answers."""
    with ExitStack() as stack:

        def start(*answers, key="key", **settings):
            target = Target(*answers)
            address = stack.enter_context(served(target))
            client = Client(f"http://{address}/v1", key, pace=clock.pace, **settings)
            stack.callback(client.close)
            return client, target

        yield start


def page(*ids, more=False):
    return reply({"object": "list", "data": [{"id": i} for i in ids], "has_more": more})


def test_every_request_carries_the_key_and_the_version_of_the_api(talking_to):
    client, target = talking_to(reply({"id": "asst_1"}))
    assert client.get("/assistants/asst_1") == {"id": "asst_1"}
    (request,) = target.requests
    assert str(request) == "GET /v1/assistants/asst_1"
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["openai-beta"] == "assistants=v2"


def test_what_the_environment_holds_for_openai_goes_to_no_target(talking_to, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-theirs")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-é")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "theirs")
    headers = "X-Gateway: theirs\nauthorization: Bearer theirs\nopenai-beta: theirs"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", headers)
    client, target = talking_to(reply({"id": "asst_1"}))
    client.get("/assistants/asst_1")
    (request,) = target.requests
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["openai-beta"] == "assistants=v2"
    named = {name.lower(): value for name, value in request.headers.items()}
    assert not {"openai-organization", "openai-project", "x-gateway"} & named.keys()
    assert "theirs" not in str(named)


@pytest.mark.parametrize("object_id", [".", ".."])
def test_an_id_that_would_lead_to_another_path_is_none(object_id):
    with pytest.raises(AssistctlError, match=re.escape(f"can have the id {object_id!r}")):
        path_of("/files", object_id, "content")
    assert path_of("/files", "a/../b", "...") == "/files/a%2F..%2Fb/..."


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


def test_pages_that_loop_are_an_error(talking_to):
    client, target = talking_to(
        page("a", "b", more=True), page("c", "d", more=True), page("a", "b", more=True)
    )
    with pytest.raises(RemoteError, match="the list never ends"):
        list(client.list("/x"))
    assert len(target.requests) == 3


def test_a_page_may_hold_more_or_less_than_was_asked_for(talking_to):
    client, _ = talking_to(page("a", "b", "c", more=True), page("d", more=True), page())
    assert [item["id"] for item in client.list("/x", limit=2)] == ["a", "b", "c", "d"]


def test_a_server_that_does_not_say_whether_there_is_more_is_asked(talking_to):
    def silent(*ids):
        return reply({"data": [{"id": item} for item in ids]})

    client, target = talking_to(silent("a", "b"), silent("c"), silent())
    assert [item["id"] for item in client.list("/x")] == ["a", "b", "c"]
    assert len(target.requests) == 3
    client, target = talking_to(silent("a", "b"))
    assert [item["id"] for item in client.list("/x")] == ["a", "b"]
    assert len(target.requests) == 2


@pytest.mark.parametrize("status", [400, 404])
def test_a_list_whose_place_was_deleted_is_read_from_the_start_again(talking_to, status):
    client, target = talking_to(
        page("a", "b", more=True), problem(status), page("a", "c", more=True), page("d")
    )
    assert [item["id"] for item in client.list("/x")] == ["a", "b", "c", "d"]
    assert [request.path.partition("after=")[2] for request in target.requests] == [
        "",
        "b",
        "",
        "c",
    ]


def test_a_list_that_can_never_be_read_to_its_end_is_an_error(talking_to):
    def answer(request):
        return problem(404, "No b.") if "after" in request.path else page("a", "b", more=True)

    client, target = talking_to(answer)
    with pytest.raises(RemoteError, match=r"GET /x: 404 No b\."):
        list(client.list("/x"))
    assert len(target.requests) == 8


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
        (problem(503, "Busy."), "GET /x: 503 Busy.; sent 5 times"),
        (Answer(502, b"<html>"), "GET /x: 502 Bad Gateway; sent 5 times"),
        (reply({}), "GET /x: the answer is not an object with an id; sent 5 times"),
        (
            Answer(200, b"<html>"),
            "GET /x: the answer is not JSON (Expecting value: line 1 column 1 (char 0)); "
            "sent 5 times",
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


def test_a_target_that_is_not_there_cannot_be_reached(clock):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}/v1", "key", pace=clock.pace)
    with pytest.raises(LostAnswer) as error:
        client.create("/threads", {})
    client.close()
    assert len(clock.slept) == RETRIES
    assert str(error.value).startswith("POST /threads: cannot reach the target (")
    assert error.value.status is None


def test_a_server_says_how_long_to_wait(talking_to, pauses):
    date = email.utils.formatdate(time.time() + 90, usegmt=True)
    asked = [
        {"retry_after": "3"},
        {"retry_after": "0"},
        {"retry_after_ms": "1500", "retry_after": "2"},
        {"retry_after": date},
        {"retry_after": "tomorrow"},
    ]
    answers = [problem(429, **headers) for headers in asked]
    client, _ = talking_to(*answers, reply({"id": "x"}))
    client.get("/x")
    three, one_and_a_half, ninety, own = pauses
    assert 3 <= three <= 3.5
    assert 1.5 <= one_and_a_half <= 2
    assert 85 <= ninety <= 91
    assert 4 <= own <= 8.5


def test_a_target_that_refuses_for_ever_is_given_up_in_the_end_and_then_at_once(talking_to, clock):
    client, target = talking_to(problem(429, "Slow down.", retry_after="20"))
    start = clock.now
    with pytest.raises(LostAnswer) as error:
        client.get("/x")
    sent = len(target.requests)
    assert str(error.value) == ("GET /x: 429 Slow down.; it asks to wait 20 s, which is too long")
    assert REQUEST_SECONDS - 25 < clock.now - start <= REQUEST_SECONDS
    assert 12 <= sent <= 16
    with pytest.raises(LostAnswer):
        client.get("/y")
    assert len(target.requests) == sent + 1


def test_a_target_that_refuses_for_ever_without_a_reason_is_not_asked_all_the_time(
    talking_to, clock
):
    client, target = talking_to(problem(429, "No.", retry_after="0"))
    start = clock.now
    with pytest.raises(LostAnswer, match=r"GET /x: 429 No\.; sent \d+ times"):
        client.get("/x")
    assert clock.now - start <= REQUEST_SECONDS
    assert len(target.requests) < REQUEST_SECONDS / 3


def test_a_pause_that_is_too_long_is_not_made(talking_to, pauses):
    client, target = talking_to(problem(503, "Closed.", retry_after="3600"))
    with pytest.raises(LostAnswer) as error:
        client.get("/x")
    assert str(error.value) == "GET /x: 503 Closed.; it asks to wait 3,600 s, which is too long"
    assert (len(target.requests), pauses) == (1, [])


def test_a_pause_that_is_only_just_too_long_is_said_to_be(talking_to, pauses):
    client, _ = talking_to(problem(503, "Closed.", retry_after="299.8"))
    with pytest.raises(LostAnswer, match=r"GET /x: 503 Closed\.; it asks to wait 300 s, which"):
        client.get("/x")
    assert pauses == []


def test_who_has_waited_too_long_with_others_is_given_up(talking_to, clock):
    def fails_while_others_are_told_to_wait(_):
        client._pace.hold(REQUEST_SECONDS)
        return problem(500, "Oh.")

    client, target = talking_to(fails_while_others_are_told_to_wait, reply({"id": "x"}))
    clock.now += 1
    with pytest.raises(LostAnswer, match=r"GET /x: 500 Oh\.$"):
        client.get("/x")
    assert len(target.requests) == 1
    assert client.get("/x") == {"id": "x"}


def test_when_one_request_is_told_to_slow_down_the_others_wait_too(talking_to, clock):
    client, target = talking_to(problem(429, retry_after="30"), reply({"id": "x"}))
    with pytest.raises(LostAnswer), client.stream("/threads/t/runs", {}):
        pass
    assert clock.slept == []
    client.get("/x")
    assert 30 <= sum(clock.slept) <= 31
    client.get("/x")
    assert 30 <= sum(clock.slept) <= 31
    assert len(target.requests) == 3


def test_threads_that_were_told_to_wait_come_back_one_after_the_other(clock):
    pace = clock.pace
    pace.hold(10)
    waits = []
    for _ in range(20):
        before, clock.slept[:] = clock.now, []
        pace.wait()
        waits.append(sum(clock.slept))
        clock.now = before
    assert len(set(waits)) == 20
    assert 10 <= min(waits) <= max(waits) <= 10.25


def test_an_answer_that_drips_in_for_ever_is_given_up(clock):
    stop = threading.Event()

    def drip(server):
        while not stop.is_set():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{")
                try:
                    while not stop.wait(0.01):
                        connection.sendall(b" ")
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        base_url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        client = Client(base_url, "key", pace=clock.pace, timeout=0.2)
        with pytest.raises(LostAnswer, match=r"GET /x: no answer in time; sent 5 times"):
            client.get("/x")
        stop.set()
        with socket.create_connection(server.getsockname()):  # so that it accepts a last time
            pass
        client.close()
        thread.join()


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


def test_without_a_way_to_look_a_create_is_repeated_if_the_target_has_not_begun_with_it(talking_to):
    client, target = talking_to(problem(429), reply({"id": "thread_1"}))
    assert client.create("/threads", {}) == {"id": "thread_1"}
    assert len(target.requests) == 2


def test_a_create_bears_one_key_however_often_it_is_sent(talking_to):
    client, target = talking_to(DROP, problem(500), reply({"id": "asst_1"}))
    client.create("/assistants", {"model": "m"}, lambda: None)
    client.create("/assistants", {"model": "m"}, lambda: None)
    first, second, third, other = [
        request.headers["idempotency-key"] for request in target.requests
    ]
    assert first == second == third != other
    client.post("/assistants/asst_1", {})
    assert "idempotency-key" not in target.requests[-1].headers


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.get("/vector_stores/vs_1", just_made=True),
        lambda client: client.post("/vector_stores/vs_1", {}, just_made=True),
        lambda client: client.create("/vector_stores/vs_1/file_batches", {}, just_made=True),
        lambda client: client.delete("/vector_stores/vs_1", just_made=True),
        lambda client: list(client.list("/vector_stores/vs_1/files", just_made=True)),
    ],
)
def test_what_was_just_made_may_be_unknown_for_a_while(talking_to, clock, send):
    body = {"id": "vs_1", "data": [], "has_more": False}
    client, target = talking_to(problem(404), problem(404), reply(body))
    send(client)
    assert len(target.requests) == 3
    client, target = talking_to(problem(404, "No such store."))
    start = clock.now
    if target_says_gone := "delete" in send.__code__.co_names:
        send(client)
    else:
        with pytest.raises(RemoteError, match="404 No such store"):
            send(client)
    assert UNSEEN_SECONDS < clock.now - start < UNSEEN_SECONDS + 9, target_says_gone


def test_what_a_lost_delete_has_deleted_is_not_waited_for(talking_to, pauses):
    client, target = talking_to(DROP, problem(404))
    client.delete("/files/file-1", just_made=True)
    assert (len(target.requests), len(pauses)) == (2, 1)


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
    assert upload(client, path, "花.csv", "assistants", sent.append) == {"id": "file-1"}
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
        b'event: thread.run.created\ndata: {"id": "run_1", "status": "queued"}\n\n'
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
    assert seen == [{"event": "thread.run.created", "data": {"id": "run_1", "status": "queued"}}]


def test_a_stream_that_is_cut_is_a_lost_answer(talking_to):
    events = b'event: thread.run.created\ndata: {"id": "run_1", "status": "queued"}\n\n' * 3
    client, _ = talking_to(Answer(200, events, (("content-type", "text/event-stream"),), cut=20))
    with pytest.raises(LostAnswer, match="cannot reach"), client.stream("/x", {}) as stream:
        list(stream)


def test_a_stream_that_has_ended_cuts_off_nobody_who_has_its_connection_now(talking_to):
    gate = threading.Event()
    event = b'event: thread.run.created\ndata: {"id": "run_1", "status": "queued"}\n\n'

    def second():
        yield event
        gate.wait(10)
        yield event

    sse = (("content-type", "text/event-stream"),)
    client, target = talking_to(
        Answer(200, event, sse), lambda request: Answer(200, b"", sse, events=second())
    )
    with client.stream("/first", {}) as first:
        assert len(list(first)) == 1
        with client.stream("/second", {}) as stream:
            events = iter(stream)
            next(events)
            first.hang_up()
            gate.set()
            assert len(list(events)) == 1
    first.hang_up()
    assert [request.path for request in target.requests] == ["/v1/first", "/v1/second"]


def test_a_stream_that_waits_for_its_next_event_ends_when_it_is_hung_up(talking_to):
    gate = threading.Event()
    event = b'event: thread.run.created\ndata: {"id": "run_1", "status": "queued"}\n\n'

    def events():
        yield event
        gate.wait(10)

    sse = (("content-type", "text/event-stream"),)
    client, _ = talking_to(lambda request: Answer(200, b"", sse, events=events()))
    with pytest.raises(LostAnswer), client.stream("/x", {}) as stream:
        for _ in stream:
            threading.Timer(0.1, stream.hang_up).start()
    gate.set()


def test_a_stream_whose_connection_was_refused_is_asked_for_again_after_a_pause_only():
    class Held(Pacing):
        def hold(self, seconds):
            held.append(seconds)

    held = []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}/v1", "sk-1", pace=Held())
    with (
        pytest.raises(LostAnswer, match="cannot reach the target"),
        client.stream("/responses", {}),
    ):
        pass
    client.close()
    (seconds,) = held
    assert 0.2 < seconds <= 0.5


@pytest.mark.parametrize(
    ("answer", "astray"),
    [
        (problem(404, "Invalid URL (GET /assistants)"), True),
        (reply({"detail": "Not Found"}, 404), True),
        (Answer(404, b"404 page not found\n"), True),
        (Answer(405, b""), True),
        (problem(404, "No assistant found with id 'asst_1'."), False),
        (problem(404, "The model 'gpt-9' does not exist."), False),
        (problem(401, "Incorrect API key provided."), False),
        (problem(400, "Unknown parameter: 'url'."), False),
    ],
)
def test_it_is_told_apart_whether_an_object_is_missing_or_the_api(answer, astray):
    with (
        served(Target(answer)) as address,
        closing(Client(f"http://{address}", "key")) as client,
        pytest.raises(RemoteError) as caught,
    ):
        client.get("/assistants/asst_1")
    assert caught.value.astray is astray
