"""Reports of tests, as whole texts."""

from dataclasses import replace

import click

from assistctl.cases import Case, Expectation, Turn
from assistctl.errors import Place
from assistctl.events import Finished, ToolCall, ToolReturned
from assistctl.render.testing.documents import report_junit
from assistctl.render.testing.markdown import comparison_markdown, report_markdown
from assistctl.render.testing.text import comparison_text, report_text
from assistctl.verdicts import Answer, Attempt, CaseResult, Comparison, Report, Row, Verdict

PLACE = Place("assistants/shop.tests.yaml", 4, 7)
CASE = Case("a | `sum`", PLACE, (Turn("Sum?"),), repeat=2, pass_rate=0.5)
OTHER = Case("never\x1b[31m tried", PLACE, (Turn("Hi"),))
CALL = ToolReturned(ToolCall("c", "add", '{"a": 1}'), "3 ```", 0.1)
SAID = Finished("completed", "thread", "run", "It is <b>3</b>.", tool_calls=(CALL,))
MET = Verdict(Expectation("contains", "3", PLACE), True, turn=1)
UNMET = Verdict(Expectation("contains", "4", PLACE), False, "the answer does not have it", 1)


def attempt(*verdicts, **more):
    return Attempt((Answer("Sum?", SAID, 0.2),), verdicts, 0.25, **more)


def result(*attempts, case=CASE, row=Row("local")):  # noqa: B008  (a value)
    return CaseResult("shop", case, row, attempts)


FAILED = result(attempt(UNMET), attempt(UNMET))
PASSED = result(attempt(MET), attempt(UNMET))
NEVER = result(case=OTHER)
RATE = "50 % must (the true rate&#58;"


def test_a_person_reads_why_a_case_failed():
    text = click.unstyle(report_text(Report((PASSED, FAILED, NEVER), 1.25)))
    assert (
        text
        == """\
shop
  ✓ a | `sum`  1 of 2 tries passed, 50 % must (the true rate: 9 % to 91 %), 0.5 s
  ✗ a | `sum`  0 of 2 tries passed, 50 % must (the true rate: 0 % to 66 %), 0.5 s
      turn 1: the answer contains "4"; the answer does not have it
      assistants/shop.tests.yaml:4:7
      user: Sum?
      → add {"a": 1}
      ← 3 ```
      assistant: It is <b>3</b>.
  … never\\x1b[31m tried  not tried

1 passed, 1 failed, 1 not tried to the end in 1.2 s"""
    )


def test_rows_are_named_where_there_are_several():
    there = replace(PASSED, row=Row("prod", "model gpt-6.1"))
    text = click.unstyle(report_text(Report((PASSED, there), 1.0)))
    headings = [line for line in text.split("\n") if line.startswith("shop")]
    assert headings == ["shop, local", "shop, prod, model gpt-6.1"]


def test_a_comment_shows_the_cases_as_a_table_and_folds_the_rest():
    assert (
        report_markdown(Report((PASSED, FAILED), 1.0)).replace(RATE, "RATE")
        == """\
### Tests: 1 passed, 1 failed in 1.0 s

| assistant | case | outcome |
|---|---|---|
| `shop` | a &#124; &#96;sum&#96; | ✅ passed; 1 of 2 tries passed, RATE 9 % to 91 %) |
| `shop` | a &#124; &#96;sum&#96; | ❌ failed; 0 of 2 tries passed, RATE 0 % to 66 %) |

<details><summary>shop: a | `sum`</summary>

````
turn 1: the answer contains "4"; the answer does not have it (assistants/shop.tests.yaml:4:7)
0 of 2 tries passed, 50 % must (the true rate: 0 % to 66 %)
user: Sum?
-> add {"a": 1}
<- 3 ```
assistant: It is <b>3</b>.
````

</details>"""
    )


def test_before_and_after_stand_beside_each_other():
    once = replace(CASE, repeat=1, name="a sum")
    good, bad = result(attempt(MET), case=once), result(attempt(UNMET), case=once)
    new = result(attempt(MET), case=replace(once, name="new"))
    comparison = Comparison(Report((good,)), Report((bad, new)))
    markdown = comparison_markdown(comparison)
    assert markdown.startswith("""\
### Tests: 1 passed, 1 failed (before: 1 passed)

| assistant | case | at `local` | as declared |
|---|---|---|---|
| `shop` | a sum | ✅ passed | ❌ failed |
| `shop` | new | not there | ✅ passed |

<details><summary>shop: a sum</summary>
""")
    text = click.unstyle(comparison_text(comparison))
    assert [line for line in text.split("\n") if "→" in line and "add" not in line] == [
        "  ✓ → ✗ a sum",
        "  not there → ✓ new",
    ]
    assert text.endswith("\n\n1 passed, 1 failed (before: 1 passed)")


def test_details_for_which_a_comment_has_no_room_are_left_out():
    long = replace(SAID, text="x" * 1900)
    bad = Attempt((Answer("Sum?", long, 0.2),), (UNMET,), 0.25)
    cases = [result(bad, case=replace(CASE, repeat=1, name=f"case {n}")) for n in range(40)]
    markdown = report_markdown(Report(tuple(cases), 1.0))
    assert len(markdown) < 51_000
    assert markdown.endswith("cases are left out here; `assistctl test` shows them.")


def test_what_xml_cannot_hold_is_replaced():
    assert 'name="never\ufffd[31m tried"' in report_junit(Report((NEVER,), 1.0))
