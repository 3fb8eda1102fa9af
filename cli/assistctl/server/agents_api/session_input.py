"""What a client puts into a session: messages that begin a turn or steer the one at work, results
of the functions that it was asked to call, and the wish that a turn be cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from assistctl.server.agents_api import environments, events, items, sessions, turns
from assistctl.server.agents_api.configuration import refused
from assistctl.server.agents_api.events import Event, Teller
from assistctl.server.agents_api.record import Listeners, SessionRecord
from assistctl.server.agents_api.turns import ASKED_AT, CACHE, ORDER
from assistctl.server.assistants_api import locks
from assistctl.server.assistants_api.record import runs, steps
from assistctl.server.assistants_api.record.messages import new_message, text_part
from assistctl.server.assistants_api.record.transcript import INPUT_OF
from assistctl.server.engine.endings import end_run
from assistctl.server.engine.record import Ending
from assistctl.server.http import schemas
from assistctl.server.http.call import Call
from assistctl.server.storage import Claim, Collection, Transaction, documents, leases
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    array,
    boolean,
    either,
    record,
    string,
    tagged,
)
from assistctl.server.wire import MESSAGE, STEP, ApiError, Document, now

_NO_REASON = "The function call failed."
_MESSAGE = "agent.session.input.message"
_RESULT = "agent.session.input.tool_result"
_CANCEL = "agent.session.input.cancel"
_APPROVALS = (
    "agent.session.input.mcp_approval_request_result",
    "agent.session.input.computer_use_approval_request_result",
)


_PICTURE = refused("Images as results of functions are")
_OUTPUT_PART = tagged({"input_text": {"text": Required(string())}, "input_image": _PICTURE})
_KINDS: Mapping[str, Check | Fields] = {
    _MESSAGE: {"input": Required(sessions.MESSAGES)},
    _RESULT: {
        "turn_id": Required(string(shortest=1)),
        "call_id": Required(string(shortest=1)),
        "success": Required(boolean),
        "output": either(string(), array(_OUTPUT_PART)),
        "error": string(),
    },
    _CANCEL: {},
    **{kind: refused(f"Input of type '{kind}' is") for kind in _APPROVALS},
}
INPUT = record({"events": Required(array(tagged(_KINDS), shortest=1))})


def accept(call: Call, tx: Transaction, session: Document, given: Sequence[Document]) -> None:
    """Have the effect of checked input, one after the other."""
    documents.update(
        tx, sessions.collection(call.project), session["id"], {"last_active_at": now()}
    )
    for event in given:
        _ACCEPT[event["type"]](call, tx, session, event)


def say(call: Call, tx: Transaction, session: Document, messages: Sequence[Document]) -> None:
    """Add messages of the user: they begin a turn, or steer that which is at work."""
    thread_id = turns.thread_id(session["id"])
    active = locks.active_run(tx, call.project, thread_id)
    run = None
    if active is not None:
        _refuse_to_steer(tx, Claim(call.project, thread_id, active))
    else:
        sessions.count(tx, call.project, session)
        run = _queued(call, tx, session)
    run_id = run["id"] if run else active
    added = []
    for message in messages:
        content = [_threads_part(part) for part in message["content"]]
        document = {**new_message(thread_id, "user", content), INPUT_OF: run_id}
        added.append(documents.insert(tx, Collection(MESSAGE, call.project, thread_id), document))
    teller = Teller(session["id"], turns.turn_id(str(run_id)))
    heard = [teller.added(items.message(document, None), None) for document in added]
    if run is not None:
        view = sessions.view(tx, call.project, session)
        heard = [events.turn("created", run), events.session("in_progress", view), *heard]
    _tell(call, tx, session, heard)
    if run is not None:
        claim = Claim(call.project, thread_id, run["id"])
        leases.open_run(tx, claim, call.server.engine.owner, run["expires_at"])
        _launch(call, tx, session, run)


def change_tools(call: Call, tx: Transaction, session: Document) -> None:
    """The turn at work has the session's tools from the next time that its model is asked."""
    thread_id = turns.thread_id(session["id"])
    active = locks.active_run(tx, call.project, thread_id)
    if active is not None:
        claim = Claim(call.project, thread_id, active)
        if ORDER in documents.fetch(tx, claim.collection, active):
            documents.update(tx, claim.collection, active, {"tools": _runs_tools(session)})


