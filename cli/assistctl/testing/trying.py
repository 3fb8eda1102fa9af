"""One try of one case: its conversation is held, turn by turn, and judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event, Lock

from assistctl.cases import Case, Expectation, Turn
from assistctl.conversation import Session
from assistctl.errors import AssistctlError
from assistctl.events import Finished
from assistctl.testing.judging import Facts, Judge, judged
from assistctl.testing.laboratory import Subject
from assistctl.verdicts import Answer, Attempt, Verdict

COMPLETED = "completed"
_OWN_ENDINGS = (COMPLETED, "incomplete")
"""How an assistant can end a turn itself; any other end is of something that broke."""


class Stopped(Exception):
    """Somebody wants the tests to end."""


@dataclass
class Stop:
    """Ends all tries that are at work, whichever threads they are in."""

    _asked: Event = field(default_factory=Event)
    _guard: Lock = field(default_factory=Lock)
    _talks: list[Session] = field(default_factory=list)
    _waiting: list[Callable[[], None]] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Whether somebody wants that."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Cancel every run; a try that is between two of them ends before the next."""
        self._asked.set()
        with self._guard:
            talks = list(self._talks)
        for talk in talks:
            talk.cancel()
        for tell in self._waiting:
            tell()

    def tells(self, tell: Callable[[], None]) -> None:
        """Call this once somebody wants the tests to end: from the thread that does."""
        self._waiting.append(tell)
        if self.asked:
            tell()

    @contextmanager
    def watching(self, talk: Session) -> Iterator[None]:
        """Within it the conversation is one of those that are stopped."""
        with self._guard:
            self._talks.append(talk)
        try:
            yield
        finally:
            with self._guard:
                self._talks.remove(talk)


def attempted(
    subject: Subject, case: Case, judge: Judge, stop: Stop, *, approve_all: bool = False
) -> Attempt:
    """Hold the conversation of a case once. What breaks is its error; nothing is raised."""
    began = time.monotonic()
    answers: list[Answer] = []
    verdicts: list[Verdict] = []
    error, stopped = None, False
    try:
        with (
            subject.begun(case, approve_all=approve_all) as talk,
            stop.watching(talk),
        ):
            held = _held(talk, case, answers, judge, stop)
            verdicts += (_advised(verdict, subject.asked) for verdict in held)
    except Stopped:
        stopped = True
    except AssistctlError as broken:
        error, stopped = str(broken), stop.asked
    seconds = time.monotonic() - began
    return Attempt(tuple(answers), tuple(verdicts), seconds, error, stopped)


def _held(
    talk: Session, case: Case, answers: list[Answer], judge: Judge, stop: Stop
) -> Iterator[Verdict]:
    """The verdicts of all turns, and those at the end unless a turn broke off; `answers` grow."""
    for number, turn in enumerate(case.turns, 1):
        answers.append(_answer(talk, turn, stop))
        facts = Facts((answers[-1],))
        ended = _ended(facts, turn, case, is_last=number == len(case.turns))
        if ended:
            yield replace(ended, turn=number)
            return
        for each in turn.expect:
            yield replace(judged(each, facts, answers, judge), turn=number)
    facts = Facts(tuple(answers))
    yield from (judged(each, facts, answers, judge) for each in case.expect)


def _advised(verdict: Verdict, asked: str | None) -> Verdict:
    """Says what to do where a target is asked as a model, and has none behind that address."""
    if asked is None or not verdict.unknown or " answered 404: " not in verdict.came:
        return verdict
    advice = f"{asked} is asked as a model here; --synced tests what is at it"
    return replace(verdict, came=f"{verdict.came} ({advice})")


def _ended(facts: Facts, turn: Turn, case: Case, *, is_last: bool) -> Verdict | None:
    """The verdict on a turn that ended as nobody expected, after which nothing else is judged.
    Every turn is expected to complete that says nothing else."""
    said = [*turn.expect, *(case.expect if is_last else ())]
    wanted = [each for each in said if each.kind == "status"]
    if not wanted:
        wanted = [Expectation("status", COMPLETED, case.place)]
    if any(each.value == facts.status for each in wanted):
        return None
    broken = wanted[0].value == COMPLETED and facts.status not in _OWN_ENDINGS
    return replace(judged(wanted[0], facts, (), _nobody), unknown=broken)


def _nobody(rubric: str, conversation: Sequence[Answer]) -> tuple[bool | None, str]:
    raise AssertionError("a status is no rubric")


def _answer(talk: Session, turn: Turn, stop: Stop) -> Answer:
    attachments = [talk.attach(talk.workspace.root / path) for path in turn.attach]
    began = time.monotonic()
    events = talk.say(turn.user, attachments)
    for event in events:
        if stop.asked:
            events.close()
            talk.cancel()
            raise Stopped
        if isinstance(event, Finished):
            return Answer(turn.user, event, time.monotonic() - began)
    raise AssertionError("a turn ends with Finished")
