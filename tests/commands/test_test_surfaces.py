"""The same tests of an assistant by each of the three APIs: with a case that passes and one that
fails, read by a CI system, replayed without a model, and beside a plan."""

import re

import junitparser
import pytest

from tests.commands.conftest import Shop
from tests.server.chat_endpoint import call, chat_endpoint_running, say

APIS = ("assistants", "responses", "agents")
ASKED = 'model: {base_url: "${LLM_URL}", api_key: "${LLM_KEY}", api: chat}'
TARGETS = [f"  {api}: {{api: {api}, model: scripted}}\n" for api in APIS]
TARGETS += [f"  asked-{api}: {{api: {api}, {ASKED}}}\n" for api in APIS]
FILES = {
    "assistctl.yaml": "version: 1\nworkspace: till\ndefaults: {model: gpt-6-luna}\n"
    f"default_target: assistants\ntargets:\n{''.join(TARGETS)}",
    "tools/till.py": 'def add(a: int, b: int) -> int:\n    """Add them."""\n    return a + b\n',
    "assistants/clerk.yaml": "instructions: Be brief.\n"
    "tools: [{type: function, python: till:add}]\n",
    "assistants/clerk.script.yaml": "turns:\n"
    "  - {when: sum, call: {add: {a: 1, b: 2}}, say: It is 3.}\n"
    "  - {say: Good day.}\n",
    "assistants/clerk.tests.yaml": """\
matrix: {targets: [assistants, responses, agents]}
cases:
  - name: a sum
    user: The sum, please.
    expect: {contains: "3", calls: [{function: add, arguments: {a: 1, b: 2}}]}
  - name: a greeting that is too short
    user: Hello
    expect: {contains: my friend}
""",
    "assistants/learner.yaml": "tools: [{type: function, python: till:add}]\n",
    "assistants/learner.tests.yaml": """\
matrix: {targets: [asked-assistants, asked-responses, asked-agents]}
cases:
  - name: a sum
    user: The sum, please.
    expect: {equals: Three., calls: [add]}
""",
}


@pytest.fixture(scope="module")
def till(tmp_path_factory):
    """A workspace that is in sync with a target of each API."""
    shop = Shop(tmp_path_factory.mktemp("till"))
    for name, text in FILES.items():
        (shop.root / name).parent.mkdir(exist_ok=True)
        (shop.root / name).write_text(text, encoding="utf-8")
    for api in APIS:
        result = shop("sync", "clerk", "-t", api, "--yes")
        assert result.code == 0, result.err
    return shop


def test_a_ci_system_reads_what_passed_and_what_failed_by_each_api(till):
    result = till("test", "clerk", "--format", "junit")
    assert (result.code, result.err) == (1, "")
    report = junitparser.JUnitXml.fromstring(result.out.encode())
    assert (report.tests, report.failures, report.errors, report.skipped) == (6, 3, 0, 0)
    assert [(suite.name, suite.tests, suite.failures) for suite in report] == [
        (f"clerk, {api}", 2, 1) for api in APIS
    ]
    for suite in report:
        summed, greeted = suite
        assert (summed.name, summed.is_passed, summed.time > 0) == ("a sum", True, True)
        assert (greeted.name, greeted.is_passed) == ("a greeting that is too short", False)
        (failure,) = greeted.result
        assert isinstance(failure, junitparser.Failure)
        assert failure.message == (
            'turn 1: the answer contains "my friend"; the answer does not have it '
            "(assistants/clerk.tests.yaml:8:24)"
        )


def test_what_was_recorded_by_each_api_is_replayed_without_a_model(till):
    with chat_endpoint_running() as endpoint:
        sums = call(("call_1", "add", '{"a": 1, "b": 2}')), say("Three.")
        endpoint.answer(*sums, *sums, *sums)
        there = {"LLM_URL": endpoint.url, "LLM_KEY": "sk-test"}
        recorded = till("test", "learner", "--record", "--jobs", "1", **there)
        assert (recorded.code, recorded.err) == (0, ""), recorded.out
        assert len(endpoint.requests) == 6
    replayed = till("test", "learner", CI="true", LLM_URL="http://127.0.0.1:9/v1")
    assert (replayed.code, replayed.err) == (0, ""), replayed.out
    assert re.sub(r"\d+\.\d+ s", "… s", replayed.out) == "".join(
        [f"learner, asked-{api}\n  ✓ a sum  … s\n\n" for api in APIS] + ["3 passed in … s\n"]
    )


@pytest.mark.parametrize("api", APIS)
def test_a_plan_shows_what_came_of_them_before_and_comes_now(till, api):
    till.edit("assistants/clerk.yaml", "Be brief.", "Be kind.")
    try:
        result = till("plan", "clerk", "-t", api, "--with-tests", "--format", "markdown")
    finally:
        till.edit("assistants/clerk.yaml", "Be kind.", "Be brief.")
    assert (result.code, result.err) == (1, "")
    plan, _, tests = result.out.partition("\n\n### Tests: ")
    assert ('+ instructions: "Be kind."' in plan) is (api != "responses")  # which holds none
    assert (
        tests
        == f"""\
1 passed, 1 failed (before: 1 passed, 1 failed)

| assistant | case | at `{api}` | as declared |
|---|---|---|---|
| `clerk` | a sum | ✅ passed | ✅ passed |
| `clerk` | a greeting that is too short | ❌ failed | ❌ failed |

<details><summary>clerk: a greeting that is too short</summary>

```
turn 1: the answer contains "my friend"; the answer does not have it \
(assistants/clerk.tests.yaml:8:24)
user: Hello
assistant: Good day.
```

</details>
"""
    )
