"""The words for each way in which a value can fail its schema: one function for each keyword.

Covers the keywords of our own schemas and those at which a declared JSON Schema can fail JSON
Schema's own. Each takes the error and the name of the value, as `name_of` writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from assistctl.resources import Json
from assistctl.spec import addresses
from assistctl.spec.located import Path
from assistctl.spec.wording import either, kind_of, kinds, quoted, remedy_for, shown

JsonSchemaError: TypeAlias = Any
"""A jsonschema ValidationError; the package is imported only where something is checked."""

Sentence: TypeAlias = tuple[str, str]
"""What is wrong, and what to do."""

JSON_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

# Keys that people know from the API or look for one level too high.
_ELSEWHERE = {
    "tool_resources": "write paths under `files` of the tool itself",
    "file_ids": "write paths under `files` (sync finds out the ids)",
    "vector_store_ids": "write `vector_store` with a key of vector_stores in assistctl.yaml",
    **dict.fromkeys(
        (
            "tool_choice",
            "parallel_tool_calls",
            "max_prompt_tokens",
            "max_completion_tokens",
            "truncation_strategy",
        ),
        "put it under `run`",
    ),
    "reasoning": "write `reasoning_effort`; all else of it goes under `agents` or `responses`",
    **dict.fromkeys(("service_tier", "text"), "put it under `agents` or `responses`"),
    **dict.fromkeys(
        ("environment", "multi_agent", "compaction", "experimental", "vault_ids", "review"),
        "put it under `agents`, which is for targets that speak that API",
    ),
    **dict.fromkeys(
        (
            *("truncation", "context_management", "max_tool_calls", "safety_identifier"),
            *("prompt_cache_key", "prompt_cache_retention"),
        ),
        "put it under `responses`, which is for targets that speak that API",
    ),
}
_TOOLS_ELSEWHERE = ("web_search", "mcp", "programmatic_tool_calling", "automations")
"""Types of tools that not every API has."""


def sentence_for(error: JsonSchemaError, name: str) -> Sentence:
    describe = _BY_KEYWORD.get(str(error.validator))
    if describe is None:
        return f"{name} is not allowed here", "compare it with what `assistctl schema` prints"
    return describe(error, name)


def name_of(path: Path, prefix: str = "") -> str:
    """A path as people write it: `tools[0].files`."""
    text = prefix
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return shown(text, 120) if text else "the file"


def unknown_key(key: str, where: str, known: Mapping[str, Json]) -> Sentence:
    what = f"unknown key {shown(key)}" + (f" in {where}" if where else "")
    if key in _ELSEWHERE:
        return what, _ELSEWHERE[key]
    return what, remedy_for(key, known, f"remove it, or use {either(quoted(sorted(known)))}")


def missing_key(key: str, where: str, schema: Mapping[str, Json]) -> Sentence:
    what = f"`{key}` is missing" + (f" in {where}" if where else "")
    known = schema.get("properties", {}).get(key, {})
    if "const" in known:
        return what, f"add `{key}: {known['const']}`"
    if "enum" in known:
        return what, f"add it: {either(known['enum'])}"
    return what, "add it"


def _type(error: JsonSchemaError, name: str) -> Sentence:
    expected = error.validator_value
    if error.instance is None:
        return f"{name} has no value", "give it one, or remove the key"
    what = f"{name} must be {kinds(expected)}, not {kind_of(error.instance)}"
    return what, _type_remedy([expected] if isinstance(expected, str) else expected, error)


def _type_remedy(expected: Sequence[str], error: JsonSchemaError) -> str:
    value = error.instance
    if value in _words_for_type(error.schema):
        dash = "- " if error.absolute_path and isinstance(error.absolute_path[-1], int) else ""
        return f"write `{dash}type: {value}`"
    if "string" in expected and not isinstance(value, list | dict):
        return "put it in quotes"
    if "array" in expected:
        return "write a list, each item on its own line after `- `"
    if "object" in expected:
        return "write a mapping, `key: value` lines"
    if isinstance(value, str):
        return "write it without quotes (what comes from ${…} is always a string)"
    return f"write {kinds(expected)}"


def _words_for_type(schema: Mapping[str, Json]) -> Sequence[Json]:
    """What the `type` of such a mapping can be: many write the word alone."""
    words: Sequence[Json] = schema.get("properties", {}).get("type", {}).get("enum", [])
    return words


def _enum(error: JsonSchemaError, name: str) -> Sentence:
    words = [str(word) for word in error.validator_value if word is not None]
    if "errorMessage" in error.schema:
        return f"{name} cannot be {shown(error.instance)}", error.schema["errorMessage"]
    remedy = remedy_for(str(error.instance), words, "choose one of them")
    if error.instance in _TOOLS_ELSEWHERE and "function" in words:
        remedy = "put it under `tools` of `agents` or `responses`: not every API has it"
    return f"{name} must be {either(words)}, not {shown(error.instance)}", remedy


def _const(error: JsonSchemaError, name: str) -> Sentence:
    value = error.instance
    given = kind_of(value) if isinstance(value, str) else shown(value)
    expected = error.validator_value
    advice = error.schema.get("errorMessage", f"write {expected}")
    return f"{name} must be {expected}, not {given}", advice


def _bound(words: str, remedy: str) -> Callable[[JsonSchemaError, str], Sentence]:
    """What says that a number must be `at least` another."""

    def sentence(error: JsonSchemaError, name: str) -> Sentence:
        bound, value = error.validator_value, shown(error.instance)
        return f"{name} must be {words} {bound}, not {value}", remedy

    return sentence


def _min_length(_: JsonSchemaError, name: str) -> Sentence:
    return f"{name} is empty", "give it a value"


def _max_length(error: JsonSchemaError, name: str) -> Sentence:
    length, most = len(error.instance), error.validator_value
    return f"{name} is {length:,} characters long, more than {most:,}", "shorten it"


def _min_items(_: JsonSchemaError, name: str) -> Sentence:
    return f"{name} is an empty list", "give it an item"


def _max_items(error: JsonSchemaError, name: str) -> Sentence:
    return f"{name} has {len(error.instance)} items, more than {error.validator_value}", "drop some"


def _unique_items(_: JsonSchemaError, name: str) -> Sentence:
    return f"{name} lists something twice", "keep one of each"


def _max_properties(error: JsonSchemaError, name: str) -> Sentence:
    what = f"{name} has {len(error.instance)} pairs, more than {error.validator_value}"
    return what, error.schema.get("errorMessage", "drop some")


def _pattern(error: JsonSchemaError, name: str) -> Sentence:
    advice = error.schema.get("patternErrorMessage", f"it must match {error.validator_value}")
    if error.schema.get("writeOnly"):
        what = f"{name} must be a reference to an environment variable"
        if str(error.instance).startswith("${"):
            return f"{what}, without a default", "where no key is asked for, leave it out"
        return what, advice
    if name.startswith("the key"):
        return f"{name} is not allowed", advice
    path = list(error.absolute_path)
    if path[-1:] == ["base_url"]:
        return addresses.sentence(name, error.instance, query=path[-2:-1] == ["model"])
    return f"{name} cannot be {shown(error.instance)}", advice


def _format(error: JsonSchemaError, name: str) -> Sentence:
    if "patternErrorMessage" in error.schema:
        return _pattern(error, name)
    # The only other format that is checked: the `pattern` of a declared schema.
    return f"{name} is not a regular expression", "correct it, or escape it with backslashes"


def _any_of(error: JsonSchemaError, name: str) -> Sentence:
    options = error.validator_value
    if all("required" in option for option in options):
        keys = quoted(key for option in options for key in option["required"])
        return f"{name} has neither {' nor '.join(keys)}", "add one of them"
    # JSON Schema's own: `type` is the name of one, or a list of different ones.
    advice = f"use {either(JSON_TYPES)}"
    if isinstance(error.instance, str):
        what = f"{name} cannot be {shown(error.instance)}"
        return what, remedy_for(error.instance, JSON_TYPES, advice)
    return f"{name} must be a type, or a list of different ones", advice


def _not(error: JsonSchemaError, name: str) -> Sentence:
    keys = quoted(error.validator_value.get("required", []))
    if len(keys) == 1:
        return f"{name} cannot have {keys[0]}", "remove it"
    return f"{name} cannot have both {' and '.join(keys)}", "keep one of them"


_BY_KEYWORD: Mapping[str, Callable[[JsonSchemaError, str], Sentence]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "minimum": _bound("at least", "raise it"),
    "exclusiveMinimum": _bound("more than", "raise it"),
    "maximum": _bound("at most", "lower it"),
    "minLength": _min_length,
    "maxLength": _max_length,
    "minItems": _min_items,
    "maxItems": _max_items,
    "uniqueItems": _unique_items,
    "maxProperties": _max_properties,
    "pattern": _pattern,
    "format": _format,
    "anyOf": _any_of,
    "not": _not,
}
