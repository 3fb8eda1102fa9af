"""/threads/{thread_id}/runs/{run_id}/steps"""

from __future__ import annotations

from assistctl.server.assistants_api.record.steps import RESULT_CONTENT, shown
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import choice
from assistctl.server.wire import RUN, STEP, THREAD, Document

_INCLUDE = choice(RESULT_CONTENT)


def included(call: Call) -> frozenset[str]:
    return frozenset(_INCLUDE(name, "include") for name in call.include())


def list_all(call: Call) -> Document:
    include = included(call)
    with call.database.read() as tx:
        steps, has_more = documents.select_page(tx, _collection(call, tx), call.page())
    return documents.listing([shown(step, include) for step in steps], has_more)


def retrieve(call: Call) -> Document:
    include, step_id = included(call), call.path("step_id", STEP)
    with call.database.read() as tx:
        return shown(documents.fetch(tx, _collection(call, tx), step_id), include)


def _collection(call: Call, tx: Transaction) -> Collection:
    """Where the steps of the run in the path stand; a run that is not on that thread is a 404."""
    runs = Collection(RUN, call.project, call.path("thread_id", THREAD))
    run = documents.fetch(tx, runs, call.path("run_id", RUN))
    return Collection(STEP, call.project, run["id"])


ENDPOINTS = (
    Endpoint("GET", "/threads/{thread_id}/runs/{run_id}/steps", list_all),
    Endpoint("GET", "/threads/{thread_id}/runs/{run_id}/steps/{step_id}", retrieve),
)
