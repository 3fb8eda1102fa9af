"""The published contract of Responses, conversations and containers, see ../contract.py."""

from __future__ import annotations

import json
from pathlib import Path

from tests.server.contract import Contract, let_nullable_be_null

_TABLE = Path(__file__).with_name("contract_facts.json")
_LISTS = (
    "ConversationItemList",
    "ContainerListResource",
    "ContainerFileListResource",
    "ResponseItemList",
)


def read() -> Contract:
    document = json.loads(_TABLE.read_text(encoding="utf-8"))
    let_nullable_be_null(document)
    for name in _LISTS:  # an empty list has no ends, which the document does not say
        for end in ("first_id", "last_id"):
            document["components"]["schemas"][name]["properties"][end] = {
                "type": ["string", "null"]
            }
    # What a response has used is null until it has ended, which the document does not say either.
    for part in document["components"]["schemas"]["Response"]["allOf"]:
        if "usage" in part.get("properties", {}):
            usage = part["properties"]["usage"]
            part["properties"]["usage"] = {"anyOf": [usage, {"type": "null"}]}
    return Contract(document)
