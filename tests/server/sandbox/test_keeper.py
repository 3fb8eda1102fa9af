"""The thread that starts interpreters."""

from __future__ import annotations

import logging
import threading

import pytest

from assistctl.server.sandbox.keeper import Closed, Keeper


@pytest.fixture
def chores():
    return threading.Semaphore(0)


@pytest.fixture
def keeper(chores):
    keeper = Keeper(chores.release, 0.01)
    yield keeper
    keeper.close()


def test_everything_is_done_by_one_thread_that_stays(keeper):
    threads = {keeper.do(threading.get_ident) for _ in range(3)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_what_a_job_raises_is_the_askers(keeper):
    with pytest.raises(ZeroDivisionError):
        keeper.do(lambda: 1 / 0)
    assert keeper.do(lambda: 1) == 1


def test_the_chore_is_done_again_and_again(keeper, chores):
    keeper.do(int)
    assert all(chores.acquire(timeout=20) for _ in range(3))


def test_the_chore_is_not_crowded_out_by_jobs(keeper, chores):
    while not chores.acquire(blocking=False):
        keeper.do(int)


def test_a_chore_that_fails_is_logged_and_harms_nothing(caplog):
    failed = threading.Event()

    def chore() -> None:
        failed.set()
        raise ValueError("no")

    keeper = Keeper(chore, 0.01)
    with caplog.at_level(logging.ERROR, "assistctl.server"):
        keeper.do(int)
        assert failed.wait(20)
        assert keeper.do(lambda: 1) == 1
        keeper.close()
    assert caplog.messages[0] == "looking after the sandboxes failed; it goes on"


def test_after_the_end_nothing_is_done(keeper):
    keeper.do(int)
    keeper.close()
    with pytest.raises(Closed):
        keeper.do(int)


def test_a_keeper_that_was_never_asked_ends_too(chores):
    keeper = Keeper(chores.release, 1)
    keeper.close()
    with pytest.raises(Closed):
        keeper.do(int)
