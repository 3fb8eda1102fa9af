"""Declared JSON Schemas: valid, of type object, and with `strict` fit for strict mode."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from assistctl.predicates import Predicate, predicate
from assistctl.resources import Json, digest
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList, Path
from assistctl.spec.schema_messages import JSON_TYPES, name_of
from assistctl.spec.validation import verdicts_of
from assistctl.spec.wording import both, quoted, shown

_MAPS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = (
    *("items", "contains", "unevaluatedItems", "not", "if", "then", "else"),
    *("additionalProperties", "unevaluatedProperties", "propertyNames"),
)
_NOT_IN_STRICT_MODE = (
    *("oneOf", "allOf", "not", "if", "then", "else"),
    *("dependentRequired", "dependentSchemas"),
)
_SAYS_WHAT_IT_IS = {"type", "anyOf", "$ref", "enum", "const"}
_HOLD_VALUES = ("properties", "$defs", "definitions", "anyOf")


class SchemaChecker:
    """Checks schemas; one that was found good is not checked again."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._good: set[str] = set()

    def check(
        self, schema: Located, *, name: str, strict: bool = False, any_type: bool = False
    ) -> bool:
        """Whether the schema can be used; findings say what is wrong with it. `name` is what the
        findings call it: parameters, schema. One of `any_type` no API is to be told."""
        key = digest([schema, strict, any_type])
        if key in self._good:
            return True
        found = Findings()
        # re warns of patterns that it will refuse one day; that is not the author's concern.
        with warnings.catch_warnings(action="ignore"):
            _check(schema, strict, name, found, any_type)
        self._findings.extend(found.in_order())
        if not found:
            self._good.add(key)
        return not found


def _check(schema: Located, strict: bool, name: str, findings: Findings, any_type: bool) -> None:
    if not _is_plain()(schema):
        broken = [v for error in _meta().iter_errors(schema) for v in verdicts_of(error, name)]
        findings.extend(verdict.problem(schema) for verdict in broken)
        if broken:
            return
    if not any_type:
        _check_type(schema, name, findings)
    for path, part in _parts(schema):
        _check_reference(path, part, schema, name, findings)
        if strict:
            _check_strict(path, part, name, findings)


def _check_type(schema: Located, name: str, findings: Findings) -> None:
    if "type" not in schema:
        findings.add(schema.place, f"`type` is missing in `{name}`", "add `type: object`")
    elif schema["type"] != "object":
        findings.add(
            schema.value_place("type"),
            f"`{name}.type` must be object, not {shown(schema['type'])}",
            "write `type: object` and put the values under `properties`",
        )


def _parts(schema: Located, path: Path = ()) -> Iterator[tuple[Path, Located]]:
    """The schema and every schema inside it, each with the path that leads there."""
    yield path, schema
    for key in schema:
        for step, part in _inside(key, schema[key]):
            yield from _parts(part, (*path, key, *step))


def _inside(key: str, value: Json) -> Iterator[tuple[Path, Located]]:
    if key in _SCHEMAS and isinstance(value, Located):
        yield (), value
    elif key in _MAPS_OF_SCHEMAS and isinstance(value, Located):
        yield from (((name,), part) for name, part in value.items() if isinstance(part, Located))
    elif key in _LISTS_OF_SCHEMAS and isinstance(value, LocatedList):
        yield from (((i,), part) for i, part in enumerate(value) if isinstance(part, Located))


def _check_reference(
    path: Path, part: Located, root: Located, name: str, findings: Findings
) -> None:
    reference = part.get("$ref", "#")
    if not _leads_somewhere(reference, root):
        findings.add(
            part.value_place("$ref"),
            f"{name_of((*path, '$ref'), name)} leads nowhere: {shown(reference)}",
            "refer to a definition in the same schema, such as #/$defs/name",
        )


def _leads_somewhere(reference: str, root: Json) -> bool:
    if not reference.startswith("#"):
        return False
    value = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return False
    return reference == "#" or reference.startswith("#/")


