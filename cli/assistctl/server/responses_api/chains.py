"""Which thread a response is written on, and what becomes of that when it is deleted.

A conversation is its own thread. A response without one gets a thread, on which those go on that
name it as their previous response. One that names an older response of such a chain, or one of a
conversation, begins a branch: a thread of its own, with a copy of the history up to there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assistctl.server.assistants_api.record import steps
from assistctl.server.assistants_api.record.messages import new_thread
from assistctl.server.responses_api import items, objects
from assistctl.server.responses_api.objects import ASKED
from assistctl.server.storage import Collection, Transaction, documents, threads
from assistctl.server.wire import (
    CONVERSATION,
    ITEM,
    MESSAGE,
    RUN,
    STEP,
    THREAD,
    ApiError,
    Document,
    now,
)

UNSTORED = "_unstored"
"""The key of a thread that is there only as long as its one run is at work."""
_KINDS = {"thread.message": MESSAGE, "conversation.item": ITEM}


def open_thread(tx: Transaction, project: str, request: Mapping[str, Any]) -> Document:
    """The thread that a new response is to be written on, free of others at work."""
    stored = request.get("store", True)
    if "conversation" in request:
        thread = _conversation(tx, project, conversation_id(request))
    elif "previous_response_id" in request:
        thread = _continued(tx, project, request["previous_response_id"], stored)
    else:
        return _new(tx, project, stored=stored)
    items.refuse_locked(tx, project, thread["id"])
    return thread if stored else _branch(tx, project, thread, None, stored=False)


def conversation_id(request: Mapping[str, Any]) -> str | None:
    """`conversation` is an id, or an object with one."""
    given = request.get("conversation")
    return given["id"] if isinstance(given, Mapping) else given


def delete(tx: Transaction, project: str, run: Document) -> None:
    """Delete a response. What others of its chain continue stays for them, unseen, and goes with
    the last of them; what it added to a conversation is the conversation's."""
    thread_id = run["thread_id"]
    runs = Collection(RUN, project, thread_id)
    documents.save(tx, runs, {**run, ASKED: {**run[ASKED], "deleted": True}})
    if run[ASKED]["conversation"]:
        return
    every = documents.select(tx, runs)
    if all(each.get(ASKED, {}).get("deleted") for each in every):
        documents.purge(tx, Collection(THREAD, project), thread_id)
        return
    while every and every[-1].get(ASKED, {}).get("deleted"):
        last = every.pop()
        for document in threads.messages_and_steps(tx, project, thread_id):
            if _is_of(document, last):
                _take_back(tx, project, document, every)
        documents.purge(tx, runs, last["id"])


def _take_back(tx: Transaction, project: str, document: Document, before: list[Document]) -> None:
    """Remove what a response has added: of a step before it, the outputs of its calls."""
    asking = next((each for each in before if each["id"] == document["run_id"]), None)
    if asking is None or ASKED not in asking:
        documents.purge(tx, _home(project, document), document["id"])
        return
    blank = _unanswered(document, asking[ASKED]["awaits"])
    documents.save(tx, _home(project, document), blank)


def _conversation(tx: Transaction, project: str, identity: str | None) -> Document:
    thread = documents.find(tx, Collection(CONVERSATION, project), identity or "")
    if thread is None or UNSTORED in thread:
        raise ApiError(f"Conversation with id '{identity}' not found.", status=404)
    return thread


def _continued(tx: Transaction, project: str, identity: str, stored: bool) -> Document:
    run = objects.find(tx, project, identity)
    if run is None:
        raise ApiError(
            f"Previous response with id '{identity}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    thread = documents.fetch(tx, Collection(THREAD, project), run["thread_id"])
    if run["status"] in ("queued", "in_progress", "cancelling"):
        raise ApiError(
            f"Previous response with id '{identity}' is still in progress. Wait until it has"
            " ended.",
            param="previous_response_id",
            code="previous_response_in_progress",
        )
    if run[ASKED]["conversation"] or not stored or not _is_newest(tx, project, run):
        return _branch(tx, project, thread, run, stored=stored)
    return thread


def _is_newest(tx: Transaction, project: str, run: Document) -> bool:
    """Whether nothing has been said or done on its thread since."""
    thread_id = run["thread_id"]
    newest = documents.ids(tx, Collection(RUN, project, thread_id))[-1]
    last = next(iter(threads.in_order(tx, project, thread_id, "desc")), None)
    return newest == run["id"] and last is not None and _is_of(last, run)


def _is_of(document: Document, run: Document) -> bool:
    """Whether a message, step or item is of a response: of its input, or of what it put out."""
    given = {items.ids.parse(each).document for each in run[ASKED]["input"]}
    return document["run_id"] == run["id"] or document["id"] in given


def _new(
    tx: Transaction, project: str, resources: Document | None = None, *, stored: bool
) -> Document:
    thread = new_thread(THREAD.new_id(), now(), resources=resources)
    if not stored:
        thread[UNSTORED] = True
    return documents.insert(tx, Collection(THREAD, project), thread)


def _branch(
    tx: Transaction, project: str, source: Document, last: Document | None, *, stored: bool
) -> Document:
    """A thread with a copy of another's history, up to the response `last` if one is given."""
    if UNSTORED in source:
        return source
    thread = _new(tx, project, source["tool_resources"], stored=stored)
    history = threads.messages_and_steps(tx, project, source["id"])
    if last is not None:
        ends = [place for place, document in enumerate(history) if _is_of(document, last)]
        history = history[: max(ends, default=-1) + 1]
    copies: dict[str, str] = {}
    for run in documents.select(tx, Collection(RUN, project, source["id"])):
        copies[run["id"]] = RUN.new_id()
        copy = {key: value for key, value in run.items() if key != ASKED}
        copy |= {"id": copies[run["id"]], "thread_id": thread["id"]}
        documents.insert(tx, Collection(RUN, project, thread["id"]), copy)
        if last is not None and run["id"] == last["id"]:
            break
    for document in history:
        copy = {**document, "thread_id": thread["id"]}
        if document["run_id"]:
            copy["run_id"] = copies[document["run_id"]]
        if last is not None and document["run_id"] == last["id"]:
            copy = _unanswered(copy, last[ASKED]["awaits"])
        documents.insert(tx, _home(project, copy), copy)
    return thread


def _unanswered(document: Document, awaits: list[str]) -> Document:
    """A step as it was when its response ended: the outputs of these calls came after that."""
    calls = (document.get("step_details") or {}).get("tool_calls") or ()
    if not any(call["id"] in awaits for call in calls):
        return document
    blank = steps.with_outputs(document, dict.fromkeys(awaits))
    return {**blank, "status": "in_progress", "completed_at": None}


def _home(project: str, document: Document) -> Collection:
    kind = _KINDS.get(document["object"])
    if kind is None:
        return Collection(STEP, project, document["run_id"])
    return Collection(kind, project, document["thread_id"])
