"""What reading and writing threads has in common, whatever the API."""

from __future__ import annotations

import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from assistctl.apis.transport.client import Client, path_of
from assistctl.apis.transport.failures import LostAnswer
from assistctl.errors import RemoteError
from assistctl.events import ToolCall
from assistctl.resources import Json
from assistctl.surface import Attached, Called, Message, Transcript


def attached(client: Client, file_id: Json, tools: Iterable[Json]) -> Attached:
    """A file of a message, by what the target tells of it; without a size it has gone."""
    names = tuple(map(str, tools))
    try:
        file = client.get(path_of("/files", file_id))
    except RemoteError as error:
        if error.status != 404:
            raise
        return Attached(str(file_id), str(file_id), names)
    return Attached(str(file_id), str(file.get("filename") or file_id), names, file.get("bytes"))


def begin(client: Client, path: str, owner: str) -> str:
    """The id of a new thread of ours. Nobody can look for one whose answer was lost."""
    try:
        return str(client.create(path, {"metadata": {"assistctl": owner}})["id"])
    except LostAnswer as lost:
        if not lost.refused:
            lost.add("whether it was taken is not known; if it was, an empty thread is there")
        raise


def count_of_each(kinds: Iterable[str]) -> tuple[str, ...]:
    """`2 × reasoning` for each kind of what is left out."""
    return tuple(f"{number} × {kind}" for kind, number in Counter(kinds).items())


def of_items(
    items: Sequence[Mapping[str, Json]],
    message: Callable[[Mapping[str, Json], list[str]], Message],
) -> Transcript:
    """What was said and called, of the items of a conversation or a session. `message` reads one,
    and adds what kinds of parts it leaves out."""
    returned = results(items)
    entries: list[Message | Called] = []
    left: list[str] = []
    for item in items:
        match item.get("type"):
            case "message":
                entries.append(message(item, left))
            case "function_call":
                made = call_of(item)
                entries.append(Called(made.name, made.arguments, returned(made.id)))
            case "function_call_output":
                pass
            case other:
                left.append(str(other))
    return Transcript(tuple(entries), count_of_each(left))


def call_of(item: Mapping[str, Json]) -> ToolCall:
    """The call of a function that an item is."""
    return ToolCall(str(item.get("call_id")), str(item.get("name")), as_text(item.get("arguments")))


def results(items: Iterable[Mapping[str, Json]]) -> Callable[[str], str | None]:
    """What tells of the next call of an id what it has returned, or why it has failed; None: nobody
    has answered it. Some targets give an id again, to a later call."""
    found: dict[str, deque[str]] = defaultdict(deque)
    for item in items:
        if item.get("type") == "function_call_output":
            found[str(item.get("call_id"))].append(_result(item))
    return lambda call: found[call].popleft() if found[call] else None


def words(message: Mapping[str, Json]) -> str:
    """What a message says."""
    content = message.get("content") or ()
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content)


def as_text(value: Json) -> str:
    """Arguments and results are JSON at some APIs, and its text at others."""
    if isinstance(value, str):
        return value
    return json.dumps({} if value is None else value, ensure_ascii=False)


def _result(item: Mapping[str, Json]) -> str:
    output = item.get("output")
    if output is None:
        return str(item.get("error") or "")
    if isinstance(output, list) and all("text" in part for part in output):
        return "".join(str(part["text"]) for part in output)
    return as_text(output)
