"""What goes wrong with a request: a RemoteError or, if the outcome is unknown, a LostAnswer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2

from assistctl.apis.transport import pacing
from assistctl.apis.transport.exchange import StreamError
from assistctl.errors import RemoteError
from assistctl.redaction import Redaction
from assistctl.resources import Json

_NOWHERE = re.compile(r"\b(url|path|route|endpoint)\b|\A\s*not found\W*\Z", re.IGNORECASE)
"""How servers say that they have nothing at an address, rather than no such object."""

AMBIGUOUS_STATUS = frozenset({408, 409, 429, *range(500, 600)} - {501})


class LostAnswer(RemoteError):
    """A request that may or may not have been carried out; `retry_after` is in seconds. `refused`:
    the target has not begun with it."""

    retry_after: float | None = None
    refused: bool = False

    def add(self, more: str) -> None:
        self.args = (f"{self}; {more}",)


class Unexpected(Exception):
    """An answer that is not what the API answers; it says nothing about what was done."""


@contextmanager
def translated(method: str, path: str, redaction: Redaction) -> Iterator[None]:
    """Turn what httpx2 raises into our errors; secrets are taken out of them and of what caused
    them."""
    try:
        with _as_ours(f"{method} {path}"):
            yield
    except RemoteError as error:
        redaction.exception(error)
        raise


@contextmanager
def _as_ours(request: str) -> Iterator[None]:
    try:
        yield
    except httpx2.HTTPStatusError as error:
        raise _refusal(request, error.response) from error
    except httpx2.TimeoutException as error:
        lost = LostAnswer(f"{request}: no answer in time")
        lost.refused = isinstance(error, httpx2.ConnectTimeout)
        raise lost from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        lost = LostAnswer(f"{request}: cannot reach the target ({error})")
        lost.refused = isinstance(error, httpx2.ConnectError)
        raise lost from error
    except StreamError as error:
        raise LostAnswer(f"{request}: {error}", code=error.code) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _no_api(f"{request}: the answer is not JSON ({error})") from error
    except Unexpected as error:
        raise _no_api(f"{request}: {error}") from error


def _no_api(message: str) -> LostAnswer:
    lost = LostAnswer(message)
    lost.astray = True
    return lost


def _refusal(request: str, answer: httpx2.Response) -> RemoteError:
    status, told = answer.status_code, _told(answer)
    said, code = told.get("message"), told.get("code")
    code = code if isinstance(code, str) else None
    message = f"{request}: {status} {said or answer.reason_phrase}"
    if status not in AMBIGUOUS_STATUS:
        refused = RemoteError(message, status=status, code=code)
        refused.astray = status in (404, 405) and (not said or bool(_NOWHERE.search(str(said))))
        return refused
    lost = LostAnswer(message, status=status, code=code)
    lost.retry_after = pacing.asked_for(answer.headers)
    lost.refused = status == 429
    return lost


def _told(answer: httpx2.Response) -> Mapping[str, Json]:
    """The error that the body of an answer tells, in an object of its own or not."""
    try:
        body = json.loads(answer.text)
    except ValueError:
        return {}
    error = body.get("error", body) if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else {}
