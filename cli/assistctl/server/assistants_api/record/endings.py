"""How a run stops for good: its open message and steps, and the run itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assistctl.server.assistants_api.record.events import StreamEvent
from assistctl.server.assistants_api.record.runs import NO_TOKENS
from assistctl.server.assistants_api.record.writers import attachments
from assistctl.server.engine.record import Ending
from assistctl.server.storage import Claim, Collection, Transaction
from assistctl.server.storage.documents import find, save, select
from assistctl.server.wire import MESSAGE, STEP, Document, now

_CUT_OFF = "The answer was cut off before the tool call was complete."
_MESSAGE_REASONS = {
    "failed": "run_failed",
    "incomplete": "max_tokens",
    "cancelled": "run_cancelled",
    "expired": "run_expired",
}


def write_ending(
    tx: Transaction,
    claim: Claim,
    run: Document,
    ending: Ending,
    contents: Mapping[str, list[Any]],
    made: Iterable[str] = (),
) -> list[StreamEvent]:
    """End an active run; returns the events of all that changed, in order.

    `contents` maps the id of a message that is still being written to the content it has so far;
    `made` are the ids of files that are attached to such a message.
    """
    events: list[StreamEvent] = []
    for step in select(tx, Collection(STEP, claim.project, run["id"]), {"status": "in_progress"}):
        if step["type"] == "message_creation":
            events += _end_message(tx, claim, step, ending, contents, made)
        events.append(_end_step(tx, claim, step, ending))
    ended = {
        **run,
        "status": ending.state,
        "required_action": None,
        "usage": run["_usage"] or NO_TOKENS,
        "last_error": _error(ending),
        "incomplete_details": {"reason": ending.reason} if ending.reason else None,
        **_at(ending.state, ("completed", "failed", "cancelled")),
        # The hosted API said of a completed and of a failed run that it no longer expires.
        **({"expires_at": None} if ending.state in ("completed", "failed") else {}),
    }
    events.append(StreamEvent(f"thread.run.{ending.state}", save(tx, claim.collection, ended)))
    return events


def _end_message(
    tx: Transaction,
    claim: Claim,
    step: Document,
    ending: Ending,
    contents: Mapping[str, list[Any]],
    made: Iterable[str],
) -> list[StreamEvent]:
    collection = Collection(MESSAGE, claim.project, claim.thread_id)
    message = find(tx, collection, step["step_details"]["message_creation"]["message_id"])
    if message is None or message["status"] != "in_progress":
        return []
    reason = ending.cut_by or _MESSAGE_REASONS.get(ending.state, "run_failed")
    content = contents.get(message["id"], message["content"])
    cut = {
        **message,
        "status": "incomplete",
        "content": content,
        "attachments": attachments(content, made),
        "incomplete_at": now(),
        "incomplete_details": {"reason": reason},
    }
    return [StreamEvent("thread.message.incomplete", save(tx, collection, cut))]


def _end_step(tx: Transaction, claim: Claim, step: Document, ending: Ending) -> StreamEvent:
    status: str = ending.state
    error = _error(ending)
    if status == "incomplete":  # not a status that steps have
        tool = step["type"] == "tool_calls"
        status = "failed" if tool else "completed"
        error = {"code": "server_error", "message": _CUT_OFF} if tool else None
    if error and error["code"] == "invalid_prompt":  # not a code that steps have
        error = {**error, "code": "server_error"}
    ended = {
        **step,
        "status": status,
        "last_error": error,
        "usage": step["usage"] or NO_TOKENS,
        "expires_at": None,
        **_at(status, ("completed", "failed", "cancelled", "expired")),
    }
    collection = Collection(STEP, claim.project, step["run_id"])
    return StreamEvent(f"thread.run.step.{status}", save(tx, collection, ended))


def _error(ending: Ending) -> Document | None:
    return {"code": ending.code, "message": ending.message} if ending.code else None


def _at(status: str, stamped: tuple[str, ...]) -> Document:
    return {f"{status}_at": now()} if status in stamped else {}
