"""The ASGI application: who may ask, what reaches a handler, how answers and errors leave."""

from __future__ import annotations

import hashlib
import hmac
import inspect
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from http import HTTPStatus
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import anyio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from assistctl.base_urls import host_of, is_loopback
from assistctl.server.http.access import Access
from assistctl.server.http.call import Call, Endpoint, Server
from assistctl.server.http.idempotency import REPLAYED, Answered
from assistctl.server.http.intake import is_form, read_form, read_json
from assistctl.server.storage import disk_space
from assistctl.server.storage.database import Busy
from assistctl.server.wire import ApiError, Json

_log = logging.getLogger("assistctl.server")

_POLL_AFTER_MS = "100"
_HEALTH_SECONDS = 5.0
Version: TypeAlias = Literal[1, 2]
"""Of the Assistants API."""
_AZURES_FIRST = "2024-02-15-preview"
_NEEDS_BETA = ("assistants", "threads", "vector_stores")
_NEEDS_AGENTS_BETA = ("agents", "vaults")
_AGENTS_BETA = "agents=v1"
_PREFIX = re.compile(r"/+(?:v1|openai(?:/v1|/deployments/[^/]+)?)/*(?=/)")
"""What the endpoints stand below: at OpenAI, at Azure, in Azure's later form of the API, and as
clients that were told of a deployment ask for everything. What Azure wants besides (`api-version`,
a deployment's name) says nothing here. Slashes are many where an address that ends in one was put
before a path, as SDKs do with an `azure_endpoint` copied from Azure's portal."""
_BUSY = ApiError(
    "Another process has been writing to the server's database for too long, so your request had"
    " no effect. Try again.",
    status=503,
    type="server_error",
    code="database_busy",
)
_FAULT = ApiError(
    "The server had an error while processing your request.", status=500, type="server_error"
)
_FROM_PAGES = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["*"],
    allow_headers=["*"],
    expose_headers=["*"],
    allow_private_network=True,
)
"""SDKs run in browsers, too. A page of any origin may see the answers: it has none without a key,
and where there are no keys, only pages of this machine get past `_refuse_foreign_pages`."""


