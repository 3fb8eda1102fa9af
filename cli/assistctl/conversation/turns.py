"""One turn: message -> run -> tool calls -> outputs -> … -> the run's end, as Events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from assistctl.events import (
    ActionRequired,
    CodeReturned,
    Event,
    Finished,
    RunStarted,
    Searched,
    Step,
    ToolCall,
    ToolCalled,
)
from assistctl.events import ToolReturned as Returned
from assistctl.surface import Conversation


class Tools(Protocol):
    """What can answer calls; see toolbox."""

    def call(
        self,
        calls: Sequence[ToolCall],
        *,
        approve: Callable[[ToolCall], bool] | None = None,
        deadline: float | None = None,
        thread: str | None = None,
        run: str | None = None,
    ) -> Iterator[Returned]: ...


@dataclass(frozen=True)
class Limits:
    """What stops a model that calls tools without end: rounds, calls and seconds of one turn."""

    rounds: int = 32
    calls: int = 128
    seconds: float = 1800.0


def turn(
    talk: Conversation,
    tools: Tools,
    message: str,
    *,
    attachments: Sequence[Mapping[str, Any]] = (),
    approve: Callable[[ToolCall], bool] | None = None,
    limits: Limits = Limits(),
) -> Iterator[Event]:
    """Say something and yield all that happens; the last event is Finished.

    Calls of one round run in parallel and are answered in one submit, failures included. A turn
    that exceeds its limits is cancelled and says so.
    """
    start = time.monotonic()
    steps: list[Step] = []

    def ended(finished: Finished) -> Finished:
        """With all that was done in the turn."""
        calls = tuple(step for step in steps if isinstance(step, Returned))
        seconds = time.monotonic() - start
        return replace(finished, tool_calls=calls, steps=tuple(steps), seconds=seconds)

    events = talk.send(message, attachments)
    rounds, asked, run = 0, 0, None
    while True:
        waiting: ActionRequired | None = None
        for event in events:
            if isinstance(event, ActionRequired):
                waiting = event
            elif isinstance(event, Finished):
                yield ended(event)
                return
            else:
                if isinstance(event, CodeReturned | Searched):
                    steps.append(event)
                run = event.run if isinstance(event, RunStarted) else run
                yield event
        assert waiting is not None, "a conversation ends with ActionRequired or Finished"
        rounds += 1
        asked += len(waiting.calls) + waiting.searches
        if excess := _excess(limits, rounds, asked, start):
            talk.cancel()
            yield ended(replace(talk.finished(), error=excess))
            return
        for call in waiting.calls:
            yield ToolCalled(call)
        results = []
        for result in tools.call(
            waiting.calls, approve=approve, deadline=_deadline(talk), thread=talk.thread, run=run
        ):
            results.append(result)
            steps.append(result)
            yield result
        events = talk.submit(results)


def _excess(limits: Limits, rounds: int, calls: int, start: float) -> str | None:
    if rounds > limits.rounds:
        return f"the model asked for tools in more than {limits.rounds} rounds"
    if calls > limits.calls:
        return f"the model asked for more than {limits.calls} tool calls"
    if time.monotonic() - start > limits.seconds:
        return f"the turn took longer than {limits.seconds:.0f} s"
    return None


def _deadline(talk: Conversation) -> float | None:
    """When tools must be done, by the monotonic clock: after the run has expired it takes none."""
    if talk.deadline is None:
        return None
    return max(talk.deadline - 5, time.monotonic() + 1)
