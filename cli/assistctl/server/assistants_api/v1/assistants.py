"""/assistants and /assistants/{assistant_id}/files, as far as v1 has its own way with them."""

from __future__ import annotations

from collections.abc import Callable

from assistctl.server.assistants_api import assistants
from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.assistants_api.v1 import files
from assistctl.server.assistants_api.v1.requests import ASSISTANT_FILES, FILE_IDS, TOOLS
from assistctl.server.http import bodies
from assistctl.server.http.call import Call, Endpoint
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.validation import Required, record, string
from assistctl.server.wire import ASSISTANT, FILE, Document, deleted, invalid, now, public

_FIELDS = {**assistants.FIELDS, "tools": TOOLS, "file_ids": FILE_IDS}
_CREATE = record({**_FIELDS, "model": Required(bodies.MODEL)})
_MODIFY = record({**_FIELDS, "model": bodies.MODEL})
_ATTACH = record({"file_id": Required(string(shortest=1))})


def create(call: Call) -> Document:
    body = _CREATE(call.body, "")

    def change(tx: Transaction) -> Document:
        assistant = assistants.new(ASSISTANT.new_id(), now(), body)
        file_ids = list(dict.fromkeys(body.get("file_ids") or []))
        assistant["tool_resources"] = files.placed(tx, call.project, assistant, file_ids)
        return documents.insert(tx, _collection(call), assistant)

    return call.write(change)


def modify(call: Call) -> Document:
    """What is not given stays as it is, and so do v2's resources unless files or tools change."""
    assistant_id = call.path("assistant_id")
    body = _MODIFY(call.body, "")

    def change(tx: Transaction) -> Document:
        before = documents.fetch(tx, _collection(call), assistant_id)
        after = assistants.changed(before, body)
        if "tools" in body:
            after["tools"] = _with_options(after["tools"], before["tools"])
        after["tool_resources"] = _resources(tx, call.project, before, after, body)
        return public(documents.save(tx, _collection(call), after))

    return call.write(change)


def delete(call: Call) -> Document:
    assistant_id = call.path("assistant_id")
    with call.database.write() as tx:
        files.let_go(tx, call.project, documents.fetch(tx, _collection(call), assistant_id))
        documents.remove(tx, _collection(call), assistant_id)
    return deleted("assistant.deleted", assistant_id)


def attach(call: Call) -> Document:
    file_id = _ATTACH(call.body, "")["file_id"]

    def more(had: list[str]) -> list[str]:
        if file_id not in had and len(had) >= ASSISTANT_FILES:
            raise invalid(
                "file_id",
                f"an assistant can have at most {ASSISTANT_FILES} files,"
                f" and this one has {len(had)}.",
                "array_above_max_length",
            )
        return list(dict.fromkeys([*had, file_id]))

    return call.write(lambda tx: _file(_with_files(tx, call, more), file_id))


def list_files(call: Call) -> Document:
    assistant, file_ids = _read(call)
    found = [_file(assistant, file_id) for file_id in file_ids]
    return documents.page_of(found, call.page(), "no file")


def retrieve_file(call: Call) -> Document:
    file_id = call.path("file_id", FILE)
    assistant, file_ids = _read(call)
    if file_id not in file_ids:
        raise FILE.missing(file_id)
    return _file(assistant, file_id)


def detach(call: Call) -> Document:
    """The file leaves the assistant; the file itself stays."""
    file_id = call.path("file_id", FILE)

    def fewer(had: list[str]) -> list[str]:
        if file_id not in had:
            raise FILE.missing(file_id)
        return [each for each in had if each != file_id]

    with call.database.write() as tx:
        _with_files(tx, call, fewer)
    return deleted("assistant.file.deleted", file_id)


def _resources(
    tx: Transaction, project: str, before: Document, after: Document, body: Document
) -> Document:
    had = files.of_assistant(tx, project, before)
    wanted = list(dict.fromkeys(body.get("file_ids") or [])) if "file_ids" in body else had
    if set(wanted) == set(had):
        if files.users(after) == files.users(before) or len(had) > ASSISTANT_FILES:
            return resources.with_tools(before["tool_resources"], after["tools"])
        wanted = files.existing(tx, project, had)
    return files.placed(tx, project, after, wanted)


def _with_files(tx: Transaction, call: Call, change: Callable[[list[str]], list[str]]) -> Document:
    """The assistant in the path, having other files."""
    assistant_id = call.path("assistant_id")
    assistant = documents.fetch(tx, _collection(call), assistant_id)
    had = files.of_assistant(tx, call.project, assistant)
    wanted = change(had)
    if wanted == had:
        return assistant
    kept = [each for each in wanted if each not in had or files.existing(tx, call.project, [each])]
    given = files.placed(tx, call.project, assistant, kept)
    return documents.save(tx, _collection(call), {**assistant, "tool_resources": given})


def _with_options(tools: list[Document], before: list[Document]) -> list[Document]:
    """v1 cannot say how file_search ranks, so what v2 has said of it stays."""
    options = {tool["type"]: tool for tool in before if tool["type"] == "file_search"}
    return [options.get(tool["type"], tool) for tool in tools]


def _read(call: Call) -> tuple[Document, list[str]]:
    assistant_id = call.path("assistant_id")
    with call.database.read() as tx:
        assistant = documents.fetch(tx, _collection(call), assistant_id)
        return assistant, files.of_assistant(tx, call.project, assistant)


def _file(assistant: Document, file_id: str) -> Document:
    """When the file came to the assistant is not kept."""
    return {
        "id": file_id,
        "object": "assistant.file",
        "created_at": assistant["created_at"],
        "assistant_id": assistant["id"],
    }


def _collection(call: Call) -> Collection:
    return Collection(ASSISTANT, call.project)


_FILES = "/assistants/{assistant_id}/files"
ENDPOINTS = (
    Endpoint("POST", "/assistants", create),
    Endpoint("POST", "/assistants/{assistant_id}", modify),
    Endpoint("DELETE", "/assistants/{assistant_id}", delete),
    Endpoint("POST", _FILES, attach),
    Endpoint("GET", _FILES, list_files),
    Endpoint("GET", f"{_FILES}/{{file_id}}", retrieve_file),
    Endpoint("DELETE", f"{_FILES}/{{file_id}}", detach),
)
