"""What is learnt of a model outlives the server that has learnt it."""

from __future__ import annotations

import asyncio
import time

import pytest

from assistctl.server.models.dialect import Quirk
from assistctl.server.models.endpoint import Endpoint
from assistctl.server.models.memory import Memory
from assistctl.server.storage.learnt import Learnt
from tests.server.chat_endpoint import Reply, chat_endpoint_running, say
from tests.server.runs_help import make_assistant, say_and_run

URL = "http://x/v1"


@pytest.fixture
def storage(db):
    return Learnt(db)


def way(name="m", **declared):
    return Endpoint.parse({"base_url": URL, **declared}).way(name)


def recalled(memory, way):
    return asyncio.run(memory.recall(URL, way))


def test_another_server_on_the_same_database_knows_it(storage):
    learnt = way().dialect.without(["temperature"]).but(Quirk.SHORT_IDS)
    asyncio.run(Memory(storage).keep(URL, way(), learnt))
    assert recalled(Memory(storage), way()) == learnt
    assert recalled(Memory(storage), way("other")) == way("other").dialect


def test_who_declares_something_else_begins_anew(storage):
    asyncio.run(Memory(storage).keep(URL, way(), way().dialect.without(["temperature"])))
    chosen = way(api="responses")
    assert recalled(Memory(storage), chosen) == chosen.dialect


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "{}",
        "[1]",
        '{"at": 1, "dialect": {}}',
        '{"at": 99999999999, "dialect": {"api": "chat"}}',
    ],
)
def test_what_is_old_or_of_another_version_is_forgotten(storage, stored, monkeypatch):
    monkeypatch.setattr(Learnt, "load", lambda *_: stored)
    assert recalled(Memory(storage), way()) == way().dialect


def test_a_server_that_runs_on_forgets_it_after_a_week_too(storage, monkeypatch):
    memory, learnt = Memory(storage), way().dialect.without(["temperature"])
    asyncio.run(memory.keep(URL, way(), learnt))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 6 * 86400)
    assert recalled(memory, way()) == learnt
    monkeypatch.setattr(time, "time", lambda: now + 8 * 86400)
    assert recalled(memory, way()) == way().dialect


def test_a_storage_that_fails_costs_a_memory_and_nothing_else(storage, monkeypatch, caplog):
    def broken(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(Learnt, "load", broken)
    monkeypatch.setattr(Learnt, "save", broken)
    memory, learnt = Memory(storage), way().dialect.without(["temperature"])
    assert recalled(memory, way()) == way().dialect
    asyncio.run(memory.keep(URL, way(), learnt))
    assert recalled(memory, way()) == learnt
    assert [record.message for record in caplog.records] == [
        "what was learnt of a model cannot be read",
        "what was learnt of a model cannot be kept",
    ]


def test_what_was_refused_once_is_not_sent_by_the_next_server(start, connect):
    refused = Reply(400, {"error": {"message": "temperature is not supported with this model"}})
    with chat_endpoint_running() as endpoint:
        endpoint.answer(refused, say("ok"))
        for _ in range(2):
            client = connect(start(model={"base_url": endpoint.url}))
            assistant = make_assistant(client, tools=[], temperature=0.2)
            _, run = say_and_run(client, assistant, "hello")
            assert (run.status, run.to_dict()["notes"]) == (
                "completed",
                ["the model does not take temperature, which was left out"],
            )
        assert [request.get("temperature") for request in endpoint.requests] == [0.2, None, None]
