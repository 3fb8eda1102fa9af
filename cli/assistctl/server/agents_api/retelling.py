"""The first turn of a session told once more, to a client that sends again what began it."""

from __future__ import annotations

from typing import Any

from assistctl.server.agents_api import environments, events, items, sessions, turns
from assistctl.server.agents_api.events import Event, Teller
from assistctl.server.storage import Transaction
from assistctl.server.wire import Document

_AT_WORK = ("queued", "in_progress", "cancelling")


def first_turn(tx: Transaction, project: str, session: Document) -> list[Event]:
    """All that was told of it, what was said in one delta each, up to where the session stands now;
    nothing while the turn is at work."""
    run, *later = sessions.runs_of(tx, project, session["id"])
    if run["status"] in _AT_WORK:
        return []
    view = sessions.view(tx, project, session)
    told = [events.session("created", view)]
    if environments.is_hosted(session):
        told.append(events.environment_ready(session["id"], environments.state(session)))
    told += [events.turn("created", run), events.session("in_progress", view)]
    told += _items(tx, project, session["id"], run)
    if turns.is_active(run):
        return [*told, events.session(view["status"], view)]
    idle: dict[str, Any] = {**view, "status": "idle"} if later else view
    return [*told, events.ended(run), events.session(idle["status"], idle)]


def _items(tx: Transaction, project: str, session_id: str, run: Document) -> list[Event]:
    teller = Teller(session_id, turns.turn_id(run["id"]))
    told: list[Event] = []
    given: list[Event] = []
    place = 0
    for item in items.of_session(tx, project, session_id):
        if item["turn_id"] != teller.turn_id:
            continue
        if not items.is_output(item):
            (told if place else given).append(teller.added(item, None))
        else:
            told += _output(teller, item, place)
            place += 1
    return [*given, events.turn("in_progress", run), *told]


def _output(teller: Teller, item: Document, place: int) -> list[Event]:
    """Clients call a function when they are told that its call was added: one that has its result
    is only done."""
    if item["type"] == "message":
        text = "".join(part["text"] for part in item["content"])
        begun = teller.message_added({**item, "status": "in_progress", "phase": None}, place)
        return [*begun, teller.delta(item, place, text), *teller.message_done(item, place)]
    is_open = item["status"] == "in_progress"
    added = [teller.added(item, place)] if is_open or item["type"] != "function_call" else []
    return added if is_open else [*added, teller.done(item, place)]
