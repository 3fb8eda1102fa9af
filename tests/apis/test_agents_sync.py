"""A sync to a target that keeps assistants as agents."""

from dataclasses import replace

import pytest

from assistctl.apis.agents.fields import BETA
from assistctl.apis.managed.ownership import description_of, used_files, used_stores
from assistctl.apis.transport.client import Client
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import ASSISTANT, Address, CodeInterpreter, FileSearch
from tests.apis.bench import Bench
from tests.apis.fault_proxy import answer_lost, proxy_to
from tests.apis.scene import content_of, function
from tests.apis.surfaces import agents, assistants

SHOP = Address(ASSISTANT, "shop")
ANSWER = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture
def speaking(server):
    """A client that sends the header of this API, with no agents at its target."""
    client = Client(server.base_url, server.api_key, headers=BETA)
    for agent in client.list("/agents"):
        client.delete(f"/agents/{agent['id']}")
    yield client
    client.close()


@pytest.fixture
def bench(speaking, tmp_path):
    """Two assistants, one of which has a file, a store to search and a function."""
    bench = Bench(tmp_path / "workspace", agents(speaking, "ws"))
    bench.store("handbook", bench.file("handbook/care.md", "Water the roses."))
    declare(bench)
    bench.assistant("clerk")
    return bench


def declare(bench, prices="rose,1", **settings):
    file = bench.file("assistants/prices.csv", prices)
    settings = {"name": "Shop", "description": "Sells.", "instructions": "Sell.", **settings}
    bench.assistant(
        "shop", CodeInterpreter((file,)), FileSearch("handbook"), function("save"), **settings
    )


def agent(bench, key="shop"):
    return bench.only_of("/agents", f"ws/{key}")


def edit(bench, **fields):
    bench.surface.client.post(f"/agents/{agent(bench)['id']}", fields)


def contents(bench):
    return [content_of(bench.surface.client, it) for it in used_files(agent(bench))]


def test_an_agent_holds_what_is_declared_and_its_metadata_what_agents_have_no_field_for(bench):
    declare(
        bench,
        reasoning_effort="low",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": ANSWER, "strict": True},
        },
        metadata={"team": "a"},
    )
    bench.sync()
    assert bench.at("/assistants") == []
    shop = agent(bench)
    assert (shop["name"], shop["instructions"], shop["model"]) == ("Shop", "Sell.", "gpt-4.1")
    assert shop["reasoning"]["effort"] == "low"
    assert shop["text"]["format"] == {"type": "json_schema", "schema": ANSWER}
    search, save = shop["tools"]
    assert (search["name"], search["parameters"]["required"]) == ("file_search", ["query"])
    assert save == {
        "type": "function",
        "name": "save",
        "description": "Save.",
        "parameters": {"type": "object", "properties": {}, "additionalProperties": False},
        "defer_loading": False,
    }
    assert description_of(shop) == "Sells."
    assert contents(bench) == ["rose,1"]
    assert used_stores(shop) == [bench.only_of("/vector_stores", "ws/handbook")["id"]]
    assert shop["metadata"]["team"] == "a"


def test_what_the_service_fills_in_is_no_drift(bench):
    bench.sync()
    filled = agent(bench, "clerk")
    assert (filled["service_tier"], filled["text"]["verbosity"]) == ("auto", "medium")
    _, _, plan = bench.survey()
    assert (str(plan), plan.drifted) == ("", ())
    declare(bench, instructions="Sell more.")
    assert bench.plan().startswith("update assistant/shop: the declaration changed")


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"instructions": "Be kind."}, "instructions"),
        ({"reasoning_effort": "high"}, "reasoning"),
        ({"name": "Store"}, "name"),
    ],
)
def test_one_changed_field_leaves_the_others_the_description_and_the_files(bench, settings, field):
    bench.sync()
    before = agent(bench)
    declare(bench, **settings)
    bench.sync()
    after = agent(bench)
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"updated_at", "metadata"} == {field}
    assert used_files(after) == used_files(before)
    assert used_stores(after) == used_stores(before)
    assert description_of(after) == "Sells."


def test_what_is_declared_no_longer_is_cleared(bench):
    bench.sync()
    bench.assistant("shop")
    bench.sync_leaving("undeclared file/prices.csv")
    shop = agent(bench)
    assert (shop["name"], shop["instructions"], shop["tools"]) == (None, None, [])
    assert (description_of(shop), used_files(shop), used_stores(shop)) == (None, [], [])


def test_a_changed_byte_is_uploaded_repointed_and_the_old_upload_deleted(bench):
    bench.sync()
    (before,) = used_files(agent(bench))
    declare(bench, prices="rose,2")
    compiled = bench.compiled()
    assert compiled[0] == "upload assistants/prices.csv (6 bytes)"
    assert compiled[-1] == f"delete file/assistants/prices.csv ({before})"
    bench.sync()
    assert contents(bench) == ["rose,2"]
    assert len(bench.at("/files")) == 2


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"instructions": "Give it away."}, "instructions"),
        ({"tools": []}, "tools"),
    ],
)
def test_an_edit_at_the_target_is_drift(bench, fields, path):
    bench.sync()
    edit(bench, **fields)
    _, _, plan = bench.survey()
    (change,) = plan.drifted
    assert {item.field for item in change.drifted} == {path}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"service_tier": "flex"}, "service_tier: None -> 'flex'"),
        ({"text": {"verbosity": "high"}}, "text: None -> {'verbosity': 'high'}"),
    ],
)
def test_an_edit_of_what_nothing_declares_is_told_and_left_alone(bench, fields, told):
    bench.sync()
    edit(bench, **fields)
    assert bench.plan() == (
        "left alone assistant/shop: edited at the target since the last sync; not declared, so left"
        f" alone\n  {told}"
    )


