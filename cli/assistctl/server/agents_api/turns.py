"""A run of a session's thread as a turn of the session.

Of the run's own keys ORDER has the ids of the turn's output items, in the order in which they were
told, ASKED_AT the moment at which the client was told of functions to call, and CACHE how long the
session wanted prompts to be cached when the turn began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from assistctl.server.wire import RUN, SESSION, THREAD, TURN, Document

ORDER = "_order"
ASKED_AT = "_asked_at"
CACHE = "_cache"
ACTIVE = ("queued", "in_progress", "cancelling", "requires_action")
_STATUS = {
    "cancelling": "in_progress",
    "requires_action": "waiting",
    "incomplete": "failed",
    "expired": "failed",
}
_CODES = {"invalid_prompt": "invalid_request"}
_CUT = "The model reached its output token limit before finishing the response."
_LATE = "The turn took longer than it may."


def turn_id(run_id: str) -> str:
    return TURN.prefix + run_id.removeprefix(RUN.prefix)


def run_id(identity: str) -> str:
    return RUN.prefix + identity.removeprefix(TURN.prefix)


def thread_id(session_id: str) -> str:
    return THREAD.prefix + session_id.removeprefix(SESSION.prefix)


def session_id(identity: str) -> str:
    return SESSION.prefix + identity.removeprefix(THREAD.prefix)


def is_active(run: Mapping[str, Any]) -> bool:
    return run["status"] in ACTIVE


def view(run: Mapping[str, Any]) -> Document:
    cache = {"prompt_cache_options": run[CACHE]} if run.get(CACHE) else {}
    return {
        "id": turn_id(run["id"]),
        "object": "agent.session.turn",
        "agent_id": run["assistant_id"],
        "session_id": session_id(run["thread_id"]),
        "subagent_id": None,
        "status": _STATUS.get(run["status"], run["status"]),
        "created_at": run["created_at"],
        "started_at": run["started_at"],
        "completed_at": _ended_at(run),
        "error": _error(run),
        "usage": usage([run]),
        "notes": run["notes"],
        **cache,
    }


def usage(runs: Iterable[Mapping[str, Any]], before: Document | None = None) -> Document | None:
    """What these runs have used together, beside what was used `before`; None as long as none has
    ended."""
    used = [before] if before else []
    used += [_usage(run["usage"]) for run in runs if run["usage"]]
    if not used:
        return None
    thought = sum(each["output_tokens_details"]["reasoning_tokens"] for each in used)
    return {
        "input_tokens": sum(each["input_tokens"] for each in used),
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": sum(each["output_tokens"] for each in used),
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": sum(each["total_tokens"] for each in used),
    }


def _usage(counted: Mapping[str, Any]) -> Document:
    """What a run has used, as this API tells it."""
    details = counted.get("completion_tokens_details") or {}
    return {
        "input_tokens": counted["prompt_tokens"],
        "output_tokens": counted["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": details.get("reasoning_tokens", 0)},
        "total_tokens": counted["total_tokens"],
    }


def _ended_at(run: Mapping[str, Any]) -> int | None:
    stamps = (run["completed_at"], run["failed_at"], run["cancelled_at"])
    ended: int | None = next((stamp for stamp in stamps if stamp), None)
    if ended is None and not is_active(run):  # runs that were cut short bear no stamp
        return int(run.get("_ended_at") or run["expires_at"] or run["created_at"])
    return ended


def _error(run: Mapping[str, Any]) -> Document | None:
    if run["status"] == "incomplete":
        return {"code": "max_output_tokens", "message": _CUT}
    if run["status"] == "expired":
        return {"code": "request_timeout", "message": _LATE}
    if run["status"] != "failed":
        return None
    code, message = run["last_error"]["code"], run["last_error"]["message"]
    return {"code": _CODES.get(code, code), "message": message}
