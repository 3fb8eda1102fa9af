"""Conversations, and chains of responses, as they lie at the Responses API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assistctl.apis.managed.managed_surface import Begun, Entries, Uploader
from assistctl.apis.managed.transcripts import attached, begin, count_of_each, of_items
from assistctl.apis.responses import requests
from assistctl.apis.responses.converse import CHAIN, NOT_CALLED
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import Assistant, Json
from assistctl.surface import Attached, Called, Message, Transcript, WrittenThread

MOST_ITEMS = 20
"""How many items one request may have."""


def read(client: Client, thread: str) -> Transcript:
    """See surface.Surface.read_thread."""
    if thread.startswith(CHAIN):
        raise AssistctlError("of a chain of responses the target does not tell all that was said")
    items = list(client.list(path_of("/conversations", thread, "items"), order="asc"))
    return of_items(items, lambda item, left: _message(client, item, left))


def write(
    client: Client,
    assistant: Assistant,
    remote_id: str | None,
    owner: str,
    entries: Entries,
    upload: Uploader,
    begun: Begun,
) -> WrittenThread:
    """See surface.Surface.write_thread. What only code was to read has no place in an item. Items
    cannot be looked for when an answer is lost, so that they are counted in the end."""
    left: list[str] = []
    thread = begin(client, "/conversations", owner)
    begun(thread)
    path = path_of("/conversations", thread, "items")
    items = [
        item
        for place, entry in enumerate(entries)
        for item in _items(entry, f"call_copied{place:06}", upload, left)
    ]
    for start in range(0, len(items), MOST_ITEMS):
        client.submit(path, {"items": items[start : start + MOST_ITEMS]})
    there = sum(1 for _ in client.list(path, order="asc", just_made=True))
    if there != len(items):
        raise AssistctlError(
            f"of {len(items):,} items that were sent the target has made {there:,}; copy again"
        )
    return WrittenThread(thread, count_of_each(left))


def place(thread: str) -> str:
    """Where it is; of a chain, its newest response."""
    return path_of("/responses" if thread.startswith(CHAIN) else "/conversations", thread)


def delete(client: Client, thread: str) -> None:
    """See surface.Surface.delete_thread. Of a chain all responses go, the newest first."""
    newest: Json = thread
    while newest and str(newest).startswith(CHAIN):
        before = _before(client, str(newest))
        client.delete(path_of("/responses", newest))
        newest = before
    if newest:
        client.delete(path_of("/conversations", newest))


def _before(client: Client, response: str) -> Json:
    try:
        return client.get(path_of("/responses", response)).get("previous_response_id")
    except RemoteError as error:
        if error.status != 404:
            raise
        return None


def _message(client: Client, item: Mapping[str, Json], left: list[str]) -> Message:
    texts: list[str] = []
    files: list[Attached] = []
    for part in item.get("content") or ():
        if "text" in part:
            left += ["citation"] * len(part.get("annotations") or ())
            texts.append(str(part["text"]))
        elif part.get("type") == "input_file" and part.get("file_id"):
            files.append(attached(client, part["file_id"], ["file_search"]))
        else:
            left.append(str(part.get("type")))
    return Message(str(item["role"]), "\n\n".join(texts), tuple(files))


def _items(
    entry: Message | Called, call_id: str, upload: Uploader, left: list[str]
) -> Iterator[dict[str, Json]]:
    if isinstance(entry, Called):
        asked = {"call_id": call_id, "name": entry.name, "arguments": entry.arguments}
        yield {"type": "function_call", **asked}
        output = NOT_CALLED if entry.output is None else entry.output
        yield {"type": "function_call_output", "call_id": call_id, "output": output}
    elif entry.role == "assistant":
        content = [{"type": "output_text", "text": entry.text, "annotations": []}]
        yield {"type": "message", "role": "assistant", "content": content}
    else:
        searched = [file for file in entry.files if "file_search" in file.tools]
        left += [f"{it.name}, which only code can read" for it in entry.files if it not in searched]
        tools = [{"type": "file_search"}]
        given = [{"file_id": upload(file), "tools": tools} for file in searched]
        yield requests.message(entry.text, given)
