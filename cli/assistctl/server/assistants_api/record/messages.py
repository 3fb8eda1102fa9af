"""Messages as documents."""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server.wire import MESSAGE, Document, now


def new_message(
    thread_id: str,
    role: str,
    content: list[Document],
    attachments: list[Document] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Document:
    """A completed message that no run has written."""
    moment = now()
    return {
        "id": MESSAGE.new_id(),
        "object": "thread.message",
        "created_at": moment,
        "thread_id": thread_id,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": moment,
        "incomplete_at": None,
        "role": role,
        "content": content,
        "assistant_id": None,
        "run_id": None,
        "attachments": attachments or [],
        "metadata": dict(metadata or {}),
    }
