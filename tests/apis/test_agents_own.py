"""What only agents have: declared, compared, cleared, and refused where it cannot be had."""

from dataclasses import replace

import pytest

from assistctl.apis import capabilities
from assistctl.apis.agents import environments
from assistctl.apis.agents.fields import of_session
from assistctl.errors import Place, RemoteError
from assistctl.resources import Assistant, Target
from assistctl.surface import Support
from tests.apis.bench import Bench
from tests.apis.hosted_agents import hosted_agents
from tests.apis.scene import function
from tests.apis.surfaces import AGENTS

PLACE = Place("assistants/shop.yaml", 1, 1)
WEB = {"type": "web_search", "mode": "cached", "allowed_domains": ["example.com"]}
MCP = {
    "type": "mcp",
    "server_label": "stock",
    "transport": {"type": "http", "server_url": "https://stock.example.com/mcp"},
    "required": False,
}
HERE = {
    "reasoning": {"summary": "auto"},
    "text": {"verbosity": "low"},
    "service_tier": "flex",
    "compaction": {"async": True},
}
ALL = {
    **HERE,
    "multi_agent": {"enabled": True, "max_concurrent_subagents": 2},
    "experimental": {"time_awareness": True},
    "tools": [WEB, MCP, {"type": "programmatic_tool_calling"}, {"type": "automations"}],
}


@pytest.fixture
def hosted():
    with hosted_agents() as hosted:
        yield hosted


@pytest.fixture
def there(hosted, tmp_path):
    """A workspace at a service that has everything."""
    client = AGENTS.client(hosted.base_url, "key")
    yield Bench(tmp_path / "workspace", AGENTS, client)
    client.close()


@pytest.fixture
def here(server, tmp_path):
    """A workspace at the embedded server."""
    client = AGENTS.client(server.base_url, server.api_key)
    yield Bench(tmp_path / "workspace", AGENTS, client)
    client.close()


def declare(bench, own, *tools, **settings):
    bench.assistant("shop", *tools, **settings)
    bench.assistants["shop"] = replace(bench.assistants["shop"], own={"agents": own})


def test_a_service_is_told_all_of_it_beside_what_all_apis_have(there):
    declare(there, ALL, function("save"), reasoning_effort="low")
    there.sync()
    shop = there.only("/agents")
    assert {name: shop[name] for name in ALL if name != "tools"} == {
        **{name: ALL[name] for name in ALL if name != "tools"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
    }
    assert [tool["type"] for tool in shop["tools"]] == [
        *("function", "web_search", "mcp", "programmatic_tool_calling", "automations")
    ]


def test_what_it_fills_in_is_no_change_and_an_edit_is_drift(there):
    declare(there, ALL)
    there.sync()
    identity = there.only("/agents")["id"]
    there.client.post(f"/agents/{identity}", {"service_tier": "priority", "tools": [WEB]})
    _, _, plan = there.survey()
    (change,) = plan.drifted
    assert {item.field for item in change.drifted} == {"service_tier", "tools"}
    there.sync(on_drift="overwrite")
    assert there.only("/agents")["service_tier"] == "flex"


def test_a_plan_names_the_leaf_that_changes(there):
    declare(there, ALL)
    there.sync()
    live = {**WEB, "mode": "live"}
    stock = {**MCP, "allowed_tools": ["count"]}
    declare(
        there, {**ALL, "text": {"verbosity": "high"}, "tools": [stock, live, *ALL["tools"][2:]]}
    )
    assert there.plan() == (
        "update assistant/shop: the declaration changed\n"
        "  text.verbosity: 'low' -> 'high'\n"
        "  tools[stock].allowed_tools: None -> ['count']\n"
        "  tools[web_search].mode: 'cached' -> 'live'"
    )
    there.sync()


def test_what_is_declared_no_longer_is_as_if_nobody_had_said_it(there):
    declare(there, {})
    there.sync()
    before = there.only("/agents")
    declare(there, ALL)
    there.sync()
    declare(there, {})
    there.sync()
    after = there.only("/agents")
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"updated_at", "metadata"}


def test_the_embedded_server_keeps_what_it_has_no_use_for(here):
    declare(here, HERE)
    here.sync()
    shop = here.only("/agents")
    assert (shop["service_tier"], shop["compaction"]) == ("flex", {"async": True})
    declare(here, {})
    here.sync()
    assert here.only("/agents")["service_tier"] == "auto"


AGENT = {
    "agents.tools.web_search": {"tools": [{"type": "web_search"}]},
    "agents.tools.mcp": {"tools": [MCP]},
    "agents.tools.programmatic_tool_calling": {"tools": [{"type": "programmatic_tool_calling"}]},
    "agents.tools.automations": {"tools": [{"type": "automations"}]},
    "agents.multi_agent": {"multi_agent": {"enabled": True}},
    "agents.experimental": {"experimental": {"time_awareness": True}},
}
MACHINE = {
    "network": {"access": "enabled"},
    "packages": {"python": ["rich"]},
    "setup_commands": [{"command": "true"}],
    "env": {"SHOP": "1"},
    "skills": [{"type": "skill_reference", "skill_id": "skill_1"}],
    "capability_directories": ["/workspace/skills"],
    "environment_template_id": "envt_1",
}
SESSION = {
    **{f"agents.environment.{name}": {name: value} for name, value in MACHINE.items()},
    "agents.vault_ids": {"vault_ids": ["vault_1"]},
}


def test_what_the_embedded_server_refuses_is_what_the_table_says_that_it_has_not(here):
    local = capabilities.at(Target("here", "agents", "ws", PLACE))
    refused = {
        name
        for name, capability in local.items()
        if name.startswith("agents.") and capability.support is Support.REFUSED
    }
    assert refused == AGENT.keys() | SESSION.keys()
    client = here.client
    for fields in AGENT.values():
        with pytest.raises(RemoteError, match="not supported by this server"):
            client.create("/agents", {"model": "m", **fields})
    agent = client.create("/agents", {"model": "m"})
    for name, fields in SESSION.items():
        machine = fields if name.startswith("agents.environment") else {}
        body = {
            **({} if machine else fields),
            "agent_id": agent["id"],
            "environment": {"type": "openai_hosted", **machine},
            "input": "Hello",
        }
        with pytest.raises(RemoteError, match=r"not supported by this server|no network"):
            client.create("/agents/sessions", body)


def test_a_session_is_told_where_its_code_runs_and_what_else_is_declared_of_sessions(here):
    own = {
        "environment": {
            "type": "openai_hosted",
            "container_size": "small",
            "network": {"access": "disabled"},
        },
        "prompt_cache_options": {"ttl": "12h"},
        "review": "auto_review",
    }
    shop = Assistant("shop", PLACE, {"model": "m"}, own={"agents": own})
    client = here.client
    agent = client.create("/agents", {"model": "m"})
    body = {"agent_id": agent["id"], "input": "Hello", **of_session(shop)}
    machine = environments.environment(client, shop, (), (), set())
    session = client.create("/agents/sessions", {**body, "environment": machine})
    assert session["environment"]["type"] == "openai_hosted"
    assert session["environment"]["container_size"] == "small"
    assert (session["review"], session["prompt_cache_options"]) == ("auto_review", {"ttl": "12h"})
