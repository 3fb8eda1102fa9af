"""A model behind any Chat Completions endpoint: one streamed POST per completion.

Requests are repeated only while nothing of an answer has been seen: a completion has no effect
that a repetition could double. What the endpoint gets wrong in harmless ways (call indexes,
JSON instead of a stream, a missing [DONE]) is put right in `chunks.py`; what it does not
understand of a request is left out from then on, see `refusals.py`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx2

from assistctl.server.models import refusals
from assistctl.server.models.chunks import BadChunk, Chunks
from assistctl.server.models.protocol import Delta, ErrorCode, ModelError, Request
from assistctl.server.upstream import (
    authorization,
    backoff,
    base_url,
    concealed,
    is_loopback,
    message,
    usable_proxies,
    wait,
)

_ATTEMPTS = 3
_ATTEMPTS_IF_BUSY = 6
_BUSY = (429, 503, 529)
_CONNECT_SECONDS = 10.0
_PATIENCE_SECONDS = 600.0
_NOTHING_SAID = {"role": "system", "content": "You are a helpful assistant."}
"""For a run on an empty thread without instructions, since endpoints want a message."""
_UNREACHABLE = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.ReadError,
    httpx2.RemoteProtocolError,
)


@dataclass(frozen=True)
class Endpoint:
    """`models` maps an assistant's model name to the endpoint's; `timeout` is the longest silence
    in seconds that is put up with (a reasoning model may think for minutes before it speaks)."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 300.0

    @classmethod
    def parse(cls, declared: Mapping[str, Any]) -> Endpoint:
        """Read `Settings.model`; ValueError says what is wrong with it."""
        unknown = sorted(set(declared) - {"base_url", "api_key", "models", "timeout"})
        if unknown:
            raise ValueError(f"unknown key of a model endpoint: {', '.join(unknown)}")
        return cls(
            base_url=base_url(declared.get("base_url"), "model's"),
            api_key=declared.get("api_key") or None,
            models=dict(declared.get("models") or {}),
            timeout=float(declared.get("timeout") or cls.timeout),
        )


class ChatCompletions:
    note = None

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._not_understood: dict[str, frozenset[str]] = {}
        headers = authorization(endpoint.api_key, "model's")
        with usable_proxies():
            self._client = httpx2.AsyncClient(
                headers=headers,
                timeout=httpx2.Timeout(endpoint.timeout, connect=_CONNECT_SECONDS, pool=None),
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
                trust_env=not is_loopback(endpoint.base_url),
            )

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        try:
            response = await self._send(_body(request, self._endpoint.models))
            try:
                async for delta in self._deltas(response):
                    yield delta
            finally:
                await response.aclose()
        except httpx2.ConnectTimeout as error:
            raise self._error(f"did not answer within {_CONNECT_SECONDS:g} seconds") from error
        except httpx2.TimeoutException as error:
            raise self._error(f"was silent for {self._endpoint.timeout:g} seconds") from error
        except httpx2.HTTPError as error:
            raise self._error(f"could not be reached or broke off: {_words(error)}") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The first answer that is not an error, its body still unread."""
        model = body["model"]
        unknown = self._not_understood.get(model, frozenset())
        while True:
            sent = refusals.without(body, unknown)
            response = await self._insist(sent)
            if response.is_success:
                self._not_understood[model] = unknown
                return response
            more = refusals.not_understood(response, sent)
            if not more:
                raise refusals.as_error(self._endpoint.base_url, self._endpoint.api_key, response)
            unknown |= more

    async def _insist(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The first answer that repeating the request would not change; an error has been read."""
        deadline = min(anyio.current_effective_deadline(), anyio.current_time() + _PATIENCE_SECONDS)
        for attempt in itertools.count(1):
            request = self._client.build_request(
                "POST", f"{self._endpoint.base_url}/chat/completions", json=body
            )
            try:
                response = await self._client.send(request, stream=True)
            except _UNREACHABLE:
                if attempt == _ATTEMPTS:
                    raise
                await asyncio.sleep(backoff(attempt))
                continue
            if response.is_success:
                return response
            await response.aread()
            await response.aclose()
            seconds = wait(response, attempt)
            most = _ATTEMPTS_IF_BUSY if response.status_code in _BUSY else _ATTEMPTS
            late = seconds is None or anyio.current_time() + seconds >= deadline
            if late or attempt >= most:
                return response
            await asyncio.sleep(seconds or 0.0)
        raise AssertionError("unreachable")

    async def _deltas(self, response: httpx2.Response) -> AsyncIterator[Delta]:
        chunks = Chunks()
        try:
            async for delta in self._read(chunks, response):
                yield delta
            chunks.check()
        except BadChunk as error:
            raise self._error(str(error)) from error
        if chunks.finish is None:
            raise self._error("ended its answer in the middle")
        yield chunks.finish

    async def _read(self, chunks: Chunks, response: httpx2.Response) -> AsyncIterator[Delta]:
        kind = response.headers.get("content-type", "")
        if "json" in kind:
            text = (await response.aread()).decode(errors="replace")
            for delta in chunks.read(self._parsed(text)):
                yield delta
            return
        if "html" in kind:
            raise self._error(f"answered with a web page ({kind}). Check the model's base_url.")
        response.headers["content-type"] = "text/event-stream"  # some call it something else
        try:
            async for event in httpx2.EventSource(response):
                if event.data.strip() == "[DONE]":
                    chunks.end()
                    break
                for delta in chunks.read(self._parsed(event.data, event.event)):
                    yield delta
        except httpx2.TransportError:
            if chunks.finish is None:  # else the answer is whole, only its end was sloppy
                raise

    def _parsed(self, text: str, event: str = "message") -> Mapping[str, Any]:
        try:
            chunk = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._error(f"sent what is not JSON: {self._start_of(text)}") from error
        if not isinstance(chunk, dict):
            raise self._error(f"sent what is not a chunk: {self._start_of(text)}")
        if chunk.get("error") or "error" in (event, chunk.get("object")):
            code = _code(chunk.get("error") or chunk)
            reason = message(chunk, self._endpoint.api_key)
            raise self._error(f"failed while answering: {reason}", code)
        return chunk

    def _start_of(self, text: str) -> str:
        return repr(concealed(text, self._endpoint.api_key)[:200])

    def _error(self, what: str, code: ErrorCode = "server_error") -> ModelError:
        return ModelError(code, f"The model endpoint {self._endpoint.base_url} {what}")


def _body(request: Request, models: Mapping[str, str]) -> dict[str, Any]:
    optional = {
        "tool_choice": request.tool_choice if request.tools else None,
        "parallel_tool_calls": False if request.tools and not request.parallel_tool_calls else None,
        "response_format": request.response_format,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "reasoning_effort": request.reasoning_effort,
        "max_completion_tokens": request.max_completion_tokens,
        "tools": list(request.tools) or None,
    }
    return {
        "model": models.get(request.model, request.model),
        "messages": list(request.messages) or [_NOTHING_SAID],
        **{key: value for key, value in optional.items() if value is not None},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _code(error: Any) -> ErrorCode:
    code = str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""
    return "rate_limit_exceeded" if "rate_limit" in code or code == "429" else "server_error"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
