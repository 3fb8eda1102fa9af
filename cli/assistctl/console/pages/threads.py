"""Threads: those that the target lists, those that were recorded here, and one of them as a
timeline and as the objects of each API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from starlette.responses import Response

from assistctl.apis.transport.client import Client, path_of
from assistctl.console import timeline
from assistctl.console.visit import PAGE, ROOT, Endpoint, Section, Visit, whole_number
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import PastMessage, PastPage
from assistctl.record import store
from assistctl.record.threads import Thread
from assistctl.render.values import counted
from assistctl.resources import Json

SECTION = Section("Threads", "/threads", "h")

OBJECTS = 20
"""Objects of a kind that are shown as JSON."""

HERE, THERE = "here", "target"


@dataclass(frozen=True)
class Row:
    """A thread in a list; what is not known is None."""

    id: str
    title: str | None
    assistant: str | None
    number: str
    at: float | str | None
    status: str | None = None
    metadata: Mapping[str, str] | None = None
    excerpts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rows:
    """A page of a list; `more` are the parameters of the next one."""

    rows: tuple[Row, ...]
    more: Mapping[str, str] | None = None


def index(visit: Visit) -> Response:
    """A list of threads, of the target's where it has one, else of those that were recorded."""
    source = visit.asked("of") or (HERE if visit.console.load else THERE)
    asked = {name: visit.asked(name) for name in ("q", "assistant", "metadata")}
    refusal = None
    try:
        found = _recorded(visit, asked) if source == HERE else _listed(visit, asked)
    except RemoteError as error:
        if error.status is None or error.status >= 500:
            raise
        refusal = f"{visit.console.target} does not list its threads ({visit.console.told(error)})"
        found = Rows(())
    kept = {name: value for name, value in {"of": source, **asked}.items() if value}
    return visit.page(
        "threads.html",
        title="Threads",
        source=source,
        asked=asked,
        found=found,
        refusal=refusal,
        following=f"?{urlencode({**kept, **found.more})}" if found.more else None,
    )


def one(visit: Visit) -> Response:
    """A thread, part by part, the newest first."""
    thread, source = visit.part("thread"), visit.asked("of") or THERE
    older = visit.request.query_params.getlist("older")
    known = _record_of(visit, thread)
    try:
        if source == HERE:
            page = _page_of_record(visit, known, older)
        else:
            page = timeline.at_target(visit.session.reach, thread, older)
    except RemoteError as error:
        if known is None or source == HERE:
            raise
        source, page = HERE, _page_of_record(visit, known, older)
        told = visit.console.told(error)
        gone: str | None = f"{visit.console.target} does not tell of it ({told})"
    else:
        gone = None
    following = urlencode({"of": source, "older": page.older or ()}, doseq=True)
    return visit.page(
        "thread.html",
        title=(known.title if known else None) or _first_words(page) or thread,
        thread=thread,
        source=source,
        known=known,
        gone=gone,
        page=page,
        is_part=bool(older),
        older=f"{ROOT}{path_of('/threads', thread)}?{following}" if page.older else None,
        kinds=[kind for kind in VIEWS if source == THERE],
    )


def _first_words(page: PastPage) -> str:
    """How a thread begins, if that is on the page."""
    first = page.entries[0] if page.entries and not page.older else None
    return store.title_of(first.text) if isinstance(first, PastMessage) else ""


def objects(visit: Visit) -> Response:
    """A thread as an API has it, in JSON; not every target has every API."""
    thread, kind = visit.part("thread"), visit.part("kind")
    if kind not in VIEWS:
        raise AssistctlError(f"there is no view called {kind!r}")
    try:
        shown: Json = VIEWS[kind](visit.client, thread)
        missing = None
    except RemoteError as error:
        told = visit.console.told(error)
        shown, missing = None, f"{visit.console.target} has no such view of it ({told})"
    hidden = visit.surface.redaction.value
    return visit.fragment("_objects.html", shown=hidden(shown), missing=missing)


