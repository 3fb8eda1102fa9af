"""A turn written down as it happens: Events -> the record of threads."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from assistctl.events import (
    ActionRequired,
    CodeCalled,
    CodeReturned,
    Event,
    Finished,
    Notice,
    RunStarted,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolCalled,
    ToolReturned,
)
from assistctl.record import store
from assistctl.record.threads import Item, Turn
from assistctl.redaction import Redaction
from assistctl.resources import Assistant, Json, Workspace
from assistctl.surface import Conversation

_TOLD_ELSEWHERE = (ThreadStarted, RunStarted, StatusChanged, ActionRequired)


@dataclass(frozen=True)
class Recorded:
    """Whose turn it is, and what must not be written down of it."""

    workspace: Workspace
    assistant: Assistant
    conversation: Conversation
    redaction: Redaction


def recorded(
    place: Recorded, message: str, attachments: Sequence[str], events: Iterator[Event]
) -> Iterator[Event]:
    """The events as they come. The turn is written down once the target works on it, without making
    it wait, and again when it has ended, in whatever way; where that cannot be done, a Notice says
    so. `attachments` are the names of files."""
    begun = time.monotonic()
    said = message if place.workspace.records else None
    turn = Turn(place.assistant.key, store.now(), said, tuple(attachments) if said else ())
    heard: list[Event] = []
    number: int | None = None
    fault: store.Unreadable | None = None
    last: Finished | None = None
    why: str | None = None
    status = "cancelled"  # by whoever does not listen any more
    try:
        for event in events:
            heard.append(event)
            is_under_way = place.conversation.thread and not isinstance(event, ThreadStarted)
            if number is None and fault is None and is_under_way:
                try:
                    number = _begin(place, turn)
                except store.Unreadable as error:
                    fault = error
                    yield Notice(f"this is not recorded: {error}")
            if isinstance(event, Finished):
                last, turn = event, replace(turn, usage=event.usage, cost=event.cost)
                status, why = event.status, event.error
                break
            yield event
    except Exception as error:
        status, why = "failed", str(error)
        raise
    finally:
        if number is None and fault is None and heard and place.conversation.thread:
            with suppress(store.Unreadable):
                number = _begin(place, turn)
        if number is not None:
            seconds = round(time.monotonic() - begun, 3)
            turn = replace(turn, status=status, error=why, seconds=seconds)
            _end(place, number, turn, heard)
    if last:  # which others may be the last to hear, too
        yield last


def _begin(place: Recorded, turn: Turn) -> int:
    workspace, thread = place.workspace, str(place.conversation.thread)
    return store.begin(workspace.root, workspace.target.name, thread, _safe(place, turn))


def _end(place: Recorded, number: int, turn: Turn, heard: Sequence[Event]) -> None:
    if place.workspace.records:
        runs = [event.run for event in heard if isinstance(event, RunStarted)]
        turn = replace(turn, items=tuple(items(heard)), run=runs[-1] if runs else None)
    else:
        turn = Turn(turn.assistant, turn.at, None, status=turn.status)
    thread = str(place.conversation.thread)
    store.end(place.workspace.root, number, thread, _safe(place, turn))


def _safe(place: Recorded, turn: Turn) -> Turn:
    """Without what is secret; of an error also without what may be."""
    hidden = place.redaction.value
    return replace(
        turn,
        message=hidden(turn.message),
        attachments=tuple(hidden(turn.attachments)),
        items=tuple(hidden(turn.items)),
        error=None if turn.error is None else place.redaction.text(turn.error),
    )


def items(events: Sequence[Event]) -> list[Item]:
    """What happened, in order: pieces of text put together, calls with what came of them, any other
    event by its name, and at last what the answer cites and the files that were made."""
    returned = {event.call for event in events if isinstance(event, ToolReturned)}
    run = {event.id for event in events if isinstance(event, CodeReturned)}
    found: list[dict[str, Json]] = []
    for event in events:
        match event:
            case TextDelta(text, source):
                piece = text if source is None else f"[{source}]"
                if found and found[-1]["type"] == "text":
                    found[-1]["text"] += piece
                else:
                    found.append({"type": "text", "text": piece})
            case ToolReturned(call, output, seconds, error):
                came = {"output": output, "seconds": round(seconds or 0.0, 3), "error": error}
                found.append({**_tool(call), **came})
            case ToolCalled(call):
                found += [] if call in returned else [_tool(call)]
            case CodeCalled(call_id) if call_id in run:
                pass
            case Finished():
                found += _concluding(event, any(item["type"] == "text" for item in found))
            case _ if not isinstance(event, _TOLD_ELSEWHERE):
                kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
                found.append({**asdict(event), "type": kind})
    return list(found)


def _concluding(event: Finished, spoken: bool) -> list[dict[str, Json]]:
    text = [] if spoken or not event.text else [{"type": "text", "text": event.text}]
    sources = [{"type": "source", **asdict(source)} for source in event.sources]
    return [*text, *sources, *({"type": "file", **asdict(file)} for file in event.files)]


def _tool(call: ToolCall) -> dict[str, Json]:
    return {"type": "tool", "id": call.id, "name": call.name, "arguments": call.arguments}
