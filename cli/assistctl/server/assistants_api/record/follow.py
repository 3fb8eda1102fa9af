"""The stream of a run that an earlier request began, for a client that lost that request's answer.

It comes when the run rests, and tells all that has happened in the order in which it did. The
deltas of then are gone: what was said comes in one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from assistctl.server.assistants_api.record.events import DONE, StreamEvent, delta, stream_failed
from assistctl.server.assistants_api.record.runs import TERMINAL
from assistctl.server.engine.streaming import KEEP_ALIVE, KEEP_ALIVE_SECONDS
from assistctl.server.storage import Claim, Collection, Database, Transaction
from assistctl.server.storage.documents import fetch, find, select
from assistctl.server.thread_pools import Lane
from assistctl.server.wire import MESSAGE, STEP, THREAD, Document

_POLL_SECONDS = 0.1
_UNENDED = {
    "status": "in_progress",
    "completed_at": None,
    "cancelled_at": None,
    "failed_at": None,
    "expired_at": None,
    "incomplete_at": None,
    "incomplete_details": None,
    "last_error": None,
    "usage": None,
    "required_action": None,
}
"""What an object says of its end, as long as it has none."""


@dataclass(frozen=True)
class Retelling:
    """What is to be told again: the run `claim`, which was answered as `run`.

    `with_thread` if the request made the thread as well; `answered_call` is one of the calls whose
    outputs it brought, if it was a submission: then only what followed is told.
    """

    claim: Claim
    run: Document
    with_thread: bool = False
    answered_call: str | None = None


async def follow(
    database: Database, reads: Lane, retelling: Retelling, include: frozenset[str]
) -> AsyncIterator[bytes]:
    """The body of the response, for which is read in that lane; `include` as in `encoded`."""
    spoken = time.monotonic()
    while (events := await reads.run(partial(_read, database, retelling))) is None:
        await asyncio.sleep(_POLL_SECONDS)
        if time.monotonic() - spoken >= KEEP_ALIVE_SECONDS:
            spoken = time.monotonic()
            yield KEEP_ALIVE
    for event in events:
        yield event.encoded(include)
    yield DONE


def _read(database: Database, retelling: Retelling) -> list[StreamEvent] | None:
    """All events up to now; None while the run is at work."""
    claim = retelling.claim
    with database.read() as tx:
        run = find(tx, claim.collection, claim.run_id)
        if run is None:
            return [stream_failed(f"The run {claim.run_id} was deleted.")]
        if run["status"] not in (*TERMINAL, "requires_action"):
            return None
        steps = select(tx, Collection(STEP, claim.project, claim.run_id))
        events, rest = _opening(tx, retelling, steps)
        events.append(StreamEvent("thread.run.in_progress", _unended(run)))
        for step in rest:
            events += _tell(tx, claim, step)
        return [*events, StreamEvent(f"thread.run.{run['status']}", run)]


def _opening(
    tx: Transaction, retelling: Retelling, steps: list[Document]
) -> tuple[list[StreamEvent], list[Document]]:
    """What the first stream began with, and the steps that followed."""
    queued = StreamEvent("thread.run.queued", retelling.run)
    for number, step in enumerate(steps, 1):
        if retelling.answered_call in step.get("_calls", ()):
            return [StreamEvent("thread.run.step.completed", step), queued], steps[number:]
    events = [StreamEvent("thread.run.created", retelling.run), queued]
    if retelling.with_thread:
        claim = retelling.claim
        thread = fetch(tx, Collection(THREAD, claim.project), claim.thread_id)
        events.insert(0, StreamEvent("thread.created", thread))
    return events, steps


def _tell(tx: Transaction, claim: Claim, step: Document) -> list[StreamEvent]:
    details = step["step_details"]
    begun = _unended(step)
    if details["type"] == "tool_calls":
        begun["step_details"] = {"type": "tool_calls", "tool_calls": []}
    events = [
        StreamEvent("thread.run.step.created", begun),
        StreamEvent("thread.run.step.in_progress", begun),
    ]
    if details["type"] == "tool_calls":
        calls = [_bare(call) for call in details["tool_calls"]]
        told = {"type": "tool_calls", "tool_calls": _numbered(calls)}
        events.append(delta("thread.run.step.delta", step, {"step_details": told}))
    else:
        events += _tell_message(tx, claim, details["message_creation"]["message_id"])
    if step["status"] != "in_progress":
        events.append(StreamEvent(f"thread.run.step.{step['status']}", step))
    return events


def _tell_message(tx: Transaction, claim: Claim, message_id: str) -> list[StreamEvent]:
    message = find(tx, Collection(MESSAGE, claim.project, claim.thread_id), message_id)
    if message is None:
        return []  # the client has deleted it since
    begun = {**_unended(message), "content": [], "attachments": []}
    parts = [_with_numbered_annotations(part) for part in message["content"]]
    events = [
        StreamEvent("thread.message.created", begun),
        StreamEvent("thread.message.in_progress", begun),
        delta("thread.message.delta", message, {"content": _numbered(parts)}),
    ]
    if message["status"] != "in_progress":
        events.append(StreamEvent(f"thread.message.{message['status']}", message))
    return events


def _unended(document: Document) -> Document:
    return {key: _UNENDED.get(key, value) for key, value in document.items()}


def _bare(call: Document) -> Document:
    """A call as its delta has it: what a search found comes with the finished step, and what code
    wrote bears numbers."""
    if call["type"] == "file_search":
        return {**call, "file_search": {}}
    if call["type"] == "code_interpreter":
        code = call["code_interpreter"]
        return {**call, "code_interpreter": {**code, "outputs": _numbered(code["outputs"])}}
    return call


def _with_numbered_annotations(part: Document) -> Document:
    if part["type"] != "text":
        return part
    text = part["text"]
    return {**part, "text": {**text, "annotations": _numbered(text["annotations"])}}


def _numbered(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"index": number, **item} for number, item in enumerate(items)]
