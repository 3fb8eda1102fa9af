"""Responses in the background, streams that are resumed, and requests that are sent again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.models import Models
from assistctl.server.storage import leases
from assistctl.server.storage.database import Database
from tests.server.chat_endpoint import ChatEndpoint, chat_endpoint_running, say
from tests.server.contract import Contract
from tests.server.responses.streams import names, told


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def server(start: Callable[..., EmbeddedServer], endpoint: ChatEndpoint) -> EmbeddedServer:
    return start(model={"base_url": endpoint.url})


def respond(client: OpenAI, given: Any, **options: Any) -> Any:
    return client.responses.create(**{"model": "gpt-6-luna", "input": given, **options})


def ended(client: OpenAI, identity: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        response = client.responses.retrieve(identity)
        if response.status not in ("queued", "in_progress"):
            return response
        time.sleep(0.02)
    raise AssertionError(f"{identity} has not ended")


def test_a_background_response_is_answered_at_once_and_ends_by_itself(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."))
    begun = respond(openai, "count", background=True)
    assert (begun.status, begun.background, begun.output) == ("queued", True, [])
    with pytest.raises(sdk.BadRequestError, match="is in progress and cannot be deleted"):
        openai.responses.delete(begun.id)
    with pytest.raises(sdk.BadRequestError, match="still in progress"):
        respond(openai, "and?", previous_response_id=begun.id)
    go_on.set()
    response = ended(openai, begun.id)
    assert (response.status, response.output_text) == ("completed", "One, two.")
    with pytest.raises(sdk.BadRequestError, match="Cannot cancel a response that is completed"):
        openai.responses.cancel(begun.id)


def test_a_background_stream_is_resumed_where_it_broke_off(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two, ", "three."))
    first: list[Any] = []
    for event in respond(openai, "count", background=True, stream=True):
        first.append(event)
        if event.type == "response.output_text.delta":
            break
    identity = first[0].response.id
    resuming = openai.responses.retrieve(
        identity, stream=True, starting_after=first[-1].sequence_number
    )
    go_on.set()
    rest = told(contract, resuming)
    assert rest[0]["sequence_number"] == first[-1].sequence_number + 1
    whole = [*(event.to_dict() for event in first), *rest]
    assert names(whole) == [
        "created",
        "queued",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    again = told(contract, openai.responses.retrieve(identity, stream=True))
    assert again == whole


def test_another_process_tells_a_response_again_once_it_has_ended(
    openai: OpenAI,
    endpoint: ChatEndpoint,
    contract: Contract,
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
) -> None:
    other = connect(start(model={"base_url": endpoint.url}))
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."))
    identity = respond(openai, "count", background=True).id
    following = other.responses.retrieve(identity, stream=True)
    resuming = other.responses.retrieve(identity, stream=True, starting_after=5)
    go_on.set()
    whole = told(contract, following)
    deltas = [each["delta"] for each in whole if each["type"] == "response.output_text.delta"]
    assert deltas == ["One, two."]
    [last] = told(contract, resuming)
    assert (last["type"], last["sequence_number"]) == ("response.completed", 6)
    assert last["response"] == openai.responses.retrieve(identity).to_dict()


def test_only_background_streams_are_resumed_and_others_are_told_again(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    endpoint.answer(say("One."))
    response = respond(openai, "count")
    with pytest.raises(sdk.BadRequestError, match="can be resumed"):
        openai.responses.retrieve(response.id, stream=True, starting_after=2)
    events = told(contract, openai.responses.retrieve(response.id, stream=True))
    assert events[0]["type"] == "response.created"
    assert events[-1]["response"] == response.to_dict()


def test_a_background_response_is_cancelled_as_often_as_one_likes(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."))
    stream = respond(openai, "count", background=True, stream=True)
    heard: list[Any] = []
    for event in stream:
        heard.append(event)
        if event.type == "response.output_text.delta":
            break
    cancelled = openai.responses.cancel(heard[0].response.id)
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "One, ")
    assert openai.responses.cancel(cancelled.id).to_dict() == cancelled.to_dict()
    rest = [event.to_dict() for event in stream]
    assert names(rest)[-1] == "incomplete"
    assert rest[-1]["response"]["status"] == "cancelled"
    go_on.set()
    endpoint.answer(say("Fine."))
    with pytest.raises(sdk.BadRequestError, match="Cannot cancel a synchronous response"):
        openai.responses.cancel(respond(openai, "hello").id)


def test_a_response_whose_client_has_gone_away_lets_go_of_its_conversation(
    openai: OpenAI, endpoint: ChatEndpoint
) -> None:
    go_on = threading.Event()
    endpoint.answer(*(say(first, go_on, "two.") for first in ("One, ", "A, ")), say("Three."))
    conversation = openai.conversations.create().id

    def left() -> str:
        """The id of a response whose stream was closed amid its words."""
        stream = respond(openai, "count", conversation=conversation, stream=True)
        first: str = next(stream).response.id
        next(event for event in stream if event.type == "response.output_text.delta")
        with pytest.raises(sdk.BadRequestError, match="Cannot cancel a synchronous response"):
            openai.responses.cancel(first)
        with pytest.raises(sdk.BadRequestError, match="currently operating"):
            respond(openai, "again", conversation=conversation)
        stream.close()
        return first

    first = left()
    cancelled = once_noticed(lambda: openai.responses.cancel(first))
    assert (cancelled.status, cancelled.output_text) == ("cancelled", "One, ")
    second = left()
    third = once_noticed(lambda: respond(openai, "and now?", conversation=conversation))
    assert third.output_text == "Three."
    assert openai.responses.retrieve(second).status == "cancelled"
    said = [(each["role"], each["content"]) for each in endpoint.requests[-1]["messages"]]
    assert said[-3:] == [("user", "count"), ("assistant", "A, "), ("user", "and now?")]
    go_on.set()


def once_noticed(ask: Callable[[], Any]) -> Any:
    """As soon as the server has noticed that a client is gone."""
    until = time.monotonic() + 20
    while True:
        try:
            return ask()
        except sdk.BadRequestError:
            assert time.monotonic() < until


@pytest.mark.parametrize("joins", ["sends it again", "asks for its stream"])
def test_a_response_is_not_left_as_long_as_somebody_else_waits_for_it(
    openai: OpenAI, endpoint: ChatEndpoint, joins: str
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."), say("Three."))
    conversation = openai.conversations.create().id
    count = {
        "conversation": conversation,
        "stream": True,
        "extra_headers": {"Idempotency-Key": "k"},
    }
    first = respond(openai, "count", **count)
    identity: str = next(first).response.id

    def joined() -> Any:
        if joins == "sends it again":
            return respond(openai, "count", **count)
        return openai.responses.retrieve(identity, stream=True)

    others = [joined(), joined()]
    first.close()
    for waiting in others:
        for _ in range(4):  # to each of them it is sent several times whether it is there
            with pytest.raises(sdk.BadRequestError, match="currently operating"):
                respond(openai, "and now?", conversation=conversation)
            with pytest.raises(sdk.BadRequestError, match="Cannot cancel a synchronous response"):
                openai.responses.cancel(identity)
        waiting.close()
    third = once_noticed(lambda: respond(openai, "and now?", conversation=conversation))
    assert third.output_text == "Three."
    assert openai.responses.retrieve(identity).status == "cancelled"
    go_on.set()


def test_a_response_that_takes_too_long_has_failed(
    openai: OpenAI, endpoint: ChatEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Models, "run_seconds", lambda *_: 1)
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."))
    response = respond(openai, "count")
    go_on.set()
    assert (response.status, response.output_text) == ("failed", "One, ")
    assert response.error.to_dict() == {
        "code": "server_error",
        "message": "The response took too long, and was stopped.",
    }


def test_a_conversation_has_one_response_at_a_time(openai: OpenAI, endpoint: ChatEndpoint) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."), say("Three."))
    conversation = openai.conversations.create()
    first = respond(openai, "count", conversation=conversation.id, background=True)
    with pytest.raises(sdk.BadRequestError) as refused:
        respond(openai, "go on", conversation=conversation.id)
    assert (refused.value.code, refused.value.param) == ("conversation_locked", "conversation")
    go_on.set()
    ended(openai, first.id)
    assert respond(openai, "go on", conversation=conversation.id).output_text == "Three."


def test_a_request_that_is_sent_again_has_one_effect(
    openai: OpenAI, endpoint: ChatEndpoint, contract: Contract
) -> None:
    endpoint.answer(say("One."))
    key = {"extra_headers": {"Idempotency-Key": "k1"}}
    first = respond(openai, "count", **key)
    assert respond(openai, "count", **key).to_dict() == first.to_dict()
    other = {"extra_headers": {"Idempotency-Key": "k2"}}
    heard = told(contract, respond(openai, "count", stream=True, **other))
    again = told(contract, respond(openai, "count", stream=True, **other))
    assert again[-1]["response"] == heard[-1]["response"]
    assert names(again) == names(heard)
    unstored = {"extra_headers": {"Idempotency-Key": "k3"}, "store": False}
    respond(openai, "count", **unstored)
    with pytest.raises(sdk.BadRequestError, match="nothing is kept of an answer"):
        respond(openai, "count", **unstored)
    assert len(endpoint.requests) == 3


def test_a_response_whose_process_died_has_failed(
    openai: OpenAI,
    endpoint: ChatEndpoint,
    db: Database,
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
) -> None:
    go_on = threading.Event()
    endpoint.answer(say("One, ", go_on, "two."))
    stored = respond(openai, "count", background=True)
    threading.Thread(target=lambda: _ignored(openai)).start()
    deadline = time.monotonic() + 10
    while len(endpoint.requests) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    with db.write() as tx:  # as if both had been another process's, which is no more
        tx.execute("UPDATE active_runs SET owner = 'dead', lease_until = 1")
    connect(start(model={"base_url": endpoint.url}))
    response = ended(openai, stored.id)
    go_on.set()
    assert response.status == "failed"
    assert "stopped before the run ended" in response.error.message
    with db.read() as tx:
        assert [claim.run_id for claim in leases.overdue(tx)] == []
        bodies = tx.execute("SELECT body FROM documents WHERE body LIKE '%not stored%'")
    assert bodies == []


def _ignored(client: OpenAI) -> None:
    with suppress(sdk.APIError):
        respond(client, "not stored", store=False)
