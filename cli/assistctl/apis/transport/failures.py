"""What goes wrong with a request: a RemoteError or, if the outcome is unknown, a LostAnswer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx2
import openai

from assistctl.errors import RemoteError
from assistctl.redaction import Redaction
from assistctl.retry_after import asked_for

_NOWHERE = re.compile(r"\b(url|path|route|endpoint)\b|\A\s*not found\W*\Z", re.IGNORECASE)
"""How servers say that they have nothing at an address, rather than no such object."""

AMBIGUOUS_STATUS = frozenset({408, 409, 429, *range(500, 600)} - {501})


class LostAnswer(RemoteError):
    """A request that may or may not have been carried out; `retry_after` is in seconds. `refused`:
    the target has not begun with it."""

    retry_after: float | None = None
    refused: bool = False

    def add(self, more: str) -> None:
        """Say more of it, behind what is said already."""
        self.args = (f"{self}; {more}",)


class Unexpected(Exception):
    """An answer that is not what the API answers; it says nothing about what was done."""


@contextmanager
def translated(method: str, path: str, redaction: Redaction) -> Iterator[None]:
    """Turn what the SDK raises into our errors; secrets are taken out of them and of what caused
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
    except openai.APIStatusError as error:
        raise _refusal(request, error) from error
    except openai.APITimeoutError as error:
        lost = LostAnswer(f"{request}: no answer in time")
        lost.refused = isinstance(error.__cause__, httpx2.ConnectTimeout)
        raise lost from error
    except openai.APIConnectionError as error:
        reason = error.__cause__ or error
        lost = LostAnswer(f"{request}: cannot reach the target ({reason})")
        lost.refused = isinstance(error.__cause__, httpx2.ConnectError)
        raise lost from error
    except openai.APIError as error:
        raise LostAnswer(f"{request}: {error.message}", code=error.code) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _no_api(f"{request}: the answer is not JSON ({error})") from error
    except Unexpected as error:
        raise _no_api(f"{request}: {error}") from error


def _no_api(message: str) -> LostAnswer:
    lost = LostAnswer(message)
    lost.astray = True
    return lost


def _refusal(request: str, error: openai.APIStatusError) -> RemoteError:
    status = error.status_code
    body = error.body.get("message") if isinstance(error.body, Mapping) else None
    message = f"{request}: {status} {body or error.response.reason_phrase}"
    if status not in AMBIGUOUS_STATUS:
        refused = RemoteError(message, status=status, code=error.code)
        refused.astray = status in (404, 405) and (not body or bool(_NOWHERE.search(str(body))))
        return refused
    lost = LostAnswer(message, status=status, code=error.code)
    lost.retry_after = asked_for(error.response.headers)
    lost.refused = status == 429
    return lost
