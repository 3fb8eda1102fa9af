"""/responses"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.responses import JSONResponse

from assistctl.server.assistants_api.record import runs
from assistctl.server.engine.prompt import Prompt, prepare
from assistctl.server.engine.streaming import KEEP_ALIVE, KEEP_ALIVE_SECONDS, Channel
from assistctl.server.http.call import Answer, Call, Endpoint, streamed
from assistctl.server.http.idempotency import REPLAYED, Answered
from assistctl.server.responses_api import (
    bodies,
    chains,
    compacting,
    containers,
    events,
    items,
    objects,
    tools,
)
from assistctl.server.responses_api.events import Event, ResponseStream
from assistctl.server.responses_api.objects import ASKED
from assistctl.server.responses_api.record import ResponseRecord
from assistctl.server.storage import Claim, Collection, Transaction, documents, leases
from assistctl.server.validation import missing_parameter, not_of_type
from assistctl.server.wire import FILE, RESPONSE, VECTOR_STORE, ApiError, Document

_POLL_SECONDS = 0.05
_POKES = 3
_CANCEL_SECONDS = 10.0
_MOST_STREAMS = 256
_TRUE = ("true", "1")
_NOT_STORED = (
    "This request was answered before, and with `store: false` nothing is kept of an answer."
)
_UNFINISHED = "The response was deleted, or another process has ended it."


@dataclass
class _Whole:
    """The Wire for a client that does not listen: the last event has all that it is to get."""

    response: Document | None = None
    error: str = _UNFINISHED
    last: bytes = b""

    def encoded(self, event: Event) -> bytes:
        if events.is_last(event):
            self.response = event["response"]
        return b""

    def failed(self, message: str) -> bytes:
        self.error = message
        return b""


async def create(call: Call) -> Answer:
    request = await _with_items(call, bodies.create(call.body))
    if not request["input"] and not ({"conversation", "previous_response_id"} & request.keys()):
        raise missing_parameter("input")
    stream, background = bool(request.get("stream")), bool(request.get("background"))
    whole = _Whole()
    channel = Channel(ResponseStream() if stream or background else whole)
    if background:
        channel.kept, channel.listening = [], False
    else:
        channel.clients.append(_is_gone(call))
    start = partial(_start, call, request, channel)
    try:
        response = await _begun(call, start)
    except Answered as before:
        return await _again(call, before.answer, stream=stream, background=background)
    if background:
        return streamed(channel.tail(0)) if stream else response
    if stream:
        return streamed(channel.listen())
    async for _ in channel.listen():
        pass
    if whole.response is None:
        raise ApiError(whole.error, status=500, type="server_error")
    return whole.response


def retrieve(call: Call) -> Answer:
    identity = call.path("response_id", RESPONSE)
    include = bodies.included(call.include())
    streaming = (call.query("stream") or "") in _TRUE
    with call.database.read() as tx:
        run = objects.fetch(tx, call.project, identity)
        if not streaming:
            return objects.read(tx, call.project, run, include)
    start = _starting_after(call)
    if start and not objects.is_background(run):
        raise ApiError(
            "Only the stream of a response that was made with background=true can be resumed with"
            " 'starting_after'. Without it, the whole response is told again.",
            param="starting_after",
            code="invalid_value",
        )
    channel = call.server.streams.get(_claim(call, run))
    if channel is not None:
        return streamed(channel.tail(start))
    return streamed(_told_again(call, identity, include, start, _joined(call, _claim(call, run))))


def delete(call: Call) -> Document:
    identity = call.path("response_id", RESPONSE)
    with call.database.write() as tx:
        run = objects.fetch(tx, call.project, identity)
        if run["status"] in ("queued", "in_progress", "cancelling"):
            raise ApiError(
                f"Response '{identity}' is in progress and cannot be deleted. Cancel it, or wait"
                " until it has ended."
            )
        chains.delete(tx, call.project, run)
    return {"id": identity, "object": "response", "deleted": True}


async def cancel(call: Call) -> Document:
    """Answers once the response has stopped; to cancel one twice changes nothing."""
    identity = call.path("response_id", RESPONSE)
    claim = await call.server.lanes.reads.run(partial(_claim_of, call, identity))
    return await _stopped(call, identity, await _is_left(call, claim))


async def _stopped(call: Call, identity: str, is_left: bool) -> Document:
    response = await call.server.lanes.writes.run(partial(_cancel, call, identity, is_left))
    deadline = time.monotonic() + _CANCEL_SECONDS
    while response["status"] in objects.ACTIVE and time.monotonic() < deadline:
        await asyncio.sleep(_POLL_SECONDS)
        response = await call.server.lanes.reads.run(partial(_read, call, identity))
    return response


def input_items(call: Call) -> Document:
    """The items that came with the request; what it continued is not among them."""
    identity = call.path("response_id", RESPONSE)
    page, include = call.page(), bodies.included(call.include())
    with call.database.read() as tx:
        run = objects.fetch(tx, call.project, identity)
        given = set(run[ASKED]["input"])
        every = items.of_thread(tx, call.project, run["thread_id"], include)
    found = {item["id"]: item for item in every if item["id"] in given}
    shown = [found[each] for each in run[ASKED]["input"] if each in found]
    return documents.page_of(shown, page, "no item")


async def input_tokens(call: Call) -> Document:
    """About how many tokens a model would be sent; nothing of the request stays."""
    request = await _with_items(call, bodies.count(call.body))
    prompt, _ = await call.server.lanes.writes.run(partial(_rehearsed, call, request))
    tokens = await call.server.lanes.reads.run(lambda: prompt.tokens)
    return {"object": "response.input_tokens", "input_tokens": tokens}


async def _with_items(call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with its input as items, and the text of files among them."""
    given = request.get("input", [])
    given = items.as_items(given) if isinstance(given, str) else given
    if items.have_files(given):
        reading = partial(items.with_texts, call.database, call.project, given, "input")
        given = await call.server.lanes.uploads.run(reading)
    return {**request, "input": given}


