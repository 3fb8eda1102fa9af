"""`assistctl test`, as somebody types it, and what CI reads of it."""

import json
import re
import signal
from xml.etree import ElementTree

import pytest

from assistctl.record.results import kept
from tests.commands.conftest import Shop, same
from tests.server.chat_endpoint import chat_endpoint_running, say

GOOD = """\
cases:
  - name: a sum
    user: What is the sum?
    expect:
      contains: "3"
      calls: [{function: add, arguments: {a: 1, b: 2}}]
  - name: a refund that is answered by a stub
    turns:
      - user: Hello
        expect: {equals: Hello!}
      - user: A refund, please.
    stubs: {refund: {returns: refunded}}
    expect:
      calls: [{function: refund, times: 1}]
      contains: Refunded
"""
BAD = """\
repeat: 2
pass_rate: 0.5
cases:
  - name: a sum that is wrong
    user: What is the sum?
    expect:
      contains: ["3", "4"]
      never: add
  - name: a till that is stuck
    user: It is stuck.
    expect: {calls: [stuck], order: [stuck, add]}
"""


def declare(shop: Shop, tests: str, key: str = "clerk") -> None:
    (shop.root / "assistants" / f"{key}.tests.yaml").write_text(tests, encoding="utf-8")


def steady(text: str) -> str:
    return re.sub(r"\d+\.\d+", "…", re.sub(r"\d+\.\d+ s", "… s", same(text)))


@pytest.fixture(scope="module")
def tested(tmp_path_factory, synced_once):
    """A workspace with a good assistant and a bad one, and what `test` said of both."""
    import shutil

    root = tmp_path_factory.mktemp("tested") / "shop"
    shutil.copytree(synced_once, root)
    shop = Shop(root)
    declare(shop, GOOD)
    shutil.copy(root / "assistants" / "clerk.yaml", root / "assistants" / "rude.yaml")
    shutil.copy(root / "assistants" / "clerk.script.yaml", root / "assistants" / "rude.script.yaml")
    declare(shop, BAD, "rude")
    before = {path for path in root.rglob("*") if "__pycache__" not in path.parts}
    result = shop("test", "--format", "json", "--junit", "../report.xml", "--jobs", "2")
    after = {path for path in root.rglob("*") if "__pycache__" not in path.parts}
    return shop, result, after - before


def test_cases_pass_and_fail_and_the_exit_code_says_so(tested):
    _, result, _ = tested
    assert (result.code, result.err) == (1, "")
    report = json.loads(result.out)
    found = [(it["assistant"], it["case"], it["outcome"], it["passed"]) for it in report["cases"]]
    assert found == [
        ("clerk", "a sum", "passed", 1),
        ("clerk", "a refund that is answered by a stub", "passed", 1),
        ("rude", "a sum that is wrong", "failed", 0),
        ("rude", "a till that is stuck", "failed", 0),
    ]
    assert [report[word] for word in ("passed", "failed", "errors", "stopped")] == [2, 2, 0, 0]


def test_what_failed_is_told_with_its_place_and_what_came(tested):
    _, result, _ = tested
    case = json.loads(result.out)["cases"][2]
    assert (case["pass_rate"], case["interval"], len(case["attempts"])) == (0.5, [0.0, 0.6576], 2)
    attempt = case["attempts"][0]
    assert attempt["expectations"] == [
        {
            "turn": 1,
            "expected": expected,
            "met": met,
            "came": came,
            "file": "assistants/rude.tests.yaml",
            "line": line,
            "column": column,
        }
        for expected, met, came, line, column in (
            ('the answer contains "3"', True, "", 7, 18),
            ('the answer contains "4"', False, "the answer does not have it", 7, 23),
            ("add is never called", False, 'it was called with {"a": 1, "b": 2}', 8, 14),
        )
    ]
    (turn,) = attempt["turns"]
    assert (turn["user"], turn["text"]) == ("What is the sum?", "The sum is 3.")
    assert [call["name"] for call in turn["tool_calls"]] == ["add"]


def test_functions_are_called_unless_they_have_a_stub(tested):
    shop, result, _ = tested
    clerk = json.loads(result.out)["cases"][1]
    (call,) = clerk["attempts"][0]["turns"][1]["tool_calls"]
    assert (call["name"], call["output"], call["error"]) == ("refund", "refunded", None)
    assert not (shop.root / "refunded").exists()


def test_only_the_results_are_left_behind_and_the_target_is_as_it_was(tested):
    shop, result, new = tested
    assert new == {shop.root / ".assistctl" / "tests.json"}
    remembered = json.loads(same(json.dumps(kept(shop.root), indent=2, ensure_ascii=False)))
    assert [{**it, "at": ""} for it in json.loads(result.out)["cases"]] == [
        {**it, "at": ""} for it in remembered
    ]
    with shop.target() as client:
        there = {it["metadata"]["assistctl"] for it in client.list("/assistants")}
    assert there == {"shop/greeter", "shop/clerk"}


