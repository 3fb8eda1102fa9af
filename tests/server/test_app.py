import json
import re
import socket
from collections.abc import Callable
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer

Ask = Callable[..., Any]


def error(message: str, *, param: str | None = None, code: str | None = None) -> Any:
    return {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": code,
        }
    }


def test_without_a_key_nothing_is_answered(ask: Ask) -> None:
    answer = ask("GET", "/assistants", headers={"authorization": None})
    assert (answer.status, answer.body) == (
        401,
        error(
            "You didn't provide an API key. You need to provide your API key in an Authorization"
            " header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
        ),
    )


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer ключ", "bearer  wrong "])
def test_a_wrong_key_is_refused(ask: Ask, given: str) -> None:
    answer = ask("GET", "/models", headers={"authorization": given.encode().decode("latin-1")})
    assert (answer.status, answer.body) == (
        401,
        error("Incorrect API key provided.", code="invalid_api_key"),
    )


def test_an_sdk_in_a_web_page_may_ask_and_read_the_answer(server: EmbeddedServer) -> None:
    page = {"origin": "https://shop.example"}
    wish = {
        "access-control-request-method": "POST",
        "access-control-request-private-network": "true",
        "access-control-request-headers": "authorization,content-type,openai-beta,x-stainless-os",
    }
    with httpx2.Client(
        base_url=server.base_url, trust_env=False, headers=page, verify=False
    ) as browser:
        asked = browser.options("/threads", headers=wish)
        made = browser.post("/threads", headers={"authorization": f"Bearer {server.api_key}"})
        refused = browser.post("/threads")
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == "*"
    assert asked.headers["access-control-allow-private-network"] == "true"
    assert "POST" in asked.headers["access-control-allow-methods"]
    for name in wish["access-control-request-headers"].split(","):
        assert name in asked.headers["access-control-allow-headers"]
    for answer, status in ((made, 200), (refused, 401)):
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "*"


def test_unknown_addresses_and_methods_answer_in_the_shape_of_the_api(ask: Ask) -> None:
    answer = ask("GET", "/fine_tuning/jobs")
    assert (answer.status, answer.body) == (404, error("Invalid URL (GET /v1/fine_tuning/jobs)"))
    answer = ask("PUT", "/assistants", {})
    assert (answer.status, answer.body) == (
        405,
        error(
            "Not allowed to PUT on /v1/assistants."
            " (HINT: Perhaps you meant to use a different HTTP method?)",
            code="method_not_supported",
        ),
    )
    assert sorted(answer.headers["allow"].split(", ")) == ["GET", "HEAD", "POST"]


def test_ids_that_cannot_be_and_ids_that_are_not_there(ask: Ask) -> None:
    answer = ask("GET", "/threads/undefined")
    assert (answer.status, answer.body) == (
        400,
        error(
            "Invalid 'thread_id': 'undefined'. Expected an ID that begins with 'thread'.",
            param="thread_id",
            code="invalid_value",
        ),
    )
    answer = ask("GET", "/assistants/asst_missing")
    assert (answer.status, answer.body) == (
        404,
        error("No assistant found with id 'asst_missing'."),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[" * 100_000,
        b'{"name": NaN}',
        b'{"model": "m", "temperature": 1e999}',
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
        b"model=gpt-4",
    ],
)
def test_a_body_that_is_not_json_is_told_so(ask: Ask, body: bytes) -> None:
    answer = ask("POST", "/assistants", body)
    assert (answer.status, answer.body) == (
        400,
        error(
            "We could not parse the JSON body of your request. The API expects a JSON payload"
            " in UTF-8, but what was sent was not valid JSON."
        ),
    )


def test_what_is_accepted_can_be_answered_however_deep_it_is(ask: Ask) -> None:
    """Were it only stored, every list that it stands in would fail from then on."""

    def create(depth: int) -> Any:
        nested = b'{"a": [' * (depth // 2) + b"]}" * (depth // 2)
        nested = nested.replace(b"{", b'{"type": "object", ', 1)
        tool = b'{"type": "function", "function": {"name": "f", "parameters": ' + nested + b"}}"
        return ask("POST", "/assistants", b'{"model": "m", "tools": [' + tool + b"]}")

    assert create(196).status == 200  # and four around it
    too_deep = error("The JSON body of your request is nested more than 200 levels deep.")
    assert [create(depth).body for depth in (198, 900)] == [too_deep, too_deep]
    assert ask("GET", "/assistants").status == 200


def test_a_body_of_another_kind_is_told_so(ask: Ask) -> None:
    answer = ask("POST", "/assistants", [{}])
    assert (answer.status, answer.body) == (
        400,
        error(
            "Invalid type for 'body': expected an object, but got an array instead.",
            param="body",
            code="invalid_type",
        ),
    )


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}"])
def test_nothing_may_be_said_in_the_words_of_any_language(ask: Ask, body: bytes) -> None:
    answer = ask("POST", "/threads", body)
    assert (answer.status, answer.body["metadata"]) == (200, {})