def create_app(
    server: Server,
    words: Collection[str],
    endpoints: Callable[[str, Version], Sequence[Endpoint]],
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """The endpoints below /v1 and Azure's prefixes, /healthz, and the API's error shape for
    everything else. `endpoints` is asked for those whose path begins with one of the `words`, in a
    version, when such a path is first asked for."""

    @cache
    def routers(word: str, version: Version) -> Mapping[_Shape, Router]:
        return _routers(server, endpoints(word, version))

    app = Starlette(
        routes=[Route("/healthz", _health(server), methods=["GET"])],
        middleware=[Middleware(Access), _FROM_PAGES],
        exception_handlers={
            ApiError: _answer_api_error,
            HTTPException: _answer_http_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.router.default = _below_prefix(words, routers, app.router.not_found)
    return app


_Shape: TypeAlias = tuple[str, int]
"""A path's first word and how many it has: enough to look at few routes instead of seventy, which
took a tenth of a request's time. No number (0) is that of paths whose ids hold slashes."""


def _shape(path: str) -> _Shape:
    return path.split("/", 2)[1], path.count("/")


def _routers(server: Server, endpoints: Sequence[Endpoint]) -> Mapping[_Shape, Router]:
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    routes: dict[_Shape, list[Route]] = {}
    for path, methods in paths.items():  # one route for all of them, so that a 405 can name them
        word, number = _shape(path)
        shape = (word, 0 if ":path}" in path else number)
        route = Route(path, _bind(server, methods), methods=list(methods))
        routes.setdefault(shape, []).append(route)
    return {shape: Router(these, redirect_slashes=False) for shape, these in routes.items()}


def _below_prefix(
    words: Collection[str],
    routers: Callable[[str, Version], Mapping[_Shape, ASGIApp]],
    elsewhere: ASGIApp,
) -> ASGIApp:
    """Starlette's Mount for several prefixes, which would make a route of each for each; and the
    routes are those of the version that the request asks for."""

    async def find(scope: Scope, receive: Receive, send: Send) -> None:
        prefix = _PREFIX.match(scope["path"])
        if prefix is None:
            await elsewhere(scope, receive, send)
        else:
            root = scope.get("root_path", "") + prefix[0]
            shape = _shape(scope["path"][prefix.end() :])
            version = _version_of(Request(scope)) or 2
            known = routers(shape[0], version) if shape[0] in words else {}
            api = known.get(shape) or known.get((shape[0], 0), elsewhere)
            await api({**scope, "root_path": root}, receive, send)

    return find


def _version_of(request: Request) -> Version | None:
    """As its header says, or else Azure's `api-version`; None if it says nothing."""
    asked = _betas(request)
    if "assistants=v2" in asked:
        return 2
    if "assistants=v1" in asked or request.query_params.get("api-version") == _AZURES_FIRST:
        return 1
    return None


def _betas(request: Request) -> list[str]:
    header = request.headers.get("openai-beta", "")
    return [part.strip() for part in header.split(",")]


def _bind(
    server: Server, methods: Mapping[str, Endpoint]
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        endpoint = methods["GET" if request.method == "HEAD" else request.method]
        try:
            return await _answer(server, endpoint, request)
        except (ApiError, HTTPException):
            raise
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return _failed(request, error)

    return answer


def _health(server: Server) -> Callable[[Request], Awaitable[Response]]:
    """Whether the server can work; asked without a key, by those who watch over processes."""

    def look() -> None:
        server.database.check_readable()
        server.database.check_space()

    async def answer(request: Request) -> Response:
        try:
            with anyio.fail_after(_HEALTH_SECONDS):
                await server.lanes.health.run(look, abandon=True)
        except disk_space.DiskFull as lack:
            _log.error("%s; it goes on once there is room", lack)
            return JSONResponse({"status": "failing", "reason": str(lack)}, 503)
        except Exception as error:  # noqa: BLE001 - whatever it is, the server is not well
            _log.error("the database cannot be read", exc_info=error)
            return JSONResponse({"status": "failing"}, 503)
        return JSONResponse({"status": "ok"})

    return answer


async def _answer(server: Server, endpoint: Endpoint, request: Request) -> Response:
    project = request.state.project = _authenticate(request, server)
    _demand_beta(request, endpoint, strict=server.settings.strict_beta)
    try:
        if endpoint.form and (not endpoint.form.may_be_json or is_form(request)):
            async with read_form(request, endpoint.form, server.lanes.spooling) as form:
                answer = await _handled(endpoint, Call(server, project, request, {}, form))
        else:
            body = await read_json(request) if endpoint.method == "POST" else {}
            answer = await _handled(endpoint, Call(server, project, request, body))
    except Answered as before:
        return _json(before.answer, headers=REPLAYED)
    return answer if isinstance(answer, Response) else _json(answer)


async def _handled(endpoint: Endpoint, call: Call) -> Any:
    if inspect.iscoroutinefunction(endpoint.handler):
        return await endpoint.handler(call)
    return await endpoint.lane(call.server.lanes).run(partial(endpoint.handler, call))


def _json(content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(
        content, status, headers={"openai-poll-after-ms": _POLL_AFTER_MS, **(headers or {})}
    )


def _authenticate(request: Request, server: Server) -> str:
    """The project that the request's key opens."""
    keys = server.settings.api_keys
    if not keys:
        _refuse_foreign_pages(request)
        return "default"
    given = _given_keys(request)
    if not given:
        raise ApiError(
            "You didn't provide an API key. You need to provide your API key in an Authorization"
            " header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            status=401,
        )
    project = None
    for key, opened in keys.items():  # to the end, so that time tells nothing about the keys
        for candidate in given:
            if hmac.compare_digest(_digest(key), _digest(candidate)):
                project = opened
    if project is None:
        raise ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")
    return project


def _given_keys(request: Request) -> list[str]:
    """What the request shows as its key: after Bearer, or as clients of Azure do. One of them may
    mean something else, such as a proxy's key, so each is tried."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = (bearer if scheme.lower() == "bearer" else "", request.headers.get("api-key", ""))
    return [key.strip() for key in given if key.strip()]


def _digest(key: str) -> bytes:
    """Of one length, since comparing tells of two lengths whether they differ."""
    return hashlib.sha256(key.encode()).digest()


def _refuse_foreign_pages(request: Request) -> None:
    """Without keys anything that reaches the port may do anything: keep out web pages, which can
    send requests to loopback from a browser (by their Origin, or by rebinding their own name)."""
    for header, text in (
        ("Host", "//" + request.headers.get("host", "localhost")),
        ("Origin", request.headers.get("origin", "http://localhost")),
    ):
        if not is_loopback(host_of(text)):
            raise ApiError(
                f"A server without API keys answers only to loopback, and the {header} header"
                " names another host. Start it with an API key.",
                status=403,
            )


def _demand_beta(request: Request, endpoint: Endpoint, *, strict: bool) -> None:
    """Of the Assistants API only if that is wanted, since OpenAI did not always; of agents always,
    since their SDKs send it by themselves."""
    first = endpoint.path.split("/")[1]
    if first in _NEEDS_AGENTS_BETA:
        if _AGENTS_BETA not in _betas(request):
            raise _no_beta("Agents", _AGENTS_BETA)
    elif strict and first in _NEEDS_BETA and _version_of(request) is None:
        raise _no_beta("Assistants", "assistants=v2")


def _no_beta(api: str, wanted: str) -> ApiError:
    return ApiError(
        f"You must provide the 'OpenAI-Beta' header to access the {api} API."
        f" Please try again by setting the header 'OpenAI-Beta: {wanted}'.",
        code="invalid_beta",
    )


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    # Where the rest of a request may still come, nothing else can be asked.
    leave = {"connection": "close"} if error.status == HTTPStatus.REQUEST_TIMEOUT else None
    return _refusal(error, leave)


def _refusal(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    return _json(error.document(), error.status, headers)


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    where = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        failure = ApiError(f"Invalid URL ({where})", status=404)
    elif error.status_code == 405:
        failure = ApiError(
            f"Not allowed to {request.method} on {request.url.path}."
            " (HINT: Perhaps you meant to use a different HTTP method?)",
            status=405,
            code="method_not_supported",
        )
    else:
        failure = ApiError(str(error.detail), status=error.status_code)
    return _refusal(failure, error.headers)


def _failed(request: Request, error: Exception) -> Response:
    """Answered here rather than by Starlette, which would raise the error again for uvicorn to
    print it a second time."""
    where = f"{request.method} {quote(request.url.path)}"
    told = _BUSY if isinstance(error, Busy) else None
    if disk_space.is_lacking(error):
        told = disk_space.refusal()
    if told is not None:
        _log.warning("%s failed (%s): %s", where, request.state.request_id, error)
        return _refusal(told)
    _log.error("%s failed (%s)", where, request.state.request_id, exc_info=error)
    return _refusal(_FAULT)
