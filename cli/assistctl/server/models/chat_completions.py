"""A model behind any Chat Completions endpoint: one streamed POST per completion.

Requests are repeated only while nothing of an answer has been seen: a completion has no effect
that a repetition could double. What the endpoint gets wrong in harmless ways (call indexes,
JSON instead of a stream, a missing [DONE]) is put right in `chunks.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx2

from assistctl.server.models.chunks import Chunks
from assistctl.server.models.protocol import Delta, ErrorCode, ModelError, Request
from assistctl.server.upstream import backoff, concealed, is_loopback, message, refusal, wait

_ATTEMPTS = 3


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
        base_url = declared.get("base_url")
        if not isinstance(base_url, str) or urlsplit(base_url).scheme not in ("http", "https"):
            raise ValueError(f"the model's base_url must be an http(s) URL, not {base_url!r}")
        return cls(
            base_url=base_url.rstrip("/"),
            api_key=declared.get("api_key") or None,
            models=dict(declared.get("models") or {}),
            timeout=float(declared.get("timeout") or cls.timeout),
        )


class ChatCompletions:
    note = None

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        headers = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(endpoint.timeout, connect=10.0, pool=None),
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
        except httpx2.TimeoutException as error:
            raise self._error(f"was silent for {self._endpoint.timeout:g} seconds") from error
        except httpx2.HTTPError as error:
            raise self._error(f"could not be reached or broke off: {_words(error)}") from error

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _send(self, body: Mapping[str, Any]) -> httpx2.Response:
        """The first answer that is not an error, its body still unread."""
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            request = self._client.build_request(
                "POST", f"{self._endpoint.base_url}/chat/completions", json=body
            )
            try:
                response = await self._client.send(request, stream=True)
            except (httpx2.ConnectError, httpx2.RemoteProtocolError, httpx2.ReadError):
                if last:
                    raise
                await asyncio.sleep(backoff(attempt))
                continue
            if response.is_success:
                return response
            await response.aread()
            await response.aclose()
            seconds = wait(response, attempt)
            if last or seconds is None:
                raise self._refused(response)
            await asyncio.sleep(seconds)
        raise AssertionError("unreachable")

    async def _deltas(self, response: httpx2.Response) -> AsyncIterator[Delta]:
        chunks = Chunks()
        if "json" in response.headers.get("content-type", ""):
            for delta in chunks.read(self._parsed((await response.aread()).decode())):
                yield delta
        else:
            try:
                async for event in httpx2.EventSource(response):
                    if event.data.strip() == "[DONE]":
                        chunks.end()
                        break
                    for delta in chunks.read(self._parsed(event.data)):
                        yield delta
            except httpx2.TransportError:
                if chunks.finish is None:  # else the answer is whole, only its end was sloppy
                    raise
        if chunks.finish is None:
            raise self._error("ended its answer in the middle")
        yield chunks.finish

    def _parsed(self, text: str) -> Mapping[str, Any]:
        try:
            chunk = json.loads(text)
        except ValueError as error:
            raise self._error(f"sent what is not JSON: {self._start_of(text)}") from error
        if not isinstance(chunk, dict):
            raise self._error(f"sent what is not a chunk: {self._start_of(text)}")
        if chunk.get("error"):
            code = _code(chunk["error"])
            raise self._error(
                f"failed while answering: {message(chunk, self._endpoint.api_key)}", code
            )
        return chunk

    def _refused(self, response: httpx2.Response) -> ModelError:
        status = response.status_code
        remedy = {
            401: " Check the model's api_key.",
            403: " Check the model's api_key.",
            404: " Check the model's base_url and the assistant's model name (`models` maps it).",
        }.get(status, "")
        code: ErrorCode = "server_error"
        if status == 429:
            code = "rate_limit_exceeded"
        elif status in (400, 413, 422):
            code = "invalid_prompt"
        return self._error(
            f"answered {status}: {refusal(response, self._endpoint.api_key)}{remedy}", code
        )

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
        "messages": list(request.messages),
        **{key: value for key, value in optional.items() if value is not None},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _code(error: Any) -> ErrorCode:
    code = str(error.get("code") or error.get("type")) if isinstance(error, dict) else ""
    return "rate_limit_exceeded" if "rate_limit" in code or code == "429" else "server_error"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
