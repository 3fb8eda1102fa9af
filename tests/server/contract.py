"""The published contract of the Assistants API v2: its table of facts, see contract_facts.py.

What is wrong in the document that it was made from is put right here, by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_TABLE = Path(__file__).with_name("contract_facts.json")
_URI = "contract:"
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, order=True)
class Operation:
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._registry: Any = Registry().with_resource(_URI, DRAFT202012.create_resource(document))

    @classmethod
    def read(cls) -> Contract:
        document = json.loads(_TABLE.read_text(encoding="utf-8"))
        _put_right(document)
        return cls(document)

    @cached_property
    def operations(self) -> list[Operation]:
        return sorted(
            Operation(method.upper(), path)
            for path, methods in self._document["paths"].items()
            for method in methods
            if method in _METHODS
        )

    @cached_property
    def _patterns(self) -> dict[Operation, re.Pattern[str]]:
        return {
            operation: re.compile(re.sub(r"\{\w+\}", "[^/]+", operation.path))
            for operation in self.operations
        }

    @cached_property
    def events(self) -> dict[str, dict[str, Any]]:
        """The name of each server-sent event -> the schema of its data."""
        return dict(self._events("AssistantStreamEvent"))

    def answer_schema(self, operation: Operation) -> dict[str, Any]:
        """What the 200 of an operation holds; {} for a file's bytes."""
        content = self._operation(operation)["responses"]["200"]["content"]
        return dict(content["application/json"]["schema"]) if "application/json" in content else {}

    def queried(self, operation: Operation) -> set[str]:
        """What may be asked in the query of an operation."""
        parameters = self._operation(operation)["parameters"]
        return {each["name"] for each in parameters if each["in"] == "query"}

    def streamed(self, operation: Operation) -> dict[str, dict[str, Any]]:
        """The type of each event that an operation may stream -> its schema."""
        content = self._operation(operation)["responses"]["200"]["content"]
        return self.by_type(content["text/event-stream"]["schema"])

    def by_type(self, union: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The options of a union by the one `type` that each has."""
        options = self.resolved(union)
        found = {}
        for option in options.get("oneOf") or options["anyOf"]:
            [name] = self.resolved(option)["properties"]["type"]["enum"]
            found[name] = option
        return found

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a request is for, by its path below /v1: of those that fit the one
        with the fewest ids, since words in paths go before ids."""
        fitting = [
            operation
            for operation, pattern in self._patterns.items()
            if operation.method == method and pattern.fullmatch(path)
        ]
        return min(fitting, key=lambda operation: operation.path.count("{"), default=None)

    def body_schema(self, operation: Operation) -> dict[str, Any] | None:
        """What the JSON body of an operation holds; None where it takes none."""
        content = self._operation(operation).get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        return self.resolved(schema) if schema else None

    def named(self, name: str) -> dict[str, Any]:
        return {"$ref": f"#/components/schemas/{name}"}

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return schema
        return dict(self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])

    def paths(self, schema: dict[str, Any]) -> set[str]:
        """Every field that a value may have: `tools[].name`."""
        return paths(schema, self._document["components"]["schemas"])

    def fields(self, schema: dict[str, Any]) -> set[str]:
        """Every field of every object that the contract names and that a value may be or hold:
        `Turn.status`."""
        waiting, names, found = [schema], set(), set()
        while waiting:
            for name in _named(waiting.pop()) - names:
                names.add(name)
                waiting.append(self._document["components"]["schemas"][name])
                found |= {f"{name}.{path}" for path in _own_paths(waiting[-1], "")}
        return found

    def fields_of(self, schema: dict[str, Any], value: Any, at: str = "") -> set[str]:
        """Those of them that a value has."""
        if "$ref" in schema:
            return self.fields_of(self.resolved(schema), value, schema["$ref"].rpartition("/")[2])
        found: set[str] = set()
        for option in options(schema):
            if not self.faults(option, value):
                found |= self.fields_of(option, value, at)
        if isinstance(value, list) and "items" in schema:
            for item in value:
                found |= self.fields_of(schema["items"], item, at)
        for name, field in schema.get("properties", {}).items():
            if isinstance(value, dict) and name in value:
                where = below(at, name)
                found |= {where} if at else set()
                found |= self.fields_of(field, value[name], where if at else "")
        return found

    def faults(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What is wrong with a value, `where: what` each; nothing if it is as it should be."""
        absolute = _absolute(schema)
        validator = Draft202012Validator(absolute, registry=self._registry)
        return [
            f"{error.json_path}: {error.message}"
            for error in sorted(validator.iter_errors(value), key=lambda e: e.json_path)
        ]

    def _operation(self, operation: Operation) -> dict[str, Any]:
        return dict(self._document["paths"][operation.path][operation.method.lower()])

    def _events(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        schema = self._document["components"]["schemas"][name]
        for option in schema.get("oneOf", [schema]):
            if "$ref" in option:
                yield from self._events(option["$ref"].rpartition("/")[2])
            else:
                properties = option["properties"]
                yield properties["event"]["enum"][0], properties["data"]


def paths(
    schema: dict[str, Any],
    named: dict[str, Any],
    at: str = "",
    inside: tuple[str, ...] = (),
) -> set[str]:
    """As Contract.paths; `named` are the schemas that may be referred to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return set() if name in inside else paths(named[name], named, at, (*inside, name))
    found: set[str] = set()
    for option in options(schema):
        found |= paths(option, named, at, inside)
    if "items" in schema:
        found |= paths(schema["items"], named, f"{at}[]", inside)
    for name, field in schema.get("properties", {}).items():
        found |= {below(at, name)} | paths(field, named, below(at, name), inside)
    return found


def _named(node: Any) -> set[str]:
    """The schemas that are referred to."""
    if isinstance(node, list):
        return set().union(*map(_named, node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
    return own.union(*map(_named, node.values()))


def _own_paths(schema: dict[str, Any], at: str) -> set[str]:
    """Without what other schemas have that are referred to."""
    found: set[str] = set()
    for part in (*options(schema), *([schema["items"]] if "items" in schema else ())):
        found |= _own_paths(part, at)
    for name, field in schema.get("properties", {}).items():
        found |= {below(at, name)} | _own_paths(field, below(at, name))
    return found


def options(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a value may or must be besides."""
    for word in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(word, ())


def below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _put_right(document: dict[str, Any]) -> None:
    """The defects of the document that the wire never had."""
    schemas = document["components"]["schemas"]
    let_nullable_be_null(document)
    # A run shows the tools of its assistant, of which there may be 128.
    for name in ("RunObject", "CreateRunRequest", "CreateThreadAndRunRequest"):
        tools = schemas[name]["properties"]["tools"]
        for schema in (tools, *tools.get("anyOf", ())):
            if "maxItems" in schema:
                schema["maxItems"] = 128
    # Filters nest by a word of JSON Schema 2019-09, which OpenAPI 3.1 does not know.
    options = schemas["CompoundFilter"]["properties"]["filters"]["items"]["oneOf"]
    options[options.index({"$recursiveRef": "#"})] = {"$ref": "#/components/schemas/CompoundFilter"}
    # Steps were sent with `expires_at`; the document says `expired_at`, and demands it.
    schemas["RunStepObject"]["required"].remove("expired_at")
    # The event `error` came with an object around what the document describes.
    schemas["ErrorEvent"]["properties"]["data"] = {"$ref": "#/components/schemas/ErrorResponse"}
    # A file's content is its bytes, not a JSON string.
    download = document["paths"]["/files/{file_id}/content"]["get"]
    download["responses"]["200"]["content"] = {"application/octet-stream": {}}


def let_nullable_be_null(node: Any) -> None:
    """The document calls itself OpenAPI 3.1 and says `nullable`, which is a word of 3.0."""
    if isinstance(node, list):
        for item in node:
            let_nullable_be_null(item)
    if not isinstance(node, dict):
        return
    for value in node.values():
        let_nullable_be_null(value)
    in_parts = any(part.get("nullable") for part in node.get("allOf", ()) if "$ref" not in part)
    if node.pop("nullable", False) is True or in_parts:
        schema = dict(node)
        node.clear()
        node["anyOf"] = [schema, {"type": "null"}]


def _absolute(schema: Any) -> Any:
    """The schema with references that hold from outside the document, too."""
    if isinstance(schema, list):
        return [_absolute(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _URI + value if key == "$ref" else _absolute(value) for key, value in schema.items()
    }
