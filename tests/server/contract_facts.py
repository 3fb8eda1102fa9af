"""The facts of the published contract, as a table: what the contract test holds the wire against.

    python -m tests.server.contract_facts assistants openapi.yaml > tests/server/contract_facts.json
    python -m tests.server.contract_facts responses openapi.yaml \\
        > tests/server/responses/contract_facts.json
    python -m tests.server.contract_facts agents agents.yaml \\
        > tests/server/agents/contract_facts.json

The first is of the Assistants API v2, the second of Responses, conversations and containers.
`openapi.yaml` is the OpenAPI document, or a part of it, in which the Assistants API v2 stands:
github.com/openai/openai-openapi, at f85dbe223d40e1a31cba812ab2d755c7e98a92a3 of 2026-08-21, the
last before the end of the hosted API. Kept are paths, operations, fields, types, enumerations,
defaults and limits; words that explain them, examples, and what belongs to other APIs are not.

The third is of agents, which that document does not have. `agents.yaml` is one that was made of the
methods and types of openai-python 3.57.0, as generated as they are; that the table still says what
the installed SDK says is tested (tests/server/agents/test_contract.py).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Part:
    """Of the document: paths by their first words, and schemas that no path names."""

    paths: tuple[str, ...]
    roots: tuple[str, ...]


PARTS = {
    "assistants": Part(
        ("/assistants", "/threads", "/vector_stores", "/files", "/uploads", "/models"),
        ("AssistantStreamEvent", "ErrorResponse"),
    ),
    "responses": Part(
        ("/responses", "/conversations", "/containers"), ("ResponseStreamEvent", "ErrorResponse")
    ),
    "agents": Part(("/agents", "/vaults"), ("AgentsErrorEnvelope",)),
}
_METHODS = ("get", "post", "put", "patch", "delete")
_PREFIX = "#/components/schemas/"
_ONE = ("items", "additionalProperties", "not")
_SEVERAL = ("allOf", "anyOf", "oneOf")
_PLAIN = {
    "$ref",
    "$recursiveRef",
    "const",
    "default",
    "enum",
    "format",
    "nullable",
    "pattern",
    "required",
    "type",
    "uniqueItems",
} | {
    end + what
    for end in ("min", "max")
    for what in ("imum", "Length", "Items", "Properties", "Contains")
}


def facts(document: dict[str, Any], part: Part) -> dict[str, Any]:
    """The table, in the shape of the document that it was made from."""
    paths = {
        path: {method: _operation(methods[method]) for method in _METHODS if method in methods}
        for path, methods in sorted(document["paths"].items())
        if f"/{path.split('/')[1]}" in part.paths
    }
    every = document["components"]["schemas"]
    schemas: dict[str, Any] = {}
    waiting = [*_named(paths), *(name for name in part.roots if name in every)]
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = schema(every[name])
            waiting += _named(schemas[name])
    return {"paths": paths, "components": {"schemas": dict(sorted(schemas.items()))}}


def schema(given: Any) -> Any:
    """A JSON Schema without what says nothing of values."""
    if not isinstance(given, dict):
        return given
    kept: dict[str, Any] = {name: given[name] for name in sorted(_PLAIN & set(given))}
    kept |= {name: schema(given[name]) for name in _ONE if name in given}
    kept |= {name: [schema(part) for part in given[name]] for name in _SEVERAL if name in given}
    if "properties" in given:
        fields = sorted(given["properties"].items())
        kept["properties"] = {name: schema(field) for name, field in fields}
    return kept


def written(table: dict[str, Any]) -> str:
    """JSON with a line for each operation and each schema, so that a change can be seen."""
    operations = (
        (path, f"{{{', '.join(_lines(methods.items(), ''))}}}")
        for path, methods in table["paths"].items()
    )
    paths = ",\n".join(f"{json.dumps(path)}: {line}" for path, line in operations)
    schemas = ",\n".join(_lines(table["components"]["schemas"].items(), ""))
    return f'{{"paths": {{\n{paths}\n}},\n"components": {{"schemas": {{\n{schemas}\n}}}}}}\n'


def _lines(items: Any, indent: str) -> Iterator[str]:
    return (f"{indent}{json.dumps(name)}: {json.dumps(value)}" for name, value in items)


def _operation(given: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "parameters": [
            {
                "name": parameter["name"],
                "in": parameter["in"],
                "required": bool(parameter.get("required")),
                "schema": schema(parameter.get("schema", {})),
            }
            for parameter in given.get("parameters", ())
        ],
        "responses": {
            status: {"content": _content(answer)}
            for status, answer in given["responses"].items()
            if status.startswith("2")
        },
    }
    if "requestBody" in given:
        kept["requestBody"] = {"content": _content(given["requestBody"])}
    return kept


def _content(body: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: {"schema": schema(content.get("schema", {}))}
        for kind, content in body.get("content", {}).items()
    }


def _named(node: Any) -> Iterator[str]:
    """The schemas that are referred to."""
    if isinstance(node, list):
        for item in node:
            yield from _named(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref" and isinstance(value, str):
                yield value.removeprefix(_PREFIX)
            else:
                yield from _named(value)


if __name__ == "__main__":
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    name, document = sys.argv[1:]
    text = Path(document).read_text(encoding="utf-8")
    sys.stdout.write(written(facts(yaml.load(text, Loader=loader), PARTS[name])))
