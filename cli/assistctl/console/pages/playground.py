"""The playground: an assistant, tried and changed in a form, with nothing declared otherwise until
it is saved."""

from __future__ import annotations

import asyncio
import codecs
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from assistctl.console.differences import difference
from assistctl.console.downloads import lending, lent
from assistctl.console.markdown import is_long
from assistctl.console.pages.workspace import APPLYING, check_consent
from assistctl.console.playground import drafts, fields, saving, seats
from assistctl.console.playground.drafts import Draft
from assistctl.console.playground.ready import make_ready
from assistctl.console.playground.seats import BY_ID, DECLARED, NEW, Seat
from assistctl.console.playground.table import Table, Tables
from assistctl.console.playground.turns import Item, Spoken, Turn
from assistctl.console.visit import Endpoint, Section, Visit, whole_number
from assistctl.conversation.attachments import picture_type
from assistctl.conversation.saving import harmless
from assistctl.errors import AssistctlError, RemoteError
from assistctl.importing.choosing import owner_of
from assistctl.spec.families import EFFORTS
from assistctl.spec.wording import is_unicode

SECTION = Section("Playground", "/playground", "p", needs_workspace=True)

ATTACHED_BYTES = 100_000_000
_HEAD_BYTES = 8192
MOST_LISTED = 100
"""Of assistants that are only at the target; the newest are listed."""

_ALIVE_SECONDS = 1.0
"""How often it is said that nothing is new: that a page is gone is known once it does not take what
is sent, since whoever only closes their side of a connection may still listen."""

_PAUSE_SECONDS = 0.05
"""Words that come within this time come to the page together."""

_PAUSES = 4.0
"""And those that come within so many times what it took to show the last ones: however a model
words it, a page that listens takes no more than a fifth of the time."""


@dataclass(frozen=True)
class Shown:
    """A turn as a page has it: all that was there at a `version` of it."""

    turn: Turn
    version: int
    items: list[Item]
    over: bool


def index(visit: Visit) -> Response:
    """Whom one can talk to."""
    workspace = visit.workspace
    refusal = None
    others = []
    try:
        for object_id, body in visit.surface.existing().items():
            owner = owner_of(body)
            space, _, key = (owner or "").partition("/")
            if space != workspace.target.namespace or key not in workspace.assistants:
                others.append((object_id, str(body.get("name") or ""), owner))
    except RemoteError as error:
        refusal = visit.console.told(error)
    return visit.page(
        "playgrounds.html",
        title="Playground",
        assistants=list(workspace.assistants.values()),
        others=others[-MOST_LISTED:][::-1],
        hidden=max(0, len(others) - MOST_LISTED),
        refusal=refusal,
    )


def table(visit: Visit) -> Response:
    """One subject, its form, and what was said so far."""
    seat, at = _seat(visit), _table(visit)
    return _page(visit, seat, at)


def say(visit: Visit) -> Response:
    """Say something to the draft as the form has it, and to whoever stands beside it."""
    seat, at = _seat(visit), _table(visit)
    draft = _noted(visit, seat, at)
    message = visit.sent("message").replace("\r\n", "\n")
    if not message.strip():
        raise AssistctlError("the message is empty")
    if not is_unicode(message) or "\0" in message:
        raise AssistctlError("the message is no text")
    beside, model = visit.sent("beside"), visit.sent("other_model").strip()
    wanted = seats.versions(seat, draft, beside, model)
    if at.beside != f"{beside} {model}".strip():
        at.clear()
        at.beside = f"{beside} {model}".strip()
    spoken = Spoken(message, tuple(_attached(visit, at)))
    make = partial(make_ready, visit.surface)
    exchange = at.say(spoken, wanted, make, watched=visit.is_partial, told=visit.console.told)
    if visit.is_partial:
        return visit.fragment("_exchange.html", exchange=exchange, shown=shown)
    for turn in exchange.turns:
        turn.wait()
    return visit.to(_path(seat))


def anew(visit: Visit) -> Response:
    """Forget what was said: the next message begins new threads."""
    seat, at = _seat(visit), _table(visit)
    at.draft = _sent_draft(visit, seat)
    at.clear()
    return visit.to(_path(seat))


def reset(visit: Visit) -> Response:
    """Forget the draft."""
    seat, at = _seat(visit), _table(visit)
    at.draft = None
    return visit.to(_path(seat))


def stop(visit: Visit) -> Response:
    """Stop a turn."""
    turn = _tables(visit).turn(visit.part("turn"))
    turn.stop()
    return Response(status_code=204)


