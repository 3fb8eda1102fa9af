"""Runs that outlive what works on them: leases, expiry, several processes, shutting down."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import openai as sdk
import pytest

from assistctl.server import engine
from assistctl.server.engine.worker import Worker
from assistctl.server.storage import leases
from assistctl.server.storage.documents import find, save
from assistctl.server.storage.leases import Claim
from tests import forking
from tests.server.chat_endpoint import call, chat_endpoint_running, say
from tests.server.runs_help import (
    SCRIPTS,
    answer_all,
    make_assistant,
    make_thread,
    run_to_stop,
    say_and_run,
    steps_of,
    texts,
)

RUN_THREADS = 40
"""So many requests a server works on at once, as anyio has it."""
GONE = "The server process that worked on this run stopped before the run ended."


@pytest.fixture
def endpoint():
    with chat_endpoint_running() as endpoint:
        yield endpoint


@pytest.fixture
def client(start, connect):
    return connect(start(scripts=SCRIPTS))


@pytest.fixture(autouse=True)
def quick_heart(monkeypatch):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(engine, "GRACE_SECONDS", 0.1)


def abandon(db, run, owner="a process that died"):
    """Make the database look as if the run's worker had died long ago."""
    with db.write() as tx:
        tx.execute(
            "UPDATE active_runs SET owner = ?, lease_until = 0 WHERE run_id = ?", (owner, run.id)
        )


def in_the_past(db, run):
    """Let the run's ten minutes be over."""
    claim = Claim("default", run.thread_id, run.id)
    with db.write() as tx:
        stored = find(tx, claim.collection, run.id)
        save(tx, claim.collection, {**stored, "expires_at": int(time.time()) - 1})
        tx.execute("UPDATE active_runs SET expires_at = 0 WHERE run_id = ?", (run.id,))


def eventually(condition, seconds=20):
    """Wait for what another thread is about to do."""
    until = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < until, "nothing happened"
        time.sleep(0.01)
    return result


def lease_of(db, run):
    with db.read() as tx:
        [(until,)] = tx.execute("SELECT lease_until FROM active_runs WHERE run_id = ?", (run.id,))
    return until


def lease_is_over(db, claim):
    with db.read() as tx:
        return leases.overdue(tx) == [claim]


def locks_left(db):
    with db.read() as tx:
        return tx.execute("SELECT run_id FROM active_runs")


def test_outputs_that_come_too_late_are_refused_and_the_run_is_expired(client, db):
    _, run = say_and_run(client, make_assistant(client), "bill")
    in_the_past(db, run)
    with pytest.raises(sdk.BadRequestError) as caught:
        client.beta.threads.runs.submit_tool_outputs(
            run.id, thread_id=run.thread_id, tool_outputs=answer_all(run)
        )
    assert caught.value.body["message"] == ('Runs in status "expired" do not accept tool outputs.')
    retrieve = client.beta.threads.runs.retrieve
    expired = eventually(
        lambda: (again := retrieve(run.id, thread_id=run.thread_id)).status == "expired" and again
    )
    assert (expired.required_action, expired.usage.total_tokens > 0) == (None, True)
    assert [step["status"] for step in steps_of(client, run)] == ["expired"]
    assert locks_left(db) == []


def test_an_expired_run_lets_go_of_its_thread_at_once(client, db):
    assistant = make_assistant(client)
    thread, run = say_and_run(client, assistant, "bill")
    in_the_past(db, run)
    client.beta.threads.messages.create(thread.id, role="user", content="hello")
    assert run_to_stop(client, thread, assistant).status == "completed"
    assert client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "expired"


def test_a_run_at_work_expires_when_its_time_is_up(start, connect, endpoint):
    # In whole seconds: 1 may be over at once.
    client = connect(start(model={"base_url": endpoint.url, "run_seconds": 2}))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread, run = say_and_run(client, make_assistant(client), "hello")
    release.set()
    assert run.status == "expired"
    [message] = client.beta.threads.messages.list(thread.id, run_id=run.id)
    assert (message.incomplete_details.reason, message.content[0].text.value) == (
        "run_expired",
        "Once",
    )


