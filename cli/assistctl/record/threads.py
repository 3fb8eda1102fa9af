"""Threads and their turns as they are recorded, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assistctl.resources import Json

UNFINISHED = "unfinished"
"""The status of a turn of whose end nothing was written down, as after a kill."""

Item = Mapping[str, Json]
"""What happened in a turn, by its `type`: `text` with its `text`; `tool` with `name`, `arguments`,
`output`, `seconds` and `error`, as far as there are these; anything else is an event by its name
with the fields of its own."""


@dataclass(frozen=True)
class Thread:
    """`id` is the target's, `number` the record's own; `assistant` is the key of the one that was
    talked with last. `began` and `used` are ISO 8601, UTC. Without a title none was recorded."""

    number: int
    id: str
    target: str
    assistant: str
    title: str | None
    began: str
    used: str
    turns: int


@dataclass(frozen=True)
class Turn:
    """One message and all that came of it. `message` None: it was not to be recorded."""

    assistant: str
    at: str
    message: str | None
    attachments: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    run: str | None = None
    status: str = UNFINISHED
    error: str | None = None
    usage: Mapping[str, Json] | None = None
    cost: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Hit:
    """A turn of a thread in which all words occur, and the text around the first of them."""

    thread: Thread
    at: str
    excerpt: str


_NO_TEXT = ("type", "id", "file_id", "container")


def texts(value: Json) -> list[str]:
    """Every text in a recorded value, in order, but for ids and the names of types."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        own = [item for name, item in value.items() if name not in _NO_TEXT]
        return [text for item in own for text in texts(item)]
    return (
        [text for item in value for text in texts(item)] if isinstance(value, list | tuple) else []
    )
