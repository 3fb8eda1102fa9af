"""Events of a run on their way to the client that listens, as the API's server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass, field

from assistctl.server.engine.steps import shown
from assistctl.server.wire import ApiError, Document, public

KEEP_ALIVE_SECONDS = 15.0
KEEP_ALIVE = b": keep-alive\n\n"
"""A comment, which clients drop; proxies and read timeouts see that the stream lives."""
DONE = b"event: done\ndata: [DONE]\n\n"


@dataclass(frozen=True)
class Event:
    """`name` as the API spells it, such as thread.run.created; `data` is the object as stored."""

    name: str
    data: Document

    def encoded(self, include: Collection[str]) -> bytes:
        """As it goes over the wire; `include` is what was asked for beyond the usual."""
        is_step = self.data.get("object") == "thread.run.step"
        data = shown(self.data, include) if is_step else public(self.data)
        return f"event: {self.name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def stream_failed(message: str) -> Event:
    """Says that the stream, not the run, has failed."""
    return Event("error", ApiError(message, status=500, type="server_error").document())


@dataclass
class Channel:
    """The one listener of a run; where there is none, `listening` is False and events go nowhere.

    It never holds the run up: what a slow client has not fetched yet waits here, at most one run's
    worth of it, and a client that goes away just stops reading.
    """

    include: frozenset[str] = frozenset()
    listening: bool = True
    _events: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)

    def send(self, events: Iterable[Event]) -> None:
        if self.listening:
            for event in events:
                self._events.put_nowait(event)

    def fail(self, message: str) -> None:
        self.send([stream_failed(message)])

    def close(self) -> None:
        """No more events; called exactly when the run stops or waits for outputs."""
        self._events.put_nowait(None)

    async def listen(self) -> AsyncIterator[bytes]:
        """The body of the response: every event, then `done`."""
        try:
            while True:
                try:
                    event = await asyncio.wait_for(self._events.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield KEEP_ALIVE
                    continue
                if event is None:
                    break
                yield event.encoded(self.include)
            yield DONE
        finally:
            self.listening = False
