"""What the items of a response or a conversation tell of what was said and done."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from assistctl.apis.answers import Answer, why_it_failed
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.events import Event, Hit, MadeFile
from assistctl.resources import Json

HITS, OUTPUTS = "file_search_call.results", "code_interpreter_call.outputs"
WITH_ALL: Mapping[str, Any] = {"include": [HITS, OUTPUTS]}
"""What is asked for where items are read."""


def read_event(answer: Answer, event: Mapping[str, Json]) -> Iterator[Event]:
    """Pieces of messages and of calls."""
    identity = str(event.get("item_id"))
    match event.get("type"):
        case "response.output_text.delta" | "response.refusal.delta":
            yield from answer.say(identity, event.get("delta"))
        case "response.output_text.annotation.added":
            yield from _cite(answer, identity, event.get("annotation") or {})
        case "response.code_interpreter_call_code.done":
            yield from answer.code_begins(identity, str(event.get("code") or ""))
        case "response.file_search_call.in_progress":
            answer.search_begins(identity)
        case "response.output_item.done":
            yield from read(answer, event.get("item") or {})


def read(answer: Answer, item: Mapping[str, Json]) -> Iterator[Event]:
    """An item that is whole, as far as it was not told in pieces."""
    identity = str(item.get("id"))
    match item.get("type"):
        case "message":
            parts = item.get("content") or ()
            words = (str(part.get("text") or part.get("refusal") or "") for part in parts)
            text = "".join(words)
            notes = [note for part in parts for note in part.get("annotations") or ()]
            for note in sorted(notes, key=_place):
                yield from answer.complete(identity, text[: _place(note)])
                yield from _cite(answer, identity, note)
            yield from answer.complete(identity, text)
        case "code_interpreter_call":
            outputs = item.get("outputs") or ()
            printed = "".join(str(it.get("logs") or "") for it in outputs)
            shown = [_picture(str(it["url"])) for it in outputs if it.get("url")]
            code = str(item.get("code") or "")
            error = _failure(item) or why_it_failed(printed)
            yield from answer.code_ended(identity, code, printed, shown, error)
        case "file_search_call":
            hits = tuple(map(_hit, item.get("results") or ()))
            queries = [str(query) for query in item.get("queries") or ()]
            yield from answer.search_ended(identity, queries, hits, _failure(item))


def find_files(
    client: Client, answer: Answer, container: str, is_new: Callable[[Mapping[str, Json]], bool]
) -> None:
    """What lies in a container that the assistant has made: what is new, and of what was made known
    already how large it is. Some targets do not tell."""
    try:
        there = list(client.list(path_of("/containers", container, "files"), order="asc"))
    except RemoteError:
        return
    for file in there:
        identity = str(file["id"])
        if file.get("source") == "assistant" and (is_new(file) or answer.has_made(identity)):
            name = PurePosixPath(str(file.get("path"))).name
            answer.made(MadeFile(identity, name, file.get("bytes"), container))


def containers(there: Iterable[Mapping[str, Json]]) -> list[str]:
    """Those in which code of these items has run, each once."""
    code = (item for item in there if item.get("type") == "code_interpreter_call")
    return list(dict.fromkeys(str(it["container_id"]) for it in code if it.get("container_id")))


def _place(note: Mapping[str, Json]) -> int:
    """Where in the text a citation stands."""
    place = note.get("index") if "index" in note else note.get("end_index")
    return place if isinstance(place, int) else 0


def _cite(answer: Answer, message: str, note: Mapping[str, Json]) -> Iterator[Event]:
    kind, file_id = note.get("type"), note.get("file_id")
    name = str(note.get("filename") or file_id)
    if kind not in ("file_citation", "url_citation", "container_file_citation", "file_path"):
        return
    if not answer.note(message, note):
        return
    in_time = _place(note) >= answer.length(message)
    if kind == "file_citation":
        yield from answer.cite(file_id=file_id, name=name, shows=in_time)
    elif kind == "url_citation":
        url, title = str(note.get("url")), note.get("title") or None
        yield from answer.cite(url=url, name=title, shows=in_time)
    elif file_id:
        answer.made(MadeFile(str(file_id), name, None, note.get("container_id")))


def _hit(result: Mapping[str, Json]) -> Hit:
    name, file_id = result.get("filename"), result.get("file_id")
    return Hit(str(name or file_id), file_id, result.get("score"), result.get("text"))


def _picture(url: str) -> MadeFile:
    """Shown by code, as an address or with all of its content; as a file it is in the container."""
    head, comma, content = url.partition(",")
    if not head.startswith("data:"):
        return MadeFile("", PurePosixPath(url.partition("?")[0]).name or url)
    try:
        size = len(base64.b64decode(content)) if comma else None
    except binascii.Error:
        size = None
    return MadeFile("", head.removeprefix("data:").partition(";")[0] or "picture", size)


def _failure(item: Mapping[str, Json]) -> str | None:
    status = item.get("status")
    return None if status in (None, "completed") else f"the call is {status}"