def answer(visit: Visit) -> Response:
    """Allow a call, or refuse it."""
    turn = _tables(visit).turn(visit.part("turn"))
    number = whole_number(visit.sent("item"))
    if number is None:
        raise AssistctlError("it is not said which call is meant")
    turn.answer(number, visit.sent("allow") == "1")
    return Response(status_code=204)


def file(visit: Visit) -> Response:
    """A file that came of a turn: to save, or, of a picture or a text, to look at."""
    turn = _tables(visit).turn(visit.part("turn"))
    number = whole_number(visit.part("number"))
    made = None if number is None else turn.file(number)
    if made is None or turn.session is None:
        raise AssistctlError("this file is not known here any more")
    download = partial(turn.session.conversation.download, made)
    seen_as = (lambda path: None) if visit.asked("save") == "1" else _seen_as
    return lent(harmless(made.name or made.id), download, seen_as)


def _seen_as(path: Path) -> str | None:
    """The media type as which a browser may show a file, by what is in it; never one that it would
    run."""
    with path.open("rb") as content:
        head = content.read(_HEAD_BYTES)
    if kind := picture_type(head):
        return kind
    with suppress(UnicodeDecodeError):
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
        return None if "\0" in text else "text/plain; charset=utf-8"
    return None


def keep(visit: Visit) -> Response:
    """Have the draft remembered as the form has it, and show how it would be saved."""
    seat, at = _seat(visit), _table(visit)
    _noted(visit, seat, at)
    return visit.to(_path(seat, "saving"))


def show_saving(visit: Visit) -> Response:
    """What saving would write."""
    seat, at = _seat(visit), _table(visit)
    what = saving.saving(visit.surface, seat, at.draft or seat.base, visit.asked("key"))
    return visit.page(
        "saving.html",
        title="Save as YAML",
        seat=seat,
        what=what,
        shown=[(it.path, difference(it.before.decode(), it.after.decode())) for it in what.files],
        confirms=seat.workspace.target.confirm,
    )


def save(visit: Visit) -> Response:
    """Write it."""
    with APPLYING:
        seat, at = _seat(visit), _table(visit)
        if seat.remote_id is not None:
            check_consent(visit, seat.workspace)
        draft, key = at.draft or seat.base, visit.sent("key").strip()
        done = saving.save(visit.surface, seat, draft, visit.sent("fingerprint"), key)
        at.draft = None
    subject = f"{DECLARED}{done.key}"
    names = list(dict.fromkeys([*(it.path for it in done.files), *done.fetched]))
    return visit.page("saved.html", title="Saved", seat=seat, files=names, subject=subject)


def download(visit: Visit) -> Response:
    """The same to keep elsewhere."""
    seat, at = _seat(visit), _table(visit)
    what = saving.saving(visit.surface, seat, at.draft or seat.base, visit.asked("key"))
    name, content = saving.packed(seat, what)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def events(visit: Visit) -> Response:
    """A turn as it happens, as fragments of its page."""
    since = visit.request.headers.get("last-event-id") or visit.asked("after", "0")
    try:
        turn = _tables(visit).turn(visit.part("turn"))
        heard = _heard(visit, turn, whole_number(since) or 0)
    except AssistctlError:
        heard = _nothing()
    return StreamingResponse(heard, media_type="text/event-stream")


async def _heard(visit: Visit, turn: Turn, since: int) -> AsyncIterator[str]:
    loop, fresh = asyncio.get_running_loop(), asyncio.Event()
    with turn.listened(lambda: loop.call_soon_threadsafe(fresh.set)):
        while True:
            fresh.clear()
            version, news, over = turn.news(since)
            if over:  # what was too long to be formatted while more of it came
                news = [it for it in turn.news(0)[1] if it in news or _is_long_text(it)]
            took = 0.0
            if version > since:
                began = loop.time()
                html = await visit.in_thread(partial(_news, visit, turn, news, since))
                took = loop.time() - began
                yield _event(html, version)
                since = version
            if over:
                yield _CLOSE
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(fresh.wait(), _ALIVE_SECONDS)
            if not fresh.is_set():
                yield ": still at work\n\n"
            await _rest(turn, _PAUSES * took)


