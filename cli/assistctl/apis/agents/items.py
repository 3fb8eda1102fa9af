"""What the items of a session tell of what was said and done, and the files that came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from assistctl.apis.answers import Answer
from assistctl.apis.transport.client import Client
from assistctl.errors import RemoteError
from assistctl.events import Event, MadeFile
from assistctl.resources import Json

_RUNS = "in_progress"


def words(item: Mapping[str, Json]) -> str | None:
    """The whole of a message of the agent; None of any other item."""
    if item.get("type") != "message" or item.get("role") != "assistant":
        return None
    parts = [part for part in item.get("content") or () if part.get("type") == "output_text"]
    return "".join(str(part.get("text") or "") for part in parts)


def read_command(answer: Answer, item: Mapping[str, Json]) -> Iterator[Event]:
    """Code that begins or has ended; nothing of any other item."""
    if item.get("type") != "command_execution":
        return
    call, code = str(item.get("id")), str(item.get("command") or "")
    if item.get("status") == _RUNS:
        yield from answer.code_begins(call, code)
    else:
        yield from answer.code_ended(call, code, str(item.get("output") or ""), (), _failure(item))


def find_files(client: Client, answer: Answer, session: str, turn: str) -> None:
    """What the code of a turn has written, as the target publishes it. Some do not tell."""
    try:
        there = list(client.list(f"{session}/artifacts", order="asc"))
    except RemoteError:
        return
    for file in there:
        if file.get("turn_id") in (None, turn):
            name = PurePosixPath(str(file.get("path"))).name
            answer.made(MadeFile(str(file["id"]), name, file.get("size_bytes")))


def _failure(item: Mapping[str, Json]) -> str | None:
    if code := item.get("exit_code"):
        return f"exit code {code}"
    status = item.get("status")
    return None if status in (None, "completed") else f"the command is {status}"
