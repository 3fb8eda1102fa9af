"""Objects of the old API as documents of this server, checked; ids and times stay as they are.

Each function takes an object as it was dumped and returns the document to be kept; ApiError says
what is wrong with it. What the server does not know is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.server import assistants, bodies, files
from assistctl.server.engine import steps
from assistctl.server.engine.runs import new_run
from assistctl.server.shapes import (
    Check,
    Required,
    array,
    choice,
    either,
    integer,
    record,
    string,
    tagged,
)
from assistctl.server.wire import (
    ASSISTANT,
    FILE,
    MESSAGE,
    RUN,
    STEP,
    THREAD,
    VECTOR_STORE,
    Document,
    Kind,
)

_TIME = integer(least=0, most=10**11)  # what is above are milliseconds
_OBJECT = record({}, open=True)
_TEXT = string()
_ACTIVE = ("queued", "in_progress", "requires_action", "cancelling")
_ENDED = ("completed", "failed", "incomplete", "cancelled", "expired")


def assistant(given: Document) -> Document:
    return {
        **assistants.new(given["id"], given["created_at"], _ASSISTANT(given, "")),
        "tool_resources": _resources(given),
    }


def thread(given: Document) -> Document:
    _THREAD(given, "")
    return {
        "id": given["id"],
        "object": "thread",
        "created_at": given["created_at"],
        "metadata": given.get("metadata") or {},
        "tool_resources": _resources(given),
    }


def message(given: Document) -> Document:
    """One that was never finished was cut off when the old API ended."""
    _MESSAGE(given, "")
    moment, status = given["created_at"], given.get("status") or "completed"
    cut = status == "in_progress"
    return {
        "id": given["id"],
        "object": "thread.message",
        "created_at": moment,
        "thread_id": given["thread_id"],
        "status": "incomplete" if cut else status,
        "incomplete_details": {"reason": "run_expired"} if cut else given.get("incomplete_details"),
        "completed_at": moment if status == "completed" else None,
        "incomplete_at": moment if status != "completed" else None,
        "role": given["role"],
        "content": _content(given["content"]),
        "assistant_id": given.get("assistant_id"),
        "run_id": given.get("run_id"),
        "attachments": [
            {**attachment, "tools": attachment.get("tools") or []}
            for attachment in given.get("attachments") or ()
        ],
        "metadata": given.get("metadata") or {},
        **_given(given, ("completed_at", "incomplete_at")),
    }


def run(given: Document) -> Document:
    """One that was still active has expired with the old API."""
    checked = _RUN(given, "")
    owner = {"id": given["assistant_id"], "model": "", "tools": [], "metadata": {}}
    status = "expired" if given["status"] in _ACTIVE else given["status"]
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
    _STEP(given, "")
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
    _STORE(given, "")
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
    _FILE(given, "")
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
    _STORE_FILE(given, "")
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
    return [
        {"type": "text", "text": _text(part["text"])} if part["type"] == "text" else part
        for part in parts
    ]


def _text(text: str | Document) -> Document:
    value = {"value": text} if isinstance(text, str) else text
    return {"value": value["value"], "annotations": value.get("annotations") or []}


def _call(call: Document) -> Document:
    kind = call["type"]
    if kind == "function":
        return {**call, kind: {"output": None, **call[kind]}}
    if kind == "code_interpreter":
        return {**call, kind: {"input": "", "outputs": [], **call[kind]}}
    return call


def _id(kind: Kind) -> Required:
    plain = string(matching=r"[A-Za-z0-9_-]+", longest=128)
    return Required(lambda value, path: kind.checked(plain(value, path), path))


def _entry(kind: Kind, fields: Mapping[str, Check | Required]) -> Check:
    return record({"id": _id(kind), "created_at": Required(_TIME), **fields}, open=True)


def _times(*names: str) -> dict[str, Check | Required]:
    return {f"{name}_at": _TIME for name in names}


_ASSISTANT = _entry(
    ASSISTANT,
    {
        **assistants.FIELDS,
        "model": Required(bodies.MODEL),
        "tool_resources": bodies.RESOURCES,
    },
)
_THREAD = _entry(THREAD, {"metadata": bodies.METADATA, "tool_resources": bodies.RESOURCES})

_ANNOTATION = record({"type": Required(_TEXT), "text": Required(_TEXT)}, open=True)
_WORDS = either(
    _TEXT, record({"value": Required(_TEXT), "annotations": array(_ANNOTATION)}, open=True)
)
_PART = tagged(
    "type",
    {
        name: record({"type": Required(_TEXT), name: Required(check)}, open=True)
        for name, check in (
            ("text", _WORDS),
            ("refusal", _TEXT),
            ("image_file", record({"file_id": Required(_TEXT)}, open=True)),
            ("image_url", record({"url": Required(_TEXT)}, open=True)),
        )
    },
)
_MESSAGE = _entry(
    MESSAGE,
    {
        "thread_id": _id(THREAD),
        "role": Required(choice("user", "assistant")),
        "content": Required(either(_TEXT, array(_PART))),
        "status": choice("in_progress", "incomplete", "completed"),
        "incomplete_details": _OBJECT,
        "assistant_id": _TEXT,
        "run_id": _TEXT,
        "attachments": bodies.ATTACHMENTS,
        "metadata": bodies.METADATA,
        **_times("completed", "incomplete"),
    },
)
_RUN = _entry(
    RUN,
    {
        "thread_id": _id(THREAD),
        "assistant_id": _id(ASSISTANT),
        "status": Required(choice(*_ACTIVE, *_ENDED)),
        "model": _TEXT,
        "instructions": _TEXT,
        "tools": bodies.TOOLS,
        "metadata": bodies.METADATA,
        "temperature": bodies.TEMPERATURE,
        "top_p": bodies.TOP_P,
        "truncation_strategy": _OBJECT,
        "response_format": bodies.RESPONSE_FORMAT,
        "usage": _OBJECT,
        "last_error": _OBJECT,
        "incomplete_details": _OBJECT,
        **_times("started", "cancelled", "failed", "completed", "expires"),
    },
)
_CALL = tagged(
    "type",
    {
        name: record({"id": Required(_TEXT), name: Required(check)}, open=True)
        for name, check in (
            (
                "function",
                record({"name": Required(_TEXT), "arguments": Required(_TEXT)}, open=True),
            ),
            ("code_interpreter", _OBJECT),
            ("file_search", _OBJECT),
        )
    },
)
_CREATION = record({"message_id": Required(_TEXT)}, open=True)
_DETAILS = tagged(
    "type",
    {
        "message_creation": record({"message_creation": Required(_CREATION)}, open=True),
        "tool_calls": record({"tool_calls": Required(array(_CALL))}, open=True),
    },
)
_STEP = _entry(
    STEP,
    {
        "run_id": _id(RUN),
        "thread_id": _id(THREAD),
        "assistant_id": _id(ASSISTANT),
        "status": Required(choice("in_progress", "cancelled", "failed", "completed", "expired")),
        "step_details": Required(_DETAILS),
        "usage": _OBJECT,
        "last_error": _OBJECT,
        "metadata": bodies.METADATA,
        **_times("cancelled", "completed", "expired", "expires", "failed"),
    },
)
_STORE = _entry(
    VECTOR_STORE,
    {
        "name": _TEXT,
        "description": _TEXT,
        "expires_after": bodies.STORE_EXPIRY,
        "metadata": bodies.METADATA,
        **_times("expires", "last_active"),
    },
)
_FILE = _entry(FILE, {"filename": Required(_TEXT), "purpose": Required(_TEXT), **_times("expires")})
_STORE_FILE = record(
    {
        "id": _id(FILE),
        "vector_store_id": _id(VECTOR_STORE),
        "chunking_strategy": _OBJECT,
        "attributes": bodies.ATTRIBUTES,
    },
    open=True,
)
