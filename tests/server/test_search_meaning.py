"""Words and meaning together, with an embedder that knows four concepts."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.retrieval.embedders import queries
from tests.server.embeddings_endpoint import EmbeddingsEndpoint, embeddings_endpoint_running

TEXTS = {
    "roses.txt": "Red ones are sold by the stem; the cost is five for one rose.",
    "return.txt": "Bring it within a day and you get your money back.",
    "hours.txt": "周一至周五营业到晚上七点。",
    "other.txt": "The van is parked behind the red house.",
}


@pytest.fixture
def endpoint() -> Iterator[EmbeddingsEndpoint]:
    with embeddings_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    endpoint: EmbeddingsEndpoint,
) -> OpenAI:
    return connect(start(embeddings=endpoint.settings))


@pytest.fixture
def store_id(client: OpenAI) -> str:
    store = client.vector_stores.create()
    for name, text in TEXTS.items():
        client.vector_stores.files.upload_and_poll(
            vector_store_id=store.id, file=(name, text.encode())
        )
    return store.id


def search(
    client: OpenAI, store_id: str, query: str | list[str], **options: Any
) -> dict[str, float]:
    """The names of the files that were found, best first, with their scores."""
    found = client.vector_stores.search(store_id, query=query, max_num_results=3, **options)
    return {hit.filename: hit.score for hit in found}


def weights(embedding: float, text: float) -> dict[str, Any]:
    return {"hybrid_search": {"embedding_weight": embedding, "text_weight": text}}


def test_what_shares_no_word_with_the_question_is_found_by_its_meaning(
    client: OpenAI, store_id: str
) -> None:
    assert next(iter(search(client, store_id, "玫瑰多少钱"))) == "roses.txt"
    assert next(iter(search(client, store_id, "When are you open?"))) == "hours.txt"
    assert next(iter(search(client, store_id, ["可以退吗"]))) == "return.txt"


def test_words_and_meaning_count_as_they_are_weighed(client: OpenAI, store_id: str) -> None:
    def found(embedding: float, text: float) -> dict[str, float]:
        return search(
            client, store_id, "red house refund", ranking_options=weights(embedding, text)
        )

    assert list(found(1, 0)) == ["return.txt"]
    assert list(found(0, 1)) == ["other.txt", "roses.txt"]
    both = found(1, 1)
    assert set(both) == {"other.txt", "return.txt", "roses.txt"}
    assert found(0.5, 0.5) == both
    assert both["return.txt"] == pytest.approx(found(1, 0)["return.txt"] / 2, abs=2e-6)
    assert both["other.txt"] == pytest.approx(found(0, 1)["other.txt"] / 2, abs=2e-6)


def test_what_is_no_nearer_than_the_unrelated_is_not_relevant(
    client: OpenAI, store_id: str
) -> None:
    """Any two texts of this embedder have a cosine of about a fifth."""
    for concept, name in (("rose", "roses.txt"), ("refund", "return.txt")):
        scores = search(client, store_id, concept, ranking_options=weights(1, 0))
        others = [score for other, score in scores.items() if other != name]
        assert scores[name] > 0.2
        assert max(others, default=0) < 0.1


def test_a_threshold_leaves_out_what_scores_less(client: OpenAI, store_id: str) -> None:
    options = {"score_threshold": 0.3, "ranker": "default-2024-11-15"}
    assert search(client, store_id, "rose", ranking_options={"score_threshold": 0.0}) != {}
    assert all(
        score >= 0.3 for score in search(client, store_id, "rose", ranking_options=options).values()
    )


def test_weights_of_nothing_are_refused(client: OpenAI, store_id: str) -> None:
    with pytest.raises(Exception, match=r"at least one weight must be greater than 0\."):
        search(client, store_id, "rose", ranking_options=weights(0, 0))


def test_while_the_embedder_fails_words_alone_decide_and_it_is_left_alone(
    client: OpenAI,
    store_id: str,
    endpoint: EmbeddingsEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = search(client, store_id, "red rose")
    endpoint.status = 400
    asked = len(endpoint.requests)
    alone = search(client, store_id, "red rose")
    assert search(client, store_id, "red rose") == alone
    assert alone["other.txt"] > before["other.txt"]
    assert len(endpoint.requests) == asked + 1
    assert "searching by words alone for 60 s" in caplog.text
    endpoint.status = 200
    later = time.monotonic() + 61
    monkeypatch.setattr(queries, "time", SimpleNamespace(monotonic=lambda: later))
    assert search(client, store_id, "red rose") == before


def test_the_endpoint_is_asked_once_for_many_texts(
    client: OpenAI, store_id: str, endpoint: EmbeddingsEndpoint
) -> None:
    endpoint.requests.clear()
    search(client, store_id, ["rose", "refund"])
    search(client, store_id, "hours")
    first, second = endpoint.requests
    assert (first["path"], first["key"], first["model"]) == (
        "/v1/embeddings",
        "Bearer sk-e",
        "concepts",
    )
    assert first["input"][:2] == ["rose", "refund"]
    assert second["input"] == ["hours"]


def test_other_requests_do_not_wait_for_a_slow_embedder(
    client: OpenAI, store_id: str, endpoint: EmbeddingsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = threading.Event(), threading.Event()

    def never(request: dict[str, Any]) -> Any:
        asked.set()
        release.wait(20)

    monkeypatch.setattr(endpoint, "reply", never)
    with ThreadPoolExecutor(60) as searches:
        for _ in range(60):
            searches.submit(client.vector_stores.search, store_id, query="money back")
        try:
            assert asked.wait(10)
            time.sleep(1)  # for the others to arrive
            assert client.with_options(timeout=3).vector_stores.retrieve(store_id)
        finally:
            release.set()
