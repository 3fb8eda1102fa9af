"""Threads as they lie at the Assistants API."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from functools import partial

from assistctl.apis.managed.lost_creates import KEY, with_key
from assistctl.apis.managed.managed_surface import Begun, Entries, Uploader
from assistctl.apis.managed.transcripts import attached, begin, count_of_each
from assistctl.apis.transport.client import Client, path_of
from assistctl.resources import Assistant, Json
from assistctl.surface import Called, Message, Transcript, WrittenThread

OF_RUNS = "function call, which a thread has of its own runs only"


def read(client: Client, thread: str) -> Transcript:
    """See surface.Surface.read_thread. Calls stand in the steps of runs, which also tell in what
    order they and the run's messages came."""
    messages = list(client.list(path_of("/threads", thread, "messages"), order="asc"))
    runs = list(client.list(path_of("/threads", thread, "runs"), order="asc"))
    by_id = {message["id"]: message for message in messages}
    spoke = {message.get("run_id") for message in messages}
    entries: list[Message | Called] = []
    left: list[str] = []

    def tell(run: dict[str, Json]) -> None:
        runs.remove(run)
        path = path_of("/threads", thread, "runs", run["id"], "steps")
        for step in client.list(path, order="asc"):
            details = step.get("step_details") or {}
            made = (details.get("message_creation") or {}).get("message_id")
            if (message := by_id.pop(made, None)) is not None:
                entries.append(_message(client, message, left))
            for call in details.get("tool_calls") or ():
                entries.extend(_called(call, left))

    for message in messages:
        for run in list(runs):  # which have said nothing, but may have called
            if run["id"] not in spoke and run["created_at"] < message["created_at"]:
                tell(run)
        for run in [run for run in runs if run["id"] == message.get("run_id")]:
            tell(run)
        if by_id.pop(message["id"], None) is not None:
            entries.append(_message(client, message, left))
    for run in list(runs):
        tell(run)
    return Transcript(tuple(entries), count_of_each(left))


def write(
    client: Client,
    assistant: Assistant,
    remote_id: str | None,
    owner: str,
    entries: Entries,
    upload: Uploader,
    begun: Begun,
) -> WrittenThread:
    """See surface.Surface.write_thread. A thread holds no calls but those of its own runs."""
    thread = begin(client, "/threads", owner)
    begun(thread)
    path = path_of("/threads", thread, "messages")
    left = [OF_RUNS for entry in entries if isinstance(entry, Called)]
    for entry in entries:
        if isinstance(entry, Called):
            continue
        if not entry.text.strip():
            left.append("message without text")
            continue
        key = secrets.token_hex(8)
        body: dict[str, Json] = {"role": entry.role, "content": entry.text}
        body["metadata"] = {KEY: key}
        if entry.files:
            body["attachments"] = [
                {"file_id": upload(file), "tools": [{"type": name} for name in file.tools]}
                for file in entry.files
            ]
        found = partial(with_key, client, path, key, just_made=True)
        client.create(path, body, found, just_made=True)
    return WrittenThread(thread, count_of_each(left))


def place(thread: str) -> str:
    """Where it is."""
    return path_of("/threads", thread)


def _message(client: Client, message: Mapping[str, Json], left: list[str]) -> Message:
    texts = []
    for part in message.get("content") or ():
        text = part.get("text") or {}
        value = str(text.get("value") or "")
        for annotation in text.get("annotations") or ():
            left.append("citation")
            value = value.replace(str(annotation.get("text")), "")
        if part.get("type") == "text":
            texts.append(value)
        else:
            left.append(str(part.get("type")))
    files = tuple(
        attached(client, it.get("file_id"), [tool.get("type") for tool in it.get("tools") or ()])
        for it in message.get("attachments") or ()
    )
    return Message(str(message["role"]), "\n\n".join(texts), files)


def _called(call: Mapping[str, Json], left: list[str]) -> Iterator[Called]:
    if call.get("type") != "function":
        left.append(f"call of {call.get('type')}")
        return
    function = call["function"]
    yield Called(str(function["name"]), str(function["arguments"]), function.get("output"))