async def compact(call: Call) -> Document:
    """A history in short, for the client to go on with; nothing of it is kept here."""
    request = await _with_items(call, bodies.compact(call.body))
    if not request["input"] and "previous_response_id" not in request:
        raise missing_parameter("input")
    prompt, spoken = await call.server.lanes.writes.run(partial(_rehearsed, call, request))
    return await compacting.compacted(call.server.engine.models, prompt, spoken)


class _Undone(Exception):
    """What a transaction was for is known; nothing of it is to stay."""


def _rehearsed(call: Call, request: Mapping[str, Any]) -> tuple[Prompt, list[Document]]:
    """What a model would be sent, and the user's messages as items."""
    try:
        with call.database.write() as tx:
            run = _queued(call, tx, request)
            prompt = prepare(tx, call.server.engine.tools, ResponseRecord(_claim(call, run)))
            every = items.of_thread(tx, call.project, run["thread_id"])
            raise _Undone
    except _Undone:
        return prompt, [item for item in every if item.get("role") == "user"]


async def _begun(call: Call, start: Callable[[], Document]) -> Document:
    """A conversation that is kept busy for a client that has gone away is let go."""
    try:
        return await call.server.lanes.writes.run(start)
    except items.Locked as locked:
        if not await _is_left(call, locked.claim):
            raise
        with suppress(ApiError):  # it has ended meanwhile
            await _stopped(call, objects.response_id(locked.claim.run_id), is_left=True)
    return await call.server.lanes.writes.run(start)


def _start(call: Call, request: Mapping[str, Any], channel: Channel) -> Document:
    """Have a response worked on, with its input written down; returns it as it begins."""

    def change(tx: Transaction) -> Document:
        run = _queued(call, tx, request)
        claim, engine = _claim(call, run), call.server.engine
        leases.open_run(tx, claim, engine.owner, run["expires_at"])
        response = objects.response(run, [])
        channel.send(list(events.begun(response)))
        include = bodies.included(request.get("include", []))
        record = ResponseRecord(claim, include, engine.forget)
        if channel.kept is not None:
            tx.after_commit(partial(_keep, call.server.streams, claim, channel))
        engine.launch(tx, record, run["expires_at"] - run["created_at"], channel)
        # What is kept for requests that are sent again tells nothing of what is not to be stored.
        return response if response["store"] else {"id": response["id"], "store": False}

    return call.write(change)


def _queued(call: Call, tx: Transaction, request: Mapping[str, Any]) -> Document:
    """The new run of a response, on its thread with the input of the request."""
    thread = chains.open_thread(tx, call.project, request)
    added = items.add(tx, call.project, thread["id"], request["input"], "input")
    if waiting := items.open_calls(tx, call.project, thread["id"]):
        raise ApiError(f"No tool output found for function call {waiting[0]}.", param="input")
    chosen = tools.of_run(request.get("tools", []), request.get("tool_choice", "auto"))
    for kind, named in ((VECTOR_STORE, chosen.vector_store_ids), (FILE, chosen.file_ids)):
        for each in named:
            documents.fetch(tx, Collection(kind, call.project), each)
    run = objects.new_run(thread, request, chosen, call.server.engine.models.run_seconds)
    if chosen.container not in (None, items.ids.of_container(thread["id"])):
        run |= containers.of_run(tx, call.project, chosen.container)
    run[ASKED]["input"] = [item["id"] for item in added]
    run[ASKED]["conversation"] = chains.conversation_id(request)
    run["notes"] += call.server.engine.notes(runs.asked(run))
    return documents.insert(tx, _claim(call, run).collection, run)


def _keep(streams: dict[Claim, Channel], claim: Claim, channel: Channel) -> None:
    streams[claim] = channel
    ended = [each for each, one in list(streams.items()) if one.closed]
    for each in ended[: max(0, len(streams) - _MOST_STREAMS)]:
        streams.pop(each, None)


