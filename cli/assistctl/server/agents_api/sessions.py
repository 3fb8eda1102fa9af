"""Sessions: an agent of their own, and a thread on which its turns are runs.

What changes with the turns (status, what is waited for, usage) is not stored with the session, but
read from the runs: so whoever ends a run, by whichever API or process, has ended the turn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.agents_api import configuration, environments, items, turns
from assistctl.server.assistants_api.record.messages import new_thread
from assistctl.server.http import bodies
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import (
    Required,
    array,
    boolean,
    choice,
    either,
    record,
    string,
    tagged,
)
from assistctl.server.wire import AGENT, RUN, SESSION, THREAD, ApiError, Document, Json, now, public

COUNTED = "_counted"
"""The key of a session under which stands what its turns have used up to that of a `run`."""

_PART = tagged(
    {
        "input_text": {"text": Required(string(longest=bodies.INSTRUCTIONS_LENGTH))},
        "input_image": {"image_url": Required(bodies.image_address)},
    }
)
_MESSAGE = record(
    {
        "type": choice("message"),
        "role": Required(choice("user")),
        "content": Required(array(_PART, shortest=1)),
    }
)
MESSAGES = array(_MESSAGE, shortest=1)


def _as_messages(value: Json, path: str) -> Json:
    text = string(shortest=1, longest=bodies.INSTRUCTIONS_LENGTH)
    given = either(text, MESSAGES)(value, path)
    if isinstance(given, str):
        return [{"role": "user", "content": [{"type": "input_text", "text": given}]}]
    return given


def _no_vaults(value: Json, path: str) -> Json:
    if array(string())(value, path):
        raise configuration.unsupported("Vaults are", path)
    return []


def _cache(value: Json, path: str) -> Json:
    return {"ttl": record({"ttl": choice("30m", "12h")})(value, path).get("ttl") or "30m"}


_CHANGEABLE = {
    "metadata": bodies.METADATA,
    "prompt_cache_options": _cache,
    "review": choice("none", "auto_review"),
}
CREATE = record(
    {
        **_CHANGEABLE,
        "environment": Required(environments.CHECK),
        "agent": record({**configuration.FIELDS, "model": bodies.MODEL}),
        "agent_id": string(shortest=1),
        "input": _as_messages,
        "stream": boolean,
        "stream_options": record({"include_obfuscation": boolean}),
        "vault_ids": _no_vaults,
    }
)
UPDATE = record(
    {
        **_CHANGEABLE,
        "agent": record(
            {
                "model": bodies.MODEL,
                "reasoning": record({"effort": bodies.REASONING_EFFORT}),
                "service_tier": configuration.FIELDS["service_tier"],
                "tools": configuration.FIELDS["tools"],
            }
        ),
    }
)


def collection(project: str) -> Collection:
    return Collection(SESSION, project)


def new(tx: Transaction, project: str, identity: str, body: Mapping[str, Any]) -> Document:
    """Make a session, and its thread, of a checked body."""
    moment = now()
    agent, metadata = _agent(tx, project, body)
    given = body.get("metadata") or {}
    session: Document = {
        "id": identity,
        "object": "agent.session",
        "created_at": moment,
        "last_active_at": moment,
        "agent": agent,
        **environments.made(tx, project, identity, body["environment"]),
        "metadata": given,
        "vault_ids": [],
        "_script": metadata.get("assistctl") or given.get("assistctl", ""),
        **_options(body),
    }
    thread = new_thread(turns.thread_id(identity), moment)
    documents.insert(tx, Collection(THREAD, project), thread)
    return documents.insert(tx, collection(project), session)


def changed(session: Document, body: Mapping[str, Any]) -> Document:
    """With the checked fields that are given; a model has the say from its next turn on."""
    session = {**session, **_options(body)}
    for name in ("prompt_cache_options", "review"):
        if name in body and name not in _options(body):
            session.pop(name, None)
    if "metadata" in body:
        session["metadata"] = body["metadata"] or {}
    if body.get("agent"):
        before, given = session["agent"], body["agent"]
        reasoning = {**before["reasoning"], **(given.get("reasoning") or {})}
        agent = configuration.changed(before, {**given, "reasoning": reasoning})
        session["agent"] = {**agent, "tools": _shown_tools(agent["tools"])}
    return session


def fetch(tx: Transaction, project: str, session_id: str) -> Document:
    """The session, if its thread is there still: another API may have deleted that."""
    session = documents.fetch(tx, collection(project), session_id)
    if not has_thread(tx, project, session_id):
        raise SESSION.missing(session_id)
    return session


def has_thread(tx: Transaction, project: str, session_id: str) -> bool:
    thread_id = turns.thread_id(session_id)
    return documents.find(tx, Collection(THREAD, project), thread_id) is not None


def runs_of(tx: Transaction, project: str, session_id: str) -> list[Document]:
    """The runs that are its turns, oldest first."""
    return documents.select(tx, Collection(RUN, project, turns.thread_id(session_id)))


def newest_run(tx: Transaction, project: str, session_id: str) -> str | None:
    """The id of that of its newest turn, at work or not."""
    runs = documents.ids(tx, Collection(RUN, project, turns.thread_id(session_id)))
    return runs[-1] if runs else None


def view(tx: Transaction, project: str, session: Document) -> Document:
    runs = _uncounted(tx, project, session)
    active = next((run for run in reversed(runs) if turns.is_active(run)), None)
    waiting = waiting_calls(tx, project, active) if active else []
    status = "requires_action" if waiting else "in_progress" if active else "idle"
    return public(
        {
            **session,
            "status": status,
            "error": None,
            "required_actions": waiting,
            "usage": turns.usage(runs, session.get(COUNTED, {}).get("usage")),
        }
    )


def count(tx: Transaction, project: str, session: Document) -> None:
    """Note what all turns have used, of which none is at work: nobody looks at them again for it,
    so that a long session costs no more to tell of than a short one."""
    if runs := _uncounted(tx, project, session):
        usage = turns.usage(runs, session.get(COUNTED, {}).get("usage"))
        counted = {"run": runs[-1]["id"], "usage": usage}
        documents.update(tx, collection(project), session["id"], {COUNTED: counted})


def _uncounted(tx: Transaction, project: str, session: Document) -> list[Document]:
    """The runs since those that were counted, oldest first."""
    if COUNTED not in session:
        return runs_of(tx, project, session["id"])
    runs = Collection(RUN, project, turns.thread_id(session["id"]))
    return documents.select(tx, runs, later_than=(runs, session[COUNTED]["run"]))


def waiting_calls(tx: Transaction, project: str, run: Document) -> list[Document]:
    """The calls that the client has still to answer, as actions that are required of it."""
    if run["status"] != "requires_action":
        return []
    shown = ("type", "turn_id", "call_id", "name", "arguments")
    calls = items.open_calls(tx, project, run["id"])
    return [{key: call[key] for key in shown} for call in calls]


def _agent(
    tx: Transaction, project: str, body: Mapping[str, Any]
) -> tuple[Document, Mapping[str, str]]:
    """The session's own agent, and the metadata of the saved one that it was made of."""
    inline = body.get("agent") or {}
    if body.get("agent_id"):
        agent_id = AGENT.checked(body["agent_id"], "agent_id")
        saved = documents.fetch(tx, Collection(AGENT, project), agent_id)
    elif not inline.get("model"):
        raise ApiError(
            "A session needs an agent: name a saved one by 'agent_id', or give an 'agent' with a"
            " 'model'.",
            param="agent.model" if inline else "agent",
            code="missing_required_parameter",
        )
    else:
        saved = {"id": AGENT.new_id(), "name": None, "metadata": {}, "model": inline["model"]}
        saved |= configuration.completed({})
    agent = configuration.changed(saved, inline)
    own = {name: agent[name] for name in ("id", "name", "model", *configuration.FIELDS)}
    return {**own, "tools": _shown_tools(own["tools"])}, saved["metadata"]


def _shown_tools(tools: Sequence[Document]) -> list[Document]:
    """A session does not show how its functions are found."""
    return [tool for tool in tools if tool["type"] != "tool_search"]


def _options(body: Mapping[str, Any]) -> Document:
    """What is only kept and shown; no review is shown as nothing."""
    given = {name: body[name] for name in ("prompt_cache_options", "review") if body.get(name)}
    return {name: value for name, value in given.items() if value != "none"}
