"""The console as an ASGI application: who comes in, which page answers, what every answer bears."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.datastructures import FormData, Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistctl.console import entering
from assistctl.console.access import (
    Attempts,
    Sessions,
    foreign_fetch,
    foreign_host,
    foreign_origin,
    is_same_token,
)
from assistctl.console.entering import Doors
from assistctl.console.pages import files, playground, stores, tests, threads, workspace
from assistctl.console.rendering import SECURITY
from assistctl.console.sharing import Shares
from assistctl.console.visit import FORM_BYTES, ROOT, Console, Endpoint, Section, Visit
from assistctl.errors import AssistctlError, DeclarationError, Refused, RemoteError
from assistctl.render.terminal import one_line, sanitize

_log = logging.getLogger("assistctl.console")

SECTIONS = (workspace, playground, threads, files, stores, tests)
"""The modules of the pages, in the order of the navigation."""

_ASSETS = Path(__file__).parent / "assets"
_FIELDS = 1000
_LOGGED = 200
"""Characters of what anybody has sent that a line of the log has at most."""

BODY_SECONDS = 10.0
"""How long a body is waited for."""

_DOOR_BYTES = 8192
"""What those may send who are not in: a link's token, a key."""

_Answer: TypeAlias = Callable[[Request], Awaitable[Response]]


def create_app(console: Console) -> Starlette:
    """The pages below /console, and a way there from /."""
    doors = Doors(console, Sessions(), Attempts(), Shares())
    pages = [it for it in SECTIONS if console.load or not it.SECTION.needs_workspace]
    sections = tuple(it.SECTION for it in pages)
    front = sections[0].path if sections else entering.LOGIN
    endpoints = [
        Endpoint("/", lambda visit: visit.to(front)),
        Endpoint("/logout", lambda visit: entering.leave(doors, visit.request), "POST"),
        *(endpoint for page in pages for endpoint in page.ENDPOINTS),
    ]
    routes = [
        Mount("/assets", StaticFiles(directory=_ASSETS)),
        Route(entering.ENTER, _bounded(partial(entering.enter_page, doors))),
        Route(
            entering.ENTER, _bounded(partial(entering.enter, doors), _DOOR_BYTES), methods=["POST"]
        ),
        Route(entering.LOGIN, _bounded(partial(entering.login_page, doors))),
        Route(
            entering.LOGIN, _bounded(partial(entering.login, doors), _DOOR_BYTES), methods=["POST"]
        ),
        *(_route(doors, sections, endpoint) for endpoint in endpoints),
    ]
    app = Starlette(
        routes=[
            Route("/", _to_console),
            Route(ROOT, _to_console),
            Mount(ROOT, routes=routes),
        ],
        middleware=[Middleware(_Guard, here_only=console.links is not None)],
        exception_handlers={HTTPException: _answer_http_error, AssistctlError: _answer_outside},
    )
    app.state.sessions = doors.sessions
    return app


