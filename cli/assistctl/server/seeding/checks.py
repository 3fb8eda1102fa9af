"""What objects of the old API must look like to be kept: the checks of seeding/objects.py.

Only what the server relies on is checked; fields that it does not know may hold anything.
"""

from __future__ import annotations

from assistctl.server import wire
from assistctl.server.assistants_api import assistants
from assistctl.server.http import bodies
from assistctl.server.validation import (
    Check,
    Fields,
    Required,
    array,
    choice,
    either,
    integer,
    record,
    string,
    tagged,
)
from assistctl.server.wire import Kind

_TIME = integer(least=0, most=10**11)  # what is above are milliseconds
_OBJECT = record({}, open=True)
_TEXT = string()
ACTIVE = ("queued", "in_progress", "requires_action", "cancelling")
ENDED = ("completed", "failed", "incomplete", "cancelled", "expired")


def _id(kind: Kind) -> Required:
    plain = string(matching=r"[A-Za-z0-9_-]+", longest=128)
    return Required(lambda value, path: kind.checked(plain(value, path), path))


def _entry(kind: Kind, fields: Fields) -> Check:
    return record({"id": _id(kind), "created_at": Required(_TIME), **fields}, open=True)


def _times(*names: str) -> dict[str, Check | Required]:
    return {f"{name}_at": _TIME for name in names}


ASSISTANT = _entry(
    wire.ASSISTANT,
    {
        **assistants.FIELDS,
        "tools": bodies.KEPT_TOOLS,
        "response_format": bodies.KEPT_RESPONSE_FORMAT,
        "model": Required(bodies.MODEL),
        "tool_resources": bodies.RESOURCES,
    },
)
THREAD = _entry(wire.THREAD, {"metadata": bodies.METADATA, "tool_resources": bodies.RESOURCES})

_ANNOTATION = record({"type": Required(_TEXT), "text": Required(_TEXT)}, open=True)
_WORDS = either(
    _TEXT, record({"value": Required(_TEXT), "annotations": array(_ANNOTATION)}, open=True)
)
_PART = tagged(
    {
        name: record({"type": Required(_TEXT), name: Required(check)}, open=True)
        for name, check in (
            ("text", _WORDS),
            ("refusal", _TEXT),
            ("image_file", record({"file_id": Required(_TEXT)}, open=True)),
            ("image_url", record({"url": Required(_TEXT)}, open=True)),
        )
    }
)
MESSAGE = _entry(
    wire.MESSAGE,
    {
        "thread_id": _id(wire.THREAD),
        "role": Required(choice("user", "assistant")),
        "content": Required(either(_TEXT, array(_PART))),
        "status": choice("in_progress", "incomplete", "completed"),
        "incomplete_details": _OBJECT,
        "assistant_id": _TEXT,
        "run_id": _TEXT,
        "attachments": bodies.KEPT_ATTACHMENTS,
        "metadata": bodies.METADATA,
        **_times("completed", "incomplete"),
    },
)
RUN = _entry(
    wire.RUN,
    {
        "thread_id": _id(wire.THREAD),
        "assistant_id": _id(wire.ASSISTANT),
        "status": Required(choice(*ACTIVE, *ENDED)),
        "model": _TEXT,
        "instructions": _TEXT,
        "tools": bodies.KEPT_TOOLS,
        "metadata": bodies.METADATA,
        "temperature": bodies.TEMPERATURE,
        "top_p": bodies.TOP_P,
        "truncation_strategy": _OBJECT,
        "response_format": bodies.KEPT_RESPONSE_FORMAT,
        "usage": _OBJECT,
        "last_error": _OBJECT,
        "incomplete_details": _OBJECT,
        **_times("started", "cancelled", "failed", "completed", "expires"),
    },
)
_CALL = tagged(
    {
        name: record({"id": Required(_TEXT), name: Required(check)}, open=True)
        for name, check in (
            (
                "function",
                record(
                    {"name": Required(_TEXT), "arguments": Required(_TEXT), "output": _TEXT},
                    open=True,
                ),
            ),
            ("code_interpreter", record({"input": _TEXT, "outputs": array(_OBJECT)}, open=True)),
            ("file_search", record({"results": array(_OBJECT)}, open=True)),
        )
    }
)
_CREATION = record({"message_id": Required(_TEXT)}, open=True)
_DETAILS = tagged(
    {
        "message_creation": record({"message_creation": Required(_CREATION)}, open=True),
        "tool_calls": record({"tool_calls": Required(array(_CALL))}, open=True),
    }
)
STEP = _entry(
    wire.STEP,
    {
        "run_id": _id(wire.RUN),
        "thread_id": _id(wire.THREAD),
        "assistant_id": _id(wire.ASSISTANT),
        "status": Required(choice("in_progress", "cancelled", "failed", "completed", "expired")),
        "step_details": Required(_DETAILS),
        "usage": _OBJECT,
        "last_error": _OBJECT,
        "metadata": bodies.METADATA,
        **_times("cancelled", "completed", "expired", "expires", "failed"),
    },
)
STORE = _entry(
    wire.VECTOR_STORE,
    {
        "name": _TEXT,
        "description": _TEXT,
        "expires_after": bodies.STORE_EXPIRY,
        "metadata": bodies.METADATA,
        **_times("expires", "last_active"),
    },
)
FILE = _entry(
    wire.FILE, {"filename": Required(_TEXT), "purpose": Required(_TEXT), **_times("expires")}
)
STORE_FILE = record(
    {
        "id": _id(wire.FILE),
        "vector_store_id": _id(wire.VECTOR_STORE),
        "chunking_strategy": _OBJECT,
        "attributes": bodies.ATTRIBUTES,
    },
    open=True,
)
