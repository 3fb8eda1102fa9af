"""A Chat Completions endpoint on a real socket that answers what a test has written down."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_http import LocalServer


@dataclass(frozen=True)
class Stream:
    """Server-sent chunks; a threading.Event among them is waited for, a str is sent verbatim."""

    chunks: tuple[Any, ...]
    done: bool = True


@dataclass(frozen=True)
class Reply:
    """One whole HTTP response."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    counted = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return {"choices": [], "usage": counted}


def say(*pieces: Any, finish: str = "stop", prompt: int = 10, completion: int = 5) -> Stream:
    """An answer in words; an Event between the pieces holds the rest back."""
    chunks = [delta(content=p) if isinstance(p, str) else p for p in pieces]
    return Stream((*chunks, delta(finish), usage(prompt, completion)))


def call(
    *calls: tuple[str, str, str], text: str = "", prompt: int = 20, completion: int = 7
) -> Any:
    """An answer that calls (id, name, arguments JSON) in parallel, arguments in two pieces."""
    chunks = [delta(content=text)] if text else []
    for index, (call_id, name, arguments) in enumerate(calls):
        half = len(arguments) // 2
        first = {"name": name, "arguments": arguments[:half]}
        chunks += [
            delta(
                tool_calls=[{"index": index, "id": call_id, "type": "function", "function": first}]
            ),
            delta(tool_calls=[{"index": index, "function": {"arguments": arguments[half:]}}]),
        ]
    return Stream((*chunks, delta("tool_calls"), usage(prompt, completion)))


class ChatEndpoint:
    """Gives `answers` out in order, the last one again and again; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Stream | Reply] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, *answers: Stream | Reply) -> None:
        self.answers = list(answers)

    def next(self) -> Stream | Reply:
        with self._lock:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def chat_endpoint_running() -> Iterator[ChatEndpoint]:
    endpoint = ChatEndpoint()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            endpoint.requests.append(json.loads(self.rfile.read(length)))
            endpoint.headers.append({key.lower(): value for key, value in self.headers.items()})
            endpoint.paths.append(self.path)
            answer = endpoint.next()
            try:
                self._reply(answer) if isinstance(answer, Reply) else self._stream(answer)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _reply(self, reply: Reply) -> None:
            body = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            headers = {"content-type": "application/json", **reply.headers}
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def _stream(self, stream: Stream) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream; charset=utf-8")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for chunk in stream.chunks:
                if isinstance(chunk, threading.Event):
                    chunk.wait(20)
                elif isinstance(chunk, str):
                    self._write(chunk)
                else:
                    self._write(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n")
            if not stream.done:
                self.close_connection = True
                return
            self._write("data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

        def _write(self, text: str) -> None:
            data = text.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with LocalServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        endpoint.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield endpoint
        finally:
            http.shutdown()
            thread.join()
