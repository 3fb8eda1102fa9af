"""The same cases with each model, each prompt, at each target."""

import pytest

from assistctl.errors import DeclarationError
from assistctl.loading import load
from assistctl.testing import Wanted, try_cases
from tests.server.chat_endpoint import chat_endpoint_running, say

WORKSPACE = """\
version: 1
workspace: shop
defaults: {{model: gpt-6-luna}}
targets:
  local: {{model: {{base_url: "{url}", api: chat}}}}
  responses: {{api: responses, model: {{base_url: "{url}", api: chat}}}}
"""
CASES = """\
matrix:
  targets: [local, responses]
  models: [gpt-6-luna, gpt-6.1]
  prompts: [kind.md, strict.md]
cases: [{name: greets, user: Hi, expect: {contains: Hello}}]
"""
PLAIN = "cases: [{name: says goodbye, user: Bye, expect: {contains: Hello}}]"
FILES = {
    "assistants/clerk.yaml": "instructions: Sell.\n",
    "assistants/clerk.tests.yaml": CASES,
    "assistants/kind.md": "Be kind.",
    "assistants/strict.md": "Be strict.",
    "assistants/guide.yaml": "instructions: Guide.\n",
    "assistants/guide.tests.yaml": PLAIN,
}


@pytest.fixture
def shop(tmp_path):
    with chat_endpoint_running() as endpoint:
        endpoint.answer(say("Hello!"))
        files = {"assistctl.yaml": WORKSPACE.format(url=endpoint.url), **FILES}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        yield tmp_path, endpoint


def asked(endpoint):
    return sorted({(it["model"], it["messages"][0]["content"]) for it in endpoint.requests})


def test_each_combination_is_a_row(shop):
    root, endpoint = shop
    report = try_cases(load(root), Wanted())
    assert report.good
    assert [(it.key, str(it.row)) for it in report.results] == [
        ("clerk", "local, model gpt-6-luna, kind.md"),
        ("clerk", "local, model gpt-6-luna, strict.md"),
        ("clerk", "local, model gpt-6.1, kind.md"),
        ("clerk", "local, model gpt-6.1, strict.md"),
        ("clerk", "responses, model gpt-6-luna, kind.md"),
        ("clerk", "responses, model gpt-6-luna, strict.md"),
        ("clerk", "responses, model gpt-6.1, kind.md"),
        ("clerk", "responses, model gpt-6.1, strict.md"),
        ("guide", "local"),
    ]
    assert asked(endpoint) == [
        ("gpt-6-luna", "Be kind."),
        ("gpt-6-luna", "Be strict."),
        ("gpt-6-luna", "Guide."),
        ("gpt-6.1", "Be kind."),
        ("gpt-6.1", "Be strict."),
    ]
    assert len(endpoint.requests) == 9


def test_a_target_that_somebody_names_is_the_only_one(shop):
    root, _ = shop
    report = try_cases(load(root, "responses"), Wanted(("clerk",), one_target=True))
    assert {it.row.target for it in report.results} == {"responses"}
    assert len(report.results) == 4


def test_all_rows_of_an_assistant_are_on_one_cassette(shop):
    root, endpoint = shop
    assert try_cases(load(root), Wanted(taping="record")).good
    assert sorted(it.name for it in root.glob("assistants/*.json")) == [
        "clerk.cassette.json",
        "guide.cassette.json",
    ]
    count = len(endpoint.requests)
    assert try_cases(load(root), Wanted(taping="replay")).good
    assert len(endpoint.requests) == count


def test_what_a_matrix_names_must_be_there(shop):
    root, _ = shop
    (root / "assistants" / "clerk.tests.yaml").write_text(
        "matrix: {targets: [loca], prompts: [knd.md]}\n" + PLAIN
    )
    with pytest.raises(DeclarationError) as raised:
        load(root, tests=True)
    assert list(map(str, raised.value.problems)) == [
        "assistants/clerk.tests.yaml:1:20: there is no target `loca`; did you mean `local`?",
        "assistants/clerk.tests.yaml:1:37: `knd.md` does not exist; did you mean `kind.md`?",
    ]


def test_instructions_have_the_variables_of_each_case(shop):
    root, endpoint = shop
    (root / "assistants" / "clerk.yaml").write_text(
        "instructions: 'Sell {{ what }} at {{ rate }}.'\nvariables: {what: flowers, rate: 1}\n"
    )
    (root / "assistants" / "kind.md").write_text("Be kind, and sell {{ what }}.")
    (root / "assistants" / "clerk.tests.yaml").write_text(
        "variables: {rate: 2}\n"
        "matrix: {prompts: [kind.md]}\n"
        "cases:\n"
        "  - {name: a, user: Hi}\n"
        "  - {name: b, user: Hi, variables: {what: bread}}\n"
    )
    report = try_cases(load(root), Wanted(("clerk",)))
    assert report.good
    assert asked(endpoint) == [
        ("gpt-6-luna", "Be kind, and sell bread."),
        ("gpt-6-luna", "Be kind, and sell flowers."),
    ]


def test_a_variable_that_there_is_not_is_found(shop):
    root, _ = shop
    (root / "assistants" / "clerk.yaml").write_text(
        "instructions: 'Sell {{ what }}.'\nvariables: {what: flowers}\n"
    )
    (root / "assistants" / "clerk.tests.yaml").write_text("variables: {wat: x}\n" + PLAIN)
    with pytest.raises(DeclarationError) as raised:
        load(root, tests=True)
    assert list(map(str, raised.value.problems)) == [
        "assistants/clerk.tests.yaml:1:13: clerk has no variable `wat`; did you mean `what`?"
    ]
