"""The lock of a thread: while a run is active, messages and further runs are refused.

Clients parse both texts. Each function settles what is overdue first, so that a thread is never
stuck behind a run that nobody works on; that makes them part of a write transaction.
"""

from __future__ import annotations

from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.engine.endings import end_abandoned
from assistctl.server.storage import Transaction
from assistctl.server.storage.leases import count_anew, on_thread, overdue
from assistctl.server.wire import ApiError


def active_run(tx: Transaction, project: str, thread_id: str) -> str | None:
    """The id of the run that locks a thread; one that nobody works on any more is ended first."""
    count_anew(tx)
    claim = on_thread(tx, project, thread_id)
    if claim is not None and claim in overdue(tx):
        end_abandoned(tx, ThreadRecord(claim))
        return None
    return claim.run_id if claim else None


def refuse_messages(tx: Transaction, project: str, thread_id: str) -> None:
    run_id = active_run(tx, project, thread_id)
    if run_id:
        raise ApiError(f"Can't add messages to {thread_id} while a run {run_id} is active.")


def refuse_runs(tx: Transaction, project: str, thread_id: str) -> None:
    run_id = active_run(tx, project, thread_id)
    if run_id:
        raise ApiError(f"Thread {thread_id} already has an active run {run_id}.")
