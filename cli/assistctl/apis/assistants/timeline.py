"""A thread part by part, the newest first: its messages, and between them runs with their steps.

A part costs a request for its messages, one for its runs, one for the steps of each, and one for
each file that is named in it, however long the thread is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

from assistctl.apis.assistants import past, steps
from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import RemoteError
from assistctl.events import (
    CodeReturned,
    MadeFile,
    PastMessage,
    PastPage,
    PastRun,
    Source,
    Step,
)
from assistctl.resources import Json

_Object: TypeAlias = Mapping[str, Json]
_Said: TypeAlias = tuple[_Object, PastMessage]
"""A message as the API has it, and as it is told."""

_ENDS = ("completed_at", "failed_at", "cancelled_at")


def read(client: Client, thread: str, older: Sequence[str] = (), limit: int = 50) -> PastPage:
    """The newest part of a thread, or, where one says that there is something `older`, the part
    before it. Raises RemoteError."""
    message, run = older or ("", "")
    path = path_of("/threads", thread, "messages")
    page = client.page(path, limit=limit, order="desc", **({"after": message} if message else {}))
    messages: list[_Object] = page["data"][::-1]
    begins = (messages[0].get("created_at") or 0) if messages and page.get("has_more") else 0
    with client.pool() as pool:
        runs = _runs(client, thread, messages, begins, run)
        pieces = [path_of("/threads", thread, "runs", it["id"], "steps") for it in runs]
        done = list(pool.map(lambda it: _steps(client, it), pieces))
        names = _names(client, pool, messages, done)
    told = [_message(it, names) for it in messages]
    said = list(zip(messages, told, strict=True))
    ran = [_run(*each, said, names) for each in zip(runs, done, strict=True)]
    more = page.get("has_more") and messages
    last = str(runs[0]["id"]) if runs else run
    return PastPage(tuple(_entries(said, ran)), (str(messages[0]["id"]), last) if more else None)


def _runs(
    client: Client, thread: str, messages: Sequence[_Object], begins: float, newer: str
) -> list[_Object]:
    """The runs between these messages, oldest first: those that have said one of them, and those
    that began since the first."""
    said = {it["run_id"] for it in messages if it.get("run_id")}
    path = path_of("/threads", thread, "runs")
    found: list[_Object] = []
    cursor: dict[str, Any] = {"after": newer} if newer else {}
    for run in client.list(path, order="desc", **cursor):
        if run["id"] not in said and (run.get("created_at") or 0) < begins:
            break
        found.append(run)
    for missing in said - {it["id"] for it in found}:
        try:
            found.append(client.get(path_of("/threads", thread, "runs", missing)))
        except RemoteError as error:
            if error.status != 404:
                raise
    found.reverse()
    return sorted(found, key=lambda it: it.get("created_at") or 0)


def _steps(client: Client, path: str) -> list[_Object]:
    return list(client.list(path, order="asc", **steps.WITH_PASSAGES))


def _entries(messages: Sequence[_Said], runs: Sequence[PastRun]) -> Iterator[PastMessage | PastRun]:
    """Messages in their order; a run stands where it first says something, or, if it never does,
    where it began."""
    said = {raw.get("run_id") for raw, _ in messages}
    known = {it.id: it for it in runs}
    waiting = dict(known)
    silent = [it for it in runs if it.id not in said]

    def begun(before: float | None) -> Iterator[PastRun]:
        while silent and (before is None or (silent[0].at or 0) < before):
            yield silent.pop(0)

    for raw, message in messages:
        yield from begun(message.at or 0)
        if raw.get("run_id") not in known:
            yield message
        elif run := waiting.pop(str(raw["run_id"]), None):
            yield run
    yield from begun(None)


def _run(
    run: _Object, done: Sequence[_Object], messages: Sequence[_Said], names: Mapping[str, str]
) -> PastRun:
    own = {told.id: told for raw, told in messages if raw.get("run_id") == run["id"]}
    parts: list[PastMessage | Step] = []
    for step in done:
        made = ((step.get("step_details") or {}).get("message_creation") or {}).get("message_id")
        if message := own.pop(str(made), None):
            parts.append(message)
        parts += [_named(it, names) for it in past.done(step)]
    began = run.get("started_at") or run.get("created_at")
    ended = next((run[name] for name in _ENDS if run.get(name)), None)
    return PastRun(
        str(run["id"]),
        str(run.get("status")),
        run.get("created_at"),
        (*parts, *own.values()),
        run.get("assistant_id"),
        run.get("model"),
        float(ended - began) if began and ended else None,
        run.get("usage"),
        steps.reason(run) if steps.is_over(run) else None,
        tuple(map(str, run.get("notes") or ())),
    )


def _message(message: _Object, names: Mapping[str, str]) -> PastMessage:
    texts: list[str] = []
    sources: list[Source] = []
    files: dict[str, MadeFile] = {}
    pictures: list[MadeFile | str] = []
    for part in message.get("content") or ():
        if (text := part.get("text")) is not None:
            value = str(text.get("value") or "")
            for note in text.get("annotations") or ():
                mark = str(note.get("text") or "")
                if cited := note.get("file_citation"):
                    file_id = str(cited.get("file_id"))
                    number = len(sources) + 1
                    quote = cited.get("quote") or None
                    sources.append(Source(number, names.get(file_id), file_id, quote))
                    value = value.replace(mark, f" [{number}]", 1) if mark else value
                elif made := note.get("file_path"):
                    _add(files, made.get("file_id"), names, mark.rpartition("/")[2])
            texts.append(value)
        elif image := part.get("image_file"):
            file_id = str(image.get("file_id"))
            pictures.append(MadeFile(file_id, names.get(file_id, file_id)))
        elif image := part.get("image_url"):
            pictures.append(str(image.get("url")))
        elif part.get("refusal"):
            texts.append(str(part["refusal"]))
    for attached in message.get("attachments") or ():
        _add(files, attached.get("file_id"), names)
    return PastMessage(
        str(message["id"]),
        str(message.get("role")),
        message.get("created_at"),
        "\n\n".join(texts),
        tuple(sources),
        tuple(files.values()),
        tuple(pictures),
    )


def _add(
    files: dict[str, MadeFile], file_id: Json, names: Mapping[str, str], name: str = ""
) -> None:
    if file_id:
        found = names.get(str(file_id)) or name or str(file_id)
        files.setdefault(str(file_id), MadeFile(str(file_id), found))


def _named(step: Step, names: Mapping[str, str]) -> Step:
    """With the names of the pictures that code has shown."""
    if not isinstance(step, CodeReturned):
        return step
    return replace(
        step, files=tuple(replace(it, name=names.get(it.id, it.name)) for it in step.files)
    )


def _names(
    client: Client,
    pool: ThreadPoolExecutor,
    messages: Sequence[_Object],
    done: Sequence[Sequence[_Object]],
) -> dict[str, str]:
    """The names of the files that are named by their ids; some may have been deleted."""
    wanted = list(dict.fromkeys(_file_ids([*messages, *done])))

    def name(file_id: str) -> str:
        with suppress(RemoteError):
            return str(client.get(path_of("/files", file_id)).get("filename") or file_id)
        return file_id

    return dict(zip(wanted, pool.map(name, wanted), strict=True))


def _file_ids(value: Json) -> Iterator[str]:
    """The values of `file_id` anywhere in it, but of hits, which bear names."""
    if isinstance(value, Mapping):
        if isinstance(value.get("file_id"), str) and "file_name" not in value:
            yield value["file_id"]
        for item in value.values():
            yield from _file_ids(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _file_ids(item)
