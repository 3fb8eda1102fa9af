"""Run steps as documents: creating a message, or calling tools.

What the API does not show of calls but the model is to get again stands in `_calls`, see
tool_calls. What the model attached to the whole answer stands under STATE, as with messages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from assistctl.server.wire import STEP, Document, now, public

RESULT_CONTENT = "step_details.tool_calls[*].file_search.results[*].content"
"""The only value of `include[]`."""


def message_step(run: Document, message_id: str) -> Document:
    """The step of a message that the run begins to say."""
    details = {"type": "message_creation", "message_creation": {"message_id": message_id}}
    return _step(run, details)


def tool_step(run: Document) -> Document:
    """A step without calls yet: they follow as deltas."""
    return {**_step(run, {"type": "tool_calls", "tool_calls": []}), "_calls": {}}


def with_calls(step: Document, calls: list[Document]) -> Document:
    """The step with these calls in place of its own."""
    return {**step, "step_details": {"type": "tool_calls", "tool_calls": calls}}


def with_outputs(step: Document, outputs: Mapping[str, str | None]) -> Document:
    """The step with these outputs of function calls, by the ids of the calls."""
    calls = [
        {**call, "function": {**call["function"], "output": outputs[call["id"]]}}
        if call["type"] == "function" and call["id"] in outputs
        else call
        for call in step["step_details"]["tool_calls"]
    ]
    return with_calls(step, calls)


def completed(step: Document) -> Document:
    """The step as it ends now."""
    return {**step, "status": "completed", "completed_at": now(), "expires_at": None}


def function_calls(step: Document) -> list[Document]:
    """The calls that a client answers, of a step of calls."""
    return [call for call in step["step_details"]["tool_calls"] if call["type"] == "function"]


def shown(step: Document, include: Collection[str]) -> Document:
    """The step as clients see it: its cost once it has ended, and what a search found only if it
    was asked for."""
    if step["status"] == "in_progress":
        step = {**step, "usage": None}
    details = step["step_details"]
    if details["type"] != "tool_calls" or RESULT_CONTENT in include:
        return public(step)
    calls = [_without_content(call) for call in details["tool_calls"]]
    return public({**step, "step_details": {**details, "tool_calls": calls}})


def _without_content(call: dict[str, Any]) -> dict[str, Any]:
    if call["type"] != "file_search":
        return call
    search = call["file_search"]
    results = [
        {key: value for key, value in result.items() if key != "content"}
        for result in search.get("results", ())
    ]
    return {**call, "file_search": {**search, "results": results}}


def _step(run: Document, details: Document) -> Document:
    return {
        "id": STEP.new_id(),
        "object": "thread.run.step",
        "created_at": now(),
        "run_id": run["id"],
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expired_at": None,
        "expires_at": run.get("expires_at"),  # the contract has only the other, OpenAI sent this
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "metadata": {},
        "usage": None,
        **({"_container": run["_container"]} if run.get("_container") else {}),
    }
