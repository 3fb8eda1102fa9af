"""The published contract of the Assistants API v2: its table of facts, see contract_facts.py.

What is wrong in the document that it was made from is put right here, by name.
"""

from __future__ import annotations

import json
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
    def events(self) -> dict[str, dict[str, Any]]:
        """The name of each server-sent event -> the schema of its data."""
        return dict(self._events("AssistantStreamEvent"))

    def answer_schema(self, operation: Operation) -> dict[str, Any]:
        """What the 200 of an operation holds; {} for a file's bytes."""
        content = self._operation(operation)["responses"]["200"]["content"]
        return dict(content["application/json"]["schema"]) if "application/json" in content else {}

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