def test_a_ci_system_reads_the_same_as_junit(tested):
    shop, _, _ = tested
    root = ElementTree.parse(shop.root.parent / "report.xml").getroot()
    assert root.tag == "testsuites"
    counts = ("tests", "failures", "errors", "skipped")
    assert [root.get(name) for name in counts] == ["4", "2", "0", "0"]
    suites = [(it.get("name"), *(it.get(name) for name in counts)) for it in root]
    assert suites == [("clerk, local", "2", "0", "0", "0"), ("rude, local", "2", "2", "0", "0")]
    cases = [
        (it.get("classname"), it.get("name"), [each.tag for each in it])
        for it in root.iter("testcase")
    ]
    assert cases == [
        ("clerk, local", "a sum", []),
        ("clerk, local", "a refund that is answered by a stub", []),
        ("rude, local", "a sum that is wrong", ["failure"]),
        ("rude, local", "a till that is stuck", ["failure"]),
    ]
    failure = root.find(".//failure")
    assert failure.get("message") == (
        'turn 1: the answer contains "4"; the answer does not have it '
        "(assistants/rude.tests.yaml:7:23)"
    )
    assert failure.text.split("\n")[2:] == [
        "0 of 2 tries passed, 50 % must (the true rate: 0 % to 66 %)",
        "user: What is the sum?",
        '-> add {"a": 1, "b": 2}',
        "<- 3",
        "assistant: The sum is 3.",
    ]


def test_a_person_sees_what_failed_and_the_last_turn(shop):
    declare(shop, BAD)
    result = shop("test", "clerk", "--case", "wrong")
    assert (result.code, result.err) == (1, "")
    assert (
        steady(result.out)
        == """\
clerk
  ✗ a sum that is wrong  0 of 2 tries passed, 50 % must (the true rate: 0 % to 66 %), … s
      turn 1: the answer contains "4"; the answer does not have it
      assistants/clerk.tests.yaml:7:23
      turn 1: add is never called; it was called with {"a": 1, "b": 2}
      assistants/clerk.tests.yaml:8:14
      user: What is the sum?
      → add {"a": 1, "b": 2}
      ← 3
      assistant: The sum is 3.

1 failed in … s
"""
    )


def test_what_is_synced_is_tested_as_it_is_at_the_target(synced):
    declare(synced, GOOD)
    (synced.root / "assistants" / "greeter.script.yaml").write_text("turns: [{say: Ahoy!}]")
    declare(synced, "cases: [{name: greets, user: Hi, expect: {equals: Ahoy!}}]", "greeter")
    synced.edit("assistants/greeter.yaml", "Greet in any language.", "Be rude.")
    result = synced("test", "greeter", "--synced")
    assert (result.code, steady(result.out)) == (0, "greeter\n  ✓ greets  … s\n\n1 passed in … s\n")
    plan = synced("plan")
    assert "Be rude." in plan.out


def test_a_plan_shows_what_cases_came_to_before_and_come_to_now(synced):
    declare(synced, GOOD.replace("name: a sum", "name: a sum of two"))
    declare(synced, "cases: [{name: greets, user: Hi, expect: {equals: Welcome.}}]", "greeter")
    synced.edit("assistants/greeter.yaml", "Greet in any language.", "Be rude.")
    result = synced("plan", "greeter", "--with-tests", "--format", "markdown")
    assert (result.code, result.err) == (0, "")
    plan, _, tests = result.out.partition("\n\n### Tests: ")
    assert plan == synced("plan", "greeter", "--format", "markdown").out.rstrip("\n")
    assert (
        tests
        == """\
1 passed (before: 1 passed)

| assistant | case | at `local` | as declared |
|---|---|---|---|
| `greeter` | greets | ✅ passed | ✅ passed |
"""
    )
    document = json.loads(synced("plan", "--with-tests", "--format", "json").out)
    assert {(it["case"], it["synced"]) for it in kept(synced.root)} >= {
        ("greets", True),
        ("greets", False),
    }
    for when in ("before", "after"):
        found = [(it["case"], it["synced"]) for it in document["tests"][when]["cases"]]
        names = ("a sum of two", "a refund that is answered by a stub", "greets")
        assert found == [(name, when == "before") for name in names]
    assert json.loads(synced("plan", "--format", "json").out).keys() == document.keys() - {"tests"}


def test_a_plan_of_what_is_not_there_yet_has_no_before_and_exits_1_if_a_case_fails(shop):
    declare(shop, BAD, "clerk")
    result = shop("plan", "--with-tests", "--detailed-exitcode")
    assert (result.code, result.err) == (1, "")
    assert "\nclerk\n  not there → ✗ a sum that is wrong\n" in result.out
    assert result.out.endswith("\n\n2 failed\n")
    bare = shop("plan", "vector_store/handbook", "--with-tests", "--detailed-exitcode")
    assert bare.code == 2
    assert bare.out.endswith("\n\nNo tests are declared for what is planned.\n")


def test_what_is_not_synced_cannot_be_tested_as_synced(shop):
    declare(shop, GOOD)
    result = shop("test", "--synced")
    assert (result.code, result.out) == (1, "")
    assert result.err == (
        "error: assistant/clerk is not at local yet; sync it, or test what is declared, "
        "without --synced\n"
    )


