"""What a predicate says and what jsonschema finds are never two things."""

import copy
import json
import random
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from assistctl.predicates import Predicate, predicate
from assistctl.spec.declared_schemas import _is_plain, _meta
from assistctl.spec.grammar import FORMATS, KINDS, checked
from assistctl.spec.validation import _validator

GOOD = Path(__file__).parent / "workspaces" / "good-full"
FILES = {
    "workspace": "assistctl.yaml",
    "assistant": "assistants/shop.yaml",
    "functions": "tools/bills.yaml",
    "script": "assistants/shop.script.yaml",
    "tests": "assistants/shop.tests.yaml",
}
SCHEMA = {
    "type": "object",
    "title": "A bill",
    "properties": {
        "flower": {"type": ["string", "null"], "pattern": "^r", "minLength": 1, "default": None},
        "count": {"type": "integer", "minimum": 1, "exclusiveMaximum": 10.5, "enum": [1, 2]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "uniqueItems": True},
        "other": {"anyOf": [{"const": 1}, True, {"not": {"maxItems": 2}}], "examples": []},
    },
    "required": ["flower", "count"],
    "additionalProperties": False,
    "$defs": {"tag": {"type": "string", "description": "One.", "format": "email"}},
}
SCALARS = (
    *(None, True, False, 0, 1, 2, -1, 1.0, 0.5, 1e9, "", "a", "auto", "${A}", "a-b", "Ä", "a\n"),
    *("code_interpreter", "file_search", "function", "json_schema", "static", "required", "object"),
    *("http://h/v1", "x" * 300, "assistctl_x", "m:f", "string", "[", "#", [], {}, ["a", "a"]),
)


def words(value: Any) -> Iterator[str]:
    """Every key that a schema knows, and every word that it lists."""
    if isinstance(value, Mapping):
        yield from value.get("properties", {})
        yield from (word for word in value.get("enum", ()) if isinstance(word, str))
    for inner in value.values() if isinstance(value, Mapping) else value:
        if isinstance(inner, Mapping | list):
            yield from words(inner)


def holders(value: Any) -> Iterator[Any]:
    """Every mapping and list in a value."""
    if isinstance(value, dict | list):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from holders(inner)


def altered(value: Any, chance: random.Random, known: list[str]) -> Any:
    """The value with up to four things exchanged, added or taken away."""
    value = copy.deepcopy(value)
    spares = [*SCALARS, *known, *holders(value)]
    for _ in range(chance.randint(0, 4)):
        holder = chance.choice(list(holders(value)))
        new = copy.deepcopy(chance.choice(spares))
        if isinstance(holder, dict):
            key = chance.choice([*holder, *known])
        else:
            key = chance.randrange(len(holder) + 1)
            holder.append(new)
        if chance.random() < 0.3 and (isinstance(holder, list) or key in holder):
            del holder[key]
        else:
            holder[key] = new
    return value


@cache
def parts(kind: Any) -> tuple[Any, Predicate, Any, list[str]]:
    good = yaml.safe_load((GOOD / FILES[kind]).read_text("utf-8-sig"))
    schema = checked(kind)
    return good, predicate(schema, FORMATS), _validator(kind), sorted(set(words(schema)))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_a_file_obeys_if_jsonschema_finds_nothing(kind: str, chance: random.Random) -> None:
    good, obeys, validator, known = parts(kind)
    value = altered(good, chance, known)
    assert obeys(value) == (next(validator.iter_errors(value), None) is None), json.dumps(value)


@settings(max_examples=200)
@given(st.randoms(use_true_random=False))
def test_what_is_plainly_a_schema_is_one_to_jsonschema(chance: random.Random) -> None:
    value = altered(SCHEMA, chance, ["type", "properties", "required", "pattern", "minLength"])
    if _is_plain()(value):
        assert next(_meta().iter_errors(value), None) is None, json.dumps(value)


def test_schemas_as_people_write_them_are_plain() -> None:
    assert _is_plain()(SCHEMA)


KEYWORDS = [
    {"type": ["integer", "null"]},
    {"type": "number", "minimum": 1, "maximum": 2},
    {"exclusiveMinimum": 0},
    {"enum": ["a", 1, None]},
    {"const": 1},
    {"minLength": 1, "maxLength": 2, "pattern": "^a"},
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    {"minItems": 1, "maxItems": 1},
    {"maxProperties": 0},
    {"required": ["a"], "propertyNames": {"maxLength": 1}},
    {"properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
    {"if": {"type": "string"}, "then": {"minLength": 1}, "else": {"type": "object"}},
    {"if": {"required": ["a"]}, "else": {"type": "array"}},
    {"then": {"type": "string"}},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"not": {"type": ["string", "boolean"]}},
    {"type": "object", "additionalProperties": {"$ref": "#"}},
    {"format": "assistctl-key"},
]


@pytest.mark.parametrize("schema", KEYWORDS, ids=json.dumps)
def test_each_keyword_means_what_it_means_to_jsonschema(schema: Any) -> None:
    formats = FormatChecker(formats=())
    for name, obeys in FORMATS.items():
        formats.checks(name)(obeys)
    validator = Draft202012Validator(schema, format_checker=formats)
    values = [*SCALARS, {"a": 1}, {"a": "a"}, {"a": {}}, {"b": 1}, {"bb": []}, [1], ["a", "b"]]
    assert [predicate(schema, FORMATS)(value) for value in values] == [
        validator.is_valid(value) for value in values
    ]


@pytest.mark.parametrize(
    ("schema", "unknown"),
    [
        ({"multipleOf": 2}, "multipleOf"),
        ({"properties": {"a": {"oneOf": [], "contains": {}}}}, "contains, oneOf"),
        ({"format": "date"}, "the format date"),
        ({"enum": [[]]}, "words that are no strings or integers"),
        ({"uniqueItems": True}, "uniqueItems but of strings"),
    ],
)
def test_a_schema_that_says_something_else_has_no_predicate(schema: Any, unknown: str) -> None:
    with pytest.raises(ValueError, match=f"^no predicate is known for {unknown}$"):
        predicate(schema, FORMATS)
