"""What the record of a run on a thread takes for open, and what it charges."""

from __future__ import annotations

import pytest

from assistctl.server.assistants_api.record.runs import new_run
from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.engine.citations import TextSpan
from assistctl.server.engine.record import failed
from assistctl.server.models.protocol import Usage
from assistctl.server.storage.documents import insert
from assistctl.server.storage.leases import Claim

ASSISTANT = {"id": "asst_1", "model": "any", "tools": [], "metadata": {}}
GONE = failed("server_error", "gone")


@pytest.fixture
def record(db):
    run = new_run(ASSISTANT, {"id": "thread_1"}, {}, {})
    record = ThreadRecord(Claim("default", "thread_1", run["id"]))
    with db.write() as tx:
        insert(tx, record.claim.collection, run)
        record.begin(tx)
    record.begin_answer(())
    return record


def test_a_message_that_could_not_be_written_is_not_open(db, record):
    with pytest.raises(OSError, match="disk"), db.write() as tx:
        record.begin_message(tx)
        raise OSError("the disk does not answer")
    assert record.text(TextSpan("Once")) == []
    with db.write() as tx:
        [ended] = record.end(tx, GONE, Usage(10, 1))
    assert (ended.name, ended.data["usage"]["total_tokens"]) == ("thread.run.failed", 0)


def test_an_answer_that_was_cut_is_charged_once_to_its_message_and_to_the_run(db, record):
    with db.write() as tx:
        record.begin_message(tx)
    record.text(TextSpan("Once"))
    with db.write() as tx:
        events = record.end(tx, GONE, Usage(10, 1))
    assert [event.name for event in events] == [
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
    ]
    assert events[0].data["content"][0]["text"]["value"] == "Once"
    assert [event.data["usage"]["total_tokens"] for event in events[1:]] == [11, 11]
