"""Endpoints of others that the server asks: models and embeddings. How to read their refusals."""

from __future__ import annotations

import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

import httpx2

_RETRIABLE = (408, 409, 429, 500, 502, 503, 504, 529)
_LONGEST_WAIT = 30.0


def is_loopback(url: str) -> bool:
    """A proxy variable in the environment must not swallow requests to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def wait(response: httpx2.Response, attempt: int) -> float | None:
    """Seconds until the request may be repeated; None when repeating is pointless."""
    if response.status_code not in _RETRIABLE or "insufficient_quota" in response.text:
        return None
    try:
        asked = float(response.headers.get("retry-after", ""))
    except ValueError:
        return backoff(attempt)
    return max(asked, 0.0) if asked <= _LONGEST_WAIT else None


def backoff(attempt: int) -> float:
    return 0.25 * 2.0**attempt


def refusal(response: httpx2.Response) -> str:
    try:
        return message(response.json())
    except ValueError:
        return response.text.strip()[:500] or response.reason_phrase


def message(body: Any) -> str:
    """The sentence in an error body; endpoints differ in where they put it."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error
    text = error if isinstance(error, str) else json.dumps(error, ensure_ascii=False)
    return text[:1000]
