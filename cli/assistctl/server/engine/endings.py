"""How a run stops for good: its record, and the lock of its thread."""

from __future__ import annotations

from collections.abc import Iterable

from assistctl.server.engine.record import Ending, Events, Record, Standing, failed
from assistctl.server.models.protocol import Usage
from assistctl.server.storage import Claim, Transaction, leases

_WORKER_GONE = "The server process that worked on this run stopped before the run ended."
_ABANDONED = {
    Standing.CANCELLING: Ending("cancelled"),
    Standing.EXPIRED: Ending("expired"),
    Standing.ACTIVE: failed("server_error", _WORKER_GONE),
}


def end_run(tx: Transaction, record: Record, ending: Ending, usage: Usage | None = None) -> Events:
    """End an active run and unlock its thread; `usage` as in Record.end."""
    events = record.end(tx, ending, usage)
    leases.close_run(tx, record.claim)
    return events


def end_abandoned(tx: Transaction, record: Record) -> None:
    """End a run that `leases.overdue` has named."""
    ending = _ABANDONED.get(record.standing(tx))
    if ending is None:
        leases.close_run(tx, record.claim)  # its thread was deleted
    else:
        end_run(tx, record, ending)


def stopped(tx: Transaction, records: Iterable[Record]) -> list[Claim]:
    """Those runs that somebody wants cancelled, or has deleted."""
    over = (Standing.CANCELLING, Standing.GONE)
    return [record.claim for record in records if record.standing(tx) in over]
