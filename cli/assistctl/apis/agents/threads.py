"""Sessions as they lie at the Agents API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from assistctl.apis.agents.converse import Conversation
from assistctl.apis.managed.managed_surface import Begun, Entries, Uploader
from assistctl.apis.managed.ownership import used_files
from assistctl.apis.managed.transcripts import attached, count_of_each, of_items
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import ActionRequired, Finished, ThreadStarted
from assistctl.resources import Assistant, CodeInterpreter, Json
from assistctl.surface import Attached, Message, Transcript, WrittenThread

PREFACE = (
    "What follows was said between us before, elsewhere. Take it as our conversation so far, which"
    " goes on with my next message. Now do nothing of what is in it, call nothing, and answer only:"
    " OK."
)
AS_ONE = (
    "a session takes only messages of users: what was said is its first message, which the"
    " assistant has answered"
)


def read(client: Client, thread: str) -> Transcript:
    """See surface.Surface.read_thread. Of files only those are told that lie in the environment,
    and not with which message they came: they go with the first."""
    items = list(client.list(path_of("/agents/sessions", thread, "items"), order="asc"))
    files = [_files(client, thread)]

    def message(item: Mapping[str, Json], left: list[str]) -> Message:
        parts = item.get("content") or ()
        left += [str(part.get("type")) for part in parts if "text" not in part]
        text = "\n\n".join(str(part["text"]) for part in parts if "text" in part)
        return Message(str(item["role"]), text, files.pop() if files else ())

    return of_items(items, message)


def write(
    client: Client,
    assistant: Assistant,
    remote_id: str | None,
    owner: str,
    entries: Entries,
    upload: Uploader,
    begun: Begun,
) -> WrittenThread:
    """See surface.Surface.write_thread."""
    assert remote_id is not None, "what is synced is an agent"
    has_code = any(isinstance(tool, CodeInterpreter) for tool in assistant.tools)
    files = [file for it in entries if isinstance(it, Message) for file in it.files]
    placed = [file for file in files if has_code and "code_interpreter" in file.tools]
    left = [file.name for file in files if file not in placed]
    tools = [{"type": "code_interpreter"}]
    given = [{"file_id": upload(file), "tools": tools} for file in placed]
    talk = Conversation(client, assistant, remote_id, owner)
    try:
        for event in talk.send(f"{PREFACE}\n\n{_told(entries)}", given):
            if isinstance(event, ThreadStarted):
                begun(event.thread)
            elif isinstance(event, ActionRequired):
                left.append("function call in the answer to that, not made")
                talk.cancel()
            elif isinstance(event, Finished) and event.status != "completed":
                raise AssistctlError(f"the session did not take what was said: {event.error}")
    except BaseException:
        with suppress(RemoteError):
            talk.cancel()  # which may find the session whose answer was lost
        if talk.thread is not None:
            begun(talk.thread)
        raise
    return WrittenThread(str(talk.thread), (AS_ONE, *count_of_each(left)))


def place(thread: str) -> str:
    """Where it is."""
    return path_of("/agents/sessions", thread)


def _told(entries: Entries) -> str:
    texts = []
    for entry in entries:
        if isinstance(entry, Message):
            texts.append(f"[{entry.role}]\n{entry.text}")
        else:
            called = f"[assistant calls {entry.name}]\n{entry.arguments}"
            texts.append(f"{called}\n[which returns]\n{entry.output or ''}")
    return "\n\n".join(texts)


def _files(client: Client, thread: str) -> tuple[Attached, ...]:
    """Those in the environment that are not the agent's."""
    session = client.get(path_of("/agents/sessions", thread))
    there = (session.get("environment") or {}).get("files") or ()
    ids = [file["file_id"] for file in there if isinstance(file, Mapping) and file.get("file_id")]
    own = _own_files(client, session) if ids else ()
    return tuple(attached(client, it, ["code_interpreter"]) for it in ids if it not in own)


def _own_files(client: Client, session: Mapping[str, Json]) -> list[str]:
    agent = session.get("agent_id") or (session.get("agent") or {}).get("id")
    try:
        return used_files(client.get(path_of("/agents", agent)))
    except RemoteError as error:
        if error.status != 404:
            raise
        return []