def test_a_waiting_run_survives_a_restart(start, connect, client, db):
    thread, run = say_and_run(client, make_assistant(client), "bill")
    again = connect(start(scripts=SCRIPTS))
    done = again.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=thread.id, tool_outputs=answer_all(run)
    )
    assert done.status == "completed"
    assert texts(client, thread)[-1] == ("assistant", "The bill is saved.")
    assert locks_left(db) == []


def test_another_process_may_cancel_and_the_worker_notices(start, connect, endpoint):
    client = connect(start(model={"base_url": endpoint.url}))
    other = connect(start(model=None))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    eventually(lambda: endpoint.requests)
    assert other.beta.threads.runs.cancel(run.id, thread_id=thread.id).status == "cancelling"
    run = other.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id)
    release.set()
    assert run.status == "cancelled"


def test_a_worker_that_was_not_told_finds_out_at_its_next_write(
    start, connect, endpoint, monkeypatch
):
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 60)
    client = connect(start(model={"base_url": endpoint.url}))
    other = connect(start(model=None))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    eventually(lambda: endpoint.requests)
    other.beta.threads.runs.cancel(run.id, thread_id=thread.id)
    release.set()
    run = other.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id)
    assert (run.status, run.cancelled_at is not None) == ("cancelled", True)


def test_a_run_whose_worker_died_while_cancelling_is_cancelled(client, db):
    _, run = say_and_run(client, make_assistant(client), "bill")
    claim = Claim("default", run.thread_id, run.id)
    with db.write() as tx:
        save(tx, claim.collection, {**find(tx, claim.collection, run.id), "status": "cancelling"})
    abandon(db, run)
    retrieve = client.beta.threads.runs.retrieve
    eventually(lambda: retrieve(run.id, thread_id=run.thread_id).status == "cancelled")


def test_a_start_fails_only_runs_whose_lease_is_over(start, connect, db, endpoint):
    client = connect(start(model={"base_url": endpoint.url}))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant = make_assistant(client)
    alive, dead = [
        client.beta.threads.runs.create(
            thread_id=make_thread(client, "hello").id, assistant_id=assistant.id
        )
        for _ in range(2)
    ]
    eventually(lambda: len(endpoint.requests) == 2)
    abandon(db, dead)
    other = connect(start(model=None))
    found = other.beta.threads.runs.retrieve(dead.id, thread_id=dead.thread_id)
    assert (found.status, found.last_error.to_dict()) == (
        "failed",
        {"code": "server_error", "message": GONE},
    )
    release.set()
    done = other.beta.threads.runs.poll(run_id=alive.id, thread_id=alive.thread_id)
    assert done.status == "completed"


def test_a_worker_that_lost_its_lease_writes_nothing_more(start, connect, db, endpoint):
    client = connect(start(model={"base_url": endpoint.url}))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    eventually(lambda: len(texts(client, thread)) == 2)
    abandon(db, run)
    retrieve = client.beta.threads.runs.retrieve
    eventually(lambda: retrieve(run.id, thread_id=thread.id).status == "failed")
    before = client.beta.threads.messages.list(thread.id).to_dict()
    release.set()
    client.beta.threads.messages.create(thread.id, role="user", content="again")
    endpoint.answer(say("Fresh"))
    assert run_to_stop(client, thread, make_assistant(client)).status == "completed"
    after = client.beta.threads.messages.list(thread.id).to_dict()
    assert after["data"][2:] == before["data"]
    assert retrieve(run.id, thread_id=thread.id).last_error.message == GONE


