"""What comes in with a request: JSON or a form, of a size and at a pace that are bearable."""

from __future__ import annotations

import asyncio
import json
import math
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from assistctl.server.http import forms
from assistctl.server.http.call import Form
from assistctl.server.thread_pools import Lane
from assistctl.server.wire import ApiError, Json

JSON_BYTES = 16 * 2**20
_DEEPEST = 200
PAUSE_SECONDS = 60.0
_FORM_OVERHEAD = 2**20
_GZIP = 16 + zlib.MAX_WBITS
_UNPACKED_AT_ONCE = 2**20


async def read_json(request: Request) -> Json:
    """The body as JSON; where there is nothing to say SDKs send none, or null, or PHP's `[]`."""
    raw = b"".join([chunk async for chunk in _body(request, JSON_BYTES)])
    if not raw.strip():
        return {}
    try:
        text = raw.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not text
    except (ValueError, RecursionError):
        raise ApiError(
            "We could not parse the JSON body of your request. The API expects a JSON payload"
            " in UTF-8, but what was sent was not valid JSON."
        ) from None
    if raw.count(b"[") + raw.count(b"{") > _DEEPEST and not _is_shallow(value):
        raise ApiError(f"The JSON body of your request is nested more than {_DEEPEST} levels deep.")
    return {} if value is None or value == [] else value


def is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


@asynccontextmanager
async def read_form(request: Request, form: Form, lane: Lane) -> AsyncIterator[FormData]:
    """The fields of a form. Its file lies in memory or, if it is large, in a temporary file, and
    is gone after the block."""
    if not is_form(request):
        raise ApiError(
            f"Invalid content type. Expected 'multipart/form-data' with a part '{form.part}'."
        )
    body = _body(request, form.most_bytes + _FORM_OVERHEAD)
    fields = await forms.parse(request.headers["content-type"], body, lane)
    try:
        for value in fields.values():
            if isinstance(value, UploadFile) and (value.size or 0) > form.most_bytes:
                raise _too_large(form.most_bytes)
        yield fields
    finally:
        with anyio.CancelScope(shield=True):
            await lane.run(partial(forms.close, fields))


async def _body(request: Request, limit: int) -> AsyncIterator[bytes]:
    """What was sent, unpacked; it may have `limit` bytes, packed or not, however it is read."""
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    gzip = _gzip(request.headers.get("content-encoding", "identity"))
    came = received = 0
    chunks = request.stream()
    while (sent := await _next(chunks)) is not None:
        came += len(sent)
        for chunk in _unpacked(gzip, sent) if gzip else (sent,):
            received += len(chunk)
            if max(came, received) > limit:
                raise _too_large(limit)
            yield chunk
    if gzip and came and not gzip.eof:
        raise _not_gzip()


def _gzip(encoding: str) -> zlib._Decompress | None:
    """What unpacks a body, if it has to be."""
    if encoding.lower() in ("identity", ""):
        return None
    if encoding.lower() not in ("gzip", "x-gzip"):
        raise ApiError(
            f"The Content-Encoding '{encoding}' is not supported: send the body as it is, or"
            " packed with gzip.",
            status=415,
        )
    return zlib.decompressobj(wbits=_GZIP)


def _unpacked(gzip: zlib._Decompress, packed: bytes) -> Iterator[bytes]:
    """In parts that are never large: a few kilobytes may be packed gigabytes. What follows the end
    of the packed is refused: zlib would collect it, and copy all of it again for each chunk."""
    full = True
    while packed or full:
        if packed and gzip.eof:
            raise _not_gzip()
        try:
            chunk = gzip.decompress(packed, _UNPACKED_AT_ONCE)
        except zlib.error:
            raise _not_gzip() from None
        packed = gzip.unused_data if gzip.eof else gzip.unconsumed_tail
        full = len(chunk) == _UNPACKED_AT_ONCE
        yield chunk


def _not_gzip() -> ApiError:
    return ApiError("The body of your request is not what its Content-Encoding says: gzip.")


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """None at the end. The other side may have gone without a word: it is not waited for long."""
    try:
        async with asyncio.timeout(PAUSE_SECONDS):
            return await anext(chunks, None)
    except TimeoutError:
        raise ApiError(
            f"The rest of the request did not come within {PAUSE_SECONDS:.0f} seconds.", status=408
        ) from None


def _too_large(limit: int) -> ApiError:
    return ApiError(f"The request is too large. At most {limit} bytes are accepted.", status=413)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """What JSON can hold may still be too large for a float, and infinity could not be answered."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large")
    return value


def _is_shallow(value: Json) -> bool:
    """Whether it can be written again, within a list of objects too, without recursing too far."""
    level = [value]
    for _ in range(_DEEPEST):
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [inner for part in parts for inner in part if isinstance(inner, list | dict)]
    return not level
