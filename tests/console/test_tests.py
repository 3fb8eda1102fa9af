import json
import re
import shutil
import time

import pytest

from assistctl.console import trials
from assistctl.loading import load
from assistctl.record.results import FILE, kept
from assistctl.state_directory import STATE
from assistctl.sync import apply_plan, plan_sync
from tests.console.conftest import SHOP, Visitor, opened_console, reached
from tests.console.reading import words

SUITE = """\
cases:
  - name: a sum
    turns:
      - user: sum
        expect: {contains: The sum is 3., calls: [{function: add, times: 1}]}
  - name: a <b>wrong</b> sum
    user: sum
    expect: {contains: four}
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    root = tmp_path_factory.mktemp("console") / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "assistants" / "clerk.tests.yaml").write_text(SUITE, encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def forgotten(workshop):
    """Nothing is remembered yet."""
    (workshop / STATE / FILE).unlink(missing_ok=True)


def tried(browse, **fields):
    """Cases, tried from the page to their end; what is told of that."""
    answer = browse.post("/tests/run", {"which": "declared", **fields})
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    told = browse.http.get(f"{path}/events").text
    assert told.endswith("event: over\ndata:\n\n")
    return browse.http.get(path).text


def test_cases_that_were_never_tried_are_listed_as_such(browse):
    page = words(browse.get("/tests").text)
    assert page.endswith(
        "clerk Case At the target As declared Elsewhere"
        " a sum assistants/clerk.tests.yaml:2:5 not tried yet"
        " a &lt;b&gt;wrong&lt;/b&gt; sum assistants/clerk.tests.yaml:6:5 not tried yet"
        " what is declared what is at the target both, to compare Try these"
    )


def test_cases_are_tried_from_the_page_and_told_as_they_end(browse):
    page = words(tried(browse))
    assert page.startswith("Tests 1 passed, 1 failed All results ")
    assert re.search(r"passed clerk: a sum \d", page)
    listed = words(browse.get("/tests").text)
    assert re.search(r"a sum assistants/clerk.tests.yaml:2:5 passed \d", listed)
    assert re.search(r"sum assistants/clerk.tests.yaml:6:5 failed \d", listed)


def test_a_failing_case_shows_what_was_expected_and_its_conversation(browse):
    tried(browse, assistant="clerk", case="a <b>wrong</b> sum")
    page = browse.get("/tests").text
    [path] = re.findall(r'href="(/console/tests/case[^"]+)"', page)
    shown = browse.http.get(path.replace("&amp;", "&")).text
    told = words(shown)
    assert told.startswith("a &lt;b&gt;wrong&lt;/b&gt; sum failed clerk ·")
    assert (
        "✗ turn 1: the answer contains &#34;four&#34;; the answer does not have it"
        " assistants/clerk.tests.yaml:8" in told
    )
    assert "user sum run completed" in told
    assert "add" in told
    assert "The sum is 3." in told
    assert "<b>wrong" not in shown


def test_a_case_is_tried_again_by_its_whole_name(console, browse):
    console.edit("assistants/clerk.tests.yaml", "a <b>wrong</b> sum", "a sum of nothing")
    try:
        assert "Tests 1 passed All results" in words(tried(browse, assistant="clerk", case="a sum"))
    finally:
        console.edit("assistants/clerk.tests.yaml", "a sum of nothing", "a <b>wrong</b> sum")


def test_what_is_at_the_target_and_what_is_declared_are_compared(console, browse):
    reach = reached(console.target)
    workspace = load(console.root)
    list(apply_plan(reach.surface, workspace, plan_sync(reach.surface, workspace)))
    reach.close()
    tried_both = words(tried(browse, which="both"))
    assert tried_both.startswith("Tests 2 passed, 2 failed")
    assert re.search(r"passed clerk: a sum at the target, \d", tried_both)
    page = words(browse.get("/tests").text)
    assert len(re.findall(r"(?:passed|failed) \d", page)) == 4
    assert {(it["case"][:5], it["synced"]) for it in kept(console.root)} == {
        ("a sum", False),
        ("a sum", True),
        ("a <b>", False),
        ("a <b>", True),
    }


def test_a_case_that_came_to_differ_is_called_better_or_worse(console, browse):
    tried(browse)
    file = console.root / STATE / FILE
    document = json.loads(file.read_text())
    before = [{**it, "synced": True, "outcome": "passed"} for it in document["cases"]]
    document["cases"] += before
    file.write_text(json.dumps(document))
    page = words(browse.get("/tests").text)
    assert "a &lt;b&gt;wrong&lt;/b&gt; sum worse" in page
    assert "a sum worse" not in page


def test_results_are_for_their_owner_only(console, browse):
    tried(browse)
    assert (console.root / STATE / FILE).stat().st_mode & 0o077 == 0


def test_tests_are_tried_one_set_at_a_time_and_can_be_stopped(console, browse):
    console.edit("assistants/clerk.tests.yaml", "user: sum\n    expect", "user: wait\n    expect")
    first = browse.post("/tests/run", {"which": "declared"})
    path = first.headers["location"].removeprefix("/console")
    try:
        second = browse.post("/tests/run", {"which": "declared"})
        assert "tests are at work already" in second.text
        assert "Tests are at work" in words(browse.get("/tests").text)
        browse.post(f"{path}/stop")
    finally:
        trial = trials.find(path.rpartition("/")[2])
        for _ in range(400):
            if trial.over:
                break
            time.sleep(0.05)
        console.edit(
            "assistants/clerk.tests.yaml", "user: wait\n    expect", "user: sum\n    expect"
        )
    assert trial.over
    assert "Stopped" in words(browse.get(path).text)


def test_tests_are_red_where_one_failed_or_broke_not_where_they_were_only_stopped(browse):
    answer = browse.post("/tests/run", {"which": "declared", "assistant": "clerk", "case": "a sum"})
    path = answer.headers["location"]
    browse.http.get(f"{path}/events")  # which end with the tests
    trial = trials.find(path.rpartition("/")[2])
    for counts, is_red in (
        ({"passed": 1}, False),
        ({"passed": 1, "stopped": 1}, False),
        ({"failed": 1, "stopped": 1}, True),
        ({"error": 1}, True),
    ):
        trial.counts = counts
        assert ('class="bad"' in browse.http.get(path).text) == is_red


def test_a_case_that_is_not_there_and_tests_that_are_forgotten_are_said(browse):
    assert "there is no case &#39;a su&#39; any more" in tried(browse, case="a su")
    assert browse.get("/tests/runs/0000").status_code == 409
    assert browse.get("/tests/case", assistant="clerk", case="x").status_code == 409
    assert browse.post("/tests/run", {"which": "everything"}).status_code == 409


def test_a_console_that_only_looks_tries_nothing(workshop):
    with opened_console(workshop, write=False) as looking:
        browse = Visitor(looking.address)
        with browse.http:
            browse.enter(looking.links)
            assert "This page only looks" in browse.get("/tests").text
            assert browse.post("/tests/run", {"which": "declared"}).status_code == 409
            assert browse.post("/tests/runs/0000/stop").status_code == 409


def test_where_nothing_is_written_down_no_result_is(console, browse):
    file = console.root / "assistctl.yaml"
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}threads: {{record: false}}\n", encoding="utf-8")
    try:
        tried(browse)
        assert kept(console.root) == ()
        assert "Results are not remembered" in browse.get("/tests").text
    finally:
        file.write_text(before, encoding="utf-8")


def test_in_a_browser_results_come_as_they_are_and_fit_400_pixels(console, new_page):
    page = new_page(viewport={"width": 400, "height": 800})
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    page.keyboard.press("g")
    with page.expect_navigation():
        page.keyboard.press("t")
    page.get_by_role("button", name="Try all").click()
    page.get_by_text("1 passed, 1 failed").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="hidden")
    beyond = "document.documentElement.scrollWidth - window.innerWidth"
    assert page.evaluate(beyond) <= 0
    page.get_by_role("link", name="All results").click()
    page.get_by_role("link", name="failed").click()
    page.get_by_text("The sum is 3.").wait_for()
    assert page.evaluate(beyond) <= 0
