"""Any endpoint that speaks OpenAI's POST /embeddings."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from assistctl.base_urls import is_near
from assistctl.server.retrieval.embedders.protocol import EmbedderError, Vector, packed
from assistctl.server.upstream import (
    authorization,
    backoff,
    base_url,
    refusal,
    usable_proxies,
    wait,
)

_KEYS = {"base_url", "api_key", "model", "timeout"}
_SECONDS = 30.0
_ATTEMPTS = 3
_AT_ONCE = 32  # what small servers take in one request


class EmbeddingsEndpoint:
    """An Embedder that asks an endpoint, in requests of a few texts, and tries a passing refusal
    again."""

    # Fits the 512 tokens of small models whatever their tokens are, and is precise for large ones.
    passage_tokens = 256

    def __init__(self, declared: Mapping[str, Any]) -> None:
        """Reads `Settings.embeddings`; ValueError says what is wrong with it."""
        unknown = sorted(set(declared) - _KEYS)
        if unknown:
            raise ValueError(f"unknown key of an embeddings endpoint: {', '.join(unknown)}")
        self._base_url = base_url(declared.get("base_url"), "embeddings'")
        model = declared.get("model")
        if not isinstance(model, str) or not model:
            raise ValueError("the embeddings need a `model`, such as text-embedding-3-small")
        self._model = model
        self.name = f"{model} at {self._base_url}"
        self._seconds = float(declared.get("timeout") or _SECONDS)
        self._closed = threading.Event()
        key = self._key = declared.get("api_key")
        headers = authorization(key, "embeddings'")
        with usable_proxies():
            near = is_near(self._base_url)
            self._client = httpx2.Client(
                headers=headers,
                trust_env=not near,
                # There is no certificate to check, and those of the system take 30 ms to load.
                verify=not (near and self._base_url.startswith("http:")),
            )

    def embed(self, texts: Sequence[str], patience: float) -> list[Vector]:
        deadline = time.monotonic() + patience
        vectors: list[Vector] = []
        for first in range(0, len(texts), _AT_ONCE):
            vectors += self._embed(list(texts[first : first + _AT_ONCE]), deadline)
        if len(set(map(len, vectors))) > 1:
            raise self._error("answered with vectors of different lengths")
        return vectors

    def close(self) -> None:
        self._closed.set()
        self._client.close()

    def _embed(self, texts: list[str], deadline: float) -> list[Vector]:
        request = {"model": self._model, "input": texts, "encoding_format": "float"}
        body = self._answer(request, deadline)
        try:
            entries = sorted(body["data"], key=lambda entry: int(entry["index"]))
            vectors = [packed(entry["embedding"]) for entry in entries]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._error("answered with what are not embeddings") from error
        if len(vectors) != len(texts):
            raise self._error(f"answered with {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def _answer(self, request: Mapping[str, Any], deadline: float) -> Any:
        """What the endpoint answers before the deadline, a passing refusal forgiven."""
        attempt = 0
        while True:
            attempt += 1
            left = max(0.1, min(self._seconds, deadline - time.monotonic()))
            try:
                response = self._client.post(
                    f"{self._base_url}/embeddings", json=request, timeout=left
                )
            except httpx2.TimeoutException as error:
                raise self._error("did not answer in time") from error
            except (httpx2.HTTPError, RuntimeError) as error:  # RuntimeError: it was closed
                seconds: float | None = backoff(attempt)
                fault = f"could not be reached or broke off: {str(error) or type(error).__name__}"
            else:
                if response.is_success:
                    return self._parsed(response)
                seconds = wait(response.status_code, response.headers, response.text, attempt)
                fault = f"answered {response.status_code}: {refusal(response, self._key)}"
            late = seconds is None or time.monotonic() + seconds > deadline
            if late or attempt == _ATTEMPTS or self._closed.wait(seconds):
                raise self._error(fault)

    def _parsed(self, response: httpx2.Response) -> Any:
        try:
            return response.json()
        except ValueError as error:
            raise self._error("answered with what is not JSON") from error

    def _error(self, what: str) -> EmbedderError:
        return EmbedderError(f"The embeddings endpoint {self._base_url} {what}")
