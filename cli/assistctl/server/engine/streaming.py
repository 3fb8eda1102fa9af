"""What is told of a run on its way to the client that listens, as server-sent events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from assistctl.server.engine.record import Events

KEEP_ALIVE_SECONDS = 15.0
_POLL_SECONDS = 0.05
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which clients drop; proxies and read timeouts see that the stream lives."""


def encoded(name: str, data: Any) -> bytes:
    """One event of a stream, with the blank line that ends it."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class Wire(Protocol):
    """How one API sends what its records tell. It is asked for each event once, in order."""

    @property
    def last(self) -> bytes:
        """What a stream ends with."""

    def encoded(self, event: Any) -> bytes:
        """One event of the API's records, whole, with the blank line that ends it."""

    def failed(self, message: str) -> bytes:
        """The stream, not the run, has failed."""


class Listener(Protocol):
    """Who is told of a run as it goes on."""

    def send(self, events: Events) -> None:
        """What has happened since."""

    def fail(self, message: str) -> None:
        """What is told, not the run, has failed."""

    def close(self) -> None:
        """The run stops, or waits for outputs: this part of it has nothing more to tell."""


@dataclass
class Channel:
    """The one listener of a run; where there is none, `listening` is False and events go nowhere,
    unless they are `kept` for those who come later. Of a run that may be cancelled once its clients
    have gone away, `clients` tell whether they have: the listener first, then those who wait beside
    it, by asking again; `pokes` counts how often they were looked for.

    It never holds the run up: what a slow client has not fetched yet waits here, at most one run's
    worth of it, and a client that goes away just stops reading.
    """

    wire: Wire
    listening: bool = True
    kept: list[bytes] | None = None
    closed: bool = False
    clients: list[Callable[[], bool]] = field(default_factory=list)
    pokes: int = 0
    _waiting: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    def send(self, events: Events) -> None:
        if self.listening or self.kept is not None:
            for event in events:
                self._put(self.wire.encoded(event))

    def fail(self, message: str) -> None:
        if self.listening or self.kept is not None:
            self._put(self.wire.failed(message))

    def is_left(self) -> bool:
        """Whether all have gone for whom such a run is worked on."""
        return bool(self.clients) and all(is_gone() for is_gone in self.clients)

    def poke(self) -> None:
        """Send what nobody hears: that a client has gone shows when something is sent to it."""
        self.pokes += 1
        self._waiting.put_nowait(KEEP_ALIVE)

    def close(self) -> None:
        """No more events; called exactly when the run stops or waits for outputs."""
        self.closed = True
        self._waiting.put_nowait(None)

    def _put(self, event: bytes) -> None:
        if self.kept is not None:
            self.kept.append(event)
        if self.listening:
            self._waiting.put_nowait(event)

    async def tail(self, start: int) -> AsyncIterator[bytes]:
        """The kept events from that number on, and those that follow, for any number of listeners
        at any time; it ends as `listen` does."""
        kept, told = self.kept or [], time.monotonic()
        while True:
            ended = self.closed
            for event in kept[start:]:
                start, told = start + 1, time.monotonic()
                yield event
            if ended:
                break
            if time.monotonic() - told >= KEEP_ALIVE_SECONDS:
                told = time.monotonic()
                yield KEEP_ALIVE
            await asyncio.sleep(_POLL_SECONDS)
        yield self.wire.last

    async def listen(self) -> AsyncIterator[bytes]:
        """The body of the response: every event, then the last words of the API's streams."""
        try:
            while True:
                try:
                    event = await asyncio.wait_for(self._waiting.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield KEEP_ALIVE
                    continue
                if event is None:
                    break
                yield event
            yield self.wire.last
        finally:
            self.listening = False
