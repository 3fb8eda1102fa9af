"""The bodies of v1's requests as those of v2. What did not change is left to v2's own checks."""

from __future__ import annotations

from assistctl.server.http import bodies
from assistctl.server.validation import array, tagged, unknown_parameter
from assistctl.server.wire import Document, Json

ASSISTANT_FILES = 20
_MESSAGE_FILES = 10
FILE_IDS = array(bodies.file_id, longest=ASSISTANT_FILES)
_MESSAGE_FILE_IDS = array(bodies.file_id, longest=_MESSAGE_FILES)

_SEARCH = {"type": "file_search"}
_ANY_TOOL = [{"type": "code_interpreter"}, _SEARCH]


def _retrieval(value: Json, path: str) -> Json:
    return bodies.file_search_tool({**value, **_SEARCH}, path)


TOOLS = array(
    tagged(
        {
            "code_interpreter": {},
            "retrieval": _retrieval,
            "function": bodies.TOOL_KINDS["function"],
        }
    ),
    longest=bodies.MOST_TOOLS,
)


def message(body: Document, path: str = "") -> Document:
    """A message's files are for whichever tools the assistant has that will read it."""
    _refuse(body, path, "attachments")
    file_ids = _MESSAGE_FILE_IDS(body.get("file_ids") or [], f"{path}file_ids")
    attached = [{"file_id": each, "tools": _ANY_TOOL} for each in dict.fromkeys(file_ids)]
    message = {name: value for name, value in body.items() if name != "file_ids"}
    return {**message, "attachments": attached} if attached else message


def thread(body: Document, path: str = "") -> Document:
    _refuse(body, path, "tool_resources")
    return _with_messages(body, path, "messages")


def thread_changes(body: Document) -> Document:
    _refuse(body, "", "tool_resources")
    return body


def run(body: Document) -> Document:
    _refuse(body, "", "tool_resources")
    run = _with_messages(body, "", "additional_messages")
    if run.get("tools") is not None:
        run["tools"] = TOOLS(run["tools"], "tools")
    if run.get("tool_choice") == {"type": "retrieval"}:
        run["tool_choice"] = _SEARCH
    return run


def thread_and_run(body: Document) -> Document:
    body = run(body)
    if not isinstance(body.get("thread"), dict):
        return body
    return {**body, "thread": thread(body["thread"], "thread.")}


def _with_messages(body: Document, path: str, name: str) -> Document:
    given = body.get(name)
    if not isinstance(given, list):
        return dict(body)
    messages = [
        message(each, f"{path}{name}[{number}].") if isinstance(each, dict) else each
        for number, each in enumerate(given)
    ]
    return {**body, name: messages}


def _refuse(body: Document, path: str, name: str) -> None:
    """A field that only v2 has."""
    if name in body:
        raise unknown_parameter(f"{path}{name}")
