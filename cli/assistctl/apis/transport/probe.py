"""Single requests to a target, for whoever looks after it: none is repeated, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import httpx2

from assistctl.apis.transport.betas import beta
from assistctl.apis.transport.client import transport
from assistctl.redaction import Redaction
from assistctl.resources import Json

SECONDS = 10.0
_LONGEST = 300


@dataclass(frozen=True)
class Answer:
    """What came of one request. `status` None: nothing, for the reason that `said` tells; `body` is
    the JSON of an answer, None of any other, and `date` when the target says that it was given.
    There is no secret in `said`."""

    status: int | None
    said: str = ""
    body: Json = None
    date: datetime | None = None

    @property
    def is_list(self) -> bool:
        """Whether it is a list as the API has them."""
        data = self.body.get("data") if isinstance(self.body, dict) else None
        return self.status == 200 and isinstance(data, list)

    @property
    def is_of_the_api(self) -> bool:
        """Whether it has the shape of an answer or an error of the API."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return self.is_list or isinstance(error, dict)


Ask: TypeAlias = Callable[[str, str], Answer]
"""Sends a request by its method and path."""


@contextmanager
def probing(base_url: str, api_key: str | None) -> Iterator[Ask]:
    """Within it a target can be asked, as any other command would. Raises AssistctlError where the
    environment's proxy cannot be used."""
    redaction = Redaction(api_key)
    key = {"Authorization": f"Bearer {api_key or 'none'}"}

    def ask(method: str, path: str) -> Answer:
        url = base_url.rstrip("/") + path
        headers = {**key, **beta(path.partition("?")[0])}
        try:
            return _read(client.request(method, url, headers=headers, timeout=SECONDS), redaction)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            return Answer(None, redaction.text(str(error) or type(error).__name__)[:_LONGEST])

    with transport(httpx2.URL(base_url), SECONDS) as client:
        yield ask


def _read(answer: httpx2.Response, redaction: Redaction) -> Answer:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if not said:
        is_page = answer.text.lstrip().startswith("<")
        said = "a web page" if is_page else answer.reason_phrase
    told = redaction.text(str(said))[:_LONGEST]
    return Answer(answer.status_code, told, body, _date(answer.headers.get("date", "")))


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
