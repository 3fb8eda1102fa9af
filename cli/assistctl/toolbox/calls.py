"""Calls of tools made in parallel: tasks in threads, each with a time by which it has an answer."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assistctl.events import ToolCall, ToolReturned, Trace
from assistctl.toolbox import endings
from assistctl.toolbox.offspring import Offspring
from assistctl.toolbox.outputs import Output, Refusal
from assistctl.toolbox.worker import frames

log = logging.getLogger(__name__)

PARALLEL = 16
_LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Task:
    """One call to make. `work` is given the seconds it has, and may raise anything. It is given up
    so many seconds later than it was told (`spare`) where it ends itself in time."""

    call: ToolCall
    work: Callable[[float], Output]
    timeout: float
    spare: float = 0.0


@dataclass(frozen=True)
class _Running:
    task: Task
    began: float
    seconds: float
    thread: threading.Thread | None = None

    @property
    def thread_id(self) -> int | None:
        return self.thread.native_id if self.thread else None

    @property
    def until(self) -> float:
        return self.began + self.seconds + (self.task.spare if self.seconds else 0)


class ToolExecutor:
    """Runs tasks in threads, at most PARALLEL at a time, until an optional `deadline` for all.
    `root` is the workspace, for those who read where a tool failed.

    A thread cannot be killed. One that has no result in time is given up: its place goes to the
    next task, what it returns later is dropped, and as a daemon it does not keep the process alive.
    What it has started is `offspring`.
    """

    def __init__(self, root: Path, deadline: float | None, offspring: Offspring) -> None:
        self._root = root
        self._offspring = offspring
        self._deadline = deadline
        self._waiting: deque[Task] = deque()
        self._running: dict[int, _Running] = {}
        self._started = 0
        self._finished: queue.SimpleQueue[tuple[int, Output, float]] = queue.SimpleQueue()

    def add(self, task: Task) -> None:
        """Begin with it, at once if there is a free place."""
        self._waiting.append(task)
        self._start_waiting()

    def abandon(self) -> None:
        """Nobody waits for what is still at work, which ends as far as it can be ended."""
        for running in self._running.values():
            self._offspring.remember(running.thread_id)
        if self._running:
            self._offspring.end()

    def results(self) -> Iterator[ToolReturned]:
        """One result for each task added, as they come."""
        while self._running or self._waiting:
            self._start_waiting()
            try:
                number, output, seconds = self._finished.get(timeout=self._patience())
            except queue.Empty:
                yield from self._given_up()
                continue
            running = self._running.pop(number, None)
            if running is not None:
                yield returned(running.task.call, output, seconds)

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < PARALLEL:
            self._start(self._waiting.popleft())

    def _start(self, task: Task) -> None:
        began = time.monotonic()
        left = task.timeout if self._deadline is None else self._deadline - began
        self._started += 1
        number = self._started
        running = self._running[number] = _Running(task, began, max(0.0, min(task.timeout, left)))
        if not running.seconds:
            return  # given up before it began
        thread = threading.Thread(
            target=_run,
            args=(number, running, self._finished, self._root),
            name=task.call.name,
            daemon=True,
        )
        endings.CALLS.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            self._finished.put((number, Refusal("exception", str(error)).output, 0.0))
            return
        self._running[number] = replace(running, thread=thread)

    def _patience(self) -> float:
        first = min(running.until for running in self._running.values())
        return min(max(0.0, first - time.monotonic()), _LONGEST_WAIT)

    def _given_up(self) -> Iterator[ToolReturned]:
        now = time.monotonic()
        late = [number for number, running in self._running.items() if running.until <= now]
        for number in late:
            running = self._running.pop(number)
            self._offspring.remember(running.thread_id)
            refusal = timed_out(running.seconds)
            yield returned(running.task.call, refusal.output, now - running.began)


def returned(call: ToolCall, output: Output, seconds: float) -> ToolReturned:
    """The event that tells how a call ended, after so many seconds."""
    return ToolReturned(call, output.text, seconds, output.error, output.trace)


def raised(words: str, trace: tuple[str, str] | None) -> Output:
    """What the model is told of an exception, with the trace (short, whole) for people."""
    return replace(Refusal("exception", words).output, trace=Trace(*trace) if trace else None)


def timed_out(seconds: float, *, ended: bool = False) -> Refusal:
    """What the model is told of a call that was given so many seconds (0: it was not made), and
    then `ended`, or only given up."""
    if not seconds:
        return Refusal("timeout", "no time was left; the function was not called")
    state = "was stopped" if ended else "may still be at work"
    return Refusal("timeout", f"no result within {seconds:.3g} s; the function {state}")


def _run(
    number: int,
    running: _Running,
    finished: queue.SimpleQueue[tuple[int, Output, float]],
    root: Path,
) -> None:
    try:
        output = running.task.work(running.seconds)
    except Refusal as refusal:
        output = refusal.output
    except BaseException as error:  # a tool may raise anything, SystemExit too: it ends here
        log.debug("%s failed", running.task.call.name, exc_info=True)
        output = raised(frames.in_words(error), frames.trace(error, root))
    finished.put((number, output, time.monotonic() - running.began))