def _as_assistants(client: Client, thread: str) -> Json:
    path = path_of("/threads", thread)
    return {
        "thread": client.get(path),
        "messages": client.page(f"{path}/messages", limit=OBJECTS)["data"],
        "runs": client.page(f"{path}/runs", limit=OBJECTS)["data"],
    }


def _as_conversation(client: Client, thread: str) -> Json:
    path = path_of("/conversations", thread)
    return {
        "conversation": client.get(path),
        "items": client.page(f"{path}/items", limit=OBJECTS)["data"],
    }


def _as_session(client: Client, thread: str) -> Json:
    path = path_of("/agents/sessions", f"sess_{thread.partition('_')[2]}")
    return {
        "session": client.get(path),
        "items": client.page(f"{path}/items", limit=OBJECTS)["data"],
    }


VIEWS: Mapping[str, Callable[[Client, str], Json]] = {
    "assistants": _as_assistants,
    "responses": _as_conversation,
    "agents": _as_session,
}

ENDPOINTS = (
    Endpoint("/threads", index),
    Endpoint("/threads/{thread}", one),
    Endpoint("/threads/{thread}/objects/{kind}", objects),
)


def _listed(visit: Visit, asked: Mapping[str, str]) -> Rows:
    params: dict[str, str | int] = {"limit": PAGE}
    if asked["q"]:
        params["query"] = asked["q"]
    if asked["assistant"]:
        params["assistant_id"] = asked["assistant"]
    for pair in asked["metadata"].split():
        name, _, value = pair.partition("=")
        params[f"metadata[{name}]"] = value
    if after := visit.asked("after"):
        params["after"] = after
    page = visit.client.page("/threads", **params)
    rows = tuple(_row(it) for it in page["data"])
    return Rows(rows, {"after": rows[-1].id} if page.get("has_more") and rows else None)


def _row(thread: Mapping[str, Json]) -> Row:
    summary = thread.get("summary") or {}
    number = summary.get("messages")
    return Row(
        str(thread["id"]),
        summary.get("first_message"),
        summary.get("assistant_id"),
        "" if number is None else counted(number, "message"),
        summary.get("last_message_at") or thread.get("created_at"),
        summary.get("status"),
        thread.get("metadata") or None,
    )


def _recorded(visit: Visit, asked: Mapping[str, str]) -> Rows:
    root, target = _root(visit), visit.console.target
    begin = whole_number(visit.asked("from")) or 0
    excerpts: dict[str, list[str]] = {}
    if words := asked["q"].split():
        hits = store.search(root, words, target)
        for hit in hits:
            excerpts.setdefault(hit.thread.id, []).append(hit.excerpt)
        every = {hit.thread.id: hit.thread for hit in hits}.values()
        some = [it for it in every if asked["assistant"] in ("", it.assistant)]
        threads = some[begin : begin + PAGE + 1]
    else:
        assistant = asked["assistant"] or None
        threads = store.threads(root, target, assistant=assistant, limit=PAGE + 1, offset=begin)
    rows = tuple(_recorded_row(it, excerpts.get(it.id, ())) for it in threads[:PAGE])
    return Rows(rows, {"from": str(begin + PAGE)} if len(threads) > PAGE else None)


def _recorded_row(thread: Thread, excerpts: Sequence[str]) -> Row:
    turns, found = counted(thread.turns, "turn"), tuple(excerpts[:3])
    return Row(thread.id, thread.title, thread.assistant, turns, thread.used, excerpts=found)


def _record_of(visit: Visit, thread: str) -> Thread | None:
    root = visit.console.root
    return store.thread(root, visit.console.target, thread) if root else None


def _page_of_record(visit: Visit, known: Thread | None, older: Sequence[str]) -> PastPage:
    if known is None:
        raise AssistctlError("nothing was recorded of this thread here")
    return timeline.recorded(store.turns(_root(visit), known), older)


def _root(visit: Visit) -> Path:
    if visit.console.root is None:
        raise AssistctlError("this console shows no workspace")
    return visit.console.root
