"""A response as clients see it: a view of its run, see `new_run`.

Nothing of a response is kept twice. What was asked stands under ASKED in the document of its run,
and what was answered is that run's messages and steps; so whatever ends a run, by whichever API or
process, has ended the response. Its id is the run's with another beginning.
"""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping
from typing import Any

from assistctl.server.assistants_api.record import runs
from assistctl.server.responses_api.items import Viewer
from assistctl.server.responses_api.tools import ChosenTools
from assistctl.server.storage import Collection, Transaction, documents
from assistctl.server.wire import MESSAGE, RESPONSE, RUN, STEP, ApiError, Document

ASKED = "_response"
"""The key of a run that has: `request` (the checked body), `input` (ids of its input items),
`conversation` (id or None), `awaits` (ids of the calls that its client is to answer), `order` (ids
of its output items as they were begun), `cut` (content_filter, if that ended it), `deleted` (it
was, while others continue it), `shortens`, `filters` and `most_calls` for the engine."""

_EXPIRED = {"code": "server_error", "message": "The response took too long, and was stopped."}
_STATUS = {
    "queued": "in_progress",
    "in_progress": "in_progress",
    "requires_action": "in_progress",
    "cancelling": "in_progress",
    "expired": "failed",
}
ACTIVE = ("queued", "in_progress")


def new_run(
    thread: Document,
    request: Mapping[str, Any],
    tools: ChosenTools,
    seconds: Any,
) -> Document:
    """The queued run of a response. An old client sees an assistant's id that no assistant has."""
    metadata = request.get("metadata") or {}
    assistant = {
        "id": runs.NO_ASSISTANT,
        "model": request["model"],
        "instructions": request.get("instructions"),
        "tools": list(tools.tools),
        "metadata": metadata,
    }
    body = {
        "metadata": metadata,
        "temperature": request.get("temperature"),
        "top_p": request.get("top_p"),
        "reasoning_effort": (request.get("reasoning") or {}).get("effort"),
        "max_completion_tokens": request.get("max_output_tokens"),
        "tool_choice": tools.tool_choice,
        "parallel_tool_calls": request.get("parallel_tool_calls"),
        "response_format": _run_format((request.get("text") or {}).get("format")),
    }
    resources = {
        "file_search": {"vector_store_ids": tools.vector_store_ids},
        "code_interpreter": {"file_ids": tools.file_ids},
    }
    run = runs.new_run(assistant, thread, body, resources, seconds)
    run[ASKED] = {
        "request": {key: each for key, each in request.items() if key != "input"},
        "input": [],
        "conversation": None,
        "awaits": [],
        "order": [],
        "cut": None,
        "deleted": False,
        "shortens": request.get("truncation") == "auto",
        "filters": tools.filters,
        "most_calls": request.get("max_tool_calls"),
    }
    return run


def response_id(run_id: str) -> str:
    return RESPONSE.prefix + run_id.removeprefix(RUN.prefix)


def run_id(identity: str) -> str:
    return RUN.prefix + identity.removeprefix(RESPONSE.prefix)


def find(tx: Transaction, project: str, identity: str) -> Document | None:
    """The run of a response; None if there is none, or it was deleted."""
    number = run_id(identity)
    for thread_id in documents.parents(tx, RUN, project, number):
        run = documents.find(tx, Collection(RUN, project, thread_id), number)
        if run is not None and ASKED in run and not run[ASKED]["deleted"]:
            return run if is_stored(run) else None
    return None


def fetch(tx: Transaction, project: str, identity: str) -> Document:
    """Like `find`, but the absent response is the API's own 404."""
    run = find(tx, project, identity)
    if run is None:
        raise ApiError(f"Response with id '{identity}' not found.", status=404)
    return run


def is_stored(run: Document) -> bool:
    return bool(run[ASKED]["request"].get("store", True))


def is_background(run: Document) -> bool:
    return bool(run[ASKED]["request"].get("background"))


