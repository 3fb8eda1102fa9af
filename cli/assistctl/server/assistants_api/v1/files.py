"""The files of assistants and messages, which v1 has in one list and v2 gives to each tool.

The files of an assistant are those of its code_interpreter and those in its vector store. When v1
says which they are, code_interpreter and file_search get all of them, as far as the assistant has
these tools; an assistant that has neither keeps them where code_interpreter will look. The store
for them is one of their own (`_files_of` is the assistant's id): what clients of v2 have made,
other assistants may use as well, so it is left as it is and replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.assistants_api import tool_resources as resources
from assistctl.server.retrieval import vector_stores
from assistctl.server.retrieval.vector_stores import NewFile
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.wire import ASSISTANT, FILE, STORE_FILE, VECTOR_STORE, Document

_TAKE_FILES = ("code_interpreter", "file_search")


def of(tx: Transaction, project: str, assistant_id: str) -> list[str]:
    """The files of an assistant; of one that is not there (any more), none."""
    assistant = documents.find(tx, Collection(ASSISTANT, project), assistant_id)
    return of_assistant(tx, project, assistant) if assistant else []


def of_assistant(tx: Transaction, project: str, assistant: Document) -> list[str]:
    given = assistant["tool_resources"]
    found = list(given.get("code_interpreter", {}).get("file_ids", []))
    for store_id in _store_ids(given):
        found += documents.ids(tx, Collection(STORE_FILE, project, store_id))
    return list(dict.fromkeys(found))


def of_message(message: Document) -> list[str]:
    return [attachment["file_id"] for attachment in message["attachments"]]


def users(assistant: Document) -> set[str]:
    """Which of its tools an assistant's files are for."""
    return {tool["type"] for tool in assistant["tools"]}.intersection(_TAKE_FILES)


def placed(tx: Transaction, project: str, assistant: Document, file_ids: Sequence[str]) -> Document:
    """The tool_resources of an assistant that has these files, which must be there, and no others.

    `assistant` bears its tools as they will be, and its resources as they are, if it has any.
    """
    for file_id in file_ids:
        documents.fetch(tx, Collection(FILE, project), file_id)
    tools = users(assistant)
    given: Document = {}
    if file_ids and tools != {"file_search"}:
        given["code_interpreter"] = {"file_ids": list(file_ids)}
    store_ids = _stored(tx, project, assistant, file_ids if "file_search" in tools else [])
    if store_ids:
        given["file_search"] = {"vector_store_ids": store_ids}
    return resources.with_tools(given, assistant["tools"])


def existing(tx: Transaction, project: str, file_ids: Sequence[str]) -> list[str]:
    """Those that have not been deleted since."""
    collection = Collection(FILE, project)
    return [file_id for file_id in file_ids if documents.find(tx, collection, file_id) is not None]


def let_go(tx: Transaction, project: str, assistant: Document) -> None:
    """The store that was made for the assistant's files is no longer needed by it. It goes the way
    of those of threads: it expires, unless somebody uses it."""
    store_id = _own_store(tx, project, assistant)
    if store_id is not None:
        expiry = {"expires_after": resources.THREAD_STORE_EXPIRY}
        vector_stores.modify(tx, project, store_id, expiry)


def _stored(
    tx: Transaction, project: str, assistant: Document, file_ids: Sequence[str]
) -> list[str]:
    """The ids of the stores, one or none, that hold exactly these files."""
    if not file_ids:
        let_go(tx, project, assistant)
        return []
    store_id = _own_store(tx, project, assistant)
    if store_id is None:
        body = {"name": f"Files of {assistant['id']}", "file_ids": file_ids}
        store = vector_stores.create(tx, project, body)
        store = documents.fetch(tx, Collection(VECTOR_STORE, project), store["id"])
        marked = {**store, "_files_of": assistant["id"]}
        documents.save(tx, Collection(VECTOR_STORE, project), marked)
        return [store["id"]]
    before = documents.ids(tx, Collection(STORE_FILE, project, store_id))
    for file_id in before:
        if file_id not in file_ids:
            vector_stores.detach(tx, project, store_id, file_id)
    new = [NewFile(file_id) for file_id in file_ids if file_id not in before]
    vector_stores.attach(tx, project, store_id, new)
    return [store_id]


def _own_store(tx: Transaction, project: str, assistant: Document) -> str | None:
    for store_id in _store_ids(assistant.get("tool_resources") or {}):
        store = documents.find(tx, Collection(VECTOR_STORE, project), store_id)
        if store is not None and store.get("_files_of") == assistant["id"]:
            return store_id
    return None


def _store_ids(given: Mapping[str, Any]) -> list[str]:
    return list(given.get("file_search", {}).get("vector_store_ids", []))