async def _rest(turn: Turn, seconds: float) -> None:
    """So long, or until the turn is over; a little in any case."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not turn.over:
        await asyncio.sleep(_PAUSE_SECONDS)
        if loop.time() >= until:
            return


def _is_long_text(item: Item) -> bool:
    return item.kind == "text" and is_long(item.value)


async def _nothing() -> AsyncIterator[str]:
    yield _CLOSE


_CLOSE = "event: close\ndata: over\n\n"


def _event(html: str, number: int) -> str:
    lines = "".join(f"data: {line}\n" for line in html.replace("\r", "").split("\n"))
    return f"id: {number}\n{lines}\n"


def _news(visit: Visit, turn: Turn, news: list[Item], since: int) -> str:
    """What is new, to be put after what is there; what has changed, in its place."""
    page = visit.fragment("_news.html", turn=turn, news=news, since=since)
    return bytes(page.body).decode()


def shown(turn: Turn) -> Shown:
    """A turn as a page is to have it."""
    version, items, over = turn.news(0)
    return Shown(turn, version, items, over)


def _page(visit: Visit, seat: Seat, at: Table) -> Response:
    draft = at.draft or seat.base
    beside, _, model = at.beside.partition(" ")
    prices = sorted(seat.workspace.prices)
    used = {str(it.settings.get("model") or "") for it in seat.workspace.assistants.values()}
    return visit.page(
        "playground.html",
        title=seat.title,
        seat=seat,
        draft=draft,
        said=fields.shown(draft.settings),
        has_parameters=bool({*draft.settings} - {"model", "instructions"}),
        exchanges=at.exchanges,
        columns=at.columns,
        shown=shown,
        beside=beside,
        other_model=model,
        models=sorted({*prices, *used} - {""}),
        efforts=EFFORTS,
        formats=fields.FORMATS,
        stores=[key for key, it in seat.workspace.stores.items() if not it.implicit],
        choices=fields.choices([it.id for it in seat.offers], draft.settings),
        templated=seat.assistant.template if seat.assistant else None,
    )


def _noted(visit: Visit, seat: Seat, at: Table) -> Draft:
    """What the form says, which the playground remembers."""
    draft = _sent_draft(visit, seat)
    at.draft = None if draft == seat.base else draft
    return draft


def _sent_draft(visit: Visit, seat: Seat) -> Draft:
    sent = {name: value for name, value in visit.form.items() if isinstance(value, str)}
    tools = [str(it) for it in visit.form.getlist("tools")]
    draft = drafts.read(sent, tools, seat.base)
    same = {it: None for it in seat.base.tools if it in draft.tools}
    return replace(draft, tools=tuple({**same, **dict.fromkeys(draft.tools)}))


def _attached(visit: Visit, at: Table) -> list[Path]:
    """The files of the form, in a directory of their own."""
    found = []
    for upload in visit.form.getlist("files"):
        if isinstance(upload, UploadFile) and upload.filename:
            directory = at.directory / secrets.token_hex(8)
            directory.mkdir()
            path = directory / harmless(upload.filename)
            with path.open("xb") as to:
                while block := upload.file.read(1 << 20):
                    to.write(block)
            found.append(path)
    return found


def _seat(visit: Visit) -> Seat:
    return seats.seat(visit.surface, visit.workspace, _subject(visit))


def _table(visit: Visit) -> Table:
    return _tables(visit).of(_subject(visit))


def _tables(visit: Visit) -> Tables:
    return visit.session.kept.of(Tables)


def _subject(visit: Visit) -> str:
    subject = visit.sent("with") or visit.asked("with")
    if subject == NEW or subject.startswith((BY_ID, DECLARED)):
        return subject
    raise AssistctlError("it is not said who this playground is about; choose somebody first")


def _path(seat: Seat, page: str = "table") -> str:
    return f"/playground/{page}?{urlencode({'with': seat.subject})}"


ENDPOINTS = (
    Endpoint("/playground", index),
    Endpoint("/playground/table", table),
    Endpoint("/playground/say", say, "POST", ATTACHED_BYTES),
    Endpoint("/playground/anew", anew, "POST", ATTACHED_BYTES),
    Endpoint("/playground/reset", reset, "POST", ATTACHED_BYTES),
    Endpoint("/playground/keep", keep, "POST", ATTACHED_BYTES),
    Endpoint("/playground/saving", show_saving),
    Endpoint("/playground/save", save, "POST", writes=True),
    Endpoint("/playground/download", download),
    Endpoint("/playground/turns/{turn}/events", events),
    Endpoint("/playground/turns/{turn}/files/{number}", lending(file)),
    Endpoint("/playground/turns/{turn}/stop", stop, "POST"),
    Endpoint("/playground/turns/{turn}/answer", answer, "POST"),
)
