"""How a run stops for good: its open message and steps, the run itself, the thread's lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from assistctl.server.engine.citations import attachments
from assistctl.server.engine.runs import NO_TOKENS
from assistctl.server.engine.streaming import Event
from assistctl.server.storage.database import Transaction
from assistctl.server.storage.documents import Collection, find, save, select
from assistctl.server.storage.leases import Claim, close_run
from assistctl.server.wire import MESSAGE, STEP, Document, now

Status: TypeAlias = Literal["completed", "failed", "incomplete", "cancelled", "expired"]
TERMINAL = ("completed", "failed", "incomplete", "cancelled", "expired")

_WORKER_GONE = "The server process that worked on this run stopped before the run ended."
_CUT_OFF = "The answer was cut off before the tool call was complete."
_MESSAGE_REASONS = {
    "failed": "run_failed",
    "incomplete": "max_tokens",
    "cancelled": "run_cancelled",
    "expired": "run_expired",
}


@dataclass(frozen=True)
class Ending:
    """`code` and `message` become the last_error of a failed run; `reason` is why an incomplete
    run is incomplete; `cut_by` overrides the reason that the unfinished message gets."""

    status: Status
    code: str | None = None
    message: str | None = None
    reason: str | None = None
    cut_by: str | None = None

    @property
    def error(self) -> Document | None:
        return {"code": self.code, "message": self.message} if self.code else None


def failed(code: str, message: str) -> Ending:
    return Ending("failed", code, message)


def end_run(
    tx: Transaction,
    claim: Claim,
    run: Document,
    ending: Ending,
    said: Mapping[str, list[Any]] | None = None,
) -> list[Event]:
    """End an active run and unlock its thread; returns the events of all that changed, in order.

    `said` maps the id of a message that is still being written to the content it has so far.
    """
    events: list[Event] = []
    for step in select(tx, Collection(STEP, claim.project, run["id"]), {"status": "in_progress"}):
        if step["type"] == "message_creation":
            events += _end_message(tx, claim, step, ending, said or {})
        events.append(_end_step(tx, claim, step, ending))
    ended = {
        **run,
        "status": ending.status,
        "required_action": None,
        "usage": run["_usage"] or NO_TOKENS,
        "last_error": ending.error,
        "incomplete_details": {"reason": ending.reason} if ending.reason else None,
        **_at(ending.status, ("completed", "failed", "cancelled")),
        # The hosted API said of a completed run that it no longer expires.
        **({"expires_at": None} if ending.status == "completed" else {}),
    }
    close_run(tx, claim)
    events.append(Event(f"thread.run.{ending.status}", save(tx, claim.collection, ended)))
    return events


def end_abandoned(tx: Transaction, claim: Claim) -> None:
    """End a run that `leases.overdue` has named."""
    run = find(tx, claim.collection, claim.run_id)
    if run is None or run["status"] in TERMINAL:
        close_run(tx, claim)  # its thread was deleted
    elif run["status"] == "cancelling":
        end_run(tx, claim, run, Ending("cancelled"))
    elif run["expires_at"] <= now():
        end_run(tx, claim, run, Ending("expired"))
    else:
        end_run(tx, claim, run, failed("server_error", _WORKER_GONE))


def _end_message(
    tx: Transaction, claim: Claim, step: Document, ending: Ending, said: Mapping[str, list[Any]]
) -> list[Event]:
    collection = Collection(MESSAGE, claim.project, claim.thread_id)
    message = find(tx, collection, step["step_details"]["message_creation"]["message_id"])
    if message is None or message["status"] != "in_progress":
        return []
    reason = ending.cut_by or _MESSAGE_REASONS.get(ending.status, "run_failed")
    content = said.get(message["id"], message["content"])
    cut = {
        **message,
        "status": "incomplete",
        "content": content,
        "attachments": attachments(content),
        "incomplete_at": now(),
        "incomplete_details": {"reason": reason},
    }
    return [Event("thread.message.incomplete", save(tx, collection, cut))]


def _end_step(tx: Transaction, claim: Claim, step: Document, ending: Ending) -> Event:
    status: str = ending.status
    error = ending.error
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
        **_at(status, ("completed", "failed", "cancelled", "expired")),
    }
    return Event(
        f"thread.run.step.{status}",
        save(tx, Collection(STEP, claim.project, step["run_id"]), ended),
    )


def _at(status: str, stamped: tuple[str, ...]) -> Document:
    return {f"{status}_at": now()} if status in stamped else {}