def test_an_edited_description_is_drift_and_is_written_again(bench):
    bench.sync()
    edit(bench, metadata={**agent(bench)["metadata"], "assistctl_description": "Gives away."})
    _, _, plan = bench.survey()
    (change,) = plan.drifted
    assert [item.field for item in change.drifted] == ["description"]
    bench.sync()
    assert description_of(agent(bench)) == "Sells."


def test_an_edit_that_is_to_be_kept_survives_the_change_of_another_field(bench):
    bench.sync()
    edit(bench, instructions="Theirs.")
    declare(bench, name="Store")
    assert bench.apply(on_drift="keep") == []
    assert (agent(bench)["instructions"], agent(bench)["name"]) == ("Theirs.", "Store")


def test_prune_deletes_an_agent_with_its_files_and_nothing_else(bench, speaking):
    theirs = speaking.create("/agents", {"model": "gpt-6-luna", "name": "Theirs"})
    other = replace(bench, surface=agents(speaking, "other"), namespace="other", stores={})
    other.assistants = {"shop": bench.assistants["clerk"]}
    other.sync()
    bench.sync()
    del bench.assistants["shop"]
    bench.sync(prune=True)
    owners = {it["metadata"].get("assistctl") for it in bench.at("/agents")}
    assert owners == {None, "other/clerk", "ws/clerk"}
    assert speaking.get(f"/agents/{theirs['id']}")["name"] == "Theirs"
    assert [file["filename"] for file in bench.at("/files")] == ["care.md"]


def test_a_protected_agent_is_not_pruned_and_a_renamed_one_keeps_its_id(bench):
    bench.assistant("clerk", protect=True)
    bench.sync()
    before = agent(bench)
    bench.assistants["store"] = replace(bench.assistants.pop("shop"), key="store")
    bench.moved = {SHOP: Address(ASSISTANT, "store")}
    bench.sync()
    assert agent(bench, "store")["id"] == before["id"]
    del bench.assistants["clerk"]
    bench.apply(prune=True)
    assert bench.plan(prune=True) == "undeclared assistant/clerk (protected)"


def test_an_agent_without_an_owner_is_adopted_and_keeps_its_id(bench, speaking):
    made = speaking.create("/agents", {"model": "m", "name": "Shop", "metadata": {"team": "a"}})
    declared = bench.surface.declare(bench.workspace)
    observed = bench.surface.observe(declared)
    theirs = bench.surface.unmanaged(SHOP, made["id"], declared)
    observed = replace(observed, owned={**observed.owned, SHOP: theirs})
    plan = reconcile("local", declared, observed, PlanOptions(adopt=[SHOP]))
    operations = bench.surface.compile(plan, declared, observed)
    outcomes = bench.surface.execute(bench.root, operations, declared, observed)
    assert [outcome.error for outcome in outcomes if outcome.error] == []
    assert agent(bench)["id"] == made["id"]
    assert agent(bench)["metadata"]["team"] == "a"
    assert bench.plan() == ""


def test_a_create_whose_answer_was_lost_is_found_by_its_owner(bench, server):
    with proxy_to(server.base_url) as proxy:
        client = Client(proxy.base_url, server.api_key, headers=BETA)
        lossy = replace(bench, surface=agents(client, "ws"))
        lost = []

        def fault(number, request):
            if str(request) == "POST /v1/agents" and b"ws/shop" in request.body:
                lost.append(number)
                return answer_lost if len(lost) == 1 else None
            return None

        proxy.fault = fault
        lossy.sync()
        client.close()
    assert len(lost) == 1
    assert len(bench.at("/agents")) == 2


def test_uploads_in_use_are_no_orphans_by_any_api(bench, client):
    bench.sync()
    other = Bench(bench.root, assistants(client, "old"))
    other.assistant("old", CodeInterpreter((bench.file("old.csv", "tulip,1"),)))
    other.sync()
    for each in (bench, other):
        assert each.surface.orphans(each.surface.declare(each.workspace)) == ()


def test_an_agent_is_imported_as_the_assistant_that_it_is(bench):
    declare(bench, reasoning_effort="low")
    bench.sync()
    shop = agent(bench)
    seen = bench.surface.existing()[shop["id"]]
    assert {name: seen[name] for name in ("name", "description", "reasoning_effort")} == {
        "name": "Shop",
        "description": "Sells.",
        "reasoning_effort": "low",
    }
    assert [tool["type"] for tool in seen["tools"]] == [
        "function",
        "code_interpreter",
        "file_search",
    ]
    assert seen["tools"][0]["function"]["name"] == "save"
    assert seen["tool_resources"] == {
        "code_interpreter": {"file_ids": used_files(shop)},
        "file_search": {"vector_store_ids": used_stores(shop)},
    }
