"""Threads and their messages as documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assistctl.server.wire import MESSAGE, Document, now


def new_thread(
    identity: str,
    created_at: int,
    metadata: Mapping[str, str] | None = None,
    resources: Document | None = None,
) -> Document:
    """A thread, or a conversation, on which nothing was said yet."""
    return {
        "id": identity,
        "object": "thread",
        "created_at": created_at,
        "metadata": dict(metadata or {}),
        "tool_resources": resources or {},
    }


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


def attached(given: Iterable[Document] | None) -> list[Document]:
    """The attachments of a request as those of a message."""
    return [{**attachment, "tools": attachment.get("tools") or []} for attachment in given or ()]


def text_part(value: str, annotations: Iterable[Document] = ()) -> Document:
    """A part of a message's content."""
    return {"type": "text", "text": {"value": value, "annotations": list(annotations)}}
