"""The way in, by a one-time link or by a key, and the way out."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistctl.console.access import Attempts, Session, Sessions
from assistctl.console.peers import is_ours
from assistctl.console.reach import Reach
from assistctl.console.rendering import rendered
from assistctl.console.sharing import Shares
from assistctl.console.visit import ROOT, Console
from assistctl.errors import AssistctlError, RemoteError

_log = logging.getLogger("assistctl.console")

ENTER, LOGIN = "/enter", "/login"


@dataclass(frozen=True)
class Doors:
    """A console, those who are in it, those who have tried to be, and what they may have of this
    machine."""

    console: Console
    sessions: Sessions
    attempts: Attempts
    shares: Shares


def session_of(doors: Doors, request: Request) -> Session | None:
    """Whose request this is. Somebody else's page can plant a cookie beside ours: one that is no
    session is ignored; of two that are, neither is believed."""
    found = [it for each in _ids(request) if (it := doors.sessions.find(each))]
    return found[0] if len(found) == 1 and _is_here(doors, request) else None


def _is_here(doors: Doors, request: Request) -> bool:
    """Whether somebody may use a link, or the session that one has begun: of this machine's users
    the one whose console it is."""
    if doors.console.links is None:
        return True
    about = request.scope.get("state", {}).get("connection", {})
    # Not what a proxy tells: there is none before a console with links, and anybody may say so.
    peer, own = about.get("peer") or request.client, request.scope.get("server")
    if peer and own and not about.get("is_ours"):
        about["is_ours"] = is_ours((peer[0], peer[1]), (own[0], own[1]))
    if about.get("is_ours"):
        return True
    _log.warning("refused: a link or a session that a process of another user has")
    return False


def outside(doors: Doors, request: Request) -> Response:
    """For somebody without a session: the way in."""
    way = ROOT + (LOGIN if doors.console.links is None else ENTER)
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401, headers={"hx-redirect": way})
    return RedirectResponse(way, 303)


async def enter_page(doors: Doors, request: Request) -> Response:
    """What a link leads to. It is used up by the form on this page, not by looking at it: programs
    that open links to preview them do not post."""
    if doors.console.links is None:
        return outside(doors, request)
    token = request.query_params.get("token", "")
    return _outside("enter.html", title="Open the console", token=token, wrong=False)


async def enter(doors: Doors, request: Request) -> Response:
    """Exchange a link's token for a session."""
    links = doors.console.links
    token = (await request.form()).get("token", "")
    is_told = isinstance(token, str) and _is_here(doors, request)
    if links is None or not is_told or not links.take(str(token)):
        _log.warning("a link was refused (client %s)", _client(request))
        return _outside("enter.html", 403, title="Open the console", token="", wrong=True)
    reach = await doors.shares.let_in(partial(doors.console.reach, None))
    return _let_in(doors, request, reach, None)


async def login_page(doors: Doors, request: Request) -> Response:
    """Where a key is asked for."""
    if doors.console.links is not None:
        return outside(doors, request)
    return _outside("login.html", title="Log in", wrong="")


async def login(doors: Doors, request: Request) -> Response:
    """Exchange a key for a session, unless too many were wrong lately."""
    if doors.console.links is not None:
        return outside(doors, request)
    key, client = str((await request.form()).get("key", "")).strip(), _client(request)
    if wait := math.ceil(doors.attempts.begin(client)):
        wrong = f"Too many keys were wrong. Try again in {wait} seconds."
        answer = _outside("login.html", 429, title="Log in", wrong=wrong)
        answer.headers["retry-after"] = str(wait)
        return answer
    try:
        reach = await doors.shares.let_in(partial(doors.console.reach, key))
    except RemoteError as error:
        if error.status != 401:
            doors.attempts.take_back(client)
            raise
    except AssistctlError:
        pass  # no header could carry it
    else:
        doors.attempts.take_back(client)
        return _let_in(doors, request, reach, key)
    _log.warning("a key was refused (client %s)", client)
    return _outside("login.html", 403, title="Log in", wrong="This key opens nothing here.")


def leave(doors: Doors, request: Request) -> Response:
    """End the session."""
    doors.sessions.end(*_ids(request))
    answer = outside(doors, request)
    answer.delete_cookie(_cookie(request), ROOT)
    return answer


def _let_in(doors: Doors, request: Request, reach: Reach, key: str | None) -> Response:
    answer = RedirectResponse(f"{ROOT}/", 303)
    answer.set_cookie(
        _cookie(request),
        doors.sessions.begin(reach, key, instead_of=_ids(request)),
        path=ROOT,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    _log.info("somebody has come in (client %s)", _client(request))
    return answer


def _cookie(request: Request) -> str:
    """Cookies of a host are of all its ports: each has a name of its own."""
    return f"assistctl_console_{(request.scope.get('server') or ('', 0))[1]}"


def _ids(request: Request) -> list[str]:
    """What the cookies of our name say; there is one, unless somebody has planted others."""
    said = "; ".join(request.headers.getlist("cookie")).split(";")
    named = (it.strip().partition("=") for it in said)
    return list(dict.fromkeys(it for name, _, it in named if name == _cookie(request) and it))


def _client(request: Request) -> str:
    return request.client.host if request.client else "-"


def _outside(template: str, status: int = 200, **values: object) -> Response:
    return rendered(template, {"root": ROOT, **values}, status)
