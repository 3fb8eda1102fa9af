"""In which order the messages and tool calls of a thread happened, as far as a dump tells."""

from __future__ import annotations

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
    at the latest where its time is."""
    line = oldest_first(messages)
    for step in oldest_first(steps):
        line.insert(_place(line, step), step)
    return line


def _newest_first(documents: Sequence[Document]) -> bool:
    """Told by the times; where all are the same, by who speaks: a conversation begins with the
    user."""
    if len(documents) < 2:
        return False
    first, last = documents[0], documents[-1]
    if first["created_at"] != last["created_at"]:
        return bool(first["created_at"] > last["created_at"])
    return (first.get("role"), last.get("role")) == ("assistant", "user")


def _place(line: Sequence[Document], step: Document) -> int:
    after = 0
    for position, document in enumerate(line):
        if document["created_at"] <= step["created_at"]:
            after = position + 1
        is_answer = document["object"] == "thread.message" and document["run_id"] == step["run_id"]
        if is_answer and document["created_at"] >= step["created_at"]:
            return position
    return after
