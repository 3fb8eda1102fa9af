"""Who works on a run, by a clock that is put back."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import openai as sdk
import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from assistctl.server.storage import leases
from assistctl.server.storage.database import Database
from assistctl.server.storage.leases import HEARTBEAT_SECONDS, LEASE_SECONDS, Claim

STEP_SECONDS = 172_777
DEAD = Claim("default", "thread_1", "run_1")
LIVING = Claim("default", "thread_2", "run_2")


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leases, "time", SimpleNamespace(time=clock.time))
    return clock


def test_a_lease_of_before_the_clock_was_put_back_is_over_in_its_time(
    db: Database, clock: Clock
) -> None:
    with db.write() as tx:
        leases.open_run(tx, DEAD, "dead", 2**31)
        leases.open_run(tx, LIVING, "living", 2**31)
        assert not leases.is_ahead(tx)
        clock.now -= STEP_SECONDS
        assert leases.is_ahead(tx)
        leases.count_anew(tx)
        assert not leases.is_ahead(tx)
        assert leases.overdue(tx) == []
        clock.now += LEASE_SECONDS / 2
        leases.renew(tx, LIVING, "living")
        clock.now += LEASE_SECONDS / 2 + 0.1
        assert leases.overdue(tx) == [DEAD]


def test_who_was_held_up_gives_others_the_time_to_renew(db: Database, clock: Clock) -> None:
    leases.beat(db)
    with db.write() as tx:
        leases.open_run(tx, DEAD, "dead", 2**31)
        leases.open_run(tx, LIVING, "living", 2**31)
        clock.now += 3600  # the machine slept
        assert leases.overdue(tx) == []
        leases.beat(db)
        assert leases.overdue(tx) == []
        for _ in range(2):
            clock.now += 2 * HEARTBEAT_SECONDS
            leases.renew(tx, LIVING, "living")
            leases.beat(db)
        assert leases.overdue(tx) == [DEAD]


def test_who_was_held_up_judges_again_also_if_the_clock_was_put_back_since(
    db: Database, clock: Clock
) -> None:
    leases.beat(db)
    clock.now += 3600
    leases.beat(db)
    clock.now -= STEP_SECONDS
    leases.beat(db)
    with db.write() as tx:
        leases.open_run(tx, DEAD, "dead", 2**31)
        for _ in range(6):
            clock.now += HEARTBEAT_SECONDS
            leases.beat(db)
        assert leases.overdue(tx) == [DEAD]


def test_a_run_that_waits_for_outputs_has_no_lease_that_could_be_ahead(
    db: Database, clock: Clock
) -> None:
    with db.write() as tx:
        leases.open_run(tx, DEAD, "dead", int(clock.now) + 600)
        leases.take(tx, DEAD, None)
        clock.now -= STEP_SECONDS
        assert not leases.is_ahead(tx)


def test_a_thread_is_free_again_soon_after_a_crash_and_a_clock_that_was_put_back(
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", float(STEP_SECONDS))
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.1)
    client = connect(start())
    thread = client.beta.threads.create()
    with db.write() as tx:
        leases.open_run(tx, Claim("default", thread.id, "run_1"), "dead", 2**31)

    def is_free() -> bool:
        try:
            return bool(client.beta.threads.messages.create(thread.id, role="user", content="hi"))
        except sdk.BadRequestError as error:
            assert "while a run run_1 is active" in str(error)
            return False

    assert not is_free()
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    until = time.monotonic() + 20
    while not is_free():
        assert time.monotonic() < until
