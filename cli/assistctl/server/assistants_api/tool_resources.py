"""tool_resources: which files and vector stores an assistant or a thread gives to its tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assistctl.server.http.bodies import CODE_FILES
from assistctl.server.retrieval import vector_stores
from assistctl.server.storage import Collection, Transaction
from assistctl.server.storage.documents import fetch
from assistctl.server.wire import FILE, VECTOR_STORE, Document, invalid

THREAD_STORE_EXPIRY = {"anchor": "last_active_at", "days": 7}


def resolve(
    tx: Transaction,
    project: str,
    given: Mapping[str, Any] | None,
    *,
    expiry: Mapping[str, Any] | None = None,
) -> Document:
    """A checked tool_resources as it is stored: everything it names exists, and inline stores are
    made (expiring as `expiry` says) and named by their ids."""
    resolved: Document = {}
    for tool, resource in (given or {}).items():
        if tool == "code_interpreter":
            file_ids = (resource or {}).get("file_ids") or []
            for file_id in file_ids:
                fetch(tx, Collection(FILE, project), file_id)
            resolved[tool] = {"file_ids": file_ids}
        else:
            resolved[tool] = {"vector_store_ids": _stores(tx, project, resource or {}, expiry)}
    return resolved


def _stores(
    tx: Transaction,
    project: str,
    resource: Mapping[str, Any],
    expiry: Mapping[str, Any] | None,
) -> list[str]:
    store_ids = list(resource.get("vector_store_ids") or [])
    for store_id in store_ids:
        fetch(tx, Collection(VECTOR_STORE, project), store_id)
    for body in resource.get("vector_stores") or ():
        store = vector_stores.create(tx, project, {**(body or {}), "expires_after": expiry})
        store_ids.append(store["id"])
    return store_ids


def updated(
    tx: Transaction,
    project: str,
    before: Document,
    body: Mapping[str, Any],
    *,
    expiry: Mapping[str, Any] | None = None,
) -> Document:
    """The resources after a modification: those of a tool that is not named, or of which nothing is
    said (`{}`, as clients write back what they could not name), stay as they are."""
    if "tool_resources" not in body:
        return before
    if body["tool_resources"] is None:
        return {}
    said = {tool: given for tool, given in body["tool_resources"].items() if given != {}}
    return {**before, **resolve(tx, project, said, expiry=expiry)}


def with_tools(resources: Document, tools: Sequence[Mapping[str, Any]]) -> Document:
    """As OpenAI did, every tool that takes resources shows a list of them, if only an empty one."""
    used = {tool["type"] for tool in tools}
    shown = dict(resources)
    if "code_interpreter" in used:
        shown.setdefault("code_interpreter", {"file_ids": []})
    if "file_search" in used:
        shown.setdefault("file_search", {"vector_store_ids": []})
    return shown


def with_attachments(
    tx: Transaction, project: str, resources: Document, attachments: Sequence[Mapping[str, Any]]
) -> Document:
    """A thread's resources after its message brought these files: some for code_interpreter, some
    for file_search, into the thread's vector store, which is made when it is first needed, and
    anew when it has expired or was deleted."""
    for_code, for_search = [], []
    for attachment in attachments:
        fetch(tx, Collection(FILE, project), attachment["file_id"])
        tools = {tool["type"] for tool in attachment.get("tools") or ()}
        if "code_interpreter" in tools:
            for_code.append(attachment["file_id"])
        if "file_search" in tools:
            for_search.append(attachment["file_id"])
    if for_code:
        resources = {**resources, "code_interpreter": _more_files(resources, for_code)}
    if for_search:
        resources = {**resources, "file_search": _search(tx, project, resources, for_search)}
    return resources


def _more_files(resources: Document, file_ids: Sequence[str]) -> Document:
    before = resources.get("code_interpreter", {}).get("file_ids", [])
    together = list(dict.fromkeys([*before, *file_ids]))
    if len(together) > CODE_FILES:
        raise invalid(
            "attachments",
            f"a thread can have at most {CODE_FILES} files for"
            f" code_interpreter, and this would make {len(together)}.",
            "array_above_max_length",
        )
    return {"file_ids": together}


def _search(
    tx: Transaction, project: str, resources: Document, file_ids: Sequence[str]
) -> Document:
    store_ids = resources.get("file_search", {}).get("vector_store_ids", [])
    if store_ids and vector_stores.is_usable(tx, project, store_ids[0]):
        files = [vector_stores.NewFile(file_id) for file_id in dict.fromkeys(file_ids)]
        vector_stores.attach(tx, project, store_ids[0], files)
        return {"vector_store_ids": store_ids}
    body = {"file_ids": list(dict.fromkeys(file_ids)), "expires_after": THREAD_STORE_EXPIRY}
    return {"vector_store_ids": [vector_stores.create(tx, project, body)["id"]]}
