"""One request and its answer over HTTP: address, key, headers, and what may count as an answer.

Raises what httpx2 raises, HTTPStatusError for whatever is no success; `failures.py` has our words
for it. Nothing is repeated here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, TypeAlias

import httpx2

from assistctl import __version__
from assistctl.apis.transport.betas import beta
from assistctl.apis.transport.bounded import bounded
from assistctl.errors import AssistctlError
from assistctl.resources import Json

_CONNECT_SECONDS = 10.0
_LIMITS = httpx2.Limits(max_connections=1000, max_keepalive_connections=100)
_JSON = {"Content-Type": "application/json"}

File: TypeAlias = tuple[str, tuple[str, IO[bytes]]]
"""A part of a form: its name, and the name and content of the file."""


class Exchange:
    """One connection pool to one target; safe to use from several threads."""

    def __init__(self, base_url: str, api_key: str, timeout: float) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        url = httpx2.URL(base_url)
        try:
            self._http = httpx2.Client(
                base_url=url,
                headers={
                    "Authorization": f"Bearer {api_key}",
                    "Accept": "application/json",
                    "User-Agent": f"assistctl/{__version__}",
                },
                timeout=httpx2.Timeout(timeout, connect=_CONNECT_SECONDS),
                limits=_LIMITS,
                event_hooks={"response": [lambda response: bounded(response, timeout)]},
                **_ways(url),
            )
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # of a SOCKS proxy the first
            raise AssistctlError(
                f"a proxy that the environment names cannot be used: {error}"
            ) from error

    def close(self) -> None:
        self._http.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] = {},
        body: Json = None,
        headers: Mapping[str, str] = {},
    ) -> Json:
        """What is answered: a JSON value, or the text of what says that it is no JSON."""
        answer = self._http.request(
            method,
            path,
            params=_query(params),
            content=_written(body),
            headers={**({} if method == "GET" else _JSON), **beta(path), **headers},
        )
        return _read(answer)

    def send(
        self,
        path: str,
        fields: Mapping[str, str],
        files: Sequence[File],
        headers: Mapping[str, str],
    ) -> Json:
        """POST of a form, and what is answered."""
        return _read(
            self._http.post(path, data=fields, files=files, headers={**beta(path), **headers})
        )

    @contextmanager
    def download(self, path: str) -> Iterator[httpx2.Response]:
        """GET of what is no JSON; its body is still to be read."""
        headers = {**beta(path), "Accept": "*/*"}
        with self._http.stream("GET", path, headers=headers) as answer:
            yield _successful(answer)

    def open(self, path: str, body: Json, params: Mapping[str, object]) -> httpx2.Response:
        """The answer to a POST, without a body to a GET, whose events are still to come; whoever
        gets it has to close it."""
        method = "GET" if body is None else "POST"
        request = self._http.build_request(
            method,
            path,
            params=_query(params),
            content=_written(body),
            headers={**_JSON, **beta(path), "Accept": "text/event-stream"},
        )
        answer = self._http.send(request, stream=True)
        try:
            return _successful(answer)
        except BaseException:
            answer.close()
            raise


def events(answer: httpx2.Response) -> Iterator[dict[str, Json]]:
    """The events of a stream: of threads as {"event", "data"}, of the other APIs their data, in
    which `type` names them."""
    # Whatever the head says: there are proxies that write it anew.
    answer.encoding, answer.headers["content-type"] = "utf-8", "text/event-stream"
    for event in httpx2.EventSource(answer, max_event_size=None):
        if event.data.startswith("[DONE]"):
            return
        if not event.data:
            continue
        data = json.loads(event.data)
        if isinstance(data, dict) and data.get("error") and not event.event.startswith("thread."):
            raise StreamError(data["error"])
        yield {"event": event.event, "data": data} if event.event.startswith("thread.") else data


class StreamError(Exception):
    """What a stream tells in place of its next event."""

    def __init__(self, error: Json) -> None:
        told = error if isinstance(error, Mapping) else {}
        message, code = told.get("message"), told.get("code")
        self.code = code if isinstance(code, str) else None
        is_told = isinstance(message, str) and message
        super().__init__(message if is_told else "An error occurred during streaming")


def _ways(url: httpx2.URL) -> dict[str, Any]:
    """How a target is reached: by the proxies and certificates of the environment, but for
    loopback, which is no proxy's business."""
    if url.host not in ("127.0.0.1", "localhost", "::1"):
        return {"follow_redirects": True}
    # Certificates take 40 ms to load; without them nobody may lead us to another host.
    return {"trust_env": False, "verify": url.scheme != "http", "follow_redirects": False}


def _query(params: Mapping[str, object]) -> dict[str, Any] | None:
    """Lists by the names that the API has for them (`include[]`), without what is None."""
    return {
        f"{name}[]" if isinstance(value, list | tuple) else name: value
        for name, value in params.items()
        if value is not None
    } or None


def _written(body: Json) -> bytes | None:
    if body is None:
        return None
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _read(answer: httpx2.Response) -> Json:
    answer.raise_for_status()
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    return answer.json() if kind.endswith("json") else answer.text


def _successful(answer: httpx2.Response) -> httpx2.Response:
    if not answer.is_success:
        answer.read()
    return answer.raise_for_status()
