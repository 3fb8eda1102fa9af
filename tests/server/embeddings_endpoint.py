"""An embeddings endpoint on a real socket, for which words mean what a test has written down."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.local_http import LocalServer

CONCEPTS = (
    ("rose", "玫瑰"),
    ("price", "cost", "售价", "多少钱"),
    ("refund", "money back", "退"),
    ("hours", "open", "开门", "营业"),
)


@dataclass
class EmbeddingsEndpoint:
    """A text's vector has a number for each concept that it mentions, one that all texts share,
    and one nearly of its own. `status` other than 200 refuses; an `answer` is what is sent."""

    url: str = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    refusal: str = "no"
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        return {"base_url": self.url, "model": "concepts", "api_key": "sk-e"}

    def reply(self, request: Mapping[str, Any]) -> Any:
        if self.status != 200:
            return {"error": {"message": self.refusal}}
        if self.answer is not None:
            return self.answer
        vectors = [_vector(text) for text in request["input"]]
        data = [{"index": at, "embedding": vector} for at, vector in enumerate(vectors)]
        return {"object": "list", "data": data[::-1], "model": request["model"]}


@contextmanager
def embeddings_endpoint_running() -> Iterator[EmbeddingsEndpoint]:
    endpoint = EmbeddingsEndpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard = {"path": self.path, "key": self.headers["authorization"], **json.loads(body)}
            endpoint.requests.append(heard)
            raw = json.dumps(endpoint.reply(heard)).encode()
            self.send_response(endpoint.status)
            for name, value in endpoint.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *args: object) -> None:
            pass

    server = LocalServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    server.shutdown()
    thread.join()
    server.server_close()


def _vector(text: str) -> Sequence[float]:
    mentioned = [any(word in text.lower() for word in words) for words in CONCEPTS]
    own = [0.0] * 16
    own[zlib.crc32(text.encode()) % 16] = 1.0
    return [0.5, *(float(flag) for flag in mentioned), *own]
