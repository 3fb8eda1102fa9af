"""What cases are tried with: functions, interpreters, targets, files."""

import subprocess
import sys
import threading

import pytest

from assistctl.errors import AssistctlError, DeclarationError
from assistctl.loading import load
from assistctl.server import EmbeddedServer, Settings
from assistctl.testing import Wanted, try_cases
from assistctl.testing.laboratory import as_declared
from assistctl.testing.trying import Stop, attempted
from tests.server.chat_endpoint import Reply, chat_endpoint_running, say

WORKSPACE = """\
version: 1
workspace: shop
defaults: {model: gpt-6-luna}
targets: {local: {model: scripted}}
"""
TOOLS = '''\
import time


def quick() -> str:
    """At once."""
    return "done"


def slow() -> str:
    """After a while."""
    time.sleep(1.5)
    return "done"
'''
CLERK = """\
tools:
  - {type: function, python: work:quick}
  - {type: function, python: work:slow}
"""
SCRIPT = """\
turns:
  - {when: quick, call: {quick: {}}, say: Quickly done.}
  - {when: slow, call: {slow: {}}, say: Slowly done.}
  - {say: Hello!}
"""
CASES = """\
cases:
  - {name: slow, user: "Be slow.", expect: {contains: Slowly, calls: [slow]}}
  - {name: quick, user: "Be quick.", expect: {contains: Quickly, calls: [quick]}}
"""


