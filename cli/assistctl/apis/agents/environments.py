"""Where the code of a session runs, and the files that it finds there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import count

from assistctl.apis.transport.client import Client, in_path
from assistctl.errors import AssistctlError
from assistctl.resources import Assistant, CodeInterpreter, Json

WORKSPACE = "/workspace"
_Attachments = Sequence[Mapping[str, Json]]


def environment(
    client: Client,
    assistant: Assistant,
    files: Collection[str],
    attachments: _Attachments,
    taken: set[str],
) -> dict[str, Json]:
    """That of a new session: none, or with code_interpreter or as declared a hosted one, in which
    are the assistant's files and those that were attached, whose paths are added to `taken`."""
    declared = assistant.own.get("agents", {}).get("environment", {})
    if not declared and not any(isinstance(tool, CodeInterpreter) for tool in assistant.tools):
        _refuse(attachments)
        return {"type": "none"}
    placed = list(_placed(client, [*files, *_ids(attachments)], taken))
    return {"type": "openai_hosted", **declared, **({"files": placed} if placed else {})}


def add(
    client: Client, session: Mapping[str, Json], attachments: _Attachments, taken: set[str]
) -> None:
    """Put attached files into the environment of a session that is there, beside those at the paths
    that are `taken` and those that it tells of."""
    if not _ids(attachments):
        return
    there = session.get("environment") or {}
    if there.get("type") == "none":
        _refuse(attachments)
    path = f"/agents/environments/{in_path(there.get('id'))}/files"
    taken |= {str(file.get("path")) for file in there.get("files") or ()}
    for file in _placed(client, _ids(attachments), taken):
        client.submit(path, file)


def _ids(attachments: _Attachments) -> list[str]:
    """Of those that are for tools; others are in the message."""
    return [str(item["file_id"]) for item in attachments if item["tools"]]


def _placed(client: Client, ids: Collection[str], taken: set[str]) -> Iterator[dict[str, Json]]:
    """Each under its own name, or where that is taken with the first number before it that makes
    it a free one."""
    with client.pool() as pool:
        found = pool.map(lambda file_id: client.get(f"/files/{in_path(file_id)}"), ids)
        for file_id, file in zip(ids, found, strict=True):
            name = str(file.get("filename") or file_id)
            path, numbers = f"{WORKSPACE}/{name}", count(2)
            while path in taken:
                path = f"{WORKSPACE}/{next(numbers)}-{name}"
            taken.add(path)
            yield {"type": "file_id", "file_id": file_id, "path": path}


def _refuse(attachments: _Attachments) -> None:
    if _ids(attachments):
        raise AssistctlError(
            "a session of the Agents API takes files only with code_interpreter; add the tool, or"
            " leave out --attach"
        )
