"""All cases, tried in parallel: the tests of a workspace from their beginning to their report."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Thread
from typing import TypeAlias

from assistctl.cases import Case
from assistctl.errors import AssistctlError
from assistctl.resources import Workspace
from assistctl.sync.planning import find_assistant
from assistctl.testing.laboratory import Subject, as_declared, as_synced
from assistctl.testing.rubrics import Bench
from assistctl.testing.trying import Stop, attempted
from assistctl.verdicts import Attempt, CaseResult, Report, Row

JOBS = 4
_LAST_WORDS = 3.0
"""Seconds that tries have to end once they are stopped; a function may be at work for longer."""


@dataclass(frozen=True)
class Tests:
    """What is wanted: the tests of these assistants (none: of all that have some), tried so many at
    a time, on what is `synced` at the target instead of what is declared. `only` are texts, one of
    which a case's name must have, if there are any. With `approve_all`, functions with
    `approval: ask` are called; without, only if they have a stub."""

    keys: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    synced: bool = False
    jobs: int = JOBS
    approve_all: bool = False


@dataclass(frozen=True)
class Try:
    """One try of one case, to be made."""

    subject: Subject
    case: Case
    row: Row

    @property
    def name(self) -> str:
        """`flower-shop: the bill of a day`"""
        return f"{self.subject.assistant.key}: {self.case.name}"


Watch = Callable[[Try, Attempt, int, int], None]
"""Is told of each try as it ends, and how many of all have ended."""


def tested(
    workspace: Workspace,
    tests: Tests,
    watch: Watch = lambda tried, attempt, ended, total: None,
) -> Report:
    """Try all cases. Ctrl-C stops them, and the report says how far they came.

    Raises AssistctlError for what keeps all of them from being tried.
    """
    began = time.monotonic()
    row = Row(workspace.target.name, synced=tests.synced)
    keys = _keys(workspace, tests)
    make_ready = as_synced if tests.synced else as_declared
    with ExitStack() as stack:
        # Tools are at home in the workspace, wherever the command was started.
        stack.enter_context(contextlib.chdir(workspace.root))
        subjects = stack.enter_context(make_ready(workspace, keys))
        bench = stack.enter_context(Bench(workspace))
        cases = [
            Try(subject, case, row)
            for subject in subjects
            for case in subject.suite.cases
            if _is_wanted(case, tests)
        ]
        if not cases:
            raise AssistctlError(f"no case is called like {' or '.join(map(repr, tests.only))}")
        attempts = _tried(cases, bench, tests, watch)
    results = (
        CaseResult(it.subject.assistant.key, it.case, it.row, tuple(made))
        for it, made in zip(cases, attempts, strict=True)
    )
    return Report(tuple(results), time.monotonic() - began)


def _keys(workspace: Workspace, tests: Tests) -> list[str]:
    """The assistants to test, each once."""
    if not tests.keys:
        if not workspace.suites:
            raise AssistctlError(
                "there are no tests; write some in assistants/<key>.tests.yaml, beside an assistant"
            )
        return list(workspace.suites)
    keys = dict.fromkeys(find_assistant(workspace, key).key for key in tests.keys)
    for key in keys:
        if key not in workspace.suites:
            raise AssistctlError(f"{key} has no tests; write them in assistants/{key}.tests.yaml")
    return list(keys)


def _is_wanted(case: Case, tests: Tests) -> bool:
    return not tests.only or any(text in case.name for text in tests.only)


def _tried(cases: Sequence[Try], bench: Bench, tests: Tests, watch: Watch) -> list[list[Attempt]]:
    """The tries of each case. All cases are tried once before any is tried again."""
    attempts: list[list[Attempt]] = [[] for _ in cases]
    total, stop = sum(each.case.repeat for each in cases), Stop()

    def note(number: int, attempt: Attempt) -> None:
        attempts[number].append(attempt)
        watch(cases[number], attempt, sum(map(len, attempts)), total)

    for round_ in range(max(each.case.repeat for each in cases)):
        numbers = [number for number, it in enumerate(cases) if it.case.repeat > round_]
        ended, threads = _started(cases, numbers, bench, tests, stop)
        try:
            for _ in numbers:
                note(*_unless_broken(*ended.get()))
        except KeyboardInterrupt:
            stop.ask()
            deadline = time.monotonic() + _LAST_WORDS
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            while not ended.empty():
                note(*_unless_broken(*ended.get()))
            break
    return attempts


_Ended: TypeAlias = "queue.SimpleQueue[tuple[int, Attempt | BaseException]]"


def _started(
    cases: Sequence[Try], numbers: Iterable[int], bench: Bench, tests: Tests, stop: Stop
) -> tuple[_Ended, list[Thread]]:
    """Threads that try each of these cases once, and where they put what came of it."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: _Ended = queue.SimpleQueue()
    for number in numbers:
        waiting.put(number)

    def work() -> None:
        while not stop.asked:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            it = cases[number]
            judge = bench.judge(it.subject.suite)
            try:
                made = attempted(it.subject, it.case, judge, stop, approve_all=tests.approve_all)
                ended.put((number, made))
            except BaseException as error:  # noqa: BLE001  (for the main thread to raise)
                ended.put((number, error))

    # Daemons: a function that is at work for ever must not keep the process alive.
    threads = [
        Thread(target=work, name=f"case {number}", daemon=True)
        for number in range(min(tests.jobs, waiting.qsize()))
    ]
    for thread in threads:
        thread.start()
    return ended, threads


def _unless_broken(number: int, made: Attempt | BaseException) -> tuple[int, Attempt]:
    if isinstance(made, BaseException):
        raise made
    return number, made
