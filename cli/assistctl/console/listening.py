"""An application served to the browser of one person, on this machine, until Ctrl-C."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

_GRACE_SECONDS = 2
"""For answers that are on their way at the end; pages that listen for more never end themselves."""


def serve(app: ASGIApp, port: int, on_listening: Callable[[str], None]) -> None:
    """Serve on a port of loopback, 0 for a free one, until SIGINT or SIGTERM, which are raised
    again once all is closed. `on_listening` is told the address, `http://127.0.0.1:8100`. Raises
    OSError if the port cannot be had."""
    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            ws="none",
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        on_listening(f"http://127.0.0.1:{listener.getsockname()[1]}")
        uvicorn.Server(config).run([listener])
