import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from assistctl.spec import KINDS, schema

GOOD = Path(__file__).parent.parent / "workspaces" / "good-full"
FILES = {
    "workspace": "assistctl.yaml",
    "assistant": "assistants/shop.yaml",
    "functions": "tools/bills.yaml",
    "script": "assistants/shop.script.yaml",
    "tests": "assistants/shop.tests.yaml",
}
BROKEN = {
    "workspace": {"version": 2, "workspace": "x"},
    "assistant": {"nmae": "x"},
    "functions": {"functions": {"a b": {}}},
    "script": {"turns": [{}]},
    "tests": {"cases": [{"name": "x"}]},
}


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from parts(inner)


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_a_schema_is_valid_json_schema(kind: str | None) -> None:
    document = schema(kind)
    Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_every_reference_leads_to_a_definition_and_every_definition_is_reached(
    kind: str | None,
) -> None:
    document = schema(kind)
    names = {part["$ref"].removeprefix("#/$defs/") for part in parts(document) if "$ref" in part}
    assert names == set(document["$defs"])


def test_every_key_has_a_description() -> None:
    document = schema()
    missing = [
        key
        for part in parts(document)
        for key, value in part.get("properties", {}).items()
        if isinstance(value, dict) and value.keys() != {"const"} and "description" not in value
    ]
    assert missing == []


def test_every_pattern_has_words_for_people() -> None:
    wordless = [p for p in parts(schema()) if "pattern" in p and "patternErrorMessage" not in p]
    assert {part["pattern"] for part in wordless} == {r"\$\{"}


def test_editors_do_not_mind_a_variable() -> None:
    value = {"reasoning_effort": "${EFFORT:-low}", "run": {"tool_choice": "${CHOICE}"}}
    target = {"api": "${API}", "base_url": "http://${HOST}/v1", "namespace": "${NAME}"}
    workspace = {"version": 1, "workspace": "x", "targets": {"a": target}}
    for document in (value, workspace):
        assert list(Draft202012Validator(schema()).iter_errors(document)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_one_schema_serves_every_kind_of_file(kind: str) -> None:
    value = yaml.safe_load((GOOD / FILES[kind]).read_text("utf-8-sig"))
    for document in (schema(), schema(kind)):
        assert list(Draft202012Validator(document).iter_errors(value)) == []
        assert not Draft202012Validator(document).is_valid(BROKEN[kind])


def test_a_kind_refuses_the_files_of_the_others() -> None:
    for kind in KINDS:
        validator = Draft202012Validator(schema(kind))
        accepted = [
            other
            for other, file in FILES.items()
            if validator.is_valid(yaml.safe_load((GOOD / file).read_text("utf-8-sig")))
        ]
        assert accepted == [kind]


def test_a_schema_is_the_readers_own_to_change() -> None:
    schema()["$defs"].clear()
    assert schema()["$defs"] != {}