@pytest.fixture
def shop(tmp_path):
    files = {
        "assistctl.yaml": WORKSPACE,
        "assistants/clerk.yaml": CLERK,
        "assistants/clerk.script.yaml": SCRIPT,
        "assistants/clerk.tests.yaml": CASES,
        "tools/work.py": TOOLS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def elsewhere(shop, api, url, more=""):
    """Declare a target `prod` that is a server of somebody else."""
    target = f'prod: {{api: {api}, base_url: "{url}"{more}}}'
    local = "local: {model: scripted}"
    (shop / "assistctl.yaml").write_text(WORKSPACE.replace(local, f"{local}, {target}"))


def told(report):
    return [
        verdict.came
        for result in report.results
        for attempt in result.attempts
        for verdict in attempt.unmet
    ]


def outputs(report):
    return {
        result.case.name: [call.output for call in result.attempts[0].calls]
        for result in report.results
    }


@pytest.mark.parametrize("api", ["assistants", "responses"])
def test_a_case_that_is_stopped_amid_the_words_leaves_no_run_at_work(shop, api):
    stop, never, talks = Stop(), threading.Event(), []

    class Asks(threading.Event):
        def wait(self, timeout=None):
            talks.extend(stop._talks)
            stop.ask()

    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Words.", Asks(), "More.", never))
        model = f"{{api: {api}, model: {{base_url: {endpoint.url!r}}}}}"
        declared = WORKSPACE.replace("{model: scripted}", model)
        (shop / "assistctl.yaml").write_text(declared)
        workspace = load(shop, tests=True)
        with as_declared(workspace, ["clerk"]) as (subject,):
            attempt = attempted(subject, subject.suite.cases[0], None, stop)
            never.set()
            assert (attempt.error, attempt.stopped) == (None, True)
            assert [talk.conversation.finished().status for talk in talks] == ["cancelled"]


def test_a_round_of_one_case_ends_no_function_of_another_in_an_interpreter_of_its_own(shop):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", shop / ".venv"], check=True)
    with (shop / "assistctl.yaml").open("a") as file:
        file.write("tools: {python: .venv/bin/python}\n")
    report = try_cases(load(shop), Wanted(jobs=2))
    assert outputs(report) == {"slow": ["done"], "quick": ["done"]}
    assert report.good, told(report)


def test_a_target_elsewhere_is_only_asked_as_a_model(shop):
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Hello!"))
        elsewhere(shop, "assistants", endpoint.url)
        (shop / "assistants" / "clerk.tests.yaml").write_text(
            "cases: [{name: greets, user: Hi, expect: {equals: Hello!}}]"
        )
        report = try_cases(load(shop, "prod"), Wanted())
    assert report.good, told(report)
    assert [path.rpartition("/v1")[2] for path in endpoint.paths] == ["/chat/completions"]
    assert not (shop / ".assistctl").exists()


@pytest.mark.parametrize("api", ["assistants", "responses", "agents"])
def test_a_server_of_ours_elsewhere_is_asked_as_a_model_whatever_its_api(
    shop, tmp_path, monkeypatch, api
):
    turns = [{"when": "quick", "call": {"quick": {}}, "say": "Quickly done."}]
    settings = Settings(tmp_path / "elsewhere.db", model="scripted", scripts={"any/one": turns})
    with EmbeddedServer(settings) as server:
        monkeypatch.setenv("PROD_KEY", server.api_key)
        elsewhere(shop, api, server.base_url, ', api_key: "${PROD_KEY}"')
        report = try_cases(load(shop, "prod"), Wanted(only=("quick",)))
    assert report.good, told(report)


def test_a_target_elsewhere_that_has_no_model_says_how_it_can_be_tested(shop):
    (shop / "assistants" / "clerk.tests.yaml").write_text("cases: [{name: greets, user: Hi}]")
    with chat_endpoint_running() as endpoint:
        endpoint.answer(*[Reply(404, {"error": {"message": "Nothing here"}})] * 3)
        elsewhere(shop, "assistants", endpoint.url)
        report = try_cases(load(shop, "prod"), Wanted())
    (came,) = told(report)
    assert " answered 404: Nothing here" in came
    assert came.endswith(" (prod is asked as a model here; --synced tests what is at it)")
    assert [path.rpartition("/v1")[2] for path in endpoint.paths] == [
        *("/chat/completions", "/responses", "/chat/completions")
    ]


def test_what_only_a_service_has_cannot_be_tried_on_the_embedded_server(shop):
    elsewhere(shop, "agents", "http://127.0.0.1:9/v1")
    (shop / "assistants" / "clerk.yaml").write_text("agents: {tools: [{type: web_search}]}\n")
    (shop / "assistants" / "clerk.tests.yaml").write_text("cases: [{name: a, user: b}]")
    with pytest.raises(DeclarationError, match="which is the embedded server"):
        try_cases(load(shop, "prod"), Wanted())


def test_a_message_brings_its_files(shop):
    (shop / "assistants" / "clerk.yaml").write_text("tools: [{type: code_interpreter}]\n")
    (shop / "assistants" / "notes.csv").write_text("a,b\n")
    (shop / "assistants" / "clerk.tests.yaml").write_text(
        "cases: [{name: a, user: Read this., attach: [notes.csv], expect: {equals: Hello!}}]"
    )
    (shop / "assistants" / "clerk.script.yaml").write_text("turns: [{say: Hello!}]")
    report = try_cases(load(shop), Wanted())
    assert report.good, told(report)


def test_a_file_that_nothing_reads_is_an_error_of_the_case(shop):
    (shop / "assistants" / "notes.csv").write_text("a,b\n")
    (shop / "assistants" / "clerk.tests.yaml").write_text(
        "cases: [{name: a, user: Read this., attach: [notes.csv]}]"
    )
    (result,) = try_cases(load(shop), Wanted()).results
    assert result.outcome.value == "error"
    assert result.attempts[0].error.startswith("assistant/clerk has no tool that reads files")


@pytest.mark.parametrize("api", ["assistants", "responses"])
def test_a_cited_file_is_known_by_its_name(shop, api):
    (shop / "assistctl.yaml").write_text(
        WORKSPACE.replace("{model: scripted}", f"{{model: scripted, api: {api}}}")
    )
    (shop / "assistants" / "clerk.yaml").write_text(
        "tools: [{type: file_search, files: [refunds.md]}]\n"
    )
    (shop / "assistants" / "refunds.md").write_text("# Refunds\n\nA refund takes ten days.\n")
    (shop / "assistants" / "clerk.script.yaml").write_text(
        "turns: [{call: {file_search: {query: refund}}, say: Ten days【4:0†source】.}]"
    )
    (shop / "assistants" / "clerk.tests.yaml").write_text(
        "cases: [{name: a, user: A refund?, expect: {cited: refunds.md, contains: Ten days}}]"
    )
    report = try_cases(load(shop), Wanted())
    assert report.good, told(report)


@pytest.mark.parametrize("interpreter", ["", f"tools: {{python: {sys.executable}}}\n"])
def test_a_module_whose_functions_all_have_stubs_is_not_imported(shop, interpreter):
    (shop / "assistctl.yaml").write_text(WORKSPACE + interpreter, encoding="utf-8")
    broken = f"raise RuntimeError('not here')\n{TOOLS}"
    (shop / "tools" / "work.py").write_text(broken, encoding="utf-8")
    stubs = "stubs: {quick: {returns: at once}, slow: {returns: later}}\n"
    tests = shop / "assistants" / "clerk.tests.yaml"
    tests.write_text(stubs + CASES, encoding="utf-8")
    assert try_cases(load(shop), Wanted()).good
    tests.write_text(stubs.replace(", slow: {returns: later}", "") + CASES, encoding="utf-8")
    with pytest.raises(AssistctlError, match="RuntimeError: not here"):
        try_cases(load(shop), Wanted())
