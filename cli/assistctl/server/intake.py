"""What comes in with a request: JSON or a form, of a size and at a pace that are bearable."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from assistctl.server.call import Form
from assistctl.server.wire import ApiError, Json

JSON_BYTES = 16 * 2**20
_DEEPEST = 200
PAUSE_SECONDS = 60.0
_FORM_OVERHEAD = 2**20


async def read_json(request: Request) -> Json:
    """The body as JSON; where there is nothing to say SDKs send none, or null."""
    raw = await _Limited(request, JSON_BYTES).body()
    if not raw.strip():
        return {}
    try:
        text = raw.decode()
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
    return {} if value is None else value


@asynccontextmanager
async def read_form(request: Request, form: Form) -> AsyncIterator[FormData]:
    """The fields of a form. Its file lies in memory or, if it is large, in a temporary file, and
    is gone after the block."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ApiError(
            f"Invalid content type. Expected 'multipart/form-data' with a part '{form.part}'."
        )
    async with _Limited(request, form.most_bytes + _FORM_OVERHEAD).form() as fields:
        for value in fields.values():
            if isinstance(value, UploadFile) and (value.size or 0) > form.most_bytes:
                raise _too_large(form.most_bytes)
        yield fields


class _Limited(Request):
    """A request whose body may have `limit` bytes, however it is read."""

    def __init__(self, request: Request, limit: int) -> None:
        super().__init__(request.scope, request.receive)
        self._limit = limit

    async def stream(self) -> AsyncIterator[bytes]:  # type: ignore[override]
        declared = self.headers.get("content-length", "0")
        received = int(declared) if declared.isdigit() and int(declared) > self._limit else 0
        chunks = super().stream()
        while (chunk := await _next(chunks)) is not None:
            received += len(chunk)
            if received > self._limit:
                raise _too_large(self._limit)
            yield chunk


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
