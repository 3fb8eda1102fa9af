"""What a conversation remembers, or a chain of responses: items, of which the answers of one turn
follow what was said. Only responses tell what a turn has used and how it ended."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from assistctl.apis.answers import Answer, Retold, tokens
from assistctl.apis.managed.transcripts import call_of, results, words
from assistctl.apis.responses import items
from assistctl.apis.transport.client import Client, path_of
from assistctl.events import PastTurn
from assistctl.resources import Json

_Objects: TypeAlias = Sequence[Mapping[str, Json]]
_RESPONSE = "resp_"
_LONGEST = 100
"""How many responses of a chain are looked at."""


def turns(client: Client, thread: str) -> list[PastTurn]:
    """See surface.Surface; `thread` may also be one response of a conversation."""
    if not thread.startswith(_RESPONSE):
        return _told(client, thread, [(group, []) for group in _conversation(client, thread)])
    chain = _chain(client, thread)
    if (conversation := chain[0].get("conversation")) is not None:
        known = {item.get("id"): chain[0] for item in chain[0].get("output") or ()}
        groups = _conversation(client, conversation["id"])
        mine = [(group, _of(group, known)) for group in groups if _of(group, known)]
        return _told(client, str(conversation["id"]), mine)
    found: dict[Json, Mapping[str, Json]] = {}
    by: dict[Json, Mapping[str, Json]] = {}
    for response in chain:
        path = path_of("/responses", response["id"], "input_items")
        given = list(client.list(path, order="asc", **items.WITH_ALL))
        for item in (*given, *(response.get("output") or ())):
            found.setdefault(item.get("id"), item)
        by |= {item.get("id"): response for item in response.get("output") or ()}
    return _told(client, thread, [(it, _of(it, by)) for it in _grouped(found.values())])


def _conversation(client: Client, thread: str) -> Iterator[list[Mapping[str, Json]]]:
    """The items of each turn of a conversation."""
    path = path_of("/conversations", thread, "items")
    return _grouped(client.list(path, order="asc", **items.WITH_ALL))


def _chain(client: Client, newest: str) -> list[Mapping[str, Json]]:
    """Oldest first; that of a conversation alone."""
    chain: list[Mapping[str, Json]] = []
    following: Json = newest
    while following and len(chain) < _LONGEST:
        response = client.get(path_of("/responses", following), **items.WITH_ALL)
        chain.append(response)
        following = None if response.get("conversation") else response.get("previous_response_id")
    return chain[::-1]


def _grouped(there: Iterable[Mapping[str, Json]]) -> Iterator[list[Mapping[str, Json]]]:
    """The items of each turn, which begins with what a person says."""
    group: list[Mapping[str, Json]] = []
    for item in there:
        says = item.get("type") == "message" and item.get("role") == "user"
        if says and any(it.get("role") != "user" for it in group):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _of(
    group: Sequence[Mapping[str, Json]], by: Mapping[Json, Mapping[str, Json]]
) -> list[Mapping[str, Json]]:
    """The responses to which the items of a turn belong."""
    found = {by[it["id"]]["id"]: by[it["id"]] for it in group if it.get("id") in by}
    return list(found.values())


def _told(
    client: Client, thread: str, there: Sequence[tuple[_Objects, _Objects]]
) -> list[PastTurn]:
    """The turns, of which these are the items and the responses. What code has made and no answer
    leads to was made while the responses were at work; of a conversation nobody knows when, so that
    it is told with the last turn that had code in the same container."""
    found: list[PastTurn] = []
    told: set[str] = set()
    last = {at: place for place, (group, _) in enumerate(there) for at in items.containers(group)}
    for place, (group, responses) in enumerate(there):
        retold, answer = _read(group, responses)
        for container in items.containers(group):
            is_new = partial(_is_new, frozenset(told), responses, last[container] == place)
            items.find_files(client, answer, container, is_new)
        found.append(_turn(thread, group, responses, retold, answer))
        told |= {file.id for file in found[-1].finished.files}
    return found


def _is_new(
    told: Container[str], responses: _Objects, is_last: bool, file: Mapping[str, Json]
) -> bool:
    during = _during(responses, file.get("created_at") or 0)
    return str(file["id"]) not in told and (is_last if during is None else during)


def _during(responses: _Objects, moment: float) -> bool | None:
    """Whether they were at work then; None where nothing is known of them."""
    if not responses:
        return None
    ended = responses[-1].get("completed_at")
    return (responses[0].get("created_at") or 0) <= moment <= (ended or moment)


def _read(group: _Objects, responses: _Objects) -> tuple[Retold, Answer]:
    """What was said and called."""
    said = [item for item in group if item.get("role") == "user"]
    at = responses[0].get("created_at") if responses else None
    retold, answer = Retold("\n\n".join(map(words, said)), at), Answer()
    returned = results(group)
    for item in group:
        if item.get("type") == "function_call":
            call = call_of(item)
            retold.called(call, returned(call.id))
        elif item.get("role") != "user":
            retold.hear(items.read(answer, item))
    retold.hear(answer.pause())
    return retold, answer


def _turn(
    thread: str, group: _Objects, responses: _Objects, retold: Retold, answer: Answer
) -> PastTurn:
    last = responses[-1] if responses else {}
    used: dict[str, Json] = {}
    for response in responses:
        for name, number in tokens(response.get("usage")).items():
            used[name] = used.get(name, 0) + number if isinstance(number, int) else number
    status = str(last.get("status") or group[-1].get("status") or "completed")
    error = (last.get("error") or {}).get("message")
    finished = answer.finished(status, thread, str(last.get("id") or ""), used or None, error)
    return retold.past(finished, retold.at, last.get("completed_at"))
