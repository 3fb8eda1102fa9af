from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx2
import pytest

from assistctl.server import upstream


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500.5", "retry-after": "9"}, 1.5005),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9),
        ({"retry-after": format_datetime(datetime.now(UTC) - timedelta(hours=1))}, 0),
    ],
)
def test_a_refused_request_waits_as_long_as_it_is_asked_to(headers, seconds):
    assert upstream.wait(429, httpx2.Headers(headers), "", 1) == seconds


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"retry-after": "nan"},
        {"retry-after": "inf"},
        {"retry-after": "-3"},
        {"retry-after": "soon"},
        {"retry-after-ms": "9" * 5_000},
    ],
)
def test_who_asks_for_no_time_that_can_be_understood_gets_our_own(headers):
    seconds = upstream.wait(429, httpx2.Headers(headers), "", 1)
    assert seconds is not None
    assert 0.25 < seconds <= 0.5


def delayed(delay: str) -> str:
    """A refusal of Gemini's, which says in its body how long to wait."""
    return f'{{"error": {{"details": [{{"retryDelay": "{delay}s"}}]}}}}'


def test_a_body_asks_for_time_as_headers_do():
    assert upstream.wait(429, {}, delayed("7.5"), 1) == 7.5


@pytest.mark.parametrize("delay", ["1.2.3", ".", "9" * 400])
def test_a_delay_that_cannot_be_understood_is_none(delay):
    seconds = upstream.wait(429, {}, delayed(delay), 1)
    assert seconds is not None
    assert 0.25 < seconds <= 0.5
