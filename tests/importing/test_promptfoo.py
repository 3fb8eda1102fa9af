"""What of a promptfoo configuration becomes a tests file, and what is told not to."""

import pytest

from assistctl.errors import AssistctlError, DeclarationError
from assistctl.importing.promptfoo import import_tests
from assistctl.loading import load

CONFIG = """\
description: The florist
prompts:
  - "A customer says: {{message}}"
providers:
  - openai:gpt-6-luna
  - id: openai:chat:gpt-6.1
    config: {temperature: 0}
  - anthropic:messages:some-model
defaultTest:
  vars: {shop: Daisy}
  assert:
    - {type: latency, threshold: 5000}
tests:
  - description: a greeting
    vars: {message: Hello}
    assert:
      - {type: icontains, value: "welcome to {{shop}}"}
      - {type: not-icontains, value: sorry}
      - {type: contains-all, value: [Hello, "Da"]}
      - {type: contains-any, value: [a.b, "c"]}
      - {type: llm-rubric, value: "Is it ${kind}?", weight: 2}
      - {type: javascript, value: output.length < 100}
  - vars: {message: Give me JSON}
    assert:
      - type: is-json
        value: {type: object, required: [stems]}
      - {type: cost, threshold: 0.01}
      - {type: similar, value: x, threshold: 0.8}
    options: {transform: output.trim()}
  - description: a greeting
    vars: {message: [one, two]}
  - description: a greeting
    vars: {message: Bye}
    assert:
      - {type: equals, value: Goodbye!}
      - {type: equals, value: Bye!}
      - {type: starts-with, value: Good}
      - {type: regex, value: "^G"}
      - {type: not-regex, value: "[0-9]"}
evaluateOptions: {repeat: 3}
"""
WORKSPACE = "version: 1\nworkspace: shop\ndefaults: {model: gpt-6-luna}\n"


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistctl.yaml").write_text(WORKSPACE)
    (tmp_path / "assistants" / "clerk.yaml").write_text("instructions: Sell.\n")
    return tmp_path


def imported(shop, config):
    path = shop / "promptfooconfig.yaml"
    path.write_text(config, encoding="utf-8")
    return import_tests(path, shop, "clerk")


def test_what_maps_is_a_valid_tests_file_and_the_rest_is_named(shop):
    file, notes = imported(shop, CONFIG)
    assert file == "assistants/clerk.tests.yaml"
    assert (
        (shop / file).read_text("utf-8")
        == """\
# Imported from promptfooconfig.yaml.
judge: {model: gpt-6-luna}
matrix:
  models: [gpt-6-luna, gpt-6.1]
cases:
  - name: a greeting
    user: "A customer says: Hello"
    expect:
      seconds: 5
      regex: [(?i)welcome to Daisy, '(?is)\\A(?!.*(?:sorry))', a\\.b|c]
      contains: [Hello, Da]
      rubric: ["Is it ${kind}?"]
  - name: test 2
    user: "A customer says: Give me JSON"
    expect:
      seconds: 5
      json_schema:
        type: object
        required: [stems]
      cost: 0.01
  - name: a greeting (2)
    user: "A customer says: Bye"
    expect:
      seconds: 5
      equals: Goodbye!
      regex: ['\\AGood', ^G, '(?s)\\A(?!.*(?:[0-9]))']
"""
    )
    suite = load(shop).suites["clerk"]
    assert [case.name for case in suite.cases] == ["a greeting", "test 2", "a greeting (2)"]
    assert suite.cases[0].turns[0].expect[-1].value == "Is it ${kind}?"
    assert [f"{it.place}: {it.what}" for it in notes] == [
        "promptfooconfig.yaml:8:5: the provider anthropic:messages:some-model does not map",
        "promptfooconfig.yaml:21:53: `weight` of the assertion llm-rubric does not map",
        "promptfooconfig.yaml:22:9: an assertion of the type javascript does not map",
        "promptfooconfig.yaml:28:9: an assertion of the type similar does not map",
        "promptfooconfig.yaml:29:5: `options` of the test does not map",
        "promptfooconfig.yaml:31:5: the variable message is no text: it does not map",
        "promptfooconfig.yaml:36:9: a second `equals` does not map",
        "promptfooconfig.yaml:40:1: `evaluateOptions` does not map",
    ]


def test_one_variable_alone_is_what_the_user_says(shop):
    imported(shop, "tests: [{vars: {question: Open today?}, assert: []}]\n")
    (case,) = load(shop).suites["clerk"].cases
    (turn,) = case.turns
    assert (case.name, turn.user, turn.expect, case.expect) == ("test 1", "Open today?", (), ())


@pytest.mark.parametrize(
    "prompt", ["file://prompt.txt", "{% if a %}x{% endif %}", "{{ missing }}", "a {{ b | upper }}"]
)
def test_a_prompt_that_is_more_than_text_with_variables_does_not_map(shop, prompt):
    config = f'prompts: ["{prompt}"]\ntests: [{{vars: {{a: b, c: d}}}}]\n'
    with pytest.raises(AssistctlError, match=r"^promptfooconfig\.yaml has no test that maps"):
        imported(shop, config)


def test_tests_are_never_overwritten(shop):
    config = "tests: [{vars: {question: Open?}}]\n"
    imported(shop, config)
    with pytest.raises(AssistctlError, match="is there already, and is never overwritten"):
        imported(shop, config)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("tests: file://tests.csv\n", "names a file of tests; write them in it"),
        ("prompts: [a]\n", "has no list of `tests`"),
    ],
)
def test_a_file_without_tests_is_told(shop, config, words):
    with pytest.raises(AssistctlError, match=words):
        imported(shop, config)


def test_a_file_that_cannot_be_read_is_told_with_its_place(shop):
    with pytest.raises(DeclarationError, match=r"promptfooconfig\.yaml:2:1: not valid YAML"):
        imported(shop, "tests: [{")
