"""Endpoints of others that the server asks, models and embeddings: what they are declared as, and
how to read their refusals."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from assistctl.redaction import Redaction
from assistctl.retry_after import asked_for, number

_RETRIABLE = (408, 409, 429, 500, 502, 503, 504, 529)
_LONGEST_BACKOFF = 30.0
_RETRY_DELAY = re.compile(r'"retryDelay":\s*"([\d.]+)s"')
_UNPAID = re.compile(
    r"insufficient[_ ]?(account |user )?(quota|balance|credit|fund)|balance is (not enough|too low)"
    r"|credit balance|arrear|欠费|余额",
    re.IGNORECASE,
)
"""Who has to pay first is not served later either."""


def base_url(declared: Any, whose: str) -> str:
    """The address without a last slash; ValueError for what is none."""
    try:
        url = httpx2.URL(declared)
    except (TypeError, httpx2.InvalidURL):
        url = httpx2.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"the {whose} base_url must be an http(s) URL, not {declared!r}")
    if declared != declared.strip():
        raise ValueError(f"the {whose} base_url has spaces around it: {declared!r}")
    if url.query or url.fragment:
        raise ValueError(
            f"the {whose} base_url has a query, {declared!r}; leave it out, and declare its"
            " parameters under `query`"
        )
    return str(declared).rstrip("/")


def trusted() -> str | None:
    """The file of certificates that the environment trusts, if it names one."""
    return os.environ.get("SSL_CERT_FILE") or None


def authorization(key: str | None, whose: str) -> dict[str, str]:
    """The header that brings a key, if there is one; ValueError, which does not tell it, for one
    that no header can bring."""
    if key and not (key.isascii() and key.isprintable()):
        raise ValueError(
            f"the {whose} API key has characters that no HTTP header can carry (a line break at "
            "its end?); set it again"
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


@contextmanager
def usable_proxies() -> Iterator[None]:
    """For making a client: ValueError where a proxy that the environment names cannot be used, as
    a SOCKS one cannot without socksio."""
    try:
        yield
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise ValueError(f"a proxy that the environment names cannot be used: {error}") from error


def wait(status: int, headers: Mapping[str, str], text: str, attempt: int) -> float | None:
    """Seconds until the refused request may be repeated; None when repeating is pointless. Whether
    there is so much time is the caller's to say."""
    if status not in _RETRIABLE:
        return None
    asked = asked_for(headers)
    if asked is None and (delay := _RETRY_DELAY.search(text)):
        asked = number(delay[1])
    if asked is None and _UNPAID.search(text):
        return None
    return backoff(attempt) if asked is None else asked


def backoff(attempt: int) -> float:
    """Doubling, and never the same for all those who were refused at the same time."""
    longest = min(0.25 * 2.0**attempt, _LONGEST_BACKOFF)
    return longest * random.uniform(0.75, 1.0)


def refusal(response: httpx2.Response, key: str | None) -> str:
    """Why it refused, without the key that it was sent."""
    without_key = Redaction(key).text
    try:
        return without_key(sentence(response.json()))[:1000]
    except ValueError:
        return without_key(response.text.strip())[:500] or response.reason_phrase


def sentence(body: Any) -> str:
    """The sentence in an error body as it came; endpoints differ in where they put it."""
    if isinstance(body, list) and len(body) == 1:
        [body] = body
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        nested = error.get("metadata")  # what OpenRouter was told itself
        raw = nested.get("raw") if isinstance(nested, dict) else None
        error = error.get("message") or error.get("detail") or error
        if isinstance(raw, str) and isinstance(error, str):
            error = f"{error}: {raw}"
    return error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
