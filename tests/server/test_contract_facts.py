"""The table of facts: it keeps what can be held against the wire, and no words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.contract_facts import PARTS, facts, written

HERE = Path(__file__).parent
TABLES = {
    "assistants": (HERE / "contract_facts.json", (32, 125)),
    "responses": (HERE / "responses" / "contract_facts.json", (15, 345)),
    "agents": (HERE / "agents" / "contract_facts.json", (34, 303)),
}
DOCUMENT = {
    "info": {"title": "An API"},
    "paths": {
        "/threads/{thread_id}": {
            "post": {
                "summary": "Changes a thread.",
                "parameters": [
                    {
                        "in": "path",
                        "name": "thread_id",
                        "required": True,
                        "schema": {"type": "string"},
                        "description": "Which thread.",
                    }
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Change"}}
                    },
                },
                "responses": {"200": {"description": "OK"}, "404": {"description": "Gone"}},
                "x-oaiMeta": {"examples": "many"},
            },
            "parameters": [],
        },
        "/chat/completions": {"post": {"responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Change": {
                "type": "object",
                "description": "What changes.",
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "maxLength": 3, "description": "Its title."},
                    "description": {"anyOf": [{"$ref": "#/components/schemas/Text"}]},
                },
                "additionalProperties": False,
            },
            "Text": {"type": "string", "nullable": True, "default": "", "example": "Roses"},
            "Chat": {"type": "object"},
        }
    },
}
KEPT = """\
{"paths": {
"/threads/{thread_id}": {"post": {"parameters": [{"name": "thread_id", "in": "path", \
"required": true, "schema": {"type": "string"}}], "responses": {"200": {"content": {}}}, \
"requestBody": {"content": {"application/json": {"schema": {"$ref": \
"#/components/schemas/Change"}}}}}}
},
"components": {"schemas": {
"Change": {"required": ["title"], "type": "object", "additionalProperties": false, \
"properties": {"description": {"anyOf": [{"$ref": "#/components/schemas/Text"}]}, \
"title": {"maxLength": 3, "type": "string"}}},
"Text": {"default": "", "nullable": true, "type": "string"}
}}}
"""


def test_a_table_keeps_facts_and_leaves_words_and_other_apis_out() -> None:
    assert written(facts(DOCUMENT, PARTS["assistants"])) == KEPT
    assert json.loads(KEPT) == facts(DOCUMENT, PARTS["assistants"])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_published_contract_is_whole_and_says_nothing_in_words(name: str) -> None:
    path, size = TABLES[name]
    text = path.read_text(encoding="utf-8")
    table = json.loads(text)
    assert written(facts(table, PARTS[name])) == text
    assert (len(table["paths"]), len(table["components"]["schemas"])) == size
    assert [word for word in strings(table) if " " in word] == []


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from strings(item)
    elif isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
