"""A tape between the server and its model endpoint: what was asked is answered from it, or asked
and kept. Whoever starts the server brings the tape (`Settings.tape`)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Protocol

import httpx2

_KEPT = frozenset({400, 404, 405, 413, 415, 422})
"""Of the refusals those that come again; the others are of the moment."""


class Answer(Protocol):
    """What an endpoint has answered; `body` is all of it, streamed or not."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def content_type(self) -> str:
        """The media type, with its parameters."""

    @property
    def body(self) -> bytes:
        """What came."""


class Tape(Protocol):
    """Called in the server's loop, for one request of a kind at a time."""

    def answer(self, path: str, body: bytes) -> Answer | None:
        """What to answer; None: ask the endpoint. Raises LookupError, in words for people, for what
        must not be asked."""

    def keep(self, path: str, body: bytes, status: int, content_type: str, answer: bytes) -> Answer:
        """Note what the endpoint has answered, and return what to make of it."""


class NotTaped(httpx2.HTTPError):
    """What must not be asked, in words for people."""


class Taping:
    """Sends requests by a client, but for those that the tape answers. An answer is read to its end
    before anybody gets it."""

    def __init__(self, tape: Tape, client: httpx2.AsyncClient) -> None:
        self._tape = tape
        self._client = client
        self._alike: defaultdict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, request: httpx2.Request) -> httpx2.Response:
        """What came, now or when it was taped. Raises what the client raises, and NotTaped."""
        path, body = request.url.path, request.content
        async with self._alike[body]:  # what is asked twice at the same time is asked once
            try:
                answer = self._tape.answer(path, body)
            except LookupError as error:
                raise NotTaped(str(error.args[0])) from error
            if answer is None:
                response = await self._client.send(request)
                if not response.is_success and response.status_code not in _KEPT:
                    return response
                media = response.headers.get("content-type", "application/json")
                answer = self._tape.keep(path, body, response.status_code, media, response.content)
        headers = {"content-type": answer.content_type}
        return httpx2.Response(answer.status, headers=headers, content=answer.body, request=request)
