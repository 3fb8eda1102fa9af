"""What keys, passwords and tokens look like in text, and text without them.

Some servers answer a failed request with its headers, or with those that they themselves sent on.
Whatever a target or a model endpoint says about an error passes through here before anybody can
print or keep it. Part of the vocabulary, so that client and server agree on what a secret is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

_Json: TypeAlias = Any

HIDDEN = "[redacted]"
_SHORTEST = 8
"""Shorter keys are words such as `none` and `test`, which protect nothing and do occur in texts."""

_VALUE = r"(?!\[redacted\])[^\s\"',;)}\]&]"
# Left as texts, since `re` takes long to compile them, and most commands meet no text to redact.
_CERTAIN = (
    (
        r"(?s)-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:.*?-----END [A-Z0-9 ]*-----|.*)"
        r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}"
        r"|npm_[A-Za-z0-9]{30,}|xox[a-z]-[\w-]{10,}|A[KS]IA[A-Z0-9]{16}\b|AIza[\w-]{30,}"
        r"|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
    ),
    (
        r"(?i)(?P<user>\b[a-z][a-z0-9+.-]*://[^\s/@:\"']*:)(?!\[redacted\])[^\s/@\"']+(?=@)"
        r"|(?P<pair>\b(?:password|pwd|accountkey|sharedaccesskey)=)(?!\[redacted\])[^\s\"'&;#]+"
        r"|(?P<hook>\bhttps://hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]{8,}"
    ),
)
_LIKELY = (
    # A header, or a dump of headers: `Authorization: Basic x`, `(b'authorization', b'Basic x')`.
    r"(?i)(?P<header>\b(?:authorization|api[-_]key)\b"
    r"(?:[\"']?\s*[:=]\s*|[\"']\s*,\s*)b?[\"']?"
    rf"(?:[a-z]+\s+(?={_VALUE}))?){_VALUE}{{8,}}"
    r"|(?P<query>[?&](?:key|token|access_token|sig|signature)=)(?!\[redacted\])[^\s\"'&#]{8,}"
    r"|(?P<scheme>\b(?:Bearer|Basic)\s+)[^\s\"',;)}\]]{16,}"
    r"|\b(?:sk|rk|ek|sess)-[A-Za-z0-9_*.-]{12,}"
)
"""What words of a language can look like, too."""


class Redaction:
    """Knows the key of one target or endpoint, and what keys of others look like."""

    def __init__(self, key: str | None) -> None:
        self._spellings: list[str] = []
        self.learn(key)

    def learn(self, key: str | None) -> None:
        """Another key of this target's."""
        if key and len(key) >= _SHORTEST:
            spellings = {key, quote(key, safe=""), *self._spellings}
            # The longer spelling first, or a part of it would be left over.
            self._spellings = sorted(spellings, key=len, reverse=True)

    def text(self, text: str) -> str:
        """To be done before a text is cut, or half a key is left over."""
        return re.sub(_LIKELY, _hidden, self._without_certain(text))

    def value(self, value: _Json) -> _Json:
        """The same of every string in a value that people have written: of what only looks like a
        key, a word such as in "basic internationalization" stays."""
        if isinstance(value, str):
            return re.sub(_LIKELY, _hidden_unless_words, self._without_certain(value))
        if isinstance(value, Mapping):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value

    def _without_certain(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, HIDDEN)
        for pattern in _CERTAIN:
            text = re.sub(pattern, _hidden, text)
        return text

    def errors(self, body: dict[str, _Json]) -> dict[str, _Json]:
        """An object or event whose errors say nothing secret, nor those of the turn, response or
        session in it. All else is left as it is: what is compared must not be changed."""
        for name in ("last_error", "error"):
            body |= {name: self._error(body[name])} if body.get(name) else {}
        if body.get("type") == "error" and body.get("message"):
            body["message"] = self._error(body["message"])
        for name in ("turn", "response", "session"):
            if isinstance(body.get(name), dict):
                body[name] = self.errors(body[name])
        return body

    def _error(self, error: _Json) -> _Json:
        if isinstance(error, str):
            return self.text(error)
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return {**error, "message": self.text(error["message"])}
        return error

    def exception(self, error: BaseException) -> None:
        """Take the secrets out of an exception and of what caused it: tracebacks show them all."""
        for each in _chain(error):
            each.args = tuple(
                self.text(item) if isinstance(item, str) else item for item in each.args
            )


def holds_secret(text: str) -> bool:
    """Whether a text that somebody is about to publish has a key or a password in it."""
    return bool(Redaction(None).value(text) != text)


def _hidden(found: re.Match[str]) -> str:
    """What was found less its secret; what stands before that stays."""
    return next(filter(None, found.groups()), "") + HIDDEN


def _hidden_unless_words(found: re.Match[str]) -> str:
    return _hidden(found) if re.search(r"\d|[a-z][A-Z]|=$", found[0]) else found[0]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue: list[BaseException | None] = [error]
    while queue:
        each = queue.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            queue += [each.__cause__, each.__context__]
