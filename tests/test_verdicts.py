import pytest

from assistctl.cases import Case, Expectation, Turn
from assistctl.errors import Place
from assistctl.verdicts import Attempt, CaseResult, Outcome, Report, Row, Verdict, wilson

PLACE = Place("assistants/shop.tests.yaml", 2, 3)
EXPECTED = Expectation("contains", "75", PLACE)
PASSED = Attempt(verdicts=(Verdict(EXPECTED, True),))
FAILED = Attempt(verdicts=(Verdict(EXPECTED, True), Verdict(EXPECTED, False, "the answer is 74")))
BROKEN = Attempt(error="the target does not answer")
UNKNOWN = Attempt(verdicts=(Verdict(EXPECTED, False, "nobody knows", unknown=True),))
STOPPED = Attempt(stopped=True)


def result(*attempts: Attempt, repeat: int = 1, pass_rate: float = 1.0) -> CaseResult:
    case = Case("a", PLACE, (Turn("b"),), repeat=repeat, pass_rate=pass_rate)
    return CaseResult("shop", case, Row("local"), attempts)


@pytest.mark.parametrize(
    ("passed", "tries", "expected"),
    [
        (0, 0, (0.0, 1.0)),
        (10, 10, (0.7225, 1.0)),
        (0, 10, (0.0, 0.2775)),
        (8, 10, (0.4902, 0.9433)),
        (1, 1, (0.2065, 1.0)),
    ],
)
def test_the_interval_of_a_rate_is_wilsons(passed, tries, expected):
    assert wilson(passed, tries) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("attempts", "pass_rate", "expected"),
    [
        ([PASSED], 1.0, Outcome.PASSED),
        ([FAILED], 1.0, Outcome.FAILED),
        ([BROKEN], 1.0, Outcome.ERROR),
        ([UNKNOWN], 1.0, Outcome.ERROR),
        ([STOPPED], 1.0, Outcome.STOPPED),
        ([PASSED, FAILED, PASSED, PASSED], 0.75, Outcome.PASSED),
        ([PASSED, FAILED, PASSED, FAILED], 0.75, Outcome.FAILED),
        ([PASSED, BROKEN, PASSED, PASSED], 0.75, Outcome.PASSED),
        ([PASSED, BROKEN, FAILED, PASSED], 0.75, Outcome.ERROR),
        ([PASSED, FAILED, FAILED], 1 / 3, Outcome.PASSED),
    ],
)
def test_a_case_passes_if_enough_of_its_tries_do(attempts, pass_rate, expected):
    assert result(*attempts, repeat=len(attempts), pass_rate=pass_rate).outcome is expected


def test_a_case_that_was_not_tried_often_enough_has_not_passed():
    assert result(PASSED, repeat=2, pass_rate=0.5).outcome is Outcome.STOPPED


def test_tests_are_good_if_all_passed_and_there_were_some():
    assert Report((result(PASSED),)).good
    assert not Report((result(PASSED), result(UNKNOWN))).good
    assert not Report(()).good
