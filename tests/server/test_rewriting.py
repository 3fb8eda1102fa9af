"""rewrite_query, with a model's endpoint on a real socket and without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.retrieval import rewriting
from tests.server.chat_endpoint import ChatEndpoint, Reply, Stream, chat_endpoint_running, say

QUESTION = "Could you please tell me what red roses cost?"


@pytest.fixture
def endpoint() -> Iterator[ChatEndpoint]:
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: ChatEndpoint,
) -> OpenAI:
    return connect(start(model={"base_url": endpoint.url}))


@pytest.fixture
def store_id(client: OpenAI) -> str:
    """A store that an assistant searches; another assistant is newer."""
    store = client.vector_stores.create()
    client.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("prices.txt", "红玫瑰 8".encode())
    )
    client.beta.assistants.create(
        model="searching",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    client.beta.assistants.create(model="newest")
    return store.id


def search(client: OpenAI, store_id: str, query: Any = QUESTION, **options: Any) -> Any:
    return client.post(
        f"/vector_stores/{store_id}/search", cast_to=object, body={"query": query, **options}
    )


def test_a_query_is_searched_as_it_is_unless_it_may_be_rewritten(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint
) -> None:
    for options in ({}, {"rewrite_query": False}, {"rewrite_query": None}):
        assert search(client, store_id, **options)["search_query"] == [QUESTION]
    assert endpoint.requests == []


def test_the_model_of_the_stores_assistant_rewrites_and_what_it_says_is_searched(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say('"红玫瑰 ', 'price"\nThis should work.'))
    answer = search(client, store_id, rewrite_query=True)
    assert answer["search_query"] == ["红玫瑰 price"]
    assert [hit["filename"] for hit in answer["data"]] == ["prices.txt"]
    assert answer["data"][0]["score"] > 0
    [request] = endpoint.requests
    assert request["model"] == "searching"
    assert request["messages"][1] == {"role": "user", "content": QUESTION}


def test_without_an_assistant_of_its_own_the_newest_ones_model_is_asked(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint
) -> None:
    endpoint.answer(say("roses"))
    other = client.vector_stores.create()
    answer = search(client, other.id, ["Red?", "Blue?"], rewrite_query=True)
    assert answer["search_query"] == ["roses", "roses"]
    assert [request["model"] for request in endpoint.requests] == ["newest", "newest"]


@pytest.mark.parametrize("fault", [Reply(400, "no"), say(" \n"), Stream(({"choices": [5]},))])
def test_where_the_model_fails_filler_is_left_out(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint, fault: Any
) -> None:
    endpoint.answer(fault)
    answer = search(client, store_id, rewrite_query=True)
    assert answer["search_query"] == ["red roses cost"]


def test_a_model_that_takes_too_long_is_not_waited_for(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "_SECONDS", 0.1)
    endpoint.answer(Reply(429, "", {"retry-after": "0.05"}))
    assert search(client, store_id, rewrite_query=True)["search_query"] == ["red roses cost"]


def test_without_an_endpoint_filler_is_left_out(openai: OpenAI) -> None:
    store = openai.vector_stores.create()
    answer = search(openai, store.id, rewrite_query=True)
    assert answer["search_query"] == ["red roses cost"]


def test_nobody_is_asked_for_a_store_that_is_not_there(
    client: OpenAI, store_id: str, endpoint: ChatEndpoint
) -> None:
    with pytest.raises(sdk.NotFoundError):
        search(client, "vs_missing", rewrite_query=True)
    assert endpoint.requests == []
