"""The vocabulary of tests: what came of cases, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import sqrt

from assistctl.cases import Case, Expectation
from assistctl.events import Finished, ToolReturned

_Z = 1.959963984540054
"""How many standard deviations from the mean hold 95 % of a normal distribution."""


class Outcome(Enum):
    """How a try or a case ended. ERROR: nobody can say whether it passes, since something broke
    that is not under test; STOPPED: somebody stopped the tests before it was over."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Verdict:
    """Whether an expectation is met. `came` is what came instead, in words, where it is not;
    `turn` counts from 1, and is None at the end of a case. `unknown`: nobody can say."""

    expectation: Expectation
    met: bool
    came: str = ""
    turn: int | None = None
    unknown: bool = False


@dataclass(frozen=True)
class Answer:
    """A turn that was held: what was said, how it ended, and the seconds that it took."""

    user: str
    finished: Finished
    seconds: float


@dataclass(frozen=True)
class Attempt:
    """One try of a case. `error` is what broke, where something did."""

    answers: tuple[Answer, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
    error: str | None = None
    stopped: bool = False

    @property
    def outcome(self) -> Outcome:
        """As its verdicts say, unless it broke or was stopped."""
        if self.stopped:
            return Outcome.STOPPED
        if self.error or any(each.unknown for each in self.verdicts):
            return Outcome.ERROR
        return Outcome.PASSED if all(each.met for each in self.verdicts) else Outcome.FAILED

    @property
    def calls(self) -> tuple[ToolReturned, ...]:
        """Of all turns, in their order."""
        return tuple(call for answer in self.answers for call in answer.finished.tool_calls)

    @property
    def unmet(self) -> tuple[Verdict, ...]:
        """The verdicts that are not as expected."""
        return tuple(each for each in self.verdicts if not each.met)


@dataclass(frozen=True)
class Row:
    """One combination that cases are tried with: a target, and what is different there from what
    is declared (`model gpt-6.1`). `synced`: as it is at the target."""

    target: str
    variant: str = ""
    synced: bool = False

    def __str__(self) -> str:
        return ", ".join(filter(None, (self.target, self.variant)))


@dataclass(frozen=True)
class CaseResult:
    """What came of one case of the assistant `key` in one row."""

    key: str
    case: Case
    row: Row
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> int:
        """How many tries passed."""
        return sum(each.outcome is Outcome.PASSED for each in self.attempts)

    @property
    def outcome(self) -> Outcome:
        """It passes if enough tries do; a broken try is none that does."""
        outcomes = {each.outcome for each in self.attempts}
        if Outcome.STOPPED in outcomes or len(self.attempts) < self.case.repeat:
            return Outcome.STOPPED
        if self.passed >= self.case.pass_rate * self.case.repeat - 1e-9:
            return Outcome.PASSED
        return Outcome.ERROR if Outcome.ERROR in outcomes else Outcome.FAILED

    @property
    def seconds(self) -> float:
        """Of all tries together."""
        return sum(each.seconds for each in self.attempts)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true rate of passing lies, as far as these tries tell: see `wilson`."""
        return wilson(self.passed, len(self.attempts))

    @property
    def telling(self) -> Attempt:
        """The try that says why it is as it is: the first of its outcome, else the last."""
        alike = (each for each in self.attempts if each.outcome is self.outcome)
        return next(alike, self.attempts[-1] if self.attempts else Attempt(stopped=True))


@dataclass(frozen=True)
class Report:
    """What came of all cases, in the order of rows, assistants and files."""

    results: tuple[CaseResult, ...]
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> int:
        """How many cases ended so."""
        return sum(each.outcome is outcome for each in self.results)

    @property
    def good(self) -> bool:
        """Whether all passed, and there were some."""
        return bool(self.results) and self.count(Outcome.PASSED) == len(self.results)

    @property
    def rows(self) -> Sequence[Row]:
        """Each once, in their order."""
        return tuple(dict.fromkeys(each.row for each in self.results))


@dataclass(frozen=True)
class Comparison:
    """The same cases, tried with what is synced at a target (None: nothing of it is there) and with
    what is declared."""

    before: Report | None
    after: Report

    def was(self, after: CaseResult) -> CaseResult | None:
        """What came of a case before."""
        results = self.before.results if self.before else ()
        same = (it for it in results if (it.key, it.case.name) == (after.key, after.case.name))
        return next(same, None)


def wilson(passed: int, tries: int) -> tuple[float, float]:
    """The 95 % interval of a rate by Wilson's score, which holds for few tries and for rates of 0
    and 1, too. Of no tries nothing is known."""
    if not tries:
        return 0.0, 1.0
    rate, square = passed / tries, _Z * _Z
    middle = rate + square / (2 * tries)
    spread = _Z * sqrt(rate * (1 - rate) / tries + square / (4 * tries * tries))
    whole = 1 + square / tries
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)
