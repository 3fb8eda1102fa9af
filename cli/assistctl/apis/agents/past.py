"""What a session remembers: its turns, with their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistctl.apis.agents import items, searching
from assistctl.apis.agents.fields import SEARCH
from assistctl.apis.answers import Answer, Retold, tokens
from assistctl.apis.managed.transcripts import call_of, results, words
from assistctl.apis.transport.client import Client, path_of
from assistctl.events import PastTurn
from assistctl.resources import Json


def turns(client: Client, thread: str) -> list[PastTurn]:
    """See surface.Surface."""
    session = path_of("/agents/sessions", thread)
    there = list(client.list(f"{session}/items", order="asc"))
    listed = list(client.list(f"{session}/turns", order="asc"))
    return [
        _turn(client, thread, turn, [it for it in there if it.get("turn_id") == turn["id"]])
        for turn in listed
        if not turn.get("subagent_id")
    ]


def _turn(
    client: Client, thread: str, turn: Mapping[str, Json], there: Sequence[Mapping[str, Json]]
) -> PastTurn:
    said = [it for it in there if it.get("role") == "user"]
    retold, answer = Retold("\n\n".join(map(words, said)), turn.get("created_at")), Answer()
    returned = results(there)
    for item in there:
        if item.get("type") == "function_call":
            call = call_of(item)
            output = returned(call.id)
            if call.name == SEARCH and (found := searching.read(call, output or "")):
                retold.hear(
                    answer.search_ended(str(item.get("id")), found.queries, found.hits, found.error)
                )
            else:
                retold.called(call, output)
        elif (text := items.words(item)) is not None:
            retold.hear(answer.complete(str(item.get("id")), text))
        else:
            retold.hear(items.read_command(answer, item))
    retold.hear(answer.pause())
    if any(it.get("type") == "command_execution" for it in there):
        session = path_of("/agents/sessions", thread)
        items.find_files(client, answer, session, str(turn["id"]))
    error = (turn.get("error") or {}).get("message")
    usage = tokens(turn.get("usage")) or None
    finished = answer.finished(str(turn["status"]), thread, str(turn["id"]), usage, error)
    began = turn.get("started_at") or turn.get("created_at")
    return retold.past(finished, began, turn.get("completed_at"))
