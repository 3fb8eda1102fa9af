"""How an endpoint answers over HTTP: with an error, a stream, or one JSON document."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SSE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """`pieces` are written one by one, each as an HTTP chunk of its own; a float among them is a
    pause in seconds, and a function is called. Without `ended` the connection is closed in the
    middle; with a status of 0 it is closed without a word."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes | float | Callable[[], object]] = ()
    ended: bool = True

    @property
    def refused(self) -> bool:
        return self.status >= 400 or not self.status


def whole(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON document, or the words themselves."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"content-type": "application/json", **named}, [text.encode()])


def error(
    message: str,
    status: int = 400,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str = "invalid_request_error",
    **headers: str,
) -> Reply:
    """An error as OpenAI words it."""
    said = {"message": message, "type": kind, "param": param, "code": code}
    return whole({"error": said}, status, **headers)


def sse(data: Any, event: str | None = None, end: str = "\n") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    named = f"event: {event}{end}" if event else ""
    return f"{named}data: {text}{end}{end}".encode()


def stream(chunks: Sequence[Any], *, done: bool = True) -> Reply:
    """Chat Completions chunks as they are usually sent."""
    last = [sse("[DONE]")] if done else []
    return Reply(200, {"content-type": SSE}, [*(sse(chunk) for chunk in chunks), *last])


def events(sent: Sequence[Mapping[str, Any]]) -> Reply:
    """Responses events as they are usually sent."""
    return Reply(200, {"content-type": SSE}, [sse(each, str(each.get("type"))) for each in sent])
