"""Requests to one target, through the openai SDK's own transport (auth, errors, streams).

Bodies go out and come back as plain dicts, so that nothing is lost that the SDK's types do not
know. What is safe to repeat is repeated here and not by the SDK, which would repeat creates too
and takes any JSON for an answer. Every error leaves this module as a RemoteError.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

import httpx2
import openai

from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import Json

RETRIES = 4
PIECE = 1024 * 1024
BETA_HEADER = {"OpenAI-Beta": "assistants=v2"}
AMBIGUOUS_STATUS = frozenset({408, 409, 429, *range(500, 600)} - {501})


class LostAnswer(RemoteError):
    """A request that may or may not have been carried out; `retry_after` is in seconds."""

    retry_after: float | None = None


class Client:
    """One connection pool to one target; safe to use from several threads."""

    def __init__(self, base_url: str, api_key: str, *, timeout: float = 120.0) -> None:
        if not (api_key.isascii() and api_key.isprintable()):
            # httpx2 would say so too, and print the key.
            raise AssistctlError(
                "the API key has characters that no HTTP header can carry (a line break at its "
                "end?); set it again"
            )
        loopback = httpx2.URL(base_url).host in ("127.0.0.1", "localhost", "::1")
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=httpx2.Timeout(timeout, connect=10.0),
            # A proxy set in the environment would be asked for 127.0.0.1 too.
            http_client=httpx2.Client(trust_env=False) if loopback else None,
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Json]:
        """GET of one object, repeated until it is answered."""
        return _repeated("GET", path, lambda: _object(self._get(path)))

    def post(self, path: str, body: Json = None) -> dict[str, Json]:
        """POST that is safe to repeat (a full replacement), repeated until it is answered."""
        return _repeated("POST", path, lambda: _object(self._post(path, body)))

    def delete(self, path: str) -> None:
        """DELETE, repeated until it is answered; what is not there any more counts as deleted."""

        def send() -> dict[str, Json]:
            self._client.delete(path, cast_to=object, options={"headers": BETA_HEADER})
            return {}

        try:
            _repeated("DELETE", path, send)
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
        return _repeated("POST", path, lambda: _object(self._post(path, body)), find)

    def upload(
        self, path: Path, filename: str, progress: Callable[[int], None] = lambda sent: None
    ) -> dict[str, Json]:
        """POST /files with purpose assistants, read from disk as it is sent; `progress` is told
        the bytes sent so far.

        A lost upload is repeated: files carry no metadata to find them by.
        """

        def send() -> dict[str, Json]:
            with path.open("rb") as handle:
                answer = self._client.post(
                    "/files",
                    cast_to=object,
                    body={"purpose": "assistants"},
                    files=[("file", (filename, cast("IO[bytes]", _Counted(handle, progress))))],
                    options={"headers": {**BETA_HEADER, "Content-Type": "multipart/form-data"}},
                )
            return _object(answer)

        return _repeated("POST", "/files", send)

    def download(
        self,
        file: Mapping[str, Json],
        to: Path,
        progress: Callable[[int], None] = lambda received: None,
    ) -> None:
        """GET the content of a file object into a path; `progress` is told the bytes received.

        A target that does not give the content away answers it with a status.
        """
        path = f"/files/{quote(str(file['id']), safe='')}/content"

        def fetch() -> dict[str, Json]:
            content = self._client.files.with_streaming_response.content
            received = 0
            try:
                with content(str(file["id"])) as answer, to.open("wb") as handle:
                    for piece in answer.iter_bytes(PIECE):
                        handle.write(piece)
                        received += len(piece)
                        progress(received)
            except httpx2.HTTPError as error:
                raise LostAnswer(f"GET {path}: the download broke off ({error})") from error
            if received != (file.get("bytes") or received):
                raise LostAnswer(f"GET {path}: {received:,} bytes came of {file['bytes']:,}")
            return {}

        _repeated("GET", path, fetch)

    def list(self, path: str, *, limit: int = 100, **params: object) -> Iterator[dict[str, Json]]:
        """Every item of a list, oldest or newest first by `order`, page after page."""
        seen: set[str] = set()
        cursor: dict[str, object] = {}
        while True:
            page = self._page(path, {"limit": limit, **params, **cursor})
            items = page["data"]
            fresh = [item for item in items if item["id"] not in seen]
            seen.update(item["id"] for item in fresh)
            yield from fresh
            if not page.get("has_more") or not items:
                return
            if not fresh:
                raise RemoteError(f"GET {path}: the list never ends; the server ignores `after`")
            cursor = {"after": items[-1]["id"]}

    @contextmanager
    def stream(self, path: str, body: Mapping[str, Json]) -> Iterator[Iterator[dict[str, Json]]]:
        """POST with `stream: true`; yields the server's events as {"event", "data"}.

        The request is sent once. Closing the context closes the connection.
        """
        with _translated("POST", path):
            stream = self._client.post(
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

    def _page(self, path: str, params: Mapping[str, object]) -> dict[str, Json]:
        return _repeated("GET", path, lambda: _list(self._get(path, params)))

    def _get(self, path: str, params: Mapping[str, object] | None = None) -> object:
        options: Any = {"headers": BETA_HEADER, "params": params or {}}
        return self._client.get(path, cast_to=object, options=options)

    def _post(self, path: str, body: Json) -> object:
        return self._client.post(path, cast_to=object, body=body, options={"headers": BETA_HEADER})


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


def _repeated(
    method: str,
    path: str,
    send: Callable[[], dict[str, Json]],
    find: Callable[[], dict[str, Json] | None] | None = lambda: None,
) -> dict[str, Json]:
    """Send until there is an answer, at most RETRIES times more. Before each repetition `find`
    looks for what a request without an answer has done after all; None: never repeat."""
    for attempt in range(RETRIES + 1):
        try:
            with _translated(method, path):
                return send()
        except LostAnswer as error:
            if find is None or attempt == RETRIES:
                raise
            time.sleep(_pause(attempt, error.retry_after))
            if (found := find()) is not None:
                return found
    raise AssertionError("unreachable")


class _Unexpected(Exception):
    """An answer that is not what the API answers; it says nothing about what was done."""


def _object(answer: object) -> dict[str, Json]:
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise _Unexpected("the answer is not an object with an id")
    return answer


def _list(answer: object) -> dict[str, Json]:
    """An answer without a list must not pass for an empty list: all would be created anew."""
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise _Unexpected("the answer is not a list of objects")
    for item in answer["data"]:
        _object(item)
    return answer


@contextmanager
def _translated(method: str, path: str) -> Iterator[None]:
    """Turn what the SDK raises into a RemoteError or, where the outcome is unknown, LostAnswer."""
    try:
        yield
    except openai.APIStatusError as error:
        status = error.status_code
        body = error.body if isinstance(error.body, Mapping) else {}
        reason = body.get("message") or error.response.reason_phrase
        message = f"{method} {path}: {status} {reason}"
        kind = LostAnswer if status in AMBIGUOUS_STATUS else RemoteError
        translated = kind(message, status=status, code=error.code)
        if isinstance(translated, LostAnswer):
            translated.retry_after = _seconds(error.response.headers.get("retry-after"))
        raise translated from error
    except openai.APITimeoutError as error:
        raise LostAnswer(f"{method} {path}: no answer in time") from error
    except openai.APIConnectionError as error:
        raise LostAnswer(
            f"{method} {path}: cannot reach the target ({error.__cause__ or error})"
        ) from error
    except openai.APIError as error:
        raise LostAnswer(f"{method} {path}: {error.message}", code=error.code) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise LostAnswer(f"{method} {path}: the answer is not JSON ({error})") from error
    except _Unexpected as error:
        raise LostAnswer(f"{method} {path}: {error}") from error


def _seconds(header: str | None) -> float | None:
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