def test_an_error_is_no_pass(shop):
    (shop.root / "assistants" / "greeter.script.yaml").unlink()
    shop.edit("assistctl.yaml", "local: {model: scripted}", "local: {}")
    declare(shop, "cases: [{name: greets, user: Hi, expect: {not_contains: x}}]", "greeter")
    result = shop("test", "--format", "junit")
    assert result.code == 1
    root = ElementTree.fromstring(result.out.encode())
    (error,) = root.iter("error")
    assert error.get("message").startswith("turn 1: the turn ends as completed; it ended as failed")


def test_every_mistake_in_the_tests_is_shown_by_validate(shop):
    declare(shop, "cases:\n  - name: a\n    usr: b\n    expect: {calls: [ad], regx: c}\n")
    result = shop("validate")
    assert (result.code, result.out) == (1, "")
    assert (
        result.err
        == """\
assistants/clerk.tests.yaml:2:5: `cases[0]` has neither `user` nor `turns`; add one of them
assistants/clerk.tests.yaml:3:5: unknown key `usr` in `cases[0]`; did you mean `user`?
assistants/clerk.tests.yaml:4:27: unknown key `regx` in `cases[0].expect`; did you mean `regex`?
error: 3 problems
"""
    )


PROMPTFOO = """\
tests:
  - vars: {q: Hi}
    assert: [{type: icontains, value: WELCOME}, {type: perplexity}]
"""


def test_a_promptfoo_file_becomes_the_tests_of_an_assistant(shop):
    (shop.root / "promptfooconfig.yaml").write_text(PROMPTFOO)
    imported = shop("test", "greeter", "--import", "promptfooconfig.yaml")
    assert (imported.code, imported.out) == (0, "assistants/greeter.tests.yaml: 1 case\n")
    assert imported.err == (
        "promptfooconfig.yaml:3:49: warning: an assertion of the type perplexity does not map; "
        "write it by hand, or leave it\n"
    )
    assert shop("test", "greeter").code == 0
    assert shop("test", "--import", "promptfooconfig.yaml").code == 64


def test_tests_that_there_are_not_are_told(shop):
    result = shop("test")
    assert (result.code, result.err) == (
        1,
        "error: there are no tests; write some in assistants/<key>.tests.yaml, beside an "
        "assistant\n",
    )
    declare(shop, GOOD)
    assert shop("test", "greeter").err == (
        "error: greeter has no tests; write them in assistants/greeter.tests.yaml\n"
    )
    assert shop("test", "--case", "subtraction").err == (
        "error: no case is called like 'subtraction'\n"
    )


def test_in_ci_what_was_recorded_is_replayed_without_a_key(shop):
    shop.edit(
        "assistctl.yaml",
        "  staging:",
        '  llm: {model: {base_url: "${LLM_URL}", api_key: "${LLM_KEY}"}}\n  staging:',
    )
    declare(shop, "cases: [{name: greets, user: Hi, expect: {equals: Ahoy!}}]", "greeter")
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Ahoy!"))
        there = {"LLM_URL": endpoint.url, "LLM_KEY": "sk-test"}
        result = shop("test", "--target", "llm", "--record", **there)
        assert (result.code, result.err) == (0, "")
    assert (shop.root / "assistants" / "greeter.cassette.json").is_file()
    gone = {"LLM_URL": "http://127.0.0.1:9/v1"}
    again = shop("test", "--target", "llm", CI="true", **gone)
    assert (again.code, again.err) == (0, "")
    asked = shop("test", "--target", "llm", **gone)
    assert (asked.code, asked.out) == (1, "")
    assert "the environment variable LLM_KEY is not set" in asked.err
    assert shop("validate").code == 0


def test_a_person_sees_how_far_it_is_on_a_line_that_goes(shop):
    declare(shop, GOOD)
    with shop.on_terminal("test", "--jobs", "1") as terminal:
        terminal.wait_for("making ready what is tested …")
        terminal.wait_for("\r\x1b[K1 of 2  passed: clerk: a sum")
        terminal.wait_for("\r\x1b[K2 of 2  passed: clerk: a refund that is answered by a stub")
        terminal.wait_for("\r\x1b[Kclerk\n  ✓ a sum")
        assert terminal.end() == 0


def test_ctrl_c_reports_what_ran_and_leaves_no_run_at_work(shop):
    slow = "cases:\n  - {name: quick, user: Hello}\n  - {name: slow, user: Please wait.}\n"
    declare(shop, slow + "  - {name: never begun, user: Hello}\n")
    with shop.started("test", "--jobs", "1", "--format", "json") as command:
        while not (shop.root / "waiting").exists():
            assert command.process.poll() is None
        command.process.send_signal(signal.SIGINT)
        result = command.result()
    assert (result.code, result.err) == (130, "stopped before all cases were tried\n")
    found = [(it["case"], it["outcome"]) for it in json.loads(result.out)["cases"]]
    assert found == [("quick", "passed"), ("slow", "stopped"), ("never begun", "stopped")]