def _refuse_to_steer(tx: Transaction, claim: Claim) -> None:
    """A run that another API has begun does not look for more input, nor does one that is being
    cancelled: what would be said to it would have no answer."""
    run = documents.fetch(tx, claim.collection, claim.run_id)
    if ORDER not in run:
        what = "is at work on a run of another API, which takes"
    elif run["status"] == "cancelling":
        what = "is cancelling its turn, which takes"
    else:
        return
    raise ApiError(
        f"Session '{turns.session_id(claim.thread_id)}' {what} no messages. Send it again once the"
        " session is idle.",
        code="active_turn_not_steerable",
    )


def _say(call: Call, tx: Transaction, session: Document, event: Document) -> None:
    say(call, tx, session, event["input"])


def _answer(call: Call, tx: Transaction, session: Document, event: Document) -> None:
    """The result of one function call. Once all are there, the turn goes on."""
    claim, run, step, asked = _waiting(call, tx, session, event)
    text, error = _result(event)
    step = steps.with_outputs(step, {asked["id"]: text})
    if error is not None:
        kept = {**step["_calls"].get(asked["id"], {}), items.FAILED: error}
        step["_calls"] = {**step["_calls"], asked["id"]: kept}
    place = items.place_of(step, asked["id"])
    asked = step["step_details"]["tool_calls"][place]
    called = items.function_call(step, asked, place)
    teller = Teller(session["id"], turns.turn_id(run["id"]))
    heard = [
        teller.done(called, _place(run, called)),
        teller.added(items.function_output(step, asked, place), None),
    ]
    is_last = all(each["function"]["output"] is not None for each in steps.function_calls(step))
    step = steps.completed(step) if is_last else step
    documents.save(tx, Collection(STEP, call.project, run["id"]), step)
    if is_last:
        run = documents.update(
            tx, claim.collection, run["id"], {"status": "queued", "required_action": None}
        )
        leases.take(tx, claim, call.server.engine.owner)
        heard.append(events.session("in_progress", sessions.view(tx, call.project, session)))
    _tell(call, tx, session, heard)
    if is_last:
        _launch(call, tx, session, run)


def _place(run: Document, item: Document) -> int:
    """Where the item was told to stand; of a run that another API has begun nothing was told."""
    order = run.get(ORDER, ())
    return order.index(item["id"]) if item["id"] in order else len(order)


def _cancel(call: Call, tx: Transaction, session: Document, event: Document) -> None:
    """One that waits for its client ends at once, one at work as soon as its worker notices. Where
    there is none, nothing happens."""
    thread_id = turns.thread_id(session["id"])
    active = locks.active_run(tx, call.project, thread_id)
    if active is None:
        return
    claim = Claim(call.project, thread_id, active)
    run = documents.fetch(tx, claim.collection, active)
    if run["status"] == "requires_action":
        _tell(call, tx, session, end_run(tx, SessionRecord(claim), Ending("cancelled")))
    elif run["status"] != "cancelling":
        documents.update(tx, claim.collection, active, {"status": "cancelling"})
        call.server.engine.interrupt(tx, claim)


_ACCEPT: Mapping[str, Callable[[Call, Transaction, Document, Document], None]] = {
    _MESSAGE: _say,
    _RESULT: _answer,
    _CANCEL: _cancel,
}