def _cancel(call: Call, identity: str, is_left: bool) -> Document:
    with call.database.write() as tx:
        run = objects.fetch(tx, call.project, identity)
        if not objects.is_background(run) and not is_left:
            raise ApiError("Cannot cancel a synchronous response: it has no background=true.")
        if run["status"] in ("queued", "in_progress"):
            claim = _claim(call, run)
            run = documents.update(tx, claim.collection, run["id"], {"status": "cancelling"})
            call.server.engine.interrupt(tx, claim)
        elif run["status"] not in ("cancelling", "cancelled"):
            status = objects.response(run, [])["status"]
            raise ApiError(f"Cannot cancel a response that is {status}.")
        return objects.read(tx, call.project, run)


async def _is_left(call: Call, claim: Claim) -> bool:
    """Whether a response at work is for clients that have gone away, which is how OpenAI lets one
    be cancelled that is not in the background."""
    channel = _attended(call, claim)
    if channel is None:
        return False
    for _ in range(_POKES):
        if channel.is_left():
            return True
        channel.poke()
        await asyncio.sleep(_POLL_SECONDS)
    return channel.is_left()


def _attended(call: Call, claim: Claim) -> Channel | None:
    """The channel of a response at work here that clients wait for: none in the background."""
    channel = call.server.engine.listener(claim)
    return channel if isinstance(channel, Channel) and channel.clients else None


def _joined(call: Call, claim: Claim) -> Channel | None:
    """The same, for whose response the client of this call waits from now on, too."""
    channel = _attended(call, claim)
    if channel is not None:
        channel.clients.append(_is_gone(call))
    return channel


def _is_gone(call: Call) -> Callable[[], bool]:
    is_gone: Callable[[], bool] = getattr(call.request.state, "is_gone", bool)
    return is_gone


async def _again(call: Call, answer: Document, *, stream: bool, background: bool) -> Answer:
    """The answer to a request that is sent again: the response that the first one began."""
    identity = answer["id"]
    if not answer["store"]:
        raise ApiError(_NOT_STORED, code="response_not_stored")
    include = bodies.included(call.body.get("include") or [])
    claim = await call.server.lanes.reads.run(partial(_claim_of, call, identity))
    channel = None if background else _joined(call, claim)
    if stream:
        return streamed(_told_again(call, identity, include, 0, channel), replayed=True)
    read = partial(_read, call, identity, include)
    response = await call.server.lanes.reads.run(read)
    while not background and response["status"] in objects.ACTIVE:
        await asyncio.sleep(_POLL_SECONDS)
        response = await call.server.lanes.reads.run(read)
    return JSONResponse(response, headers=REPLAYED)


def _read(call: Call, identity: str, include: frozenset[str] = frozenset()) -> Document:
    with call.database.read() as tx:
        run = objects.fetch(tx, call.project, identity)
        return objects.read(tx, call.project, run, include)


async def _told_again(
    call: Call, identity: str, include: frozenset[str], start: int, channel: Channel | None
) -> AsyncIterator[bytes]:
    """The stream of a response that this process has no events of, once it has ended. Somebody who
    has heard of it already gets its last event, which holds all of it. `channel` is that of the
    first to ask, if it is known here."""
    spoken, pokes = time.monotonic(), 0
    wire = ResponseStream(start)
    while True:
        try:
            response = await call.server.lanes.reads.run(partial(_read, call, identity, include))
        except ApiError as gone:
            yield wire.failed(str(gone))
            return
        if response["status"] not in objects.ACTIVE:
            break
        await asyncio.sleep(_POLL_SECONDS)
        poked = channel is not None and channel.pokes > pokes
        if poked or time.monotonic() - spoken >= KEEP_ALIVE_SECONDS:
            spoken, pokes = time.monotonic(), channel.pokes if channel else 0
            yield KEEP_ALIVE
    for event in [events.ended(response)] if start else events.retold(response):
        yield wire.encoded(event)


def _starting_after(call: Call) -> int:
    """The number of the first event that is wanted."""
    text = call.query("starting_after")
    if text is None:
        return 0
    if not text.isdecimal() or len(text) > 18:  # more SQLite cannot hold
        raise not_of_type("starting_after", "an integer", f"'{text}'")
    return int(text) + 1


def _claim_of(call: Call, identity: str) -> Claim:
    with call.database.read() as tx:
        return _claim(call, objects.fetch(tx, call.project, identity))


def _claim(call: Call, run: Document) -> Claim:
    return Claim(call.project, run["thread_id"], run["id"])


ENDPOINTS = (
    Endpoint("POST", "/responses", create),
    Endpoint("POST", "/responses/compact", compact),
    Endpoint("POST", "/responses/input_tokens", input_tokens),
    Endpoint("GET", "/responses/{response_id}", retrieve),
    Endpoint("DELETE", "/responses/{response_id}", delete),
    Endpoint("POST", "/responses/{response_id}/cancel", cancel),
    Endpoint("GET", "/responses/{response_id}/input_items", input_items),
)
