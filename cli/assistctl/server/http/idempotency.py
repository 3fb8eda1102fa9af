"""Idempotency-Key: a POST that is sent again has its effect once, and gets its first answer again.

The answer is kept in the very transaction that has the effect, and looked for at the beginning of
that transaction. So whoever repeats a request while the first is still at work waits for the
database's one place to write, and then finds the answer; and a request that failed, having had no
effect, is free to be tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from assistctl.server.storage import Database, Transaction, kept_answers
from assistctl.server.storage.kept_answers import Key
from assistctl.server.wire import ApiError, Document, Json, now

KEPT_SECONDS = 24 * 3_600
REPLAYED = {"idempotent-replayed": "true"}
"""The header of what was answered before."""
_LONGEST = 255


class Answered(Exception):
    """The request has been answered before; `answer` is what was said."""

    def __init__(self, answer: Document) -> None:
        super().__init__("answered before")
        self.answer = answer


def key_of(project: str, request: Request, body: Json, form: FormData) -> Key | None:
    """The key that came with a request, if one did. Reads uploads to their end: it may block."""
    value = request.headers.get("idempotency-key", "").strip()
    if not value:
        return None
    if len(value) > _LONGEST:
        raise ApiError(
            f"Invalid 'Idempotency-Key': at most {_LONGEST} characters are accepted,"
            f" but it has {len(value)}.",
            code="invalid_idempotency_key",
        )
    digest = hashlib.sha256()
    for piece in (request.url.query.encode(), *_sent(body, form)):
        digest.update(len(piece).to_bytes(8, "big") + piece)
    return Key(project, request.url.path, value, digest.hexdigest())


def once(tx: Transaction, key: Key, change: Callable[[Transaction], Document]) -> Document:
    """The answer that `change` makes. Raises Answered if the request was answered before, and
    ApiError if it was another one that bore the same key."""
    before = kept_answers.find(tx, key, now() - KEPT_SECONDS)
    if before is None:
        answer = change(tx)
        kept_answers.keep(tx, key, answer, now())
        return answer
    request, answer = before
    if request != key.request:
        raise ApiError(
            f"The Idempotency-Key '{key.value}' was used before on {key.path} with another body."
            " Send the same body again, or use a new key for a new request.",
            status=409 if "/agents" in key.path else 400,
            code="idempotency_key_reused",
        )
    raise Answered(answer)


def forget_old(database: Database) -> None:
    """Remove the answers whose time is over."""
    kept_answers.forget(database, now() - KEPT_SECONDS)


def _sent(body: Json, form: FormData) -> Iterator[bytes]:
    """What makes two requests the same: the JSON, however it is spelt; the fields of a form, of a
    file its name and what it holds."""
    yield json.dumps(body, sort_keys=True).encode()
    for name, value in sorted(form.multi_items(), key=lambda item: item[0]):
        yield name.encode()
        if isinstance(value, UploadFile):
            yield (value.filename or "").encode()
            yield _digest(value.file)
        else:
            yield value.encode()


def _digest(stream: BinaryIO) -> bytes:
    """Of the whole of it, wherever it stands; it is at its beginning afterwards."""
    digest = hashlib.sha256()
    stream.seek(0)
    while data := stream.read(2**20):
        digest.update(data)
    stream.seek(0)
    return digest.digest()
