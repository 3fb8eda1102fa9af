"""Events of a session as they are told, each with an id of its own. Padding against eavesdroppers
(`obfuscation`) is not added: what is told here goes over loopback or TLS of the operator's."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from assistctl.server.agents_api import turns
from assistctl.server.engine import streaming
from assistctl.server.wire import Document

Event: TypeAlias = Document

SESSION = "agent.session."
IDLE = SESSION + "idle"
FAILED = SESSION + "failed"
_TURN = SESSION + "turn."
_ENDINGS = ("completed", "failed", "cancelled")
ENDED = tuple(_TURN + name for name in _ENDINGS)


def encoded(event: Event) -> bytes:
    """As it goes over the wire."""
    return streaming.encoded(event["type"], event)


def session(name: str, view: Mapping[str, Any]) -> Event:
    """`created`, or the status that the session has now."""
    return _event(SESSION + name, session=dict(view))


def turn(name: str, run: Mapping[str, Any]) -> Event:
    """`created`, `in_progress`, or the status in which the turn has ended."""
    view = turns.view(run)
    usage = {"usage": view["usage"]} if name in _ENDINGS else {}
    place = {"turn_id": view["id"], "session_id": view["session_id"]}
    return _event(_TURN + name, turn=view, **place, **usage)


def ended(run: Mapping[str, Any]) -> Event:
    """The end of the turn, by the status that it has."""
    return turn(turns.view(run)["status"], run)


def environment_ready(session_id: str, state: Document) -> Event:
    return _event(
        SESSION + "environment.ready", environment=state, session_id=session_id, turn_id=None
    )


def failed(session_id: str, message: str) -> Event:
    """What is told, not the turn, has failed."""
    error = {"type": "server_error", "code": None, "message": message, "param": None}
    return _event("error", error=error, session_id=session_id)


@dataclass(frozen=True)
class Teller:
    """What is told of the items of one turn."""

    session_id: str
    turn_id: str

    def added(self, item: Document, index: int | None) -> Event:
        """`index` is its place in the turn's output; what was given to the agent has none."""
        return self._told("item.added", item=item, output_index=index)

    def done(self, item: Document, index: int) -> Event:
        return self._told("item.done", item=item, output_index=index)

    def message_added(self, item: Document, index: int) -> list[Event]:
        """A message begins, and its only part with it."""
        empty = {**item, "content": []}
        return [
            self.added(empty, index),
            self._part("content_part.added", item, index, part=_text("")),
        ]

    def delta(self, item: Document, index: int, text: str) -> Event:
        return self._part("output_text.delta", item, index, delta=text)

    def output(self, item: Document, index: int, text: str) -> Event:
        """What a command has written."""
        place = {"session_id": self.session_id, "turn_id": self.turn_id}
        item_place = {"item_id": item["id"], "output_index": index}
        return _event(
            "agent.output.command_execution_output.delta", delta=text, **item_place, **place
        )

    def message_done(self, item: Document, index: int) -> list[Event]:
        """A message is whole, or as whole as it will be."""
        text = "".join(part["text"] for part in item["content"])
        return [
            self._part("output_text.done", item, index, text=text),
            self._part("content_part.done", item, index, part=_text(text)),
            self.done(item, index),
        ]

    def _part(self, name: str, item: Document, index: int, **fields: Any) -> Event:
        place = {"item_id": item["id"], "output_index": index, "content_index": 0}
        return self._told(name, **place, **fields)

    def _told(self, name: str, **fields: Any) -> Event:
        place = {"session_id": self.session_id, "turn_id": self.turn_id}
        return _event(_TURN + name, **place, **fields)


def _text(text: str) -> Document:
    return {"type": "output_text", "text": text}


def _event(kind: str, **fields: Any) -> Event:
    return {"type": kind, "event_id": f"event_{secrets.token_hex(12)}", **fields}
