"""Many things in one line."""

from __future__ import annotations

from collections.abc import Iterable


def some(things: Iterable[str], most: int = 10, between: str = ", ") -> str:
    """`a, b and 38 more`: all of them if they are few, else so many."""
    listed = list(things)
    if len(listed) <= most:
        return between.join(listed)
    rest = "" if between == ", " else between.rstrip()
    return f"{between.join(listed[:most])}{rest} and {len(listed) - most:,} more"
