"""Objects of the old API as documents of this server, checked; ids and times stay as they are.

Each function takes an object as it was dumped and returns the document to be kept; ApiError says
what is wrong with it. What the server does not know is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server import files
from assistctl.server.assistants_api import assistants
from assistctl.server.assistants_api.record import steps
from assistctl.server.assistants_api.record.messages import (
    attached,
    new_message,
    new_thread,
    text_part,
)
from assistctl.server.assistants_api.record.runs import new_run
from assistctl.server.http import bodies
from assistctl.server.seeding import checks
from assistctl.server.wire import Document


def assistant(given: Document) -> Document:
    return {
        **assistants.new(given["id"], given["created_at"], checks.ASSISTANT(given, "")),
        "tool_resources": _resources(given),
    }


def thread(given: Document) -> Document:
    checks.THREAD(given, "")
    return new_thread(given["id"], given["created_at"], given.get("metadata"), _resources(given))


def message(given: Document) -> Document:
    """One that was never finished was cut off when the old API ended."""
    checks.MESSAGE(given, "")
    moment, status = given["created_at"], given.get("status") or "completed"
    cut = status == "in_progress"
    content, attachments = _content(given["content"]), attached(given.get("attachments"))
    return {
        **new_message(
            given["thread_id"], given["role"], content, attachments, given.get("metadata")
        ),
        "id": given["id"],
        "created_at": moment,
        "status": "incomplete" if cut else status,
        "incomplete_details": {"reason": "run_expired"} if cut else given.get("incomplete_details"),
        "completed_at": moment if status == "completed" else None,
        "incomplete_at": moment if status != "completed" else None,
        **_given(given, ("assistant_id", "run_id", "completed_at", "incomplete_at")),
    }


def run(given: Document) -> Document:
    """One that was still active has expired with the old API."""
    checked = checks.RUN(given, "")
    owner = {"id": given["assistant_id"], "model": "", "tools": [], "metadata": {}}
    status = "expired" if given["status"] in checks.ACTIVE else given["status"]
    return {
        **new_run(owner, {"id": given["thread_id"]}, checked, {}),
        "id": given["id"],
        "created_at": given["created_at"],
        "expires_at": None,
        **_given(given, ("started_at", "cancelled_at", "failed_at", "completed_at", "expires_at")),
        **_given(given, ("usage", "last_error", "incomplete_details")),
        "status": status,
        "notes": [],
    }


def step(given: Document) -> Document:
    checks.STEP(given, "")
    details = given["step_details"]
    owner = {"id": given["run_id"], **_given(given, ("assistant_id", "thread_id"))}
    if details["type"] == "tool_calls":
        made = steps.with_calls(steps.tool_step(owner), [_call(c) for c in details["tool_calls"]])
        made["_calls"] = {call["id"]: {"id": call["id"]} for call in details["tool_calls"]}
    else:
        made = steps.message_step(owner, details["message_creation"]["message_id"])
    return {
        **made,
        "id": given["id"],
        "created_at": given["created_at"],
        **_given(given, ("cancelled_at", "completed_at", "expired_at", "expires_at", "failed_at")),
        **_given(given, ("usage", "last_error", "metadata")),
        "status": "expired" if given["status"] == "in_progress" else given["status"],
    }


def vector_store(given: Document) -> Document:
    """The store without its files."""
    checks.STORE(given, "")
    return {
        "id": given["id"],
        "object": "vector_store",
        "created_at": given["created_at"],
        "name": given.get("name") or "",
        "description": given.get("description"),
        "expires_after": given.get("expires_after"),
        "expires_at": given.get("expires_at"),
        "last_active_at": given.get("last_active_at") or given["created_at"],
        "metadata": given.get("metadata") or {},
    }


def file(given: Document) -> Document:
    """Still without its size, which is that of its content."""
    checks.FILE(given, "")
    return {
        "id": given["id"],
        "object": "file",
        "created_at": given["created_at"],
        "filename": files.plain_name(given["filename"]),
        "purpose": given["purpose"],
        "status": "processed",
        **_given(given, ("expires_at",)),
    }


def store_file(given: Document) -> Document:
    """What is needed to attach a file to a vector store anew."""
    checks.STORE_FILE(given, "")
    chunking = given.get("chunking_strategy") or {}
    static = chunking.get("type") == "static"
    return {
        "id": given["id"],
        "vector_store_id": given["vector_store_id"],
        "chunking_strategy": bodies.CHUNKING(chunking, "chunking_strategy") if static else None,
        "attributes": given.get("attributes") or {},
    }


def _resources(given: Document) -> Document:
    """What the tools are given, by ids, whether it is here or not."""
    resources = given.get("tool_resources") or {}
    named = {"code_interpreter": "file_ids", "file_search": "vector_store_ids"}
    return {
        tool: {ids: resources[tool].get(ids) or []}
        for tool, ids in named.items()
        if resources.get(tool)
    }


def _given(document: Document, names: tuple[str, ...]) -> Document:
    return {name: document[name] for name in names if document.get(name) is not None}


def _content(content: str | list[Document]) -> list[Document]:
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [_text(part["text"]) if part["type"] == "text" else part for part in parts]


def _text(text: str | Document) -> Document:
    if isinstance(text, str):
        return text_part(text)
    return text_part(text["value"], text.get("annotations") or ())


_BARE: Mapping[str, Document] = {
    "function": {"output": None},
    "code_interpreter": {"input": "", "outputs": []},
    "file_search": {"results": []},
}


def _call(call: Document) -> Document:
    """With all that the engine looks for in a call of its kind."""
    kind = call["type"]
    given = {key: value for key, value in call[kind].items() if value is not None}
    return {**call, kind: {**_BARE[kind], **given}}
