"""Text of a target's without the secrets that it may have been echoed into.

Some servers answer a failed request with its headers, or with those that they themselves sent on.
Whatever a target says about an error passes through here before anybody can print or keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from assistctl.resources import Json

HIDDEN = "[redacted]"
_SHORTEST = 8
"""Shorter keys are words such as `none` and `test`, which protect nothing and do occur in texts."""

_CREDENTIALS = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)[^\s\"',;)}\]]{16,}"
    r"|\b(?:sk|rk|ek|sess)-[A-Za-z0-9_*.-]{12,}",
    re.IGNORECASE,
)


class Redaction:
    """Knows the key of one target, and what keys of others look like."""

    def __init__(self, key: str) -> None:
        # The longer spelling first, or a part of it would be left over.
        spellings = {key, quote(key, safe="")} if len(key) >= _SHORTEST else set()
        self._spellings = sorted(spellings, key=len, reverse=True)

    def text(self, text: str) -> str:
        return _CREDENTIALS.sub(_hidden, self._without_key(text))

    def value(self, value: Json) -> Json:
        """The same of every string in a value that people have written: of what only looks like a
        key, a word such as in "basic internationalization" stays."""
        if isinstance(value, str):
            return _CREDENTIALS.sub(_hidden_with_digit, self._without_key(value))
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _without_key(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        return text

    def errors(self, body: dict[str, Json]) -> dict[str, Json]:
        """An object whose `last_error` says nothing secret."""
        error = body.get("last_error")
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            body["last_error"] = {**error, "message": self.text(error["message"])}
        return body

    def exception(self, error: BaseException) -> None:
        """Take the secrets out of an exception and of what caused it: tracebacks show them all."""
        for each in _chain(error):
            each.args = tuple(
                self.text(item) if isinstance(item, str) else item for item in each.args
            )


def _hidden(found: re.Match[str]) -> str:
    return (found["scheme"] or "") + HIDDEN


def _hidden_with_digit(found: re.Match[str]) -> str:
    return _hidden(found) if re.search(r"\d", found[0]) else found[0]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            queue += [each.__cause__, each.__context__]
