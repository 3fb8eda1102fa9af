"""One turn: message -> run -> tool calls -> outputs -> … -> the run's end, as Events.

A run that the target has failed because it is asked too much is tried again, as long as nothing has
come of it: a word that was heard, or a function that was called, is never had twice.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from assistctl.errors import OutOfTime
from assistctl.events import (
    ActionRequired,
    CodeCalled,
    CodeReturned,
    Event,
    Finished,
    Notice,
    RunStarted,
    Searched,
    Step,
    TextDelta,
    ToolCall,
    ToolCalled,
)
from assistctl.events import ToolReturned as Returned
from assistctl.resources import Price
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
    """What stops a model that calls tools without end, takes too long, or costs too much (by a
    `price`): rounds, calls, seconds and cost of one turn; and how often a rate-limited run is tried
    again (None: a few times, where the target can do that)."""

    rounds: int = 32
    calls: int = 128
    seconds: float = 1800.0
    retries: int | None = None
    cost: float | None = None
    price: Price | None = None


@dataclass
class _Progress:
    """How far a turn has got."""

    start: float
    steps: list[Step] = field(default_factory=list)
    rounds: int = 0
    calls: int = 0
    run: str | None = None
    has_begun: bool = False
    """Whether something has come of the run."""

    def note(self, event: Event) -> None:
        if isinstance(event, CodeReturned | Searched | Returned):
            self.steps.append(event)
        if isinstance(event, RunStarted):
            self.run = event.run
        if isinstance(event, TextDelta | CodeCalled | CodeReturned | Searched):
            self.has_begun = True

    def ended(self, finished: Finished) -> Finished:
        """With all that was done in the turn."""
        calls = tuple(step for step in self.steps if isinstance(step, Returned))
        seconds = time.monotonic() - self.start
        return replace(finished, tool_calls=calls, steps=tuple(self.steps), seconds=seconds)


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
    so_far = _Progress(time.monotonic())
    talk.until = so_far.start + limits.seconds
    excess = None
    try:
        events = _patient(talk, talk.send(message, attachments), so_far, limits)
        while True:
            waiting: ActionRequired | None = None
            for event in events:
                if isinstance(event, ActionRequired):
                    waiting = event
                elif isinstance(event, Finished):
                    yield so_far.ended(event)
                    return
                else:
                    so_far.note(event)
                    yield event
            assert waiting is not None, "a conversation ends with ActionRequired or Finished"
            so_far.rounds += 1
            so_far.calls += len(waiting.calls) + waiting.searches
            if excess := _excess(limits, so_far) or _too_dear(limits, talk.finished().usage):
                break
            for call in waiting.calls:
                yield ToolCalled(call)
            results = []
            for result in tools.call(
                waiting.calls,
                approve=approve,
                deadline=_deadline(talk),
                thread=talk.thread,
                run=so_far.run,
            ):
                results.append(result)
                so_far.note(result)
                yield result
            if excess := _excess(limits, so_far):
                break
            events = talk.submit(results)
    except OutOfTime:
        excess = _too_long(limits)
    finally:
        talk.until = None
    status = talk.cancel()
    finished = talk.finished()
    is_done = finished.status == "completed"  # a moment before it could be cancelled
    yield so_far.ended(finished if is_done else replace(finished, status=status, error=excess))


def _patient(
    talk: Conversation, events: Iterator[Event], so_far: _Progress, limits: Limits
) -> Iterator[Event]:
    """The same events; a run that is rate-limited before anything has come of it is tried again
    after a while."""
    retries = RETRIES if limits.retries is None else limits.retries
    for attempt in range(retries + 1):
        for event in events:
            if not _is_rate_limited(event) or so_far.has_begun or attempt == retries:
                yield event
                continue
            assert isinstance(event, Finished)
            seconds = pause(attempt, event.error or "")
            yield Notice(
                f"{event.error}; trying again in {seconds:.1f} s ({attempt + 1} of {retries})"
            )
            _sleep(seconds, talk.until)
            events = talk.again()
            break
        else:
            return


RATE_LIMITED = "rate_limit_exceeded"
RETRIES = 2
_MOST_SECONDS = 60.0
_TRY_AGAIN = re.compile(r"try again in (?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(ms|s))?", re.I)


def _is_rate_limited(event: Event) -> bool:
    """Whether a run has failed of what passes: whose quota is used up is told so by the same
    code."""
    if not isinstance(event, Finished):
        return False
    return event.code == RATE_LIMITED and "quota" not in (event.error or "")


def pause(attempt: int, reason: str) -> float:
    """Seconds until the next attempt (counted from 0), with jitter: what the reason asks for
    (`Please try again in 1m2.5s`), or ever longer ones."""
    own = random.uniform(0.5, 1.0) * min(2.0**attempt, 8.0)
    found = _TRY_AGAIN.search(reason)
    minutes, number, unit = found.groups() if found else (None, None, None)
    seconds = float(number or 0) / (1000 if unit == "ms" else 1)
    asked = 60 * int(minutes or 0) + seconds
    return min(max(asked * random.uniform(1.0, 1.25), own), _MOST_SECONDS)


def _sleep(seconds: float, until: float | None) -> None:
    """Raises OutOfTime rather than to sleep for longer than there is time."""
    if until is not None and time.monotonic() + seconds > until:
        raise OutOfTime("there is no time left to try again")
    time.sleep(seconds)


def _excess(limits: Limits, so_far: _Progress) -> str | None:
    if so_far.rounds > limits.rounds:
        rounds = "1 round" if limits.rounds == 1 else f"{limits.rounds} rounds"
        return f"the model asked for tools in more than {rounds}"
    if so_far.calls > limits.calls:
        return f"the model asked for more than {limits.calls} tool calls"
    if time.monotonic() - so_far.start > limits.seconds:
        return _too_long(limits)
    return None


def _too_dear(limits: Limits, usage: Mapping[str, Any] | None) -> str | None:
    """Of what the target has told so far."""
    if limits.cost is None or limits.price is None or not usage:
        return None
    spent = limits.price.of(usage)
    if spent <= limits.cost:
        return None
    return f"the turn has cost {spent:.6f}, more than {limits.cost:g}"


def _too_long(limits: Limits) -> str:
    return f"the turn took longer than {limits.seconds:g} s"


def _deadline(talk: Conversation) -> float | None:
    """When tools must be done, by the monotonic clock: when the turn has no time left, and a little
    before the run expires, since it takes none after that."""
    ends = [talk.until] if talk.until is not None else []
    if talk.deadline is not None:
        ends.append(max(talk.deadline - 5, time.monotonic() + 1))
    return min(ends, default=None)
