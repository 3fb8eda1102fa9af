"""One request, as handlers see it; and how a handler is bound to a method and a path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from assistctl.server.http import idempotency
from assistctl.server.settings import Settings
from assistctl.server.storage import Database, Transaction
from assistctl.server.storage.documents import Page
from assistctl.server.thread_pools import Lane, Lanes
from assistctl.server.validation import choice, integer, not_of_type
from assistctl.server.wire import Document, Json, Kind

if TYPE_CHECKING:
    from assistctl.server.engine import Engine
    from assistctl.server.engine.streaming import Channel
    from assistctl.server.retrieval.search import Searcher
    from assistctl.server.storage.leases import Claim


@dataclass(frozen=True)
class Server:
    """What all requests share."""

    settings: Settings
    database: Database
    engine: Engine
    searcher: Searcher
    lanes: Lanes = field(default_factory=Lanes)
    streams: dict[Claim, Channel] = field(default_factory=dict)
    """The channels of runs whose events are kept."""


@dataclass(frozen=True)
class Call:
    """A request that has passed authentication; `body` is its JSON ({} if empty), still unchecked.

    On endpoints that take a form `form` holds what was sent, and the body is {}.
    """

    server: Server
    project: str
    request: Request
    body: Json
    form: FormData = field(default_factory=FormData)

    @property
    def database(self) -> Database:
        """That of the server."""
        return self.server.database

    def write(self, change: Callable[[Transaction], Document]) -> Document:
        """Have the request's effect, all of it, in one transaction; `change` returns the answer.

        A request that bears the Idempotency-Key of an earlier one has none: Answered is raised.
        """
        key = idempotency.key_of(self.project, self.request, self.body, self.form)
        with self.database.write() as tx:
            return change(tx) if key is None else idempotency.once(tx, key, change)

    def path(self, param: str, kind: Kind | None = None) -> str:
        """The id in the path, checked to look like one of its kind if that is given."""
        identity: str = self.request.path_params[param]
        return kind.checked(identity, param) if kind else identity

    def query(self, name: str) -> str | None:
        """A query parameter; absent and empty are the same."""
        return self.request.query_params.get(name) or None

    def include(self) -> list[str]:
        """What is asked for beyond the usual, as SDKs spell lists: `include`, `include[]` or, in
        PHP, `include[0]`."""
        query = self.request.query_params.multi_items()
        return [value for name, value in query if name.partition("[")[0] == "include"]

    def page(self, *, default: int = 20, most: int = 100, backwards: bool = True) -> Page:
        """limit, order, after and, unless a list cannot be read `backwards`, before."""
        return Page(
            limit=self._limit(default, most),
            order=choice("asc", "desc")(self.query("order") or "desc", "order"),
            after=self.query("after"),
            before=self.query("before") if backwards else None,
        )

    def _limit(self, default: int, most: int) -> int:
        text = self.query("limit")
        if text is None:
            return default
        try:
            value = int(text)
        except ValueError:
            raise not_of_type("limit", "an integer", f"'{text}'") from None
        return int(integer(least=1, most=most)(value, "limit"))


Answer: TypeAlias = Document | Response


def streamed(content: AsyncIterator[bytes], *, replayed: bool = False) -> Response:
    """Server-sent events as they come; `replayed` where a request is answered once more."""
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    headers |= idempotency.REPLAYED if replayed else {}
    return StreamingResponse(content, media_type="text/event-stream", headers=headers)


@dataclass(frozen=True)
class Form:
    """A body in multipart/form-data whose file stands in `part` and has at most `most_bytes`; JSON
    instead, if that `may_be_json`."""

    part: str
    most_bytes: int
    may_be_json: bool = False


@dataclass(frozen=True)
class Endpoint:
    """`path` is below /v1, with Starlette's placeholders; without a `form` bodies are JSON.

    A `handler` that is a plain function runs in a thread of its lane and may block; a coroutine
    function must not. `heavy` says that whole files are read or written, as with a form.
    """

    method: str
    path: str
    handler: Callable[[Call], Any]
    form: Form | None = None
    heavy: bool = False

    def lane(self, lanes: Lanes) -> Lane:
        """Where its handler runs, if that may block."""
        if self.form or self.heavy:
            return lanes.uploads
        return lanes.reads if self.method == "GET" else lanes.writes