def test_a_whole_surrogate_pair_is_text(ask: Ask) -> None:
    answer = ask("POST", "/assistants", b'{"model": "m", "name": "\\ud83c\\udf39"}')
    assert answer.body["name"] == "🌹"


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    server: EmbeddedServer,
) -> None:
    url = urlsplit(server.base_url)
    with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
        connection.sendall(
            f"POST /v1/assistants HTTP/1.1\r\nHost: {url.netloc}\r\n"
            f"Authorization: Bearer {server.api_key}\r\n"
            "Content-Length: 16777217\r\n\r\n{".encode()
        )
        answer = HTTPResponse(connection)
        answer.begin()
        body = json.load(answer)
    assert answer.status == 413
    assert body == error("The request is too large. At most 16777216 bytes are accepted.")


def test_empty_json_bodies_are_accepted_where_sdks_send_them(ask: Ask) -> None:
    thread = ask("POST", "/threads", b"").body
    for nothing in (b" ", b"null"):
        assert ask("POST", f"/threads/{thread['id']}", nothing).body == thread
    assert ask("DELETE", f"/threads/{thread['id']}", b"").body == {
        "id": thread["id"],
        "object": "thread.deleted",
        "deleted": True,
    }


def test_answers_bear_a_request_id_and_a_polling_interval(ask: Ask) -> None:
    for answer in (ask("GET", "/assistants"), ask("GET", "/assistants/asst_missing")):
        assert answer.headers["openai-poll-after-ms"] == "100"
        assert re.fullmatch("req_[0-9a-f]{32}", answer.headers["x-request-id"])


def test_the_beta_header_says_which_version_is_spoken_and_may_be_absent(ask: Ask) -> None:
    def answered(header: str | None) -> bool:
        """Whether in the shape of v1."""
        answer = ask("POST", "/assistants", {"model": "m"}, headers={"openai-beta": header})
        return "file_ids" in answer.body

    assert not answered(None)
    assert not answered("assistants=v2")
    assert answered("realtime=v1, assistants=v1")
    assert not answered("assistants=v1,assistants=v2")


def test_azures_versions_of_the_api_say_it_too(ask: Ask) -> None:
    def answered(query: str, header: str | None = None) -> bool:
        path = f"/assistants?api-version={query}"
        answer = ask("POST", path, {"model": "m"}, headers={"openai-beta": header})
        return "file_ids" in answer.body

    assert answered("2024-02-15-preview")
    assert not answered("2024-05-01-preview")
    assert not answered("2024-02-15-preview", "assistants=v2")


def test_a_strict_server_demands_the_beta_header_where_openai_did(
    start: Callable[..., EmbeddedServer], connect: Callable[[EmbeddedServer], OpenAI]
) -> None:
    client = connect(start(strict_beta=True))
    assert client.beta.assistants.list().data == []
    with pytest.raises(sdk.BadRequestError) as caught:
        client.get("/assistants", cast_to=object)
    assert caught.value.body == {
        "message": "You must provide the 'OpenAI-Beta' header to access the Assistants API."
        " Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_beta",
    }
    assert client.get(
        "/assistants", cast_to=object, options={"headers": {"openai-beta": "assistants=v1"}}
    )
    assert client.files.list().data == []
    assert client.models.list().data == []


LIMITS: list[tuple[str, str, str, str]] = [
    ("limit=0", "integer below minimum value. Expected a value >= 1", "0", "integer_below_min"),
    ("limit=101", "integer above maximum value. Expected a value <= 100", "101", "integer_above"),
]


@pytest.mark.parametrize(("query", "words", "got", "code"), LIMITS)
def test_limits_of_lists(ask: Ask, query: str, words: str, got: str, code: str) -> None:
    answer = ask("GET", f"/assistants?{query}")
    assert answer.status == 400
    assert answer.body["error"]["message"] == f"Invalid 'limit': {words}, but got {got} instead."
    assert answer.body["error"]["code"].startswith(code)


def test_list_parameters_of_the_wrong_kind(ask: Ask) -> None:
    answer = ask("GET", "/assistants?limit=ten")
    assert answer.body == error(
        "Invalid type for 'limit': expected an integer, but got 'ten' instead.",
        param="limit",
        code="invalid_type",
    )
    answer = ask("GET", "/assistants?order=up")
    assert answer.body == error(
        "Invalid value: 'up'. Supported values are: 'asc' and 'desc'.",
        param="order",
        code="invalid_value",
    )


def test_what_goes_wrong_inside_is_logged_and_not_shown(
    server: EmbeddedServer,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("assistctl.server.storage.documents.list_page", broken)
    answer = ask("GET", "/assistants")
    assert (answer.status, answer.body) == (
        500,
        {
            "error": {
                "message": "The server had an error while processing your request.",
                "type": "server_error",
                "param": None,
                "code": None,
            }
        },
    )
    assert "GET /v1/assistants failed" in caplog.text