def _check_strict(path: Path, part: Located, name: str, findings: Findings) -> None:
    where = name_of(path, name)
    for key in _NOT_IN_STRICT_MODE:
        if key in part:
            findings.add(
                part.key_place(key),
                f"strict mode does not know `{key}`, which is in {where}",
                "write the schema without it, or drop `strict`",
            )
    if _is_value(path) and not part.keys() & _SAYS_WHAT_IT_IS:
        findings.add(
            part.place,
            f"strict mode wants to know the type of {where}",
            "add a `type`, or drop `strict`",
        )
    if "array" in _types(part) and "items" not in part:
        findings.add(
            part.value_place("type"),
            f"strict mode wants to know the items of {where}",
            "add `items`, or drop `strict`",
        )
    if not _is_object(part):
        return
    if part.get("additionalProperties") is not False:
        findings.add(
            part.value_place("additionalProperties"),
            f"strict mode wants additionalProperties: false in {where}",
            "add it, or drop `strict`",
        )
    optional = [key for key in part.get("properties", ()) if key not in part.get("required", ())]
    if optional:
        findings.add(
            part.value_place("required"),
            f"strict mode wants every property of {where} in `required`, "
            f"where {both(quoted(optional))} {'is' if len(optional) == 1 else 'are'} not",
            "add what is missing (an optional one may have null among its types), or drop `strict`",
        )
    unknown = [key for key in part.get("required", ()) if key not in part.get("properties", ())]
    if unknown:
        findings.add(
            part.value_place("required"),
            f"`required` of {where} names {both(quoted(unknown))}, which strict mode does not find "
            "among its properties",
            "describe it there, or leave it out",
        )


def _is_value(path: Path) -> bool:
    """Whether the schema there describes a value by itself, not one that is described elsewhere."""
    return path[-1:] == ("items",) or any(path[-2:-1] == (key,) for key in _HOLD_VALUES)


def _types(part: Located) -> Sequence[str]:
    types = part.get("type", ())
    return [types] if isinstance(types, str) else types


def _is_object(part: Located) -> bool:
    return "properties" in part or "object" in _types(part)


def _plain_schemas() -> dict[str, Any]:
    """What JSON Schema says of the keywords that declared schemas mostly consist of, less what it
    says of the others: what obeys this obeys that."""
    text, flag, number = {"type": "string"}, {"type": "boolean"}, {"type": "number"}
    schema, anything, values = {"$ref": "#"}, dict[str, Any](), {"type": "array"}
    count = {"type": "integer", "minimum": 0}
    types = {"type": "string", "enum": list(JSON_TYPES)}
    strings = {"type": "array", "items": text, "uniqueItems": True}
    schemas = {"type": "array", "items": schema, "minItems": 1}
    table = {"type": "object", "additionalProperties": schema}
    keywords = {
        "type": {
            "if": text,
            "then": types,
            "else": {"type": "array", "items": types, "minItems": 1, "uniqueItems": True},
        },
        **dict.fromkeys(("title", "description", "$comment", "$ref", "format"), text),
        **dict.fromkeys(("const", "default"), anything),
        **dict.fromkeys(("enum", "examples"), values),
        **dict.fromkeys(("properties", "$defs"), table),
        **dict.fromkeys(("anyOf", "oneOf", "allOf"), schemas),
        **dict.fromkeys(("items", "additionalProperties", "not"), schema),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), number),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), count),
        **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), flag),
        "pattern": {"type": "string", "format": "regex"},
        "required": strings,
    }
    kinds = ["object", "boolean"]
    return {"type": kinds, "properties": keywords, "additionalProperties": False}


def _is_regex(value: Json) -> bool:
    try:
        return not isinstance(value, str) or bool(re.compile(value))
    except (re.error, OverflowError, RecursionError):
        return False


@cache
def _is_plain() -> Predicate:
    """Whether a schema is certainly JSON Schema; of any other the validator knows it."""
    return predicate(_plain_schemas(), {"regex": _is_regex})


@cache
def _meta() -> Any:
    """The validator of JSON Schema itself; patterns must be regular expressions."""
    from jsonschema import Draft202012Validator, FormatChecker

    return Draft202012Validator(
        Draft202012Validator.META_SCHEMA, format_checker=FormatChecker(formats=["regex"])
    )
