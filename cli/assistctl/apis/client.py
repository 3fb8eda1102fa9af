"""Requests to one target, through the openai SDK's own transport (auth, retries, errors).

Bodies go out and come back as plain dicts, so that nothing is lost that the SDK's types do not
know. Every error leaves this module as a RemoteError.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import httpx2
import openai

from assistctl.errors import RemoteError
from assistctl.resources import Json

RETRIES = 4
BETA_HEADER = {"OpenAI-Beta": "assistants=v2"}
AMBIGUOUS_STATUS = frozenset({408, 409, 429})


class LostAnswer(RemoteError):
    """A request that may or may not have been carried out; `retry_after` is in seconds."""

    retry_after: float | None = None


class Client:
    """One connection pool to one target; safe to use from several threads."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float = 120.0) -> None:
        loopback = httpx2.URL(base_url).host in ("127.0.0.1", "localhost", "::1")
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=RETRIES,
            timeout=httpx2.Timeout(timeout, connect=10.0),
            # A proxy set in the environment would be asked for 127.0.0.1 too.
            http_client=httpx2.Client(trust_env=False) if loopback else None,
        )
        self._once = self._client.with_options(max_retries=0)

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, params: Mapping[str, object] | None = None) -> dict[str, Json]:
        """GET, retried by the SDK."""
        with _translated("GET", path):
            answer = self._client.get(
                path, cast_to=object, options={"headers": BETA_HEADER, "params": params or {}}
            )
        return _mapping(answer, "GET", path)

    def post(self, path: str, body: Json = None) -> dict[str, Json]:
        """POST that is safe to repeat (a full replacement), retried by the SDK."""
        with _translated("POST", path):
            answer = self._client.post(
                path, cast_to=object, body=body, options={"headers": BETA_HEADER}
            )
        return _mapping(answer, "POST", path)

    def delete(self, path: str) -> None:
        """DELETE; what is not there any more counts as deleted."""
        try:
            with _translated("DELETE", path):
                self._client.delete(path, cast_to=object, options={"headers": BETA_HEADER})
        except RemoteError as error:
            if error.status != 404:
                raise

    def create(
        self,
        path: str,
        body: Json,
        find: Callable[[], dict[str, Json] | None] | None = None,
    ) -> dict[str, Json]:
        """POST that makes something, at most once: when the answer is lost, `find` looks for what
        it may have made before it is tried again. Without `find` a loss is final."""
        return self._create(
            lambda: self._once.post(
                path, cast_to=object, body=body, options={"headers": BETA_HEADER}
            ),
            path,
            find,
        )

    def upload(
        self, path: Path, filename: str, progress: Callable[[int], None] = lambda sent: None
    ) -> dict[str, Json]:
        """POST /files with purpose assistants, read from disk as it is sent; `progress` is told
        the bytes sent so far.

        A lost upload is repeated: files carry no metadata to find them by.
        """

        def send() -> object:
            with path.open("rb") as handle:
                return self._once.post(
                    "/files",
                    cast_to=object,
                    body={"purpose": "assistants"},
                    files=[("file", (filename, cast("IO[bytes]", _Counted(handle, progress))))],
                    options={"headers": {**BETA_HEADER, "Content-Type": "multipart/form-data"}},
                )

        return self._create(send, "/files", lambda: None)

    def list(self, path: str, *, limit: int = 100, **params: object) -> Iterator[dict[str, Json]]:
        """Every item of a list, oldest or newest first by `order`, page after page."""
        seen: set[str] = set()
        after: str | None = None
        while True:
            cursor = {"after": after} if after else {}
            page = self.get(path, {"limit": limit, **params, **cursor})
            items = page.get("data") or []
            for item in items:
                if item["id"] not in seen:
                    seen.add(item["id"])
                    yield item
            if not page.get("has_more") or not items:
                return
            if items[-1]["id"] == after:
                raise RemoteError(f"GET {path}: the list never ends; the server ignores `after`")
            after = items[-1]["id"]

    @contextmanager
    def stream(self, path: str, body: Mapping[str, Json]) -> Iterator[Iterator[dict[str, Json]]]:
        """POST with `stream: true`; yields the server's events as {"event", "data"}.

        The request is sent once. Closing the context closes the connection.
        """
        with _translated("POST", path):
            stream = self._once.post(
                path,
                cast_to=cast("type[Any]", object),
                body={**body, "stream": True},
                options={"headers": {**BETA_HEADER, "Accept": "text/event-stream"}},
                stream=True,
                stream_cls=openai.Stream[Any],
            )
        try:
            yield _events(stream, path)
        finally:
            stream.close()

    def _create(
        self,
        send: Callable[[], object],
        path: str,
        find: Callable[[], dict[str, Json] | None] | None,
    ) -> dict[str, Json]:
        for attempt in range(RETRIES + 1):
            try:
                with _translated("POST", path):
                    return _mapping(send(), "POST", path)
            except LostAnswer as error:
                if find is None or attempt == RETRIES:
                    raise
                time.sleep(_pause(attempt, error.retry_after))
                if (found := find()) is not None:
                    return found
        raise AssertionError("unreachable")


class _Counted:
    """An open file that tells how far it has been read."""

    def __init__(self, handle: IO[bytes], progress: Callable[[int], None]) -> None:
        self._handle = handle
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._handle.read(size)
        self._progress(self._handle.tell())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


def _events(stream: Iterator[Any], path: str) -> Iterator[dict[str, Json]]:
    with _translated("POST", path):
        for event in stream:
            if isinstance(event, dict):
                yield event


def _pause(attempt: int, retry_after: float | None) -> float:
    """Seconds to wait before the next attempt, with jitter."""
    if retry_after is not None:
        return min(retry_after, 60.0) + random.uniform(0, 0.25)
    return random.uniform(0.5, 1.0) * min(0.5 * float(2**attempt), 8.0)


def _mapping(answer: object, method: str, path: str) -> dict[str, Json]:
    if not isinstance(answer, dict):
        raise LostAnswer(f"{method} {path}: the answer is not a JSON object")
    return answer


@contextmanager
def _translated(method: str, path: str) -> Iterator[None]:
    """Turn what the SDK raises into a RemoteError or, where the outcome is unknown, LostAnswer."""
    try:
        yield
    except openai.APIStatusError as error:
        status = error.status_code
        body = error.body if isinstance(error.body, Mapping) else {}
        message = f"{method} {path}: {status} {body.get('message') or error.message}"
        kind = LostAnswer if status >= 500 or status in AMBIGUOUS_STATUS else RemoteError
        translated = kind(message, status=status, code=error.code)
        if isinstance(translated, LostAnswer):
            translated.retry_after = _seconds(error.response.headers.get("retry-after"))
        raise translated from error
    except openai.APITimeoutError as error:
        raise LostAnswer(f"{method} {path}: no answer in time") from error
    except openai.APIConnectionError as error:
        reason = error.__cause__ or error
        raise LostAnswer(f"{method} {path}: cannot reach the target ({reason})") from error
    except openai.APIError as error:
        raise LostAnswer(f"{method} {path}: {error.message}", code=error.code) from error
    except ValueError as error:  # a body that is not JSON
        raise LostAnswer(f"{method} {path}: the answer is not JSON ({error})") from error


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
