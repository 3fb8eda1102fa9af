"""Conversations, and chains of responses, as they lie at the Responses API."""

from __future__ import annotations

from assistctl.apis.responses.converse import CHAIN
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.resources import Json


def delete(client: Client, thread: str) -> None:
    """See surface.Surface.delete_thread. Of a chain all responses go, the newest first."""
    newest: Json = thread
    while newest and str(newest).startswith(CHAIN):
        before = _before(client, str(newest))
        client.delete(path_of("/responses", newest))
        newest = before
    if newest:
        client.delete(path_of("/conversations", newest))


def _before(client: Client, response: str) -> Json:
    try:
        return client.get(path_of("/responses", response)).get("previous_response_id")
    except RemoteError as error:
        if error.status != 404:
            raise
        return None
