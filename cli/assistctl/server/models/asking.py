"""A model behind an endpoint: one POST per completion, by whichever API its model speaks.

A request is repeated only while nothing of an answer has been heard: a completion has no effect
that a repetition could double. What the endpoint refuses is learnt from (`refusal_rules.py`) and
remembered for the model; what it gets wrong in harmless ways is put right by the readers.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote

import anyio
import httpx2
from starlette.concurrency import run_in_threadpool

from assistctl.base_urls import is_near, with_version
from assistctl.server.models import chat, responses
from assistctl.server.models.dialect import Api, Dialect, asks_in_words, no_format_with_calls, notes
from assistctl.server.models.endpoint import Endpoint, Way
from assistctl.server.models.formats import in_form
from assistctl.server.models.memory import Memory
from assistctl.server.models.protocol import Delta, Finish, ModelError, Note, Request
from assistctl.server.models.reading import BadAnswer, Failure, Reader
from assistctl.server.models.refusal_rules import LEAST_ANSWER, Case, learn
from assistctl.server.models.refusals import Refused, as_error, hidden, refused, refused_inside
from assistctl.server.models.sse import ServerEvent, read_events
from assistctl.server.models.taping import NotTaped, Tape, Taping
from assistctl.server.models.tokens import estimate_prompt
from assistctl.server.upstream import authorization, backoff, trusted, usable_proxies, wait

_ATTEMPTS = 3
_ATTEMPTS_IF_BUSY = 6
_BUSY = (429, 503, 529)
_CONNECT_SECONDS = 10.0
_MOST_LESSONS = 12
_CAUTION = 1.2
"""By how much an estimate of tokens may be too low."""
_UNREACHABLE = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.ReadError,
    httpx2.RemoteProtocolError,
)

Body: TypeAlias = Callable[[Request, Dialect, Way, Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True)
class _Wire:
    path: str
    body: Body
    reader: Callable[[str], Reader]


_WIRES: Mapping[Api, _Wire] = {
    "chat": _Wire(chat.PATH, chat.chat_body, chat.Chunks),
    "responses": _Wire(responses.PATH, responses.responses_body, responses.Events),
}


@dataclass
class _Patience:
    """How often the same request has been sent, and until when it may be sent again."""

    deadline: float
    attempts: int = 0

    async def again(self, seconds: float | None, most: int | None) -> bool:
        """Wait, if the request may be repeated; `most` is how often it may be sent at all."""
        self.attempts += 1
        if seconds is None or (most is not None and self.attempts >= most):
            return False
        if anyio.current_time() + seconds >= self.deadline:
            return False
        await asyncio.sleep(seconds)
        return True


class AskedModel:
    """The models of one endpoint; `memory` keeps what was learnt of each. What is asked goes
    through the `tape`, if there is one."""

    note = None

    def __init__(
        self, endpoint: Endpoint, memory: Memory | None = None, tape: Tape | None = None
    ) -> None:
        self._endpoint = endpoint
        self._memory = memory or Memory()
        headers = authorization(endpoint.api_key, "model's")
        loopback = is_near(endpoint.base_url)
        with usable_proxies():
            self._client = httpx2.AsyncClient(
                headers=headers,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
                trust_env=not loopback,
                verify=_verification(endpoint, loopback),
            )
        self._taping = Taping(tape, self._client) if tape else None

    def context(self, model: str) -> int | None:
        return self._endpoint.way(model).context

    def run_seconds(self, model: str) -> float:
        return self._endpoint.way(model).run_seconds

    async def knows(self, model: str) -> bool:
        """Whether the endpoint has such a model. One that lists none is believed to have it."""
        way = self._endpoint.way(model)
        listed = await self._looked_up(model, "/models")
        if listed is None:
            return True
        names = [entry.get("id") for entry in listed.get("data", ()) if isinstance(entry, dict)]
        return way.name in names or bool(
            await self._looked_up(model, f"/models/{quote(way.name, safe='')}")
        )

    async def got(self, path: str, model: str = "") -> httpx2.Response:
        """What the endpoint answers there, in the way in which this model is asked. Raises
        httpx2.HTTPError."""
        way = self._endpoint.way(model)
        return await self._client.get(
            self._endpoint.base_url + path,
            headers=self._headers(way),
            params=way.query or None,
            timeout=_CONNECT_SECONDS,
        )

    async def _looked_up(self, model: str, path: str) -> dict[str, Any] | None:
        """What the endpoint has there; None if nothing, or nothing that can be understood."""
        try:
            answer = await self.got(path, model)
            found = answer.json() if answer.is_success else None
        except (httpx2.HTTPError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    async def stream(self, request: Request) -> AsyncGenerator[Delta, None]:
        way = self._endpoint.way(request.model)
        dialect = await self._memory.recall(self._endpoint.base_url, way)
        tried: list[tuple[Dialect, Request]] = []
        asked = await _within_context(request, dialect)
        patience = self._patience(way)
        while True:
            heard = False
            try:
                async with aclosing(self._answer(way, dialect, asked)) as deltas:
                    async for delta in deltas:
                        if isinstance(delta, Finish):
                            for text in _told(request, asked, dialect):
                                yield Note(text)
                        heard = True
                        yield delta
                await self._memory.keep(self._endpoint.base_url, way, dialect)
                return
            except Refused as told:
                error = as_error(self._endpoint.base_url, told)
                if heard:
                    raise error from told
                tried.append((dialect, asked))
                body, settled = self._body(way, dialect, asked), way.api != "auto"
                learnt = learn(Case(told, asked, dialect, body, settled), error)
                if learnt is not None and learnt not in tried and len(tried) <= _MOST_LESSONS:
                    dialect, asked = learnt
                    patience = self._patience(way)
                    continue
                pause = wait(told.status, told.headers, told.text, patience.attempts + 1)
                if not await patience.again(pause, _most(told)):
                    raise error from told
            except BadAnswer as fault:
                raise self._error(str(fault)) from fault
            except _UNREACHABLE as fault:
                if heard or not await patience.again(backoff(patience.attempts + 1), _ATTEMPTS):
                    raise self._unreachable(fault) from fault
            except httpx2.TimeoutException as fault:
                raise self._error(f"was silent for {way.timeout:g} seconds") from fault
            except NotTaped as fault:
                words = hidden(str(fault), self._endpoint.secrets)
                raise ModelError("server_error", words) from fault
            except httpx2.HTTPError as fault:
                raise self._unreachable(fault) from fault

    async def aclose(self) -> None:
        await self._client.aclose()

    def _headers(self, way: Way) -> dict[str, str]:
        key, name = self._endpoint.api_key, way.profile.key_header
        return {**({name: key} if key and name else {}), **way.headers}

    def _patience(self, way: Way) -> _Patience:
        seconds = anyio.current_time() + way.run_seconds
        return _Patience(min(anyio.current_effective_deadline(), seconds))

    def _body(self, way: Way, dialect: Dialect, request: Request) -> dict[str, Any]:
        body = _WIRES[dialect.api].body(request, dialect, way, self._origin(way, dialect))
        return {**body, **way.extra_body}

    def _origin(self, way: Way, dialect: Dialect) -> dict[str, str]:
        """By which an answer's state is known to be of this model at this endpoint."""
        return {"api": dialect.api, "endpoint": self._endpoint.base_url, "model": way.name}

    def _answer(self, way: Way, dialect: Dialect, request: Request) -> AsyncGenerator[Delta, None]:
        ask = partial(self._exchange, way, dialect)
        if not asks_in_words(request, dialect):
            return ask(request)
        # Without calls the format itself can be sent, so that the second answer has it.
        return in_form(ask, request, calls_again=not no_format_with_calls(request, dialect))

    async def _exchange(
        self, way: Way, dialect: Dialect, request: Request
    ) -> AsyncGenerator[Delta, None]:
        """Ask once. Raises Refused, BadAnswer, or what the client raises."""
        wire = _WIRES[dialect.api]
        body = self._body(way, dialect, request)
        sent = self._client.build_request(
            "POST",
            self._endpoint.base_url + wire.path,
            json=body,
            headers=self._headers(way),
            params=way.query or None,
            timeout=httpx2.Timeout(way.timeout, connect=_CONNECT_SECONDS, pool=None),
        )
        response = await (
            self._taping.send(sent) if self._taping else self._client.send(sent, stream=True)
        )
        try:
            if not response.is_success:
                raise await refused(response, self._endpoint.secrets)
            reader = wire.reader(way.name)
            try:
                async for delta in self._read(reader, response):
                    yield delta
                for delta in reader.rest():
                    yield delta
            except Failure as failure:
                raise refused_inside(failure.told, self._endpoint.secrets) from failure
            yield _cut(self._finished(reader, way, dialect), body.get("max_output_tokens"))
        finally:
            await response.aclose()

    async def _read(self, reader: Reader, response: httpx2.Response) -> AsyncIterator[Delta]:
        try:
            async for event in read_events(response.aiter_bytes()):
                if event.data.strip().lower() == "[done]":
                    reader.end()
                    break
                for parsed in self._parsed(event):
                    for delta in reader.read(parsed):
                        yield delta
        except (BadAnswer, httpx2.TransportError):
            if reader.finish is None:  # else the answer is whole, only its end was sloppy
                raise

    def _parsed(self, event: ServerEvent) -> list[Any]:
        """The objects of an event: one, or one a line."""
        if event.data.lstrip().startswith("<"):
            if event.whole:
                meant = with_version(self._endpoint.base_url)
                advice = f" Is {meant} meant, with /v1 at its end?" if meant else ""
                raise BadAnswer(f"answered with a web page. Check the model's base_url.{advice}")
            raise BadAnswer(f"sent what is not JSON: {self._start_of(event.data)}")
        try:
            objects = [json.loads(event.data)]
        except (ValueError, RecursionError) as error:
            lines = event.data.splitlines()
            if event.name == "error" and not event.data.lstrip().startswith(("{", "[")):
                raise Failure(event.data) from error
            if len(lines) < 2 or event.whole:
                raise BadAnswer(f"sent what is not JSON: {self._start_of(event.data)}") from error
            return [one for line in lines for one in self._parsed(ServerEvent(line, event.name))]
        if event.name == "error":
            raise Failure(objects[0])
        return objects

    def _finished(self, reader: Reader, way: Way, dialect: Dialect) -> Finish:
        finish = reader.finish
        if finish is None:
            raise BadAnswer("ended its answer in the middle")
        if finish.state is None:
            return finish
        state = {**finish.state, **self._origin(way, dialect)}
        return replace(finish, state=state)

    def _start_of(self, text: str) -> str:
        return repr(hidden(text, self._endpoint.secrets)[:200])

    def _unreachable(self, fault: Exception) -> ModelError:
        if isinstance(fault, httpx2.ConnectTimeout):
            return self._error(f"did not answer within {_CONNECT_SECONDS:g} seconds")
        words = str(fault) or type(fault).__name__
        return self._error(f"could not be reached or broke off: {words}")

    def _error(self, what: str) -> ModelError:
        what = hidden(what, self._endpoint.secrets)
        return ModelError("server_error", f"The model endpoint {self._endpoint.base_url} {what}")


