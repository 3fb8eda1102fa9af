"""All cases, tried in parallel: the tests of a workspace from their beginning to their report."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import TypeAlias

from assistctl.cases import Case
from assistctl.errors import AssistctlError
from assistctl.resources import Workspace
from assistctl.testing.cassette import Cassette
from assistctl.testing.groups import Group, groups_of, taped
from assistctl.testing.laboratory import Subject, as_declared, as_synced
from assistctl.testing.rubrics import Bench
from assistctl.testing.trying import Stop, attempted
from assistctl.testing.wanted import Wanted
from assistctl.verdicts import Attempt, CaseResult, Report, Row

_LAST_WORDS = 3.0
"""Seconds that tries have to end once they are stopped; a function may be at work for longer."""


@dataclass(frozen=True)
class Try:
    """One case that is to be tried in one row."""

    key: str
    case: Case
    row: Row

    @property
    def name(self) -> str:
        """`flower-shop: the bill of a day`"""
        return f"{self.key}: {self.case.name}"


Watch = Callable[[Try, Attempt, int, int], None]
"""Is told of each try as it ends, and how many of all have ended."""


def try_cases(
    workspace: Workspace,
    wanted: Wanted,
    watch: Watch = lambda tried, attempt, ended, total: None,
    stop: Stop | None = None,
) -> Report:
    """Try all cases. Ctrl-C stops them, and so does who asks the `stop` to, from any thread; the
    report says how far they came.

    Raises AssistctlError for what keeps all of them from being tried.
    """
    began = time.monotonic()
    planned = [
        (group, [Try(key, case, group.row) for key, case in group.cases(wanted)])
        for group in groups_of(workspace, wanted)
    ]
    total = sum(it.case.repeat for _, tries in planned for it in tries)
    if not total:
        if wanted.case is not None:
            raise AssistctlError(f"there is no case {wanted.case!r} any more")
        raise AssistctlError(f"no case is called like {' or '.join(map(repr, wanted.only))}")
    progress, stop = _Progress(watch, total), stop or Stop()
    results: list[CaseResult] = []
    cassettes: dict[str, Cassette] = {}
    # Tools are at home in the workspace, wherever the command was started.
    with contextlib.chdir(workspace.root):
        for group, tries in planned:
            attempts: list[list[Attempt]] = [[] for _ in tries]
            if tries and not stop.asked:
                attempts = _in_group(group, tries, cassettes, wanted, stop, progress)
            results += (
                CaseResult(it.key, it.case, it.row, tuple(made))
                for it, made in zip(tries, attempts, strict=True)
            )
    for cassette in cassettes.values():
        cassette.save(whole=wanted.whole and not stop.asked)
    return Report(tuple(results), time.monotonic() - began)


@dataclass
class _Progress:
    watch: Watch
    total: int
    ended: int = 0

    def __call__(self, tried: Try, attempt: Attempt) -> None:
        self.ended += 1
        self.watch(tried, attempt, self.ended, self.total)


def _in_group(
    group: Group,
    cases: Sequence[Try],
    cassettes: dict[str, Cassette],
    wanted: Wanted,
    stop: Stop,
    progress: _Progress,
) -> list[list[Attempt]]:
    """The tries of each case. All cases are tried once before any is tried again."""
    attempts: list[list[Attempt]] = [[] for _ in cases]

    def note(number: int, attempt: Attempt) -> None:
        attempts[number].append(attempt)
        progress(cases[number], attempt)

    workspace, tape = taped(group, wanted.taping, cassettes)
    with ExitStack() as stack:
        stubbed = _stubbed(cases)
        ready = (
            as_synced(workspace, group.keys, stubbed)
            if wanted.synced
            else as_declared(workspace, group.keys, tape, stubbed)
        )
        subjects = {it.assistant.key: it for it in stack.enter_context(ready)}
        bench = Bench(workspace, tape, stack)
        executor = _Executor(subjects, bench, stop, wanted)
        for take in range(max(each.case.repeat for each in cases)):
            if tape:
                tape.take = take
            numbers = [number for number, it in enumerate(cases) if it.case.repeat > take]
            ended, threads = executor.started(cases, numbers)
            stop.tells(partial(ended.put, (-1, KeyboardInterrupt())))
            try:
                for _ in numbers:
                    note(*_unless_broken(*ended.get()))
            except KeyboardInterrupt:
                stop.ask()
                deadline = time.monotonic() + _LAST_WORDS
                for thread in threads:
                    thread.join(max(0.0, deadline - time.monotonic()))
                while not ended.empty():
                    number, made = ended.get()
                    if not isinstance(made, KeyboardInterrupt):
                        note(*_unless_broken(number, made))
                break
    return attempts


def _stubbed(cases: Sequence[Try]) -> Mapping[str, set[str]]:
    """The functions for which all cases of an assistant have a stub."""
    found: dict[str, set[str]] = {}
    for each in cases:
        found[each.key] = found.get(each.key, {*each.case.stubs}) & {*each.case.stubs}
    return found


_Ended: TypeAlias = "queue.SimpleQueue[tuple[int, Attempt | BaseException]]"


@dataclass(frozen=True)
class _Executor:
    """Threads that try cases, and what they need for it."""

    subjects: Mapping[str, Subject]
    bench: Bench
    stop: Stop
    wanted: Wanted

    def started(self, cases: Sequence[Try], numbers: Iterable[int]) -> tuple[_Ended, list[Thread]]:
        """Each of the cases with these numbers is tried once; what came of it is put there."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        ended: _Ended = queue.SimpleQueue()
        for number in numbers:
            waiting.put(number)

        def work() -> None:
            while not self.stop.asked:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    ended.put((number, self._attempt(cases[number])))
                except BaseException as error:  # noqa: BLE001  (for the main thread to raise)
                    ended.put((number, error))

        # Daemons: a function that is at work for ever must not keep the process alive.
        threads = [
            Thread(target=work, name=f"case {number}", daemon=True)
            for number in range(min(self.wanted.jobs, waiting.qsize()))
        ]
        for thread in threads:
            thread.start()
        return ended, threads

    def _attempt(self, tried: Try) -> Attempt:
        subject = self.subjects[tried.key]
        judge, approve_all = self.bench.judge(subject.suite), self.wanted.approve_all
        return attempted(subject, tried.case, judge, self.stop, approve_all=approve_all)


def _unless_broken(number: int, made: Attempt | BaseException) -> tuple[int, Attempt]:
    if isinstance(made, BaseException):
        raise made
    return number, made
