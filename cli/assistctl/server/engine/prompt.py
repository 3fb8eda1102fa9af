"""What the model is asked next: instructions, as much of the thread as may be used, tools."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assistctl.server.engine.builtin import named
from assistctl.server.engine.endings import Ending
from assistctl.server.engine.tools import Kit, Workshop
from assistctl.server.engine.transcript import (
    Entry,
    flatten,
    last_messages,
    read_thread,
    within,
)
from assistctl.server.models.protocol import Request
from assistctl.server.models.tokens import estimate_prompt
from assistctl.server.storage.database import Transaction
from assistctl.server.storage.leases import Claim
from assistctl.server.wire import Document


class RunEnds(Exception):
    """The run cannot go on, though nothing went wrong with the server."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.status)
        self.ending = ending


@dataclass(frozen=True)
class Prompt:
    """A request, and what its answer needs; `shortened` says that its model could not take all."""

    request: Request
    kit: Kit
    shortened: bool = False

    @cached_property
    def tokens(self) -> int:
        """Slow for a long thread: not to be asked first in the event loop, nor in a write."""
        return estimate_prompt(self.request.messages, self.request.tools)


def prepare(
    tx: Transaction, workshop: Workshop, claim: Claim, run: Document, most: int | None = None
) -> Prompt:
    """The next completion to ask for; `most` is about how many tokens its model can take, where
    that is known. Raises RunEnds when the run's tokens are used up."""
    kit = workshop.kit(tx, claim, run)
    tools = [*_functions(run), *(tool.definition() for tool in kit.tools)]
    before, own = read_thread(tx, claim.project, claim.thread_id, run["id"])
    system = [{"role": "system", "content": run["instructions"]}] if run["instructions"] else []
    fixed = estimate_prompt(system, tools) + sum(entry.tokens for entry in own)
    fitting = before
    if most is not None and truncates_itself(run):
        fitting = within(before, most - fixed)
    kept = _truncated(run, fitting, fixed)
    request = Request(
        model=run["model"],
        messages=[*system, *flatten([*kept, *own])],
        tools=tools,
        tool_choice=_tool_choice(run, kit),
        parallel_tool_calls=run["parallel_tool_calls"],
        response_format=_response_format(run),
        temperature=_unless_default(run["temperature"]),
        top_p=_unless_default(run["top_p"]),
        reasoning_effort=run["reasoning_effort"],
        max_completion_tokens=_remaining(run, "completion"),
    )
    return Prompt(request, kit, len(fitting) < len(before))


def _functions(run: Document) -> list[Document]:
    return [_function(tool) for tool in run["tools"] if tool["type"] == "function"]


def _function(tool: Document) -> Document:
    function = {key: value for key, value in tool["function"].items() if value}
    return {"type": "function", "function": function}


def truncates_itself(run: Document) -> bool:
    """Whether what the model cannot take may be left out, or else every message is wanted."""
    return bool(run["truncation_strategy"]["type"] == "auto")


def _truncated(run: Document, before: list[Entry], fixed: int) -> list[Entry]:
    strategy = run["truncation_strategy"]
    if strategy["type"] == "last_messages" and strategy["last_messages"]:
        before = last_messages(before, strategy["last_messages"])
    remaining = _remaining(run, "prompt")
    if remaining is None:
        return before
    if truncates_itself(run):
        before = within(before, remaining - fixed)
    if fixed + sum(entry.tokens for entry in before) > remaining:
        raise RunEnds(Ending("incomplete", reason="max_prompt_tokens"))
    return before


def _remaining(run: Document, kind: str) -> int | None:
    """How many tokens of the kind the run may still use; None: as many as it likes."""
    limit = run[f"max_{kind}_tokens"]
    if limit is None:
        return None
    remaining = int(limit) - int((run["_usage"] or {}).get(f"{kind}_tokens", 0))
    if remaining <= 0:
        raise RunEnds(Ending("incomplete", reason=f"max_{kind}_tokens"))
    return remaining


def _tool_choice(run: Document, kit: Kit) -> Any:
    """`auto` is left out, being the default. What forces a call does so once: forced again after
    the outputs, the model could never answer."""
    choice = run["tool_choice"]
    if choice in ("auto", "none"):
        return None if choice == "auto" else "none"
    if run["_completions"]:
        return None
    if choice == "required" or choice["type"] == "function":
        return choice
    name = named(kit.tools, choice["type"])
    return {"type": "function", "function": {"name": name}} if name else None


def _response_format(run: Document) -> Any:
    chosen = run["response_format"]
    return None if chosen in ("auto", {"type": "text"}) else chosen


def _unless_default(value: float) -> float | None:
    """Reasoning models refuse these options, even where they say what is the default anyway."""
    return None if value == 1 else value