def test_a_deleted_thread_takes_its_lock_along(client, db):
    thread, run = say_and_run(client, make_assistant(client), "bill")
    client.beta.threads.delete(thread.id)
    abandon(db, run)
    eventually(lambda: locks_left(db) == [])


def test_shutting_down_fails_what_does_not_end_in_time(connect, start, endpoint, db):
    server = start(model={"base_url": endpoint.url})
    client = connect(server)
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    eventually(lambda: len(texts(client, thread)) == 2)
    server.__exit__(None, None, None)
    release.set()
    claim = Claim("default", thread.id, run.id)
    with db.read() as tx:
        found = find(tx, claim.collection, run.id)
    assert (found["status"], found["last_error"]["message"]) == (
        "failed",
        "The server was shut down before the run ended.",
    )
    assert locks_left(db) == []


KILLED = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from assistctl.server import EmbeddedServer, Settings

    settings = Settings(Path(sys.argv[1]), model={"base_url": sys.argv[2]})
    with EmbeddedServer(settings) as server:
        print(server.base_url, server.api_key, flush=True)
        time.sleep(60)
""")


def test_a_killed_server_loses_no_message_and_leaves_no_stuck_run(
    start, connect, db, database, endpoint
):
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    process = forking.Popen(
        ["-c", KILLED, str(database), endpoint.url], stdout=subprocess.PIPE, text=True
    )
    with process:
        base_url, api_key = process.stdout.readline().split()
        doomed = type("Server", (), {"base_url": base_url, "api_key": api_key})
        client = connect(doomed)
        assistant, thread = make_assistant(client), make_thread(client, "hello")
        run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        eventually(lambda: len(texts(client, thread)) == 2)
        process.send_signal(signal.SIGKILL)
    release.set()
    abandon(db, run)  # instead of waiting for its lease to run out
    again = connect(start(model={"base_url": endpoint.url}))
    found = again.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert (found.status, found.last_error.message) == ("failed", GONE)
    assert [step["status"] for step in steps_of(again, run)] == ["failed"]
    assert texts(again, thread) == [("user", "hello"), ("assistant", "")]
    endpoint.answer(say("Back"))
    again.beta.threads.messages.create(thread.id, role="user", content="again")
    assert run_to_stop(again, thread, assistant).status == "completed"


def test_many_threads_run_at_once(client):
    assistant = make_assistant(client)
    threads = [make_thread(client, "hello") for _ in range(20)]
    created = [
        client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
        for thread in threads
    ]
    ended = [
        client.beta.threads.runs.poll(run_id=run.id, thread_id=run.thread_id) for run in created
    ]
    assert [run.status for run in ended] == ["completed"] * 20


def test_two_requests_for_one_thread_make_one_run(client):
    assistant, thread = make_assistant(client), make_thread(client, "bill")
    outcomes = []

    def create():
        try:
            run = client.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
            outcomes.append(run.id)
        except sdk.BadRequestError as error:
            outcomes.append(error.body["message"].split("run_")[0])

    racing = [threading.Thread(target=create) for _ in range(8)]
    for thread_of_control in racing:
        thread_of_control.start()
    for thread_of_control in racing:
        thread_of_control.join()
    assert sorted(outcomes)[:7] == [f"Thread {thread.id} already has an active run "] * 7
    assert [run.id for run in client.beta.threads.runs.list(thread.id)] == [max(outcomes)]


def test_a_fault_of_the_engine_fails_the_run_only(start, connect, endpoint, monkeypatch, caplog):
    client = connect(start(model={"base_url": endpoint.url}))
    endpoint.answer(call(("x", "log", "{}")))
    monkeypatch.setattr(
        "assistctl.server.assistants_api.record.thread.action_required", lambda calls: 1 / 0
    )
    _, run = say_and_run(client, make_assistant(client), "hello")
    assert (run.status, run.last_error.to_dict()) == (
        "failed",
        {
            "code": "server_error",
            "message": "The server had an error while working on the run; its log says more.",
        },
    )
    assert f"run {run.id} failed" in caplog.text


def test_a_heartbeat_keeps_a_long_run_alive(start, connect, db, endpoint):
    client = connect(start(model={"base_url": endpoint.url}))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    begun = lease_of(db, run)
    eventually(lambda: lease_of(db, run) > begun)
    release.set()
    assert client.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id).status == "completed"
    assert locks_left(db) == []


def test_a_run_at_work_is_not_over_here_however_late_its_heartbeat_is(
    start, connect, endpoint, monkeypatch
):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 60)
    client = connect(start(model={"base_url": endpoint.url}))
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    thread = make_thread(client, "hello")
    run = client.beta.threads.runs.create(
        thread_id=thread.id, assistant_id=make_assistant(client).id
    )
    with pytest.raises(sdk.BadRequestError, match=f"while a run {run.id} is active"):
        client.beta.threads.messages.create(thread.id, role="user", content="And you?")
    release.set()
    assert client.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id).status == "completed"


def test_a_lease_that_nobody_could_renew_is_not_over(db, database, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.3)
    claim = Claim("default", "thread_1", "run_1")
    locked = threading.Event()

    def keep_others_from_writing():
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            locked.set()
            time.sleep(2)
            other.execute("COMMIT")

    with db.write() as tx:
        leases.open_run(tx, claim, "another process", int(time.time()) + 600)
    with ThreadPoolExecutor() as others:
        others.submit(keep_others_from_writing)
        assert locked.wait(20)
        eventually(lambda: lease_is_over(db, claim))
        with db.write() as tx:
            assert leases.overdue(tx) == []
    with db.write() as tx:
        assert leases.overdue(tx) == [claim]


def test_a_heartbeat_does_not_wait_for_the_work_of_other_runs(
    start, connect, db, endpoint, monkeypatch
):
    client = connect(start(model={"base_url": endpoint.url}))
    release, at_work = threading.Event(), threading.Semaphore(0)
    endpoint.answer(say("Once", release, " more"))
    thread, assistant = make_thread(client, "hello"), make_assistant(client)
    run = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)
    eventually(lambda: len(texts(client, thread)) == 2)
    prepare = Worker._prepare

    def prepare_slowly(worker):
        at_work.release()
        assert release.wait(20)
        return prepare(worker)

    monkeypatch.setattr(Worker, "_prepare", prepare_slowly)
    others = [
        client.beta.threads.create_and_run(assistant_id=assistant.id) for _ in range(RUN_THREADS)
    ]
    try:
        assert all(at_work.acquire(timeout=20) for _ in range(RUN_THREADS))
        for _ in range(2):  # the first beat may have begun before
            begun = lease_of(db, run)
            eventually(lambda begun=begun: lease_of(db, run) > begun, seconds=5)
    finally:
        release.set()
    done = client.beta.threads.runs.poll(run_id=run.id, thread_id=thread.id)
    assert done.status == "completed"
    for other in others:
        client.beta.threads.runs.poll(run_id=other.id, thread_id=other.thread_id)


def test_projects_do_not_see_each_others_runs(client, db):
    thread, run = say_and_run(client, make_assistant(client), "hello")
    with db.read() as tx:
        assert find(tx, Claim("other", thread.id, run.id).collection, run.id) is None


def test_a_stream_ends_properly_when_the_server_is_shut_down(connect, start, endpoint):
    server = start(model={"base_url": endpoint.url})
    client = connect(server)
    release = threading.Event()
    endpoint.answer(say("Once", release, " more"))
    assistant, thread = make_assistant(client), make_thread(client, "hello")
    events = []
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant.id) as stream:
        for event in stream:
            events.append(event.event)
            if event.event == "thread.message.delta":
                stopping = threading.Thread(target=server.__exit__, args=(None, None, None))
                stopping.start()
    release.set()
    stopping.join()
    assert events[-3:] == [
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
    ]
