"""The contract of agents and their sessions, see ../contract.py. Nobody has published one; it was
made of the SDK, see ../contract_facts.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.server.contract import Contract

_TABLE = Path(__file__).with_name("contract_facts.json")


def read() -> Contract:
    """With objects that have no other fields than those that it names, so that what we send and it
    does not know is a fault, too."""
    document = json.loads(_TABLE.read_text(encoding="utf-8"))
    _close(document)
    schemas = document["components"]["schemas"]
    notes = {"type": "array", "items": {"type": "string"}}
    schemas["Turn"]["patternProperties"] = {
        "^notes$": notes
    }  # the server's own, see docs/server.md
    error = schemas["AgentsErrorEnvelope"]["properties"]["error"]
    error["required"] = sorted(error["properties"])  # clients read all four
    return Contract(document)


def _close(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _close(item)
    elif isinstance(node, dict):
        for value in node.values():
            _close(value)
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
