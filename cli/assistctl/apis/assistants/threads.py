"""Threads as they lie at the Assistants API."""

from __future__ import annotations

from assistctl.apis.transport.client import Client, path_of


def delete(client: Client, thread: str) -> None:
    """See surface.Surface.delete_thread."""
    client.delete(path_of("/threads", thread))
