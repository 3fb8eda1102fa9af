"""Addresses of APIs: where one probably begins, and whether it is on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

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


def is_loopback(host: str) -> bool:
    """Whether what `host` says can only be reached from this machine; no name but one is asked."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_near(url: str) -> bool:
    """A proxy variable in the environment must not swallow requests to this machine."""
    host = host_of(url)
    return is_loopback(host) or host.endswith(".localhost")


def host_of(url: str) -> str:
    """The host of an address; nothing for what is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
