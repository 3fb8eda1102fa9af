"""Events of a run as the Assistants API streams them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from assistctl.server.assistants_api.record.steps import shown
from assistctl.server.engine.streaming import encoded
from assistctl.server.wire import ApiError, Document, public

DONE = b"event: done\ndata: [DONE]\n\n"


@dataclass(frozen=True)
class StreamEvent:
    """`name` as the API spells it, such as thread.run.created; `data` is the object as stored."""

    name: str
    data: Document

    def encoded(self, include: Collection[str]) -> bytes:
        """As it goes over the wire; `include` is what was asked for beyond the usual."""
        is_step = self.data.get("object") == "thread.run.step"
        data = shown(self.data, include) if is_step else public(self.data)
        return encoded(self.name, data)


def delta(name: str, of: Document, changes: Document) -> StreamEvent:
    """Says what was added to a message or step."""
    return StreamEvent(name, {"id": of["id"], "object": name, "delta": changes})


def stream_failed(message: str) -> StreamEvent:
    """Says that the stream, not the run, has failed."""
    return StreamEvent("error", ApiError(message, status=500, type="server_error").document())


@dataclass(frozen=True)
class EventStream:
    """The Wire of this API's streams; `include` as in StreamEvent.encoded."""

    include: frozenset[str] = frozenset()

    @property
    def last(self) -> bytes:
        return DONE

    def encoded(self, event: StreamEvent) -> bytes:
        return event.encoded(self.include)

    def failed(self, message: str) -> bytes:
        return stream_failed(message).encoded(self.include)
