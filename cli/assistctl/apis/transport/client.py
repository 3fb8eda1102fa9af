"""Requests to one target, through the openai SDK's own transport (auth, errors, streams).

Bodies go out and come back as plain dicts, so that nothing is lost that the SDK's types do not
know. What is safe to repeat is repeated here and not by the SDK, which would repeat creates too
and takes any JSON for an answer. Every error leaves this module as a RemoteError, without secrets.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import quote

import httpx2
import openai

from assistctl.apis.transport import pacing
from assistctl.apis.transport.betas import beta
from assistctl.apis.transport.bounded import bounded
from assistctl.apis.transport.failures import LostAnswer, Unexpected, translated
from assistctl.apis.transport.line import Line
from assistctl.apis.transport.pacing import PARALLEL, RETRIES, Pacing
from assistctl.apis.transport.shapes import check_event, check_object
from assistctl.base_urls import is_near
from assistctl.errors import AssistctlError, RemoteError
from assistctl.redaction import Redaction
from assistctl.resources import Json

PIECE = 1024 * 1024
UNSEEN_SECONDS = 30.0
"""How long what was just made may be unknown to the target's other servers."""

_BYTES_PER_SECOND = 1024 * 1024
_RESTARTS = 3


def in_path(object_id: Json) -> str:
    """An id as one part of a path, whatever a person or a target calls one. AssistctlError for what
    would lead to another path (RFC 3986 §5.2.4), however it is quoted."""
    if object_id in (".", ".."):
        raise AssistctlError(f"no object can have the id {object_id!r}; use the one that it has")
    return quote(str(object_id), safe="", errors="surrogateescape")


def path_of(collection: str, *parts: Json) -> str:
    """The path of what lies below a collection: by an id, and by words and further ids."""
    return "/".join([collection, *map(in_path, parts)])


class IfLost(Enum):
    """What becomes of a request without an answer that cannot be looked for."""

    FAIL = auto()
    REPEAT = auto()


Recovery: TypeAlias = IfLost | Callable[[], dict[str, Json] | None]
"""What is done when an answer is lost; a function returns what the request has made after all, or
None where it has made nothing and is to be repeated."""


@dataclass(frozen=True)
class Sizes:
    """In bytes: what POST /files takes at most, and how large the parts of a larger file are."""

    at_once: int = 512 * 1024 * 1024
    part: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Stream:
    """The events of a stream as they come. `hang_up` ends it from any thread."""

    events: Iterator[dict[str, Json]]
    hang_up: Callable[[], None]

    def __iter__(self) -> Iterator[dict[str, Json]]:
        return self.events


