"""What the server answers: every endpoint, by the first word of its path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from assistctl.server import routing
from assistctl.server.http.call import Endpoint

TITLES = {
    "assistants": "Assistants",
    "threads": "Threads, messages, runs and steps",
    "responses": "Responses",
    "conversations": "Conversations",
    "containers": "Containers",
    "agents": "Agents and sessions",
    "vaults": "Vaults",
    "files": "Files",
    "uploads": "Uploads",
    "vector_stores": "Vector stores",
    "models": "Models",
}


def refused(endpoint: Endpoint) -> bool:
    """Whether it is there only to say that it cannot be had."""
    return isinstance(endpoint.handler, partial)


def page() -> str:
    """A table for each first word."""
    return "\n".join(_section(word) for word in (*TITLES, *(set(routing.words()) - TITLES.keys())))


def _section(word: str) -> str:
    endpoints = routing.endpoints_below(word)
    lines = [f"## {TITLES[word]}", "", "| | | |", "|---|---|---|"]
    lines += [_row(endpoint) for endpoint in endpoints if not refused(endpoint)]
    if len(lines) == 4:
        lines = lines[:2]
    if elsewhere := list(_elsewhere(endpoints)):
        lines += [
            "",
            f"Refused by their names (400, `unsupported_operation`): {', '.join(elsewhere)}.",
        ]
    return "\n".join([*lines, ""])


def _row(endpoint: Endpoint) -> str:
    said = " ".join((endpoint.handler.__doc__ or "").split())
    return f"| {endpoint.method} | `/v1{endpoint.path}` | {said} |"


def _elsewhere(endpoints: tuple[Endpoint, ...]) -> Iterator[str]:
    paths = dict.fromkeys(endpoint.path for endpoint in endpoints if refused(endpoint))
    yield from (f"`/v1{path}`" for path in paths)
