"""A thread of one target made anew at another, whatever APIs the two speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from assistctl.conversation.saving import harmless
from assistctl.conversation.sessions import Session
from assistctl.errors import AssistctlError, RemoteError
from assistctl.record import copies, store
from assistctl.record.threads import Item, Thread, Turn
from assistctl.resources import Workspace
from assistctl.surface import Attached, Called, Message, Transcript, WrittenThread
from assistctl.targets import opened


@dataclass(frozen=True)
class Original:
    """What was said, and its files as far as they could be had, by their ids."""

    thread: Thread
    transcript: Transcript
    files: dict[str, Path]


@dataclass(frozen=True)
class Copied:
    """The new thread's id, and in words what is not on it."""

    thread: str
    messages: int
    calls: int
    left: tuple[str, ...]


def read(load: Callable[[], Workspace], root: Path, thread: Thread, directory: Path) -> Original:
    """A thread as its target tells it, its files downloaded into a directory; where that does not
    tell it any more, as it is recorded here."""
    files: dict[str, Path] = {}
    left: list[str] = []
    try:
        with opened(load()) as surface:
            told = surface.read_thread(thread.id)
            names = {file.name for file in _attached(told)}
            left += [
                f"{name}, of which {thread.target} does not tell"
                for turn in store.turns(root, thread)
                for name in turn.attachments
                if name not in names
            ]
            for file in dict.fromkeys(_attached(told)):
                path = directory / f"{len(files)}-{harmless(file.name)}"
                try:
                    surface.download({"id": file.id, "bytes": file.size}, path)
                    files[file.id] = path
                except RemoteError as error:
                    left.append(f"{file.name}: {error}")
    except AssistctlError as error:
        if not thread.number:
            raise AssistctlError(
                f"{thread.id} is not recorded here, and {thread.target} does not tell it: {error}"
            ) from error
        told = _recorded(store.turns(root, thread))
        left = [f"{thread.target} does not tell it ({error}), so it is as it was recorded here"]
    return Original(thread, replace(told, left=(*left, *told.left)), files)


def write(original: Original, talk: Session) -> Copied:
    """The same at the target of a session, on a thread of its own, which is then the one used last.
    Each file is uploaded once. Where it fails, nothing of it is left at the target, or it is said
    what; what an earlier copy has left is deleted first. Raises AssistctlError."""
    source, target = original.thread, talk.workspace.target.name
    entries = [_with_files(entry, original.files) for entry in original.transcript.entries]
    if not any(isinstance(entry, Message) for entry in entries):
        raise AssistctlError(f"nothing was said on {source.id}, so there is nothing to copy")
    with copies.begun(talk.workspace.root, source.target, source.id, target) as copy:
        if still := _undo(copy, talk):
            raise AssistctlError(
                f"what an earlier copy has left at {target} cannot be deleted: {', '.join(still)}"
            )
        try:
            made = _written(entries, original, talk, copy)
        except BaseException as error:
            if (still := _undo(copy, talk)) and isinstance(error, AssistctlError | OSError):
                raise AssistctlError(
                    f"{error}; at {target} is left: {', '.join(still)}; the next copy of this"
                    " thread to it deletes that first"
                ) from error
            raise
        _record(source, entries, talk, made.id)
        copy.is_whole()
    calls = sum(isinstance(entry, Called) for entry in entries)
    left = (*original.transcript.left, *made.left)
    return Copied(made.id, len(entries) - calls, calls, left)


def _written(
    entries: Sequence[Message | Called], original: Original, talk: Session, copy: copies.Copy
) -> WrittenThread:
    uploaded: dict[str, str] = {}

    def upload(file: Attached) -> str:
        if file.id not in uploaded:
            made = str(talk.surface.upload(original.files[file.id], file.name)["id"])
            copy.note(copies.FILE, made)
            uploaded[file.id] = made
        return uploaded[file.id]

    def begun(thread: str) -> None:
        copy.note(copies.THREAD, thread)

    return talk.surface.write_thread(talk.assistant, talk.remote_id, entries, upload, begun)


def _undo(copy: copies.Copy, talk: Session) -> list[str]:
    """Delete what there is of a copy, threads first; the ids of what cannot be deleted."""
    for kind, identity in sorted(copy.made, reverse=True):
        delete = talk.surface.delete_thread if kind == copies.THREAD else talk.surface.delete_file
        with suppress(RemoteError):
            delete(identity)
            copy.forget(kind, identity)
    return [identity for _, identity in copy.made]


def _attached(told: Transcript) -> Iterator[Attached]:
    for entry in told.entries:
        yield from entry.files if isinstance(entry, Message) else ()


def _with_files(entry: Message | Called, files: dict[str, Path]) -> Message | Called:
    if isinstance(entry, Called):
        return entry
    return replace(entry, files=tuple(file for file in entry.files if file.id in files))


def _recorded(turns: Sequence[Turn]) -> Transcript:
    entries: list[Message | Called] = []
    left: list[str] = []
    for turn in turns:
        entries += [Message("user", turn.message)] if turn.message else []
        left += [f"{name}, of which only the name is recorded" for name in turn.attachments]
        for item in turn.items:
            if item["type"] == "text":
                entries.append(Message("assistant", str(item["text"]).strip("\n")))
            elif item["type"] == "tool":
                output = item.get("output")
                entries.append(Called(str(item["name"]), str(item["arguments"]), output))
    return Transcript(tuple(entries), tuple(left))


def _record(thread: Thread, entries: Sequence[Message | Called], talk: Session, made: str) -> None:
    """Write down what the new thread begins with, or else only that it is there."""
    workspace, hidden = talk.workspace, talk.surface.redaction.value
    turns: list[Turn] = []
    for entry in entries if workspace.records else ():
        if not turns or (isinstance(entry, Message) and entry.role == "user"):
            said = entry.text if isinstance(entry, Message) and entry.role == "user" else ""
            names = tuple(file.name for file in entry.files) if isinstance(entry, Message) else ()
            turns.append(_turn(talk, hidden(said), names))
            if said:
                continue
        turns[-1] = replace(turns[-1], items=(*turns[-1].items, hidden(_item(entry))))
    root, target = workspace.root, workspace.target.name
    with suppress(store.Unreadable):
        for turn in turns or [_turn(talk, None, ())]:
            store.begin(root, target, made, turn)
        copy = store.thread(root, target, made) if workspace.records and thread.title else None
        if copy is not None and thread.title:
            store.rename(root, copy, thread.title)


def _turn(talk: Session, message: str | None, names: tuple[str, ...]) -> Turn:
    return Turn(talk.assistant.key, store.now(), message, names, status="completed")


def _item(entry: Message | Called) -> Item:
    if isinstance(entry, Message):
        return {"type": "text", "text": entry.text}
    return {
        "type": "tool",
        "name": entry.name,
        "arguments": entry.arguments,
        "output": entry.output,
    }
