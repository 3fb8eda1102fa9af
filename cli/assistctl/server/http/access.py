"""What every answer bears and what is written down of every request.

A line of the access log is `key=value` pairs; a value with anything unusual in it is a JSON
string. The record has the same values as attributes, for handlers that write something else.
Keys, bodies and query strings are never among them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistctl.server.wire import ApiError

_log = logging.getLogger("assistctl.server.access")

_ENDING = JSONResponse(
    ApiError("The server is shutting down.", status=503, type="server_error").document(),
    status_code=503,
)
_PLAIN = re.compile(r"[\w./:%~@+-]+", re.ASCII)
_API_VERSION = b"2020-10-01"


class Access:
    """Wraps the application: gives each request an id, and logs it when its answer has ended.

    `scope["state"]` gets `request_id`; whoever authenticates the request adds `project`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = f"req_{secrets.token_hex(16)}"
        status, ended = 0, False

        async def answer(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", state["request_id"].encode()),
                    (b"openai-version", _API_VERSION),
                    (b"openai-processing-ms", b"%d" % _milliseconds(begun)),
                ]
            last = message["type"] == "http.response.body" and not message.get("more_body")
            ended = ended or (last and not state.get("is_gone", bool)())
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except asyncio.CancelledError:  # the server ends, and waits for this client no longer
            if not status:
                await _ENDING(scope, receive, answer)
        finally:
            if _log.isEnabledFor(logging.INFO):
                _write(scope, status, begun, ended)


def _write(scope: Scope, status: int, begun: float, ended: bool) -> None:
    """One line, when the last byte is sent or the client has gone away."""
    values = {
        "client": scope["client"][0] if scope.get("client") else "-",
        "method": scope["method"],
        "path": scope.get("raw_path", b"").decode("latin-1") or scope["path"],
        "status": status,
        "ms": round(_milliseconds(begun), 1),
        "project": scope["state"].get("project", "-"),
        "request": scope["state"]["request_id"],
        **({} if ended else {"cut": "yes"}),
    }
    line = " ".join(f"{key}={_plain(value)}" for key, value in values.items())
    _log.info("%s", line, extra={"access": values})


def _plain(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


def _milliseconds(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000
