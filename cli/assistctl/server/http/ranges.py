"""Parts of contents, as RFC 9110 §14 has them: for downloads that go on where they broke off."""

from __future__ import annotations

import re

_ONE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)


class Unsatisfiable(Exception):
    """The content has no such part."""


def asked(header: str | None, size: int) -> range | None:
    """The bytes that a Range header names, of a content of so many; None for all of them.

    Several ranges at once, or what is no range at all, may be ignored, and are.
    """
    found = _ONE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        first, last = max(size - int(found[2]), 0), size - 1
    else:
        first, last = int(found[1]), min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
    if first > last:
        raise Unsatisfiable
    return range(first, last + 1)
