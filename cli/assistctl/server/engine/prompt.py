"""What the model is asked next: instructions, as much of the thread as may be used, tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from assistctl.server.engine.builtin import Builtin
from assistctl.server.engine.history import HistoryItem, flatten, last_messages, within
from assistctl.server.engine.record import Ending, Record, Run
from assistctl.server.engine.tools import RunTools, ToolFactory
from assistctl.server.models.protocol import Request
from assistctl.server.models.tokens import estimate_prompt
from assistctl.server.storage import Transaction


class RunEnds(Exception):
    """The run cannot go on, though nothing went wrong with the server."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.state)
        self.ending = ending


@dataclass(frozen=True)
class Prompt:
    """A request for a run as it stands, and what the answer needs; `shortened` says that its model
    could not take all."""

    run: Run
    request: Request
    tools: RunTools
    shortened: bool = False

    @cached_property
    def tokens(self) -> int:
        """Slow for a long thread: not to be asked first in the event loop, nor in a write."""
        return estimate_prompt(self.request.messages, self.request.tools)


def prepare(
    tx: Transaction, factory: ToolFactory, record: Record, most: int | None = None
) -> Prompt:
    """The next completion to ask for; `most` is about how many tokens its model can take, where
    that is known. Raises RunEnds when the run's tokens are used up."""
    run = record.run(tx)
    available = factory.make(tx, record, run)
    offered = () if run.calls_left == 0 else available.tools
    tools = [*run.functions, *(tool.definition() for tool in offered)]
    history = record.history(tx)
    system = [{"role": "system", "content": run.instructions}] if run.instructions else []
    fixed = estimate_prompt(system, tools) + sum(item.tokens for item in history.own)
    fitting = history.before
    if most is not None and run.shortens:
        fitting = within(fitting, most - fixed)
    kept = _truncated(run, fitting, fixed)
    request = Request(
        model=run.model,
        messages=[*system, *flatten([*kept, *history.own])],
        tools=tools,
        tool_choice=_tool_choice(run, offered),
        parallel_tool_calls=run.parallel_tool_calls,
        response_format=run.response_format,
        temperature=_unless_default(run.temperature),
        top_p=_unless_default(run.top_p),
        reasoning_effort=run.reasoning_effort,
        max_completion_tokens=_left(run.max_completion_tokens, run.spent.completion, "completion"),
    )
    return Prompt(run, request, available, len(fitting) < len(history.before))


def _truncated(run: Run, before: list[HistoryItem], fixed: int) -> list[HistoryItem]:
    if run.last_messages:
        before = last_messages(before, run.last_messages)
    left = _left(run.max_prompt_tokens, run.spent.prompt, "prompt")
    if left is None:
        return before
    if run.shortens:
        before = within(before, left - fixed)
    if fixed + sum(item.tokens for item in before) > left:
        raise RunEnds(Ending("incomplete", reason="max_prompt_tokens"))
    return before


def _left(limit: int | None, spent: int, kind: str) -> int | None:
    """How many tokens of the kind the run may still use; None: as many as it likes."""
    if limit is None:
        return None
    if limit <= spent:
        raise RunEnds(Ending("incomplete", reason=f"max_{kind}_tokens"))
    return limit - spent


def _tool_choice(run: Run, offered: Sequence[Builtin]) -> Any:
    """`auto` is left out, being the default. What forces a call does so once: forced again after
    the outputs, the model could never answer."""
    choice = run.tool_choice
    if choice in ("auto", "none"):
        return None if choice == "auto" else "none"
    if run.completions:
        return None
    if isinstance(choice, str) or choice["type"] == "function":
        return choice
    name = next((tool.name for tool in offered if tool.type == choice["type"]), None)
    return {"type": "function", "function": {"name": name}} if name else None


def _unless_default(value: float | None) -> float | None:
    """Reasoning models refuse these options, even where they say what is the default anyway."""
    return None if value == 1 else value
