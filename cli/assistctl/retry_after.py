"""How long to wait before a refused request is repeated, as the refusal says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime


def asked_for(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """The seconds that an answer's `retry-after-ms` or `retry-after` (seconds or a date) asks for;
    None for one that asks for nothing that can be understood."""
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    after = headers.get("retry-after")
    if (seconds := number(after)) is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(after or "").timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, moment - now())


def number(text: str | None) -> float | None:
    """A number that is neither negative nor beyond all reason (`inf`, `nan`)."""
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None