def _queued(call: Call, tx: Transaction, session: Document) -> Document:
    """The run of a new turn, by the agent that the session has now."""
    agent, engine = session["agent"], call.server.engine
    assistant = {
        "id": agent["id"],
        "model": agent["model"],
        "instructions": agent["instructions"],
        "tools": _runs_tools(session),
        "reasoning_effort": agent["reasoning"]["effort"],
        "response_format": _runs_format(agent["text"]["format"]),
        "metadata": {"assistctl": session["_script"]},
    }
    thread = {"id": turns.thread_id(session["id"])}
    run = runs.new_run(assistant, thread, {}, {}, engine.models.run_seconds)
    run |= {ORDER: [], CACHE: session.get("prompt_cache_options")}
    run["notes"] += engine.notes(runs.asked(run))
    return documents.insert(tx, Claim(call.project, thread["id"], run["id"]).collection, run)


def _launch(call: Call, tx: Transaction, session: Document, run: Document) -> None:
    engine = call.server.engine
    record_ = SessionRecord(Claim(call.project, run["thread_id"], run["id"]))
    # Not more than a whole run's, even if the clock was put back since it was made.
    seconds = run["expires_at"] - max(time.time(), run["created_at"])
    engine.launch(tx, record_, seconds, Listeners(engine.audience, call.project, session["id"]))


def _tell(call: Call, tx: Transaction, session: Document, heard: Sequence[Event]) -> None:
    """Once it is durable, and before what the engine has to tell of what follows."""
    subject = (call.project, session["id"])
    tx.after_commit(partial(call.server.engine.audience.tell, subject, heard))


def _waiting(
    call: Call, tx: Transaction, session: Document, event: Document
) -> tuple[Claim, Document, Document, Document]:
    """The call that a result is for: its claim, run, step and entry. One that does not wait, or not
    yet, is not known; clients wait for these very words and try again."""
    unknown = ApiError(
        f"Unknown pending tool call: {event['call_id']}", code="invalid_request_error"
    )
    thread_id = turns.thread_id(session["id"])
    locks.active_run(tx, call.project, thread_id)  # one that is overdue takes no results
    claim = Claim(call.project, thread_id, turns.run_id(event["turn_id"]))
    run = documents.find(tx, claim.collection, claim.run_id)
    if run is None or run["status"] != "requires_action":
        raise unknown
    if time.time() < run.get(ASKED_AT, 0) + call.server.settings.late_calls:
        raise unknown
    collection = Collection(STEP, call.project, claim.run_id)
    for step in documents.select(tx, collection, {"status": "in_progress"}):
        for entry in steps.function_calls(step):
            if entry["id"] == event["call_id"] and entry["function"]["output"] is None:
                return claim, run, step, entry
    raise unknown


def _result(event: Mapping[str, Any]) -> tuple[str, str | None]:
    """What the model is told, and the reason if the call has failed."""
    if not event["success"]:
        reason = event.get("error") or _NO_REASON
        return reason, reason
    output = event.get("output") or ""
    if isinstance(output, str):
        return output, None
    return "\n".join(part["text"] for part in output), None


def _threads_part(part: Document) -> Document:
    if part["type"] == "input_text":
        return text_part(part["text"])
    return {"type": "image_url", "image_url": {"url": part["image_url"], "detail": "auto"}}


def _runs_tools(session: Document) -> list[Document]:
    code = [{"type": "code_interpreter"}] if environments.is_hosted(session) else []
    return [*map(_runs_tool, session["agent"]["tools"]), *code]


def _runs_tool(tool: Document) -> Document:
    function = {key: tool[key] for key in ("name", "description", "parameters")}
    return {"type": "function", "function": {**function, "strict": False}}


def _runs_format(chosen: Document) -> Any:
    """Strict where the schema allows it: this API has no word for it."""
    if chosen["type"] == "text":
        return "auto"
    schema = chosen["schema"]
    wanted = {"name": "answer", "schema": schema, "strict": schemas.allows_strict(schema)}
    return {"type": "json_schema", "json_schema": wanted}
