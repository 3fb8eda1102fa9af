"""What only responses have, at the embedded server: taken, or refused as the table says."""

import pytest

from assistctl.apis import capabilities
from assistctl.apis.responses.requests import request
from assistctl.errors import Place, RemoteError
from assistctl.resources import Assistant, Target
from assistctl.spec.grammar import checked
from assistctl.surface import Support

PLACE = Place("assistants/shop.yaml", 1, 1)
TAKEN = {
    "reasoning": {"summary": "auto", "context": "all_turns", "mode": "standard"},
    "text": {"verbosity": "low"},
    "service_tier": "scale",
    "truncation": "disabled",
    "max_tool_calls": 3,
    "prompt_cache_key": "shop",
    "prompt_cache_retention": "24h",
    "prompt_cache_options": {"ttl": "12h"},
    "safety_identifier": "someone",
}
REFUSED = {
    "responses.tools.web_search": {"tools": [{"type": "web_search"}]},
    "responses.tools.mcp": {
        "tools": [{"type": "mcp", "server_label": "stock", "tunnel_id": "tunnel_1"}]
    },
    "responses.context_management": {"context_management": [{"type": "compaction"}]},
}


def asked(client, own):
    shop = Assistant("shop", PLACE, {"model": "gpt-6.1"}, own={"responses": own})
    body = request(shop, "ws/shop", [], [])
    return client.create("/responses", {**body, "input": "Hello"})


def test_all_that_can_be_declared_is_sent_and_taken_or_refused_as_the_table_says(client):
    declared = checked("assistant")["properties"]["responses"]["properties"]
    refused = {name.split(".")[1] for name in REFUSED}
    assert declared.keys() == TAKEN.keys() | refused
    local = capabilities.at(Target("here", "responses", "ws", PLACE))
    assert REFUSED.keys() == {
        name
        for name, capability in local.items()
        if name.startswith("responses") and capability.support is Support.REFUSED
    }
    told = asked(client, TAKEN)
    assert (told["status"], told["truncation"], told["max_tool_calls"]) == (
        *("completed", "disabled", 3),
    )
    for own in REFUSED.values():
        with pytest.raises(RemoteError, match=r"not available on this server|not supported by"):
            asked(client, own)
