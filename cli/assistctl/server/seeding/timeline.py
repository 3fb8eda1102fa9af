"""In which order the messages and tool calls of a thread happened, as far as a dump tells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from assistctl.server.wire import Document


def oldest_first(documents: Sequence[Document]) -> list[Document]:
    """By time; what is of one second, in the order of the dump, which lists the newest first if
    the API's default was kept."""
    given = list(documents)
    if _newest_first(given):
        given.reverse()
    return sorted(given, key=lambda document: document["created_at"])


def merged(messages: Sequence[Document], steps: Sequence[Document]) -> list[Document]:
    """Both in one line, each oldest first: a step stands before what its run said afterwards, or
    else where its time is."""
    said = oldest_first(messages)
    times = [message["created_at"] for message in said]
    answers: dict[str, list[int]] = {}
    for position, message in enumerate(said):
        answers.setdefault(message["run_id"], []).append(position)
    before: dict[int, list[Document]] = {}
    for step in oldest_first(steps):
        own = answers.get(step["run_id"], ())
        answer = bisect_left(own, step["created_at"], key=times.__getitem__)
        place = own[answer] if answer < len(own) else bisect_right(times, step["created_at"])
        before.setdefault(place, []).append(step)
    line: list[Document] = []
    for position, message in enumerate(said):
        line += [*before.get(position, ()), message]
    return line + before.get(len(said), [])


def _newest_first(documents: Sequence[Document]) -> bool:
    """Told by the times; where all are the same, by who speaks: a conversation begins with the
    user."""
    if len(documents) < 2:
        return False
    first, last = documents[0], documents[-1]
    if first["created_at"] != last["created_at"]:
        return bool(first["created_at"] > last["created_at"])
    return (first.get("role"), last.get("role")) == ("assistant", "user")
