"""/agents/sessions, with events, items and turns"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.responses import Response

from assistctl.server.agents_api import (
    configuration,
    environments,
    events,
    items,
    retelling,
    session_input,
    sessions,
    turns,
)
from assistctl.server.agents_api.events import Event
from assistctl.server.assistants_api import locks
from assistctl.server.engine.audience import Seat
from assistctl.server.engine.streaming import KEEP_ALIVE, KEEP_ALIVE_SECONDS
from assistctl.server.http.call import Answer, Call, Endpoint, streamed
from assistctl.server.http.idempotency import REPLAYED, Answered
from assistctl.server.http.queries import metadata
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import missing_parameter
from assistctl.server.wire import (
    AGENT,
    RUN,
    SESSION,
    THREAD,
    TURN,
    ApiError,
    Document,
    deleted,
    invalid,
)

_QUIET_SECONDS = 1.0
"""After which a stream looks whether something has happened of which nobody here has told."""


async def create(call: Call) -> Answer:
    body = sessions.CREATE(call.body, "")
    hosted = body["environment"]["type"] == environments.HOSTED
    if body.get("input") is None and (body.get("stream") or not hosted):
        raise missing_parameter("input")
    if body.get("stream_options") is not None and not body.get("stream"):
        raise invalid("stream_options", "it is only allowed when 'stream' is true.")
    if hosted and not call.server.settings.code_interpreter:
        raise configuration.unsupported(
            "Environments to run code in are switched off, and so",
            "environment.type",
            code="unsupported_environment",
        )
    session_id = SESSION.new_id()
    audience, subject = call.server.engine.audience, (call.project, session_id)
    seat = audience.join(subject) if body.get("stream") else None

    def change(tx: Transaction) -> Document:
        session = sessions.new(tx, call.project, session_id, body)
        view = sessions.view(tx, call.project, session)
        told = [events.session("created", view)]
        if hosted:
            told.append(events.environment_ready(session_id, environments.state(session)))
        tx.after_commit(partial(audience.tell, subject, told))
        if body.get("input") is not None:
            session_input.say(call, tx, session, body["input"])
        return sessions.view(tx, call.project, session)

    try:
        session = await call.server.lanes.writes.run(partial(call.write, change))
    except Answered as before:
        if seat is None:
            raise
        return await _stream_again(call, before.answer["id"])
    if seat is None:
        return session
    return streamed(_heard(call, session_id, seat, _known(session), first_turn=True))


async def _stream_again(call: Call, session_id: str) -> Answer:
    """A session was begun by the same request before: its first turn is told once more."""
    seat = call.server.engine.audience.join((call.project, session_id))
    await call.server.lanes.reads.run(partial(_read, call, session_id))  # it may be gone by now

    async def told() -> AsyncIterator[bytes]:
        look = partial(_retold, call, session_id)
        while (first := await call.server.lanes.reads.run(look)) == []:
            yield KEEP_ALIVE
            if not await _changed(seat):
                return
        for event in first or ():
            yield events.encoded(event)
        if first and first[-1]["type"] not in (events.IDLE, events.FAILED):
            known, fresh = _known(first[-1]["session"]), _Fresh(seat, first[-1])
            async for more in _heard(call, session_id, fresh, known, first_turn=True):
                yield more

    return streamed(told(), replayed=True)


class _Fresh:
    """What is heard after a turn was told once more, without what led to where it stood then: that
    may wait to be heard, or be on its way here. Told twice, a function would be called twice."""

    def __init__(self, seat: Seat, last: Event) -> None:
        self._seat = seat
        self._last = _standing(last)
        seat.forget(self._is_old)

    async def heard(self, seconds: float) -> Any:
        """The next event, as a Seat hears it."""
        event = await self._seat.heard(seconds)
        while self._is_old(event) or self._seat.forget(self._is_old):
            event = await self._seat.heard(seconds)
        return event

    def _is_old(self, event: Event | None) -> bool:
        return event is not None and "session" in event and _standing(event) == self._last


def _standing(event: Event) -> tuple[object, ...]:
    """Where a session stands, which each round of a turn adds tokens to."""
    session = event["session"]
    return event["type"], session["required_actions"], session["usage"]


def _retold(call: Call, session_id: str) -> list[Event] | None:
    """None if the session has gone."""
    with call.database.read() as tx:
        try:
            session = sessions.fetch(tx, call.project, session_id)
        except ApiError:
            return None
        return retelling.first_turn(tx, call.project, session)


async def _changed(seat: Seat) -> bool:
    """Wait until the session may stand elsewhere; False once there is nothing more to hear."""
    with suppress(TimeoutError):
        while (event := await seat.heard(_QUIET_SECONDS)) is not None:
            if "session" in event:
                return True
        return False
    return True


def list_all(call: Call) -> Document:
    wanted = metadata(call)
    agent_id = call.query("agent_id")
    where = {"agent.id": AGENT.checked(agent_id, "agent_id")} if agent_id else None
    with call.database.read() as tx:
        found, more = _select(tx, call, where, wanted)
        return documents.listing([sessions.view(tx, call.project, one) for one in found], more)


def _select(
    tx: Transaction, call: Call, where: Mapping[str, str] | None, wanted: Mapping[str, str]
) -> tuple[list[Document], bool]:
    """A page of sessions, without those whose thread another API has deleted."""
    page, collection = call.page(), sessions.collection(call.project)
    found: list[Document] = []
    more = True
    while more and len(found) < page.limit:
        rest = replace(page, limit=page.limit - len(found))
        read, more = documents.select_page(tx, collection, rest, where, wanted)
        found += [one for one in read if sessions.has_thread(tx, call.project, one["id"])]
        more = more and page.before is None  # backwards there is no going on
        page = replace(page, after=read[-1]["id"]) if more else page
    return found, more


def retrieve(call: Call) -> Document:
    session_id = call.path("session_id", SESSION)
    with call.database.read() as tx:
        session = sessions.fetch(tx, call.project, session_id)
        return sessions.view(tx, call.project, session)


def update(call: Call) -> Document:
    """The turn that is at work goes on as it was begun, but for the functions that it may call."""
    session_id = call.path("session_id", SESSION)
    body = sessions.UPDATE(call.body, "")

    def change(tx: Transaction) -> Document:
        session = sessions.changed(sessions.fetch(tx, call.project, session_id), body)
        documents.save(tx, sessions.collection(call.project), session)
        if "tools" in (body.get("agent") or {}):
            session_input.change_tools(call, tx, session)
        return sessions.view(tx, call.project, session)

    return call.write(change)


def delete(call: Call) -> Document:
    """With its thread, and all that was said and done there."""
    session_id = call.path("session_id", SESSION)
    thread_id = turns.thread_id(session_id)
    with call.database.write() as tx:
        session = documents.fetch(tx, sessions.collection(call.project), session_id)
        if locks.active_run(tx, call.project, thread_id):
            raise ApiError(
                f"Session '{session_id}' is running and cannot be deleted. Cancel its turn, and"
                " wait until the session is idle.",
                status=409,
                code="session_running",
            )
        documents.remove(tx, sessions.collection(call.project), session_id)
        threads = Collection(THREAD, call.project)
        if documents.find(tx, threads, thread_id) is not None:
            documents.remove(tx, threads, thread_id)
        environments.removed(tx, call.project, session)
    call.server.engine.forget(call.project, thread_id)
    call.server.engine.audience.leave((call.project, session_id))
    return deleted("agent.session.deleted", session_id)


async def listen(call: Call) -> Answer:
    """Live only: what happened before is read from items and turns."""
    session_id = call.path("session_id", SESSION)
    seat = call.server.engine.audience.join((call.project, session_id))
    known = await call.server.lanes.reads.run(partial(_read, call, session_id))
    return streamed(_heard(call, session_id, seat, known))


def post(call: Call) -> Answer:
    session_id = call.path("session_id", SESSION)
    given = session_input.INPUT(call.body, "")["events"]

    def change(tx: Transaction) -> Document:
        session = sessions.fetch(tx, call.project, session_id)
        session_input.accept(call, tx, session, given)
        return {}

    try:
        call.write(change)
    except Answered:
        return Response(status_code=202, headers=REPLAYED)
    return Response(status_code=202)


def list_items(call: Call) -> Document:
    session_id = call.path("session_id", SESSION)
    with call.database.read() as tx:
        sessions.fetch(tx, call.project, session_id)
        return _page(call, items.of_session(tx, call.project, session_id))


def list_turns(call: Call) -> Document:
    session_id = call.path("session_id", SESSION)
    with call.database.read() as tx:
        sessions.fetch(tx, call.project, session_id)
        runs = sessions.runs_of(tx, call.project, session_id)
    return _page(call, [turns.view(run) for run in runs])


def retrieve_turn(call: Call) -> Document:
    with call.database.read() as tx:
        return turns.view(_turn(call, tx))


def list_items_of_turn(call: Call) -> Document:
    session_id = call.path("session_id", SESSION)
    with call.database.read() as tx:
        turn_id = turns.turn_id(_turn(call, tx)["id"])
        every = items.of_session(tx, call.project, session_id)
    return _page(call, [item for item in every if item["turn_id"] == turn_id])


def _page(call: Call, every: list[Document]) -> Document:
    return documents.page_of(every, call.page(backwards=False), "nothing")


def _turn(call: Call, tx: Transaction) -> Document:
    """The run of the turn in the path."""
    session_id = call.path("session_id", SESSION)
    turn_id = call.path("turn_id", TURN)
    sessions.fetch(tx, call.project, session_id)
    runs = Collection(RUN, call.project, turns.thread_id(session_id))
    run = documents.find(tx, runs, turns.run_id(turn_id))
    if run is None:
        raise TURN.missing(turn_id)
    return run


@dataclass(frozen=True)
class _Known:
    """Of a session: its status, the `calls` that it waits for, and its `last` turn, at work or
    not."""

    status: str
    calls: frozenset[str]
    last: str | None = None

    def after(self, event: Event) -> _Known:
        """As a listener knows it who is told of that."""
        if event["type"] in events.ENDED:
            return replace(self, last=event["turn_id"])
        return _known(event["session"], self.last) if "session" in event else self


def _known(view: Document, last: str | None = None) -> _Known:
    return _Known(
        view["status"], frozenset(each["call_id"] for each in view["required_actions"]), last
    )


def _read(call: Call, session_id: str) -> _Known:
    with call.database.read() as tx:
        view = sessions.view(tx, call.project, sessions.fetch(tx, call.project, session_id))
        newest = sessions.newest_run(tx, call.project, session_id)
        return _known(view, turns.turn_id(newest) if newest else None)


async def _heard(
    call: Call,
    session_id: str,
    seat: Seat | _Fresh,
    known: _Known,
    *,
    first_turn: bool = False,
) -> AsyncIterator[bytes]:
    """What is told of the session, of which the listener knows this; with `first_turn` until the
    session is idle again."""
    spoken, missed = time.monotonic(), False
    while True:
        told: list[Event | None] = []
        try:
            told, missed = [await seat.heard(_QUIET_SECONDS)], False
        except TimeoutError:
            look = partial(_missed, call, session_id, known)
            found = await call.server.lanes.reads.run(look)
            # What is durable may still be on its way to here: it is waited for once more.
            told, missed = (found if missed else []), bool(found)
        for event in told:
            if event is None:
                return
            spoken = time.monotonic()
            yield events.encoded(event)
            known = known.after(event)
            if first_turn and event["type"] in (events.IDLE, events.FAILED):
                return
        if time.monotonic() - spoken >= KEEP_ALIVE_SECONDS:
            spoken = time.monotonic()
            yield KEEP_ALIVE


def _missed(call: Call, session_id: str, known: _Known) -> list[Event | None]:
    """What must have happened if the session is not as the listener knows it: by another process,
    or by a client of another API. How it came about is to be read from items and turns."""
    with call.database.read() as tx:
        try:
            session = sessions.fetch(tx, call.project, session_id)
        except ApiError:
            return [None]
        view = sessions.view(tx, call.project, session)
        newest = sessions.newest_run(tx, call.project, session_id)
        over = newest if view["status"] == "idle" else None
        now = _known(view)
        is_known = now.status == known.status and now.calls <= known.calls
        if is_known and (over is None or turns.turn_id(over) == known.last):
            return []
        runs = Collection(RUN, call.project, turns.thread_id(session_id))
        ended = [events.ended(documents.fetch(tx, runs, over))] if over else []
        return [*ended, events.session(view["status"], view)]


_SESSION = "/agents/sessions/{session_id}"
ENDPOINTS = (
    Endpoint("POST", "/agents/sessions", create),
    Endpoint("GET", "/agents/sessions", list_all),
    Endpoint("GET", _SESSION, retrieve),
    Endpoint("POST", _SESSION, update),
    Endpoint("DELETE", _SESSION, delete),
    Endpoint("GET", f"{_SESSION}/events", listen),
    Endpoint("POST", f"{_SESSION}/events", post),
    Endpoint("GET", f"{_SESSION}/items", list_items),
    Endpoint("GET", f"{_SESSION}/turns", list_turns),
    Endpoint("GET", f"{_SESSION}/turns/{{turn_id}}", retrieve_turn),
    Endpoint("GET", f"{_SESSION}/turns/{{turn_id}}/items", list_items_of_turn),
)
