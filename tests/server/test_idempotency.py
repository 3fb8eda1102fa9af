import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.http import idempotency
from assistctl.server.storage import contents
from assistctl.server.storage.database import Database

Ask = Callable[..., Any]

KEY = {"Idempotency-Key": "order-17"}
ASSISTANT = {"model": "m", "name": "花店"}


def test_a_create_that_is_sent_again_is_answered_again_and_makes_nothing(ask: Ask) -> None:
    first = ask("POST", "/assistants", ASSISTANT, KEY)
    again = ask("POST", "/assistants", {"name": "花店", "model": "m"}, KEY)
    assert (again.status, again.body) == (first.status, first.body) == (200, first.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(ask("GET", "/assistants").body["data"]) == 1


def test_the_first_answer_stays_what_it_was(ask: Ask) -> None:
    first = ask("POST", "/threads", {}, KEY).body
    ask("POST", f"/threads/{first['id']}", {"metadata": {"a": "b"}})
    assert ask("POST", "/threads", {}, KEY).body == first
    ask("DELETE", f"/threads/{first['id']}")
    assert ask("POST", "/threads", {}, KEY).body == first


def test_the_same_key_for_another_body_is_an_error_that_nobody_retries(ask: Ask) -> None:
    ask("POST", "/assistants", ASSISTANT, KEY)
    answer = ask("POST", "/assistants", {"model": "other"}, KEY)
    assert (answer.status, answer.body["error"]) == (
        400,
        {
            "message": "The Idempotency-Key 'order-17' was used before on /v1/assistants with"
            " another body. Send the same body again, or use a new key for a new request.",
            "type": "invalid_request_error",
            "param": None,
            "code": "idempotency_key_reused",
        },
    )
    assert len(ask("GET", "/assistants").body["data"]) == 1


def test_a_key_counts_for_its_path_only(ask: Ask) -> None:
    message = {"role": "user", "content": "hi"}
    one, two = (ask("POST", "/threads", {}).body["id"] for _ in range(2))
    first = ask("POST", f"/threads/{one}/messages", message, KEY).body
    other = ask("POST", f"/threads/{two}/messages", message, KEY).body
    assert first["id"] != other["id"]
    assert other["thread_id"] == two


def test_a_key_counts_for_its_project_only(
    start: Callable[..., EmbeddedServer], database: Any
) -> None:
    server = start()
    with httpx2.Client(trust_env=False, verify=False) as http:
        bearer = {"authorization": f"Bearer {server.api_key}", **KEY}
        first = http.post(f"{server.base_url}/threads", json={}, headers=bearer).json()
    db = Database(database)
    with db.write() as tx:
        tx.execute("UPDATE answers SET project = 'elsewhere'")
    db.close()
    with httpx2.Client(trust_env=False, verify=False) as http:
        second = http.post(f"{server.base_url}/threads", json={}, headers=bearer).json()
    assert first["id"] != second["id"]


def test_a_request_that_failed_may_be_tried_again_with_its_key(ask: Ask) -> None:
    thread = ask("POST", "/threads", {}).body["id"]
    body = {"assistant_id": "asst_missing"}
    path = f"/threads/{thread}/runs"
    assert ask("POST", path, body, KEY).status == 404
    assert ask("POST", path, {"assistant_id": 7}, KEY).status == 400
    assistant = ask("POST", "/assistants", ASSISTANT).body["id"]
    assert ask("POST", path, {"assistant_id": assistant}, KEY).status == 200


def test_every_request_that_writes_honours_a_key(ask: Ask) -> None:
    """Each is sent twice; the second answer is the first one, whatever has happened since."""
    assistant = ask("POST", "/assistants", ASSISTANT).body["id"]
    thread = ask("POST", "/threads", {}).body["id"]
    busy = ask("POST", "/threads", {}).body["id"]
    store = ask("POST", "/vector_stores", {}).body["id"]
    file = upload(ask, "/files", "file", 'name="purpose"\r\n\r\nassistants').body["id"]
    big = {"filename": "a", "purpose": "vision", "bytes": 5, "mime_type": "image/png"}
    cancelled = ask("POST", "/uploads", big).body["id"]
    sent = [
        ("/threads", {"messages": [{"role": "user", "content": "hi"}]}),
        (f"/threads/{thread}", {"metadata": {"a": "b"}}),
        (f"/threads/{thread}/messages", {"role": "user", "content": "hi"}),
        (f"/threads/{busy}/runs", {"assistant_id": assistant}),
        ("/threads/runs", {"assistant_id": assistant}),
        ("/assistants", ASSISTANT),
        (f"/assistants/{assistant}", {"name": "new"}),
        ("/uploads", big),
        (f"/uploads/{cancelled}/cancel", b""),
        ("/vector_stores", {"name": "x"}),
        (f"/vector_stores/{store}", {"name": "y"}),
        (f"/vector_stores/{store}/files", {"file_id": file}),
        (f"/vector_stores/{store}/files/{file}", {"attributes": {"a": 1}}),
        (f"/vector_stores/{store}/file_batches", {"file_ids": [file]}),
    ]
    for path, body in sent:
        first, again = (ask("POST", path, body, KEY) for _ in range(2))
        assert (first.status, again.status) == (200, 200), path
        assert again.body == first.body
        assert again.headers["idempotent-replayed"] == "true", path


def test_an_upload_that_is_sent_again_makes_one_file(ask: Ask, db: Database) -> None:
    purpose = 'name="purpose"\r\n\r\nassistants'
    first, again = (upload(ask, "/files", "file", purpose, headers=KEY) for _ in range(2))
    assert first.body == again.body
    other = upload(ask, "/files", "file", purpose, content=b"other", headers=KEY)
    assert (other.status, other.body["error"]["code"]) == (400, "idempotency_key_reused")
    cut = upload(ask, "/files", "file", purpose, boundary="another", headers=KEY)
    assert cut.body == first.body
    assert len(ask("GET", "/files").body["data"]) == 1
    contents.sweep(db)
    with db.read() as tx:
        assert tx.execute("SELECT count(*) FROM contents") == [(1,)]


def test_requests_with_one_key_at_the_same_time_have_one_effect(ask: Ask) -> None:
    thread = ask("POST", "/threads", {}).body["id"]
    gate = threading.Barrier(8)

    def create(_: int) -> Any:
        gate.wait()
        return ask("POST", f"/threads/{thread}/messages", {"role": "user", "content": "hi"}, KEY)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert len(ask("GET", f"/threads/{thread}/messages").body["data"]) == 1


def test_a_key_outlives_the_server_that_it_was_sent_to(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    first, second = start(), start()  # two processes, or one after the other
    made = [connect(server).beta.threads.create(extra_headers=KEY) for server in (first, second)]
    assert made[0] == made[1]
    first.__exit__(None, None, None)
    assert connect(second).beta.threads.create(extra_headers=KEY) == made[0]
    first.__enter__()
    assert connect(first).beta.threads.create(extra_headers=KEY) == made[0]


def test_keys_are_forgotten_after_a_day(
    ask: Ask, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask("POST", "/threads", {}, KEY).body
    began = idempotency.now()
    monkeypatch.setattr(idempotency, "now", lambda: began + 86_390)
    idempotency.forget_old(db)
    assert ask("POST", "/threads", {}, KEY).body == first
    monkeypatch.setattr(idempotency, "now", lambda: began + 86_500)
    second = ask("POST", "/threads", {}, KEY).body
    assert second != first
    monkeypatch.setattr(idempotency, "now", lambda: began + 3 * 86_400)
    idempotency.forget_old(db)
    with db.read() as tx:
        assert tx.execute("SELECT * FROM answers") == []


def test_a_key_has_a_length(ask: Ask) -> None:
    assert ask("POST", "/threads", {}, {"Idempotency-Key": "k" * 255}).status == 200
    answer = ask("POST", "/threads", {}, {"Idempotency-Key": "k" * 256})
    assert (answer.status, answer.body["error"]["message"]) == (
        400,
        "Invalid 'Idempotency-Key': at most 255 characters are accepted, but it has 256.",
    )


def test_an_sdk_whose_answer_was_lost_makes_no_second_object(
    server: EmbeddedServer, connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    lost = LosesAnswers()
    client = OpenAI(
        base_url=server.base_url,
        api_key=server.api_key,
        max_retries=1,
        http_client=httpx2.Client(transport=lost, timeout=30),
    )
    with client:
        assistant = client.beta.assistants.create(model="m", extra_headers=KEY)
        thread = client.beta.threads.create(extra_headers=KEY)
        run = client.beta.threads.runs.create(
            thread.id, assistant_id=assistant.id, extra_headers=KEY
        )
    assert lost.sent == 6
    openai = connect(server)
    assert [found.id for found in openai.beta.assistants.list()] == [assistant.id]
    assert [found.id for found in openai.beta.threads.runs.list(thread.id)] == [run.id]


class LosesAnswers(httpx2.BaseTransport):
    """Every request reaches the server, but the first answer to each gets lost."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport(trust_env=False)
        self.sent = 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        self.sent += 1
        if self.sent % 2:
            response.read()
            response.close()
            raise httpx2.ReadError("lost on the way")
        return response

    def close(self) -> None:
        self._inner.close()


def upload(
    ask: Ask,
    path: str,
    part: str,
    *fields: str,
    content: bytes = b"roses",
    boundary: str = "cut",
    headers: dict[str, str] | None = None,
) -> Any:
    head = "".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {field}\r\n" for field in fields
    )
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="a.txt"'
    body = f"{head}{file}\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    kind = {"content-type": f"multipart/form-data; boundary={boundary}"}
    return ask("POST", path, body, {**kind, **(headers or {})})


def test_a_mismatch_is_a_bad_request_for_sdks(openai: OpenAI) -> None:
    openai.beta.assistants.create(model="m", extra_headers=KEY)
    with pytest.raises(sdk.BadRequestError):
        openai.beta.assistants.create(model="n", extra_headers=KEY)
