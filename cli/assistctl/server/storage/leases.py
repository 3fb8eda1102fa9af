"""Which runs are active, who works on each, and for how long that is believed.

A row of `active_runs` is the lock of its thread. `owner` names the process that works on the run
and must renew its lease; while the run waits for tool outputs nobody does, and the owner is NULL.
Several processes may share the database: whoever finds a lease run out may end that run, and a
process that lost its lease (asleep for a while, say) finds out at its next write and lets go.

Leases are told by the machine's clock, which may be put back, and goes on while the machine sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from assistctl.server.storage.database import Database, Transaction
from assistctl.server.storage.documents import Collection
from assistctl.server.wire import RUN

LEASE_SECONDS = 10.0
HEARTBEAT_SECONDS = 2.0
_SLEW_SECONDS = 1.0
"""By which a clock may be put back in passing."""
_AHEAD = "owner IS NOT NULL AND lease_until > ?"


class LeaseLost(Exception):
    """The run is no longer ours to work on: ended by another process, or deleted."""


@dataclass(frozen=True)
class Claim:
    """An active run, as far as its place goes."""

    project: str
    thread_id: str
    run_id: str

    @property
    def collection(self) -> Collection:
        """Where the run itself stands."""
        return Collection(RUN, self.project, self.thread_id)


def open_run(tx: Transaction, claim: Claim, owner: str, expires_at: int) -> None:
    """Lock the thread for a new run that `owner` works on."""
    tx.execute(
        "INSERT INTO active_runs (project, thread_id, run_id, owner, lease_until, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (claim.project, claim.thread_id, claim.run_id, owner, _lease(), expires_at),
    )


def take(tx: Transaction, claim: Claim, owner: str | None) -> None:
    """Make `owner` the one who works on an active run, None when it waits for outputs."""
    tx.execute(
        "UPDATE active_runs SET owner = ?, lease_until = ?"
        " WHERE project = ? AND thread_id = ? AND run_id = ?",
        (owner, _lease(), claim.project, claim.thread_id, claim.run_id),
    )


def close_run(tx: Transaction, claim: Claim) -> None:
    """Unlock the thread: nobody works on the run any more."""
    tx.execute(
        "DELETE FROM active_runs WHERE project = ? AND thread_id = ? AND run_id = ?",
        (claim.project, claim.thread_id, claim.run_id),
    )


def check_held(tx: Transaction, claim: Claim, owner: str) -> None:
    """Raises LeaseLost unless `owner` still works on the run."""
    rows = tx.execute(
        "SELECT owner FROM active_runs WHERE project = ? AND thread_id = ? AND run_id = ?",
        (claim.project, claim.thread_id, claim.run_id),
    )
    if rows != [(owner,)]:
        raise LeaseLost(claim.run_id)


def renew(tx: Transaction, claim: Claim, owner: str) -> None:
    """The heartbeat: the run is worked on for a while longer, if `owner` still holds it."""
    tx.execute(
        "UPDATE active_runs SET lease_until = ?"
        " WHERE project = ? AND thread_id = ? AND run_id = ? AND owner = ?",
        (_lease(), claim.project, claim.thread_id, claim.run_id, owner),
    )


def beat(database: Database) -> None:
    """To be called every HEARTBEAT_SECONDS, before leases are renewed."""
    now = time.time()
    if _is_late(database, now):
        database.awake_since = now
    database.beaten = now


def _is_late(database: Database, now: float) -> bool:
    return database.beaten is not None and now - database.beaten > _patience()


def _patience() -> float:
    """How late a heartbeat is that has been held up, and how long others then get for theirs."""
    return max(LEASE_SECONDS / 2, 2 * HEARTBEAT_SECONDS)


def is_ahead(tx: Transaction) -> bool:
    """Whether a lease ends later than one that was taken just now: the clock was put back since."""
    condition = f"SELECT 1 FROM active_runs WHERE {_AHEAD} LIMIT 1"  # noqa: S608
    return bool(tx.execute(condition, (_lease() + _SLEW_SECONDS,)))


def count_anew(tx: Transaction) -> None:
    """Let such a lease begin now. Its owner, if it lives, renews it in time; if it is dead, its
    thread is not locked for as long as the clock was put back."""
    tx.execute(
        f"UPDATE active_runs SET lease_until = ? WHERE {_AHEAD}",  # noqa: S608
        (_lease(), _lease() + _SLEW_SECONDS),
    )


def on_thread(tx: Transaction, project: str, thread_id: str) -> Claim | None:
    """The active run of a thread, overdue or not."""
    found = _claims(tx, "project = ? AND thread_id = ?", (project, thread_id))
    return next((claim for claim, _ in found), None)


def overdue(tx: Transaction) -> list[Claim]:
    """Runs that nobody will end unless we do: leases that ran out, outputs that never came.

    A run past its time whose owner is alive is not among them, since its owner ends it; nor is one
    that this process works on, however late its heartbeat is: on a slow machine, or after a sleep,
    whatever asks for the thread may come first.
    """
    now = time.time()
    # While we waited for our turn to write, owners could not renew; they may wait for as long
    # already as we did, and it is chance whose turn comes first. What has held us up (a machine
    # that slept, or had too much to do) has held them up as well.
    then = now - 2 * tx.waited
    if _is_late(tx.database, now) or 0 <= now - tx.database.awake_since < _patience():
        then = 0.0
    condition = "(owner IS NULL AND expires_at <= ?) OR (owner IS NOT NULL AND lease_until < ?)"
    found = _claims(tx, condition, (now, then))
    return [claim for claim, owner in found if (claim, owner) not in tx.database.at_work]


def _claims(
    tx: Transaction, condition: str, parameters: tuple[str | float, ...]
) -> Iterator[tuple[Claim, str | None]]:
    """With the owner of each."""
    rows = tx.execute(
        f"SELECT owner, project, thread_id, run_id FROM active_runs WHERE {condition}",  # noqa: S608
        parameters,
    )
    return ((Claim(*place), owner) for owner, *place in rows)


def _lease() -> float:
    return time.time() + LEASE_SECONDS