def beside(api: ASGIApp, console: ASGIApp) -> ASGIApp:
    """Both as one application: what is below /console is the console's, all else the API's."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_console = scope["type"] == "http" and (path == ROOT or path.startswith(f"{ROOT}/"))
        await (console if is_console else api)(scope, receive, send)

    return choose


class _Guard:
    """What every answer bears, and where every request must come from."""

    def __init__(self, app: ASGIApp, here_only: bool) -> None:
        self._app = app
        self._here_only = here_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY)
                if scope["path"].startswith(f"{ROOT}/assets/"):
                    headers["cache-control"] = "no-cache"  # kept, and asked for again by its ETag
            await send(message)

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["method"], scope["scheme"], Headers(scope=scope))
        await (refusal or self._app)(scope, receive, answer)

    def _refusal(self, method: str, scheme: str, headers: Headers) -> Response | None:
        if self._here_only and (host := foreign_host(headers)) is not None:
            return _refused(f"this console answers to localhost only, not to the host {host}")
        if (
            method not in ("GET", "HEAD")
            and (origin := foreign_origin(scheme, headers)) is not None
        ):
            return _refused(f"this was not sent by a page of this console, but from {origin}")
        if (asking := foreign_fetch(method, headers)) is not None:
            return _refused(f"this was asked for by {asking}")
        return None


def _refused(reason: str) -> Response:
    told = one_line(reason)[:_LOGGED]
    _log.warning("refused: %s", told)
    return PlainTextResponse(f"Refused: {told}.\n", 403)


def _route(doors: Doors, sections: tuple[Section, ...], endpoint: Endpoint) -> Route:
    """An endpoint for those who are in."""

    async def answer(request: Request) -> Response:
        session = entering.session_of(doors, request)
        if session is None:
            return entering.outside(doors, request)
        share = doors.shares.of(session.holder)
        visit = Visit(request, doors.console, session, sections, share)
        try:
            if endpoint.writes and not doors.console.write:
                raise Refused("this console only looks: it was started without --write")
            if endpoint.method == "POST":
                visit = replace(visit, form=await _form(request))
                _check_token(visit)
            if inspect.iscoroutinefunction(endpoint.handler):
                response: Response = await endpoint.handler(visit)
            else:
                response = await share.run(partial(endpoint.handler, visit))  # type: ignore[arg-type]
            return response
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page
            # Of one who has left meanwhile all that was needed may be closed.
            return entering.outside(doors, request) if session.is_over else _failure(visit, error)
        finally:
            await request.close()

    return Route(endpoint.path, _bounded(answer, endpoint.largest), methods=[endpoint.method])


def _bounded(answer: _Answer, largest: int = FORM_BYTES) -> _Answer:
    """Bodies say how long they are, as those of browsers do, are not too long, and come."""

    async def bounded(request: Request) -> Response:
        if request.method == "POST":
            length = request.headers.get("content-length", "")
            if not length.isdigit():
                raise HTTPException(HTTPStatus.LENGTH_REQUIRED)
            # Fields are kept in memory, files are not.
            has_files = request.headers.get("content-type", "").startswith("multipart/form-data")
            if int(length) > (largest if has_files else min(largest, FORM_BYTES)):
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            request = Request(request.scope, _paced(request.receive, largest <= _DOOR_BYTES))
        return await answer(request)

    return bounded


def _paced(receive: Receive, is_small: bool) -> Receive:
    """The same, but not for ever: a small body has so many seconds, a larger one for each piece."""
    until = time.monotonic() + BODY_SECONDS

    async def paced() -> Message:
        seconds = until - time.monotonic() if is_small else BODY_SECONDS
        try:
            async with asyncio.timeout(seconds):
                return await receive()
        except TimeoutError:
            # Where the rest of a request may still come, nothing else can be asked.
            leave = {"connection": "close"}
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, headers=leave) from None

    return paced


async def _form(request: Request) -> FormData:
    return await request.form(max_fields=_FIELDS, max_part_size=FORM_BYTES)


def _check_token(visit: Visit) -> None:
    given = visit.request.headers.get("x-csrf-token") or visit.sent("csrf")
    if not is_same_token(given, visit.session.csrf):
        raise Refused(
            "this form is not of your session, or that has ended and begun anew; nothing was"
            " changed. Load the page again, and send it from there"
        )


def _failure(visit: Visit, error: Exception) -> Response:
    """What has gone wrong, for people; what is nobody's business is in the log only."""
    problems = error.problems if isinstance(error, DeclarationError) else ()
    if isinstance(error, AssistctlError):
        told = visit.console.told(error) if isinstance(error, RemoteError) else str(error)
    else:
        where = "".join(traceback.format_exception(error)).rstrip("\n")
        _log.error("%s failed\n%s", one_line(visit.request.url.path)[:_LOGGED], sanitize(where))
        told = "This is a bug in assistctl. The log of the command that serves this page says more."
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 500)
    if isinstance(error, RemoteError) and error.status == HTTPStatus.NOT_FOUND:
        status = HTTPStatus.NOT_FOUND
    if visit.is_partial:
        return visit.fragment("_failure.html", status=status, told=told, problems=problems)
    title = "Not done"
    return visit.page("failure.html", title=title, status=status, told=told, problems=problems)


_STATUS: dict[type[Exception], int] = {
    DeclarationError: 422,
    Refused: 409,
    RemoteError: 502,
    AssistctlError: 400,
}


async def _to_console(request: Request) -> Response:
    return RedirectResponse(f"{ROOT}/", 303)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = error.detail
    if error.status_code == HTTPStatus.NOT_FOUND:
        told = f"There is no such page in this console; it begins at {ROOT}/"
    return PlainTextResponse(f"{told}\n", error.status_code, error.headers)


async def _answer_outside(request: Request, error: Exception) -> Response:
    return PlainTextResponse(f"{sanitize(str(error))}\n", 502)
