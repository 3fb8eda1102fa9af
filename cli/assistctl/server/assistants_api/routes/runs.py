"""/threads/{thread_id}/runs, and /threads/runs which makes the thread as well"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from assistctl.server.assistants_api import locks
from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.assistants_api.record import steps
from assistctl.server.assistants_api.record.events import EventStream, StreamEvent
from assistctl.server.assistants_api.record.follow import Retelling, follow
from assistctl.server.assistants_api.record.runs import TERMINAL, asked, new_run
from assistctl.server.assistants_api.record.thread import ThreadRecord
from assistctl.server.assistants_api.routes.messages import add_message
from assistctl.server.assistants_api.routes.steps import included
from assistctl.server.assistants_api.routes.threads import create_thread
from assistctl.server.engine.endings import end_run
from assistctl.server.engine.record import Ending
from assistctl.server.engine.streaming import Channel
from assistctl.server.http import bodies
from assistctl.server.http.call import Answer, Call, Endpoint, streamed
from assistctl.server.http.idempotency import Answered
from assistctl.server.storage import Claim, Collection, Transaction, documents, leases
from assistctl.server.validation import (
    Fields,
    Required,
    array,
    boolean,
    choice,
    either,
    integer,
    record,
    string,
    tagged,
)
from assistctl.server.wire import (
    ASSISTANT,
    RUN,
    STEP,
    THREAD,
    ApiError,
    Document,
    Json,
    invalid,
    public,
)

_TOOL_CHOICE = either(
    choice("none", "auto", "required"),
    tagged(
        {
            "function": {"function": Required(record({"name": Required(string(shortest=1))}))},
            "code_interpreter": {},
            "file_search": {},
        }
    ),
)
_TRUNCATION = tagged(
    {
        "auto": {"last_messages": integer(least=1)},
        "last_messages": {"last_messages": Required(integer(least=1))},
    }
)
_FIELDS: Fields = {
    "assistant_id": Required(string()),
    "model": bodies.MODEL,
    "instructions": bodies.INSTRUCTIONS,
    "tools": bodies.TOOLS,
    "metadata": bodies.METADATA,
    "temperature": bodies.TEMPERATURE,
    "top_p": bodies.TOP_P,
    "reasoning_effort": bodies.REASONING_EFFORT,
    "stream": boolean,
    "max_prompt_tokens": integer(least=256),
    "max_completion_tokens": integer(least=256),
    "truncation_strategy": _TRUNCATION,
    "tool_choice": _TOOL_CHOICE,
    "parallel_tool_calls": boolean,
    "response_format": bodies.RESPONSE_FORMAT,
}
_CREATE = record(
    {
        **_FIELDS,
        "additional_instructions": bodies.INSTRUCTIONS,
        "additional_messages": array(bodies.MESSAGE),
    }
)
_CREATE_WITH_THREAD = record(
    {**_FIELDS, "thread": bodies.THREAD, "tool_resources": bodies.RESOURCES}
)
_MODIFY = record({"metadata": bodies.METADATA})
_SUBMIT = record(
    {
        "tool_outputs": Required(
            array(record({"tool_call_id": Required(string()), "output": string()}))
        ),
        "stream": boolean,
    }
)


def create(call: Call) -> Answer:
    thread_id = call.path("thread_id", THREAD)
    body = _CREATE(call.body, "")
    channel = _channel(call, body)

    def change(tx: Transaction) -> Document:
        documents.fetch(tx, Collection(THREAD, call.project), thread_id)
        locks.refuse_runs(tx, call.project, thread_id)
        for message in body.get("additional_messages") or ():
            add_message(tx, call.project, thread_id, message)
        return public(_start(call, tx, thread_id, body, channel))

    return _answer(call, change, channel)


def create_with_thread(call: Call) -> Answer:
    body = _CREATE_WITH_THREAD(call.body, "")
    channel = _channel(call, body)

    def change(tx: Transaction) -> Document:
        thread = create_thread(tx, call.project, body.get("thread") or {})
        channel.send([StreamEvent("thread.created", thread)])
        return public(_start(call, tx, thread["id"], body, channel))

    return _answer(call, change, channel)


def list_all(call: Call) -> Document:
    collection = _collection(call)
    with call.database.read() as tx:
        documents.fetch(tx, Collection(THREAD, call.project), collection.parent)
        return documents.list_page(tx, collection, call.page())


def retrieve(call: Call) -> Document:
    collection, run_id = _collection(call), call.path("run_id", RUN)
    with call.database.read() as tx:
        return public(documents.fetch(tx, collection, run_id))


def modify(call: Call) -> Document:
    collection, run_id = _collection(call), call.path("run_id", RUN)
    body = _MODIFY(call.body, "")
    changes = {"metadata": body["metadata"] or {}} if "metadata" in body else {}
    return call.write(lambda tx: public(documents.update(tx, collection, run_id, changes)))


def cancel(call: Call) -> Document:
    """A run that waits for its client ends at once, one at work as soon as its worker notices."""
    claim = _claim(call)

    def change(tx: Transaction) -> Document:
        run = documents.fetch(tx, claim.collection, claim.run_id)
        if run["status"] in (*TERMINAL, "cancelling"):
            raise ApiError(f"Cannot cancel run with status '{run['status']}'.")
        if run["status"] == "requires_action":
            return public(end_run(tx, ThreadRecord(claim), Ending("cancelled"))[-1].data)
        run = documents.update(tx, claim.collection, claim.run_id, {"status": "cancelling"})
        call.server.engine.interrupt(tx, claim)
        return public(run)

    return call.write(change)


def submit(call: Call) -> Answer:
    claim = _claim(call)
    body = _SUBMIT(call.body, "")
    channel = _channel(call, body)

    def change(tx: Transaction) -> Document:
        documents.fetch(tx, claim.collection, claim.run_id)
        locks.active_run(tx, claim.project, claim.thread_id)
        run = documents.fetch(tx, claim.collection, claim.run_id)
        if run["status"] != "requires_action":
            raise ApiError(f'Runs in status "{run["status"]}" do not accept tool outputs.')
        step = _answered(tx, claim, body["tool_outputs"])
        changes = {"status": "queued", "required_action": None}
        run = documents.update(tx, claim.collection, claim.run_id, changes)
        leases.take(tx, claim, call.server.engine.owner)
        events = [
            StreamEvent("thread.run.step.completed", step),
            StreamEvent("thread.run.queued", run),
        ]
        channel.send(events)
        _launch(call, tx, claim, run, channel)
        return public(run)

    return _answer(call, change, channel)


def _start(
    call: Call, tx: Transaction, thread_id: str, body: Mapping[str, Any], channel: Channel
) -> Document:
    """Queue a run on a thread that is free, and have it worked on."""
    engine = call.server.engine
    assistant_id = ASSISTANT.checked(body["assistant_id"], "assistant_id")
    assistant = documents.fetch(tx, Collection(ASSISTANT, call.project), assistant_id)
    thread = documents.fetch(tx, Collection(THREAD, call.project), thread_id)
    given = resources.resolve(tx, call.project, body.get("tool_resources"))
    resources_of_run = {**assistant["tool_resources"], **given}
    run = new_run(assistant, thread, body, resources_of_run, engine.models.run_seconds)
    _check_choice(run)
    run["notes"] += engine.notes(asked(run))
    claim = Claim(call.project, thread_id, run["id"])
    documents.insert(tx, claim.collection, run)
    leases.open_run(tx, claim, engine.owner, run["expires_at"])
    channel.send([StreamEvent("thread.run.created", run), StreamEvent("thread.run.queued", run)])
    _launch(call, tx, claim, run, channel)
    return run


def _launch(call: Call, tx: Transaction, claim: Claim, run: Document, channel: Channel) -> None:
    # Not more than a whole run's, even if the clock was put back since it was made.
    seconds = run["expires_at"] - max(time.time(), run["created_at"])
    call.server.engine.launch(tx, ThreadRecord(claim), seconds, channel)


def _check_choice(run: Document) -> None:
    """A function that the model has to call must be one that it has. A tool of the server's that
    is not there is not forced, see engine/prompt.py."""
    choice = run["tool_choice"]
    if not isinstance(choice, dict) or choice["type"] != "function":
        return
    wanted = choice["function"]["name"]
    names = [tool["function"]["name"] for tool in run["tools"] if tool["type"] == "function"]
    if wanted not in names:
        raise invalid(
            "tool_choice",
            f"the run has no function '{wanted}' (its functions: {', '.join(names) or 'none'}).",
        )


def _answered(tx: Transaction, claim: Claim, outputs: list[Json]) -> Document:
    """The waiting step, completed with the outputs: all that were asked for and no others."""
    collection = Collection(STEP, claim.project, claim.run_id)
    [step] = documents.select(tx, collection, {"status": "in_progress"})
    expected = [entry["id"] for entry in steps.function_calls(step)]
    got = [output["tool_call_id"] for output in outputs]
    if sorted(got) != sorted(expected):
        raise ApiError(f"Expected tool outputs for call_ids {expected}, got {got}")
    given = {output["tool_call_id"]: output.get("output") or "" for output in outputs}
    return documents.save(tx, collection, steps.completed(steps.with_outputs(step, given)))


def _channel(call: Call, body: Mapping[str, Any]) -> Channel:
    return Channel(EventStream(included(call)), listening=bool(body.get("stream")))


def _answer(call: Call, change: Callable[[Transaction], Document], channel: Channel) -> Answer:
    """The run as `change` answers it, or a stream of its events."""
    try:
        run = call.write(change)
    except Answered as before:
        if not channel.listening:
            raise
        return streamed(_retold(call, before.answer), replayed=True)
    return streamed(channel.listen()) if channel.listening else run


def _retold(call: Call, run: Document) -> AsyncIterator[bytes]:
    """The stream for a request that is sent again, see record/follow.py; `run` is how it was
    answered."""
    outputs = call.body.get("tool_outputs")
    retelling = Retelling(
        Claim(call.project, run["thread_id"], run["id"]),
        run,
        with_thread="thread_id" not in call.request.path_params,
        answered_call=outputs[0]["tool_call_id"] if outputs else None,
    )
    return follow(call.database, call.server.lanes.reads, retelling, included(call))


def _collection(call: Call) -> Collection:
    return Collection(RUN, call.project, call.path("thread_id", THREAD))


def _claim(call: Call) -> Claim:
    return Claim(call.project, call.path("thread_id", THREAD), call.path("run_id", RUN))


ENDPOINTS = (
    Endpoint("POST", "/threads/runs", create_with_thread),
    Endpoint("POST", "/threads/{thread_id}/runs", create),
    Endpoint("GET", "/threads/{thread_id}/runs", list_all),
    Endpoint("GET", "/threads/{thread_id}/runs/{run_id}", retrieve),
    Endpoint("POST", "/threads/{thread_id}/runs/{run_id}", modify),
    Endpoint("POST", "/threads/{thread_id}/runs/{run_id}/cancel", cancel),
    Endpoint("POST", "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs", submit),
)