def output(tx: Transaction, project: str, run: Document, include: Names[str]) -> list[Document]:
    """The output items of a response, as far as they are written down."""
    messages = Collection(MESSAGE, project, run["thread_id"])
    viewer = Viewer(tx, project, include)
    found: list[Document] = []
    for step in documents.select(tx, Collection(STEP, project, run["id"])):
        document: Document | None = step
        if step["type"] == "message_creation":
            message_id = step["step_details"]["message_creation"]["message_id"]
            document = documents.find(tx, messages, message_id)
        found += viewer.items(document) if document else []
    order = {identity: place for place, identity in enumerate(run[ASKED]["order"])}
    return sorted(
        (item for item in found if item["type"] != "function_call_output"),
        key=lambda item: order.get(item["id"], len(order)),
    )


def response(run: Document, output_items: list[Document]) -> Document:
    asked = run[ASKED]
    request = asked["request"]
    status = _status(run)
    return {
        "id": response_id(run["id"]),
        "object": "response",
        "created_at": run["created_at"],
        "status": status,
        "background": request.get("background", False),
        "completed_at": run["completed_at"] if status == "completed" else None,
        "error": _error(run, status),
        "incomplete_details": _incomplete(run),
        "instructions": request.get("instructions"),
        "max_output_tokens": request.get("max_output_tokens"),
        "max_tool_calls": request.get("max_tool_calls"),
        "model": run["model"],
        "output": output_items,
        "parallel_tool_calls": run["parallel_tool_calls"],
        "previous_response_id": request.get("previous_response_id"),
        **({"conversation": {"id": asked["conversation"]}} if asked["conversation"] else {}),
        "prompt_cache_key": request.get("prompt_cache_key"),
        "prompt_cache_retention": request.get("prompt_cache_retention"),
        "reasoning": _reasoning(request.get("reasoning") or {}),
        "safety_identifier": request.get("safety_identifier"),
        "service_tier": _tier(request.get("service_tier")),
        "store": is_stored(run),
        "temperature": run["temperature"],
        "text": {"format": {"type": "text"}, "verbosity": "medium"} | _text(request),
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "top_logprobs": 0,
        "top_p": run["top_p"],
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "truncation": request.get("truncation", "disabled"),
        "usage": None if status in ACTIVE else usage(run["usage"] or run["_usage"]),
        **({"user": request["user"]} if "user" in request else {}),
        "metadata": run["metadata"],
        "notes": run["notes"],
    }


def read(tx: Transaction, project: str, run: Document, include: Names[str] = ()) -> Document:
    """The response of a run, with all that is written down of it."""
    return response(run, output(tx, project, run, include))


def usage(counted: Mapping[str, Any] | None) -> Document:
    """Tokens of a run as this API counts them; what was cached, endpoints are not asked."""
    counted = counted or runs.NO_TOKENS
    thought = (counted.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    return {
        "input_tokens": counted["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": counted["total_tokens"],
    }


def _status(run: Document) -> str:
    if run[ASKED]["cut"]:
        return "incomplete"
    if run["status"] == "queued" and is_background(run):
        return "queued"
    return _STATUS.get(run["status"]) or str(run["status"])


def _error(run: Document, status: str) -> Document | None:
    if status != "failed":
        return None
    return run["last_error"] or _EXPIRED


def _incomplete(run: Document) -> Document | None:
    if run[ASKED]["cut"]:
        return {"reason": run[ASKED]["cut"]}
    return {"reason": "max_output_tokens"} if run["incomplete_details"] else None


def _reasoning(asked: Mapping[str, Any]) -> Document:
    summary = asked.get("summary") or asked.get("generate_summary")
    return {"effort": asked.get("effort"), "summary": summary}


def _tier(asked: str | None) -> str:
    return asked if asked and asked != "auto" else "default"


def _text(request: Mapping[str, Any]) -> Document:
    return {key: each for key, each in (request.get("text") or {}).items() if each is not None}


def _run_format(chosen: Document | None) -> Any:
    if chosen is None or chosen["type"] != "json_schema":
        return chosen
    described = {key: each for key, each in chosen.items() if key != "type"}
    return {"type": "json_schema", "json_schema": described}
