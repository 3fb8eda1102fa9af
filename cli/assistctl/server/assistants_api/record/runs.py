"""Runs as documents: what is resolved when one is created, what the engine is to do, what was used.

Keys of the server's own: `_script` (the value of the assistant's metadata pair `assistctl`),
`_vector_store_ids` (what file_search searches), `_code_file_ids` (what code finds in /mnt/data, the
assistant's and the thread's), `_container` (what it runs in, if not what is the thread's own),
`_usage` (tokens so far; `usage` shows them at the end), `_completions` (how many were asked of the
model).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assistctl.server.engine.record import CodeTool, Run, SearchTool, Standing
from assistctl.server.models.endpoint import RUN_SECONDS
from assistctl.server.models.protocol import Usage
from assistctl.server.storage import Claim, Transaction
from assistctl.server.storage.documents import find
from assistctl.server.storage.leases import LeaseLost
from assistctl.server.wire import RUN, Document, now

NO_ASSISTANT = "asst_responses"
"""Who stands for the assistant of a run that none has made. There never is one of this id: who
looks it up is told so, as of an assistant that was deleted."""
TERMINAL = ("completed", "failed", "incomplete", "cancelled", "expired")

_RESULTS = 20
_FEWER_RESULTS = 5
_SMALL_MODELS = "gpt-3.5-turbo"


def new_run(
    assistant: Document,
    thread: Document,
    body: Mapping[str, Any],
    resources: Document,
    seconds: Callable[[str], float] = lambda model: RUN_SECONDS,
) -> Document:
    """A queued run. `body` is a checked request; its fields go before the assistant's; `seconds`
    says how long a run may take by its model.

    `resources` are the tool_resources that stand for the assistant's.
    """
    created = now()
    model = body.get("model") or assistant["model"]
    return {
        "id": RUN.new_id(),
        "object": "thread.run",
        "created_at": created,
        "assistant_id": assistant["id"],
        "thread_id": thread["id"],
        "status": "queued",
        "started_at": None,
        "expires_at": created + int(seconds(model)),
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "incomplete_details": None,
        "model": model,
        "instructions": _instructions(assistant, body),
        "tools": _first(body.get("tools"), assistant["tools"]),
        "metadata": body.get("metadata") or {},
        "usage": None,
        "temperature": _first(body.get("temperature"), assistant.get("temperature"), 1.0),
        "top_p": _first(body.get("top_p"), assistant.get("top_p"), 1.0),
        "reasoning_effort": body.get("reasoning_effort") or assistant.get("reasoning_effort"),
        "max_prompt_tokens": body.get("max_prompt_tokens"),
        "max_completion_tokens": body.get("max_completion_tokens"),
        "truncation_strategy": _truncation(body),
        "tool_choice": body.get("tool_choice") or "auto",
        "parallel_tool_calls": _first(body.get("parallel_tool_calls"), True),
        "response_format": _first(
            body.get("response_format"), assistant.get("response_format"), "auto"
        ),
        "notes": [],
        "_script": assistant["metadata"].get("assistctl", ""),
        "_vector_store_ids": _used("file_search", "vector_store_ids", resources, thread),
        "_code_file_ids": _used("code_interpreter", "file_ids", resources, thread),
        "_usage": None,
        "_completions": 0,
    }


def fetch(tx: Transaction, claim: Claim) -> Document:
    """The run at work. Raises LeaseLost if it was deleted."""
    run = find(tx, claim.collection, claim.run_id)
    if run is None:
        raise LeaseLost(claim.run_id)
    return run


def standing(run: Document | None) -> Standing:
    """By the document of a run, None if it was deleted. To be cancelled outweighs its time."""
    if run is None:
        return Standing.GONE
    if run["status"] in TERMINAL:
        return Standing.ENDED
    if run["status"] == "cancelling":
        return Standing.CANCELLING
    return Standing.EXPIRED if run["expires_at"] <= now() else Standing.ACTIVE


def asked(run: Document) -> Run:
    """What the engine is to do for the run."""
    spent = run["_usage"] or NO_TOKENS
    chosen, truncation = run["response_format"], run["truncation_strategy"]
    by_count = truncation["type"] == "last_messages"
    return Run(
        model=run["model"],
        instructions=run["instructions"],
        functions=[_function(tool) for tool in run["tools"] if tool["type"] == "function"],
        search=_search_tool(run),
        code=_code_tool(run),
        tool_choice=run["tool_choice"],
        parallel_tool_calls=run["parallel_tool_calls"],
        response_format=None if chosen in ("auto", {"type": "text"}) else chosen,
        temperature=run["temperature"],
        top_p=run["top_p"],
        reasoning_effort=run["reasoning_effort"],
        max_prompt_tokens=run["max_prompt_tokens"],
        max_completion_tokens=run["max_completion_tokens"],
        shortens=truncation["type"] == "auto",
        last_messages=truncation["last_messages"] if by_count else None,
        script=run["_script"],
        spent=Usage(spent["prompt_tokens"], spent["completion_tokens"]),
        completions=run["_completions"],
    )


def with_usage(run: Document, usage: Usage) -> Document:
    """The run after one more completion."""
    before = run["_usage"] or NO_TOKENS
    thought = before.get("completion_tokens_details", {}).get("reasoning_tokens", 0)
    spent = Usage(
        before["prompt_tokens"] + usage.prompt,
        before["completion_tokens"] + usage.completion,
        thought + usage.reasoning,
    )
    return {
        **run,
        "_usage": counted(spent),
        "_completions": run["_completions"] + 1,
    }


def with_notes(run: Document, notes: Iterable[str]) -> Document:
    """The run with what its reader should know, once each."""
    return {**run, "notes": list(dict.fromkeys([*run["notes"], *notes]))}


def counted(usage: Usage) -> Document:
    """Usage as the API shows it."""
    shown: Document = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }
    if usage.reasoning:
        shown["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return shown


NO_TOKENS = counted(Usage(0, 0))


def _instructions(assistant: Document, body: Mapping[str, Any]) -> str:
    base = _first(body.get("instructions"), assistant.get("instructions"), "")
    more = body.get("additional_instructions")
    return "\n\n".join(part for part in (base, more) if part)


def _truncation(body: Mapping[str, Any]) -> Document:
    return {"type": "auto", "last_messages": None} | (body.get("truncation_strategy") or {})


def _used(tool: str, key: str, resources: Document, thread: Document) -> list[str]:
    """What a tool is given, the assistant's before the thread's."""
    both = (resources, thread.get("tool_resources") or {})
    return [item for given in both for item in (given.get(tool) or {}).get(key) or ()]


def _first(*values: Any) -> Any:
    """The first that is given; 0, False and "" count."""
    return next((value for value in values if value is not None), None)


def _tool(run: Document, kind: str) -> Document | None:
    """The run's tool of this type as its assistant declares it, if it has one."""
    return next((tool for tool in run["tools"] if tool["type"] == kind), None)


def _code_tool(run: Document) -> CodeTool | None:
    if _tool(run, "code_interpreter") is None:
        return None
    return CodeTool(run["_code_file_ids"], run.get("_container"))


def _function(tool: Document) -> Document:
    function = {key: value for key, value in tool["function"].items() if value}
    return {"type": "function", "function": function}


def _search_tool(run: Document) -> SearchTool | None:
    """With the API's own defaults; how many results, by the assistant's name for its model."""
    tool = _tool(run, "file_search")
    if tool is None:
        return None
    options = tool.get("file_search") or {}
    usual = _FEWER_RESULTS if run["model"].startswith(_SMALL_MODELS) else _RESULTS
    ranking = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
    return SearchTool(
        run["_vector_store_ids"],
        options.get("max_num_results") or usual,
        ranking | (options.get("ranking_options") or {}),
    )
