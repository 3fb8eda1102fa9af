"""An application served to the browser of one person, on this machine, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from assistctl.server import Http, allow_many_connections

_GRACE_SECONDS = 2
"""For answers that are on their way at the end; pages that listen for more never end themselves."""


def serve(app: ASGIApp, port: int, on_listening: Callable[[str], None]) -> None:
    """Serve on a port of loopback, 0 for a free one, until SIGINT or SIGTERM, which are raised
    again once all is closed. `on_listening` is told the address, `http://127.0.0.1:8100`. Raises
    OSError if the port cannot be had."""
    allow_many_connections()
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        _Server(configured(app), lambda: on_listening(address)).run([listener])


class _Server(uvicorn.Server):
    """Says that it is there once Ctrl-C ends it in order. Until then that can come amid a logger's
    settings and leave logging locked, for which the embedded server would wait for ever at its end.
    """

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_listening()


def configured(app: ASGIApp, grace: int = _GRACE_SECONDS) -> uvicorn.Config:
    """How it is served; connections that never say what they want are let go."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        http=Http,
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace,
    )
