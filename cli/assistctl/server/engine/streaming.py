"""Events of a run on their way to the client that listens, as the API's server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from assistctl.server.engine.steps import shown
from assistctl.server.wire import ApiError, Document, public


@dataclass(frozen=True)
class Event:
    """`name` as the API spells it, such as thread.run.created; `data` is the object as stored."""

    name: str
    data: Document


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
        """Say that the stream, not the run, has failed."""
        error = ApiError(message, status=500, type="server_error")
        self.send([Event("error", error.document())])

    def close(self) -> None:
        """No more events; called exactly when the run stops or waits for outputs."""
        self._events.put_nowait(None)

    async def listen(self) -> AsyncIterator[bytes]:
        """The body of the response: every event, then `done`."""
        try:
            while (event := await self._events.get()) is not None:
                yield _encode(event.name, self._render(event.data))
            yield b"event: done\ndata: [DONE]\n\n"
        finally:
            self.listening = False

    def _render(self, data: Document) -> Document:
        return (
            shown(data, self.include) if data.get("object") == "thread.run.step" else public(data)
        )


def _encode(name: str, data: Document) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