class Client:
    """One connection pool to one target; safe to use from several threads, `parallel` of which
    are to be at work at the same time."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 120.0,
        parallel: int = PARALLEL,
        pace: Pacing | None = None,
        sizes: Sizes = Sizes(),
    ) -> None:
        if not (api_key.isascii() and api_key.isprintable()):
            # httpx2 would say so too, and print the key.
            raise AssistctlError(
                "the API key has characters that no HTTP header can carry (a line break at its "
                "end?); set it again"
            )
        self.parallel = parallel
        self._pace = pace or Pacing()
        self.redaction = Redaction(api_key)
        self.sizes = sizes
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=httpx2.Timeout(timeout, connect=10.0),
            default_headers=_own_headers(api_key),
            http_client=transport(httpx2.URL(base_url), timeout),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def pool(self) -> ThreadPoolExecutor:
        """Threads for requests at the same time, as many as the target is to be troubled with."""
        return ThreadPoolExecutor(self.parallel)

    def get(self, path: str, *, just_made: bool = False, **params: object) -> dict[str, Json]:
        """GET of one object, repeated until it is answered. `just_made`, here and below: it has to
        do with something that was just made, so that 404 is no answer for a while."""
        return self._repeated(
            "GET",
            path,
            lambda: self._object("GET", path, self._get(path, params)),
            just_made=just_made,
        )

    def post(self, path: str, body: Json = None, *, just_made: bool = False) -> dict[str, Json]:
        """POST that is safe to repeat (a full replacement), repeated until it is answered."""
        return self._repeated(
            "POST",
            path,
            lambda: self._object("POST", path, self._post(path, body)),
            just_made=just_made,
        )

    def delete(self, path: str, *, just_made: bool = False) -> None:
        """DELETE, repeated until it is answered; what is not there any more counts as deleted."""

        def send() -> dict[str, Json]:
            self._client.delete(path, cast_to=object, options={"headers": beta(path)})
            return {}

        try:
            self._repeated("DELETE", path, send, just_made=just_made)
        except RemoteError as error:
            if error.status != 404:
                raise

    def create(
        self,
        path: str,
        body: Json,
        if_lost: Recovery = IfLost.FAIL,
        *,
        just_made: bool = False,
    ) -> dict[str, Json]:
        """POST that makes something, at most once: when the answer is lost, `if_lost` looks for
        what it may have made before it is tried again, or says what becomes of it."""
        key = str(uuid.uuid4())
        return self._repeated(
            "POST",
            path,
            lambda: self._object("POST", path, self._post(path, body, key)),
            if_lost,
            just_made=just_made,
        )

    def send(
        self, path: str, part: str, filename: str, file: IO[bytes], fields: Mapping[str, str]
    ) -> dict[str, Json]:
        """POST of a form with a file, from its beginning each time it is repeated."""
        key = str(uuid.uuid4())
        headers = {"Content-Type": "multipart/form-data", "Idempotency-Key": key}
        size = file.seek(0, 2)

        def send() -> dict[str, Json]:
            file.seek(0)
            answer = self._client.post(
                path,
                cast_to=object,
                body=dict(fields),
                files=[(part, (filename, file))],
                options={"headers": {**beta(path), **headers}},
            )
            return self._object("POST", path, answer)

        return self._repeated("POST", path, send, more_seconds=size / _BYTES_PER_SECOND)

    def fetch(
        self,
        path: str,
        request: Callable[[openai.OpenAI], AbstractContextManager[openai.APIResponse[Any]]],
        to: Path,
        size: int | None,
        progress: Callable[[int], None] = lambda received: None,
    ) -> None:
        """A GET whose answer is no JSON, by the SDK's own method, into a file; `size` is what shall
        come of it, if that is known, `progress` is told the bytes received."""

        def fetch() -> dict[str, Json]:
            received = 0
            try:
                with request(self._client) as answer, to.open("wb") as handle:
                    for piece in answer.iter_bytes(PIECE):
                        handle.write(piece)
                        received += len(piece)
                        progress(received)
            except httpx2.HTTPError as error:
                raise LostAnswer(f"GET {path}: the download broke off ({error})") from error
            if received != (size or received):
                raise LostAnswer(f"GET {path}: {received:,} bytes came of {size:,}")
            return {}

        self._repeated("GET", path, fetch)

    def list(
        self,
        path: str,
        *,
        limit: int | None = 100,
        just_made: bool = False,
        **params: object,
    ) -> Iterator[dict[str, Json]]:
        """Every item of a list once, oldest or newest first by `order`, page after page, however
        many the target puts on a page; `limit` None for a list that has no pages."""
        seen: set[Json] = set()
        cursors: set[Json] = set()
        after: dict[str, object] = {}
        restarts = 0
        while True:
            try:
                size = {} if limit is None else {"limit": limit}
                send = partial(self._list, path, {**size, **params, **after})
                page = self._repeated("GET", path, send, just_made=just_made)
            except RemoteError as error:
                if not after or error.status not in (400, 404) or restarts == _RESTARTS:
                    raise
                # What the last page ended with was deleted meanwhile.
                restarts, after = restarts + 1, {}
                cursors.clear()
                continue
            items, has_more = page["data"], page.get("has_more")
            new_items = [item for item in items if item.get("id") not in seen]
            seen.update(item["id"] for item in new_items if item.get("id"))
            yield from new_items
            if not items or not (has_more or (has_more is None and limit is not None)):
                return
            last = items[-1].get("id") or page.get("last_id")
            if last in cursors and has_more is None:
                return  # it does not know pages
            if last in cursors:
                raise RemoteError(f"GET {path}: the list never ends; the server ignores `after`")
            cursors.add(last)
            after = {"after": last}

    def page(self, path: str, **params: object) -> dict[str, Json]:
        """One page of a list, as the target has it: `data`, and `has_more` where there is more."""
        return self._repeated("GET", path, partial(self._list, path, params))

    def submit(self, path: str, body: Json, key: str | None = None) -> None:
        """POST whose answer says nothing, repeated under one Idempotency-Key until there is one."""
        key = key or str(uuid.uuid4())
        self._repeated("POST", path, lambda: {"answer": self._post(path, body, key)})

    def search(self, path: str, body: Json) -> dict[str, Json]:
        """POST that changes nothing and is answered by what was found, an object without an id."""

        def send() -> dict[str, Json]:
            answer = self._post(path, body)
            if not isinstance(answer, dict):
                raise Unexpected("the answer is not an object")
            check_object("POST", path, answer)
            return answer

        return self._repeated("POST", path, send)

    @contextmanager
    def stream(
        self,
        path: str,
        body: Mapping[str, Json] | None,
        *,
        just_made: bool = False,
        params: Mapping[str, str] = {},
    ) -> Iterator[Stream]:
        """POST with `stream: true`, or GET where there is no body; yields the server's events: of
        threads as {"event", "data"}, of the other APIs their data, in which `type` names them.

        The request is sent once. Closing the context closes the connection.
        """
        stream = self._opened(path, body, just_made, params)
        line = Line(stream.response)
        try:
            method = "GET" if body is None else "POST"
            yield Stream(self._events(stream, method, path), line.hang_up)
        finally:
            stream.close()

    def _opened(
        self,
        path: str,
        body: Mapping[str, Json] | None,
        just_made: bool,
        params: Mapping[str, str],
    ) -> openai.Stream[Any]:
        method = "GET" if body is None else "POST"
        headers = {**beta(path), "Accept": "text/event-stream"}
        given: Any = {
            "cast_to": object,
            "options": {"headers": headers, "params": params},
            "stream": True,
            "stream_cls": openai.Stream[Any],
        }
        pace = self._pace
        pace.wait()
        start = pace.clock()
        for attempt in count():
            try:
                with translated(method, path, self.redaction):
                    if body is None:
                        return self._client.get(path, **given)
                    return self._client.post(path, body={**body, "stream": True}, **given)
            except LostAnswer as error:
                # Whoever sends it again, or anything else, does so after a while.
                if error.status is not None or error.refused:
                    pace.hold(min(pacing.pause(0, error.retry_after), pace.seconds))
                raise
            except RemoteError as error:
                self._await_sight(error, attempt, start if just_made else None)
        raise AssertionError("unreachable")

    def _get(self, path: str, params: Mapping[str, object]) -> object:
        options: Any = {"headers": beta(path), "params": params}
        return self._client.get(path, cast_to=object, options=options)

    def _post(self, path: str, body: Json, idempotency_key: str | None = None) -> object:
        # For targets that know it; the others are asked what they have made.
        key = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        options: Any = {"headers": {**beta(path), **key}}
        return self._client.post(path, cast_to=object, body=body, options=options)

    def _repeated(
        self,
        method: str,
        path: str,
        send: Callable[[], dict[str, Json]],
        if_lost: Recovery = IfLost.REPEAT,
        *,
        just_made: bool = False,
        more_seconds: float = 0.0,
    ) -> dict[str, Json]:
        """Send until there is an answer, as often as it makes sense. What the target has not begun
        with is repeated in any case."""
        pace, lost = self._pace, False
        pace.wait()
        start = pace.clock()
        for attempt in count():
            try:
                with translated(method, path, self.redaction):
                    answer = send()
            except LostAnswer as error:
                lost = True
                if if_lost is IfLost.FAIL and not error.refused:
                    raise
                self._wait(attempt, error, start + pace.seconds + more_seconds)
                if not isinstance(if_lost, IfLost) and (found := if_lost()) is not None:
                    return found
            except RemoteError as error:
                self._await_sight(error, attempt, start if just_made and not lost else None)
            else:
                pace.overrun = False
                return answer
        raise AssertionError("unreachable")

    def _await_sight(self, error: RemoteError, attempt: int, start: float | None) -> None:
        """Wait a little for what was made before `start` to be known to all of the target. Raises
        the error if it says something else, or for too long."""
        pace = self._pace
        if error.status != 404 or error.code == "model_not_found" or start is None:
            raise error
        if pace.clock() > start + UNSEEN_SECONDS:
            raise error
        pace.sleep(pacing.pause(attempt, None))

    def _wait(self, attempt: int, error: LostAnswer, deadline: float) -> None:
        """Until it makes sense to send again. Raises the error where it makes none any more."""
        pace = self._pace
        seconds = pacing.pause(attempt, error.retry_after)
        overrun = error.status == 429
        if error.retry_after and pace.clock() + error.retry_after + 2 * pacing.SPREAD > deadline:
            pace.overrun = pace.overrun or overrun
            error.add(f"it asks to wait {error.retry_after:,.0f} s, which is too long")
            raise error
        late = pace.clock() + seconds + pacing.SPREAD > deadline
        if late or (overrun and pace.overrun) or (attempt >= RETRIES and not overrun):
            pace.overrun = pace.overrun or overrun
            if attempt:
                error.add(f"sent {attempt + 1} times")
            raise error
        if overrun or error.retry_after is not None:
            pace.hold(seconds)
        else:
            pace.sleep(seconds)
        pace.wait()
        if pace.clock() > deadline:  # others were told to wait, and we with them
            raise error

    def _events(self, stream: Iterator[Any], method: str, path: str) -> Iterator[dict[str, Json]]:
        with translated(method, path, self.redaction):
            for event in stream:
                if isinstance(event, dict):
                    # The SDK names those of threads beside their data; others have a type in it.
                    data = event.get("data") if "event" in event else event
                    if isinstance(data, dict):
                        check_event(
                            method, path, str(event.get("event") or event.get("type")), data
                        )
                        self.redaction.errors(data)
                    yield event

    def _object(
        self, method: str, path: str, answer: object, *, may_lack_id: bool = False
    ) -> dict[str, Json]:
        has_id = isinstance(answer, dict) and isinstance(answer.get("id"), str)
        if not isinstance(answer, dict) or not (has_id or may_lack_id):
            raise Unexpected("the answer is not an object with an id")
        check_object(method, path, answer)
        return self.redaction.errors(answer)

    def _list(self, path: str, params: Mapping[str, object]) -> dict[str, Json]:
        """An answer without a list must not pass for an empty list: all would be created anew."""
        answer = self._get(path, params)
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise Unexpected("the answer is not a list of objects")
        for item in answer["data"]:
            self._object("GET", path, item, may_lack_id=path.endswith(("/items", "/content")))
        return answer


def _own_headers(api_key: str) -> Mapping[str, Any]:
    """This target's key, and nothing of what the SDK takes out of the environment for OpenAI: an
    organization, a project, and headers that may well be somebody else's credentials."""
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines if ":" in line]
    others = dict.fromkeys(("OpenAI-Organization", "OpenAI-Project", *names), openai.Omit())
    return {
        **{name: omit for name, omit in others.items() if name.lower() != "authorization"},
        "Authorization": f"Bearer {api_key}",
    }


def transport(url: httpx2.URL, timeout: float) -> httpx2.Client:
    """What sends the requests to a target. AssistctlError for a proxy that cannot be used."""
    hooks: Any = {"response": [lambda response: bounded(response, timeout)]}
    if not is_near(str(url)):
        try:
            return openai.DefaultHttpxClient(event_hooks=hooks)
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # of a SOCKS proxy the first
            raise AssistctlError(
                f"a proxy that the environment names cannot be used: {error}"
            ) from error
    return openai.DefaultHttpxClient(
        event_hooks=hooks,
        # A proxy set in the environment would be asked for this machine too.
        trust_env=False,
        # Certificates take 40 ms to load; without them nobody may lead us to another host.
        verify=url.scheme != "http",
        follow_redirects=False,
    )
