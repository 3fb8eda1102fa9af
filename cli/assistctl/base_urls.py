"""Where an API probably begins, of an address where none was found."""

from __future__ import annotations

import re

_VERSION = re.compile(r"/(v\d+(alpha|beta)?\d*|deployments)(/|\Z)", re.IGNORECASE)


def with_version(base_url: str) -> str | None:
    """The address that was probably meant: most APIs begin at /v1. None for one that has a version
    already."""
    path = base_url.partition("://")[2].partition("/")[2]
    return None if _VERSION.search(f"/{path}") else f"{base_url.rstrip('/')}/v1"


def advice(base_url: str) -> str:
    """What to say where nothing of an API was found; nothing of an address that looks right."""
    meant = with_version(base_url)
    return f"is {meant} meant, with /v1 at its end?" if meant else ""
