"""The ASGI application: who may ask, what reaches a handler, how answers and errors leave."""

from __future__ import annotations

import hmac
import inspect
import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from assistctl.server.call import Call, Endpoint, Server
from assistctl.server.wire import ApiError, Json

_log = logging.getLogger("assistctl.server")

_JSON_BYTES = 64 * 2**20
_FILE_BYTES = 512 * 2**20
_FORM_OVERHEAD = 2**20
_POLL_AFTER_MS = "100"
_NEEDS_BETA = ("assistants", "threads", "vector_stores")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def create_app(
    server: Server,
    endpoints: Sequence[Endpoint],
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """The endpoints below /v1, and the API's error shape for everything else."""
    app = Starlette(
        routes=[
            Route(f"/v1{endpoint.path}", _bind(server, endpoint), methods=[endpoint.method])
            for endpoint in endpoints
        ],
        exception_handlers={
            ApiError: _answer_api_error,
            HTTPException: _answer_http_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _bind(server: Server, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await _answer(server, endpoint, request)
        except (ApiError, HTTPException):
            raise
        except ClientDisconnect:
            return Response(status_code=400)  # to nobody
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            return _failed(request, error)

    return answer


async def _answer(server: Server, endpoint: Endpoint, request: Request) -> Response:
    project = _authenticate(request, server)
    _check_beta(request, strict=server.settings.strict_beta)
    if endpoint.upload:
        return await _with_form(server, endpoint, project, request)
    body = await _read_json(request) if endpoint.method == "POST" else {}
    return await _run(endpoint, Call(server, project, request, body))


async def _with_form(
    server: Server, endpoint: Endpoint, project: str, request: Request
) -> Response:
    limited = _LimitedRequest(request, _FILE_BYTES + _FORM_OVERHEAD)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError("Invalid content type. Expected 'multipart/form-data' with a part 'file'.")
    async with limited.form() as form:
        return await _run(endpoint, Call(server, project, request, {}, form))


async def _run(endpoint: Endpoint, call: Call) -> Response:
    if inspect.iscoroutinefunction(endpoint.handler):
        answer = await endpoint.handler(call)
    else:
        answer = await run_in_threadpool(endpoint.handler, call)
    if isinstance(answer, Response):
        return answer
    return _json(answer)


def _json(content: Json, status: int = 200) -> Response:
    return JSONResponse(
        content,
        status_code=status,
        headers={
            "openai-poll-after-ms": _POLL_AFTER_MS,
            "x-request-id": f"req_{secrets.token_hex(16)}",
        },
    )


def _authenticate(request: Request, server: Server) -> str:
    """The project that the request's key opens."""
    keys = server.settings.api_keys
    if not keys:
        _refuse_strangers(request)
        return "default"
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        raise ApiError(
            "You didn't provide an API key. You need to provide your API key in an Authorization"
            " header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
            status=401,
        )
    project = None
    for key, opened in keys.items():  # to the end, so that time tells nothing about the keys
        if hmac.compare_digest(key.encode(), given.strip().encode()):
            project = opened
    if project is None:
        raise ApiError("Incorrect API key provided.", status=401, code="invalid_api_key")
    return project


def _refuse_strangers(request: Request) -> None:
    """Without keys anything that reaches the port may do anything: keep out web pages, which can
    send requests to loopback from a browser (by their Origin, or by rebinding their own name)."""
    for header, text in (
        ("Host", "//" + request.headers.get("host", "localhost")),
        ("Origin", request.headers.get("origin", "http://localhost")),
    ):
        if urlsplit(text).hostname not in _LOOPBACK:
            raise ApiError(
                f"A server without API keys answers only to loopback, and the {header} header"
                " names another host. Start it with an API key.",
                status=403,
            )


def _check_beta(request: Request, *, strict: bool) -> None:
    header = request.headers.get("openai-beta", "")
    versions = [part.strip() for part in header.split(",")]
    if "assistants=v1" in versions:
        raise ApiError(
            "The v1 Assistants API is not supported."
            " Set the header 'OpenAI-Beta: assistants=v2' and use the fields of v2.",
            code="invalid_beta",
        )
    needed = request.url.path.split("/")[2] in _NEEDS_BETA
    if strict and needed and "assistants=v2" not in versions:
        raise ApiError(
            "You must provide the 'OpenAI-Beta' header to access the Assistants API."
            " Please try again by setting the header 'OpenAI-Beta: assistants=v2'.",
            code="invalid_beta",
        )


class _LimitedRequest(Request):
    """A request whose body may have `limit` bytes, however it is read."""

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.scope, request.receive)
        self._limit = limit

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        declared = self.headers.get("content-length", "0")
        received = int(declared) if declared.isdigit() and int(declared) > self._limit else 0
        async for chunk in super().stream():
            received += len(chunk)
            if received > self._limit:
                raise ApiError(
                    f"The request is too large. At most {self._limit} bytes are accepted.",
                    status=413,
                )
            yield chunk


async def _read_json(request: Request) -> Json:
    """The body as JSON; SDKs send none where there is nothing to say."""
    raw = await _LimitedRequest(request, _JSON_BYTES).body()
    if not raw.strip():
        return {}
    try:
        text = raw.decode()
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
    except (ValueError, RecursionError):
        raise ApiError(
            "We could not parse the JSON body of your request. The API expects a JSON payload"
            " in UTF-8, but what was sent was not valid JSON."
        ) from None
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


async def _answer_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _json(error.document(), error.status)


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
    return _json(failure.document(), failure.status)


def _failed(request: Request, error: Exception) -> Response:
    """Answered here rather than by Starlette, which would raise the error again for uvicorn to
    print it a second time."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    failure = ApiError(
        "The server had an error while processing your request.", status=500, type="server_error"
    )
    return _json(failure.document(), failure.status)
