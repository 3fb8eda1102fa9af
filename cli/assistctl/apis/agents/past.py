"""What a session remembers: its turns, with their items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistctl.apis.agents import items, searching
from assistctl.apis.agents.fields import SEARCH
from assistctl.apis.answers import Answer, Retold, tokens
from assistctl.apis.transport.client import Client, path_of
from assistctl.events import PastTurn, ToolCall
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
    retold, answer = Retold("\n\n".join(map(_words, said)), turn.get("created_at")), Answer()
    outputs = {it.get("call_id"): it for it in there if it.get("type") == "function_call_output"}
    for item in there:
        if item.get("type") == "function_call":
            arguments = items.as_text(item.get("arguments"))
            call = ToolCall(str(item.get("call_id")), str(item.get("name")), arguments)
            told = outputs.get(call.id)
            output = str(told.get("output") or told.get("error") or "") if told else None
            if call.name == SEARCH and (found := searching.read(call, output or "")):
                retold.hear(answer.search_ended(call.id, found.queries, found.hits))
            else:
                retold.called(call, output)
        elif (words := items.words(item)) is not None:
            retold.hear(answer.complete(str(item.get("id")), words))
        else:
            retold.hear(items.read_command(answer, item))
    retold.hear(answer.pause())
    if any(it.get("type") == "command_execution" for it in there):
        session = path_of("/agents/sessions", thread)
        items.find_files(client, answer, session, str(turn["id"]))
    error = (turn.get("error") or {}).get("message")
    began, ended = turn.get("started_at") or turn.get("created_at"), turn.get("completed_at")
    seconds = float(ended - began) if began and ended else None
    usage = tokens(turn.get("usage")) or None
    return retold.past(
        answer.finished(str(turn["status"]), thread, str(turn["id"]), usage, error), seconds
    )


def _words(message: Mapping[str, Json]) -> str:
    parts = message.get("content") or ()
    return "".join(str(part.get("text") or "") for part in parts)