def _cut(finish: Finish, cap: object) -> Finish:
    """llama.cpp's Responses call an answer completed that has reached its limit."""
    spent = finish.usage.completion if finish.usage else 0
    if finish.reason != "stop" or not isinstance(cap, int) or spent < cap:
        return finish
    return replace(finish, reason="length", state=None, word="max_output_tokens")


async def _within_context(request: Request, dialect: Dialect) -> Request:
    """The request with no longer an answer than its prompt will leave room for, by our estimate."""
    cap = request.max_completion_tokens
    if cap is None or dialect.context is None:
        return request
    prompt = await run_in_threadpool(estimate_prompt, request.messages, request.tools)
    room = max(dialect.context - int(prompt * _CAUTION) - LEAST_ANSWER, LEAST_ANSWER)
    return replace(request, max_completion_tokens=min(cap, room))


def _told(request: Request, asked: Request, dialect: Dialect) -> list[str]:
    told = notes(request, dialect)
    if asked.max_completion_tokens != request.max_completion_tokens:
        told.append(
            f"max_completion_tokens was lowered to {asked.max_completion_tokens}, which is what"
            " the thread leaves room for"
        )
    return told


def _most(told: Refused) -> int | None:
    """How often a request may be sent at all; a model that is being loaded is waited for."""
    if told.status == 503 and told.mentions("loading"):
        return None
    return _ATTEMPTS_IF_BUSY if told.status in _BUSY else _ATTEMPTS


def _verification(endpoint: Endpoint, loopback: bool) -> ssl.SSLContext | bool:
    """Certificates are checked against `ca_file`, if declared; a server on this machine, of which
    the environment is not asked, also against SSL_CERT_FILE."""
    if loopback and endpoint.base_url.startswith("http:"):
        return False  # there is none to check, and those of the system take 30 ms to load
    file = endpoint.ca_file or (trusted() if loopback else None)
    return ssl.create_default_context(cafile=file) if file else True
