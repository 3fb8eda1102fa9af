"""A sync to a target that has no assistants: empty vector stores stand for them."""

from dataclasses import replace

import pytest

from assistctl.apis.managed.ownership import used_files, used_stores
from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import ASSISTANT, Address, CodeInterpreter, FileSearch
from tests.apis.bench import Bench
from tests.apis.fault_proxy import answer_lost, error, proxy_to
from tests.apis.scene import content_of, function
from tests.apis.surfaces import assistants, responses


@pytest.fixture
def bench(client, tmp_path):
    """Two assistants with a file each, one of which searches a store."""
    bench = Bench(tmp_path / "workspace", responses(client, "ws"))
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", bench.file("handbook/care.md", "Water the roses."))
    bench.assistant(
        "shop",
        CodeInterpreter((prices,)),
        FileSearch("handbook"),
        function("save"),
        name="Shop",
        instructions="Sell.",
    )
    bench.assistant("clerk", temperature=0.5)
    return bench


def stand_in(bench, key):
    return bench.only_of("/vector_stores", f"ws/assistant/{key}")


def contents(bench, key):
    return [content_of(bench.surface.client, it) for it in used_files(stand_in(bench, key))]


def test_an_empty_store_stands_for_each_assistant_and_knows_what_it_uses(bench):
    bench.sync()
    assert bench.at("/assistants") == []
    shop, clerk = stand_in(bench, "shop"), stand_in(bench, "clerk")
    assert [it["name"] for it in (shop, clerk)] == ["Shop", "clerk"]
    assert [it["file_counts"]["total"] for it in (shop, clerk)] == [0, 0]
    assert contents(bench, "shop") == ["rose,1"]
    assert used_stores(shop) == [bench.only_of("/vector_stores", "ws/handbook")["id"]]
    assert len(shop["metadata"]) <= 16


def test_what_goes_with_each_response_is_no_change_of_a_plan(bench):
    bench.sync()
    bench.assistant("clerk", temperature=1.5, instructions="Be kind.", model="gpt-6-luna")
    assert bench.plan() == ""


def test_a_changed_byte_is_uploaded_repointed_and_the_old_upload_deleted(bench):
    bench.sync()
    before = used_files(stand_in(bench, "shop"))
    changed = bench.file("assistants/prices.csv", "rose,2")
    bench.assistant("shop", CodeInterpreter((changed,)), FileSearch("handbook"), name="Shop")
    assert bench.compiled() == [
        "upload assistants/prices.csv (6 bytes)",
        "update assistant/shop (tool_resources)",
        f"delete file/assistants/prices.csv ({before[0]})",
    ]
    bench.sync()
    assert contents(bench, "shop") == ["rose,2"]
    assert len(bench.at("/files")) == 2


def test_a_file_that_is_declared_no_longer_is_pruned(bench):
    bench.sync()
    bench.assistant("shop", CodeInterpreter(), FileSearch("handbook"), name="Shop")
    bench.sync_leaving("undeclared file/prices.csv")
    assert used_files(stand_in(bench, "shop")) == []
    bench.sync(prune=True)
    assert [file["filename"] for file in bench.at("/files")] == ["care.md"]


def test_prune_deletes_what_stands_for_an_assistant_with_its_files_and_nothing_else(bench, client):
    foreign = client.create("/vector_stores", {"name": "shop"})
    other = replace(bench, surface=responses(client, "other"), namespace="other", stores={})
    other.assistants = {"shop": bench.assistants["clerk"]}
    other.sync()
    bench.sync()
    del bench.assistants["shop"]
    bench.sync(prune=True)
    there = {it["metadata"].get("assistctl") for it in bench.at("/vector_stores")}
    assert there == {None, "other/assistant/clerk", "ws/assistant/clerk", "ws/handbook"}
    assert client.get(f"/vector_stores/{foreign['id']}")["name"] == "shop"
    assert [file["filename"] for file in bench.at("/files")] == ["care.md"]


def test_a_renamed_assistant_keeps_what_stands_for_it(bench):
    bench.sync()
    before = stand_in(bench, "shop")
    bench.assistants["store"] = replace(bench.assistants.pop("shop"), key="store")
    bench.moved = {Address(ASSISTANT, "shop"): Address(ASSISTANT, "store")}
    bench.sync()
    after = stand_in(bench, "store")
    assert after["id"] == before["id"]
    assert used_files(after) == used_files(before)
    assert used_stores(after) == used_stores(before)


def test_a_protected_one_is_not_pruned(bench):
    bench.assistant("clerk", protect=True)
    bench.sync()
    assert stand_in(bench, "clerk")["metadata"]["assistctl_protect"] == "true"
    del bench.assistants["clerk"]
    bench.apply(prune=True)
    assert bench.plan(prune=True) == "undeclared assistant/clerk (protected)"


def test_what_was_edited_is_drift_and_what_has_gone_is_made_anew(bench, client):
    bench.sync()
    shop = stand_in(bench, "shop")
    edited = {k: v for k, v in shop["metadata"].items() if k != "assistctl_uploads"}
    client.post(f"/vector_stores/{shop['id']}", {"name": "Mine", "metadata": edited})
    _, _, plan = bench.survey()
    (change,) = plan.drifted
    assert [field.path for field in change.drifted] == ["name"]
    assert [str(it.address) for it in plan.changes if it.lost] == ["file/assistants/prices.csv"]
    bench.sync()
    assert contents(bench, "shop") == ["rose,1"]
    client.delete(f"/vector_stores/{shop['id']}")
    bench.sync()
    assert contents(bench, "shop") == ["rose,1"]


def test_a_store_of_the_same_key_is_not_taken_for_the_assistant_whose_answer_was_lost(
    bench, server, tmp_path
):
    bench.store("shop", bench.file("handbook/care.md", "Water the roses."))
    with proxy_to(server.base_url) as proxy:
        client = type(bench.surface.client)(proxy.base_url, server.api_key)
        lossy = replace(bench, surface=responses(client, "ws"))
        lost = []

        def fault(number, request):
            if str(request) == "POST /v1/vector_stores" and b"ws/assistant/shop" in request.body:
                lost.append(number)
                return answer_lost if len(lost) == 1 else None
            return None

        proxy.fault = fault
        lossy.sync()
        client.close()
    assert len(lost) == 1
    assert stand_in(bench, "shop")["id"] != bench.only_of("/vector_stores", "ws/shop")["id"]
    assert len(bench.at("/vector_stores")) == 4


def test_uploads_in_use_are_no_orphans_by_either_api(bench, client):
    bench.sync()
    other = Bench(bench.root, assistants(client, "old"))
    other.assistant("old", CodeInterpreter((bench.file("old.csv", "tulip,1"),)))
    other.sync()
    for each in (bench, other):
        assert each.surface.orphans(each.surface.declare(each.workspace)) == ()


def test_a_target_that_keeps_assistants_knows_stand_ins_for_what_they_are(bench, client):
    bench.sync()
    beside = replace(bench, surface=assistants(client, "ws"))
    assert "undeclared" not in beside.plan()
    beside.apply()
    assert beside.plan(prune=True) == ""
    assert bench.plan(prune=True) == ""


def test_where_there_are_no_stores_nothing_is_missing_of_what_needs_none(bench, server):
    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda number, request: error(404)
        client = type(bench.surface.client)(proxy.base_url, server.api_key)
        bare = replace(bench, surface=responses(client, "ws"), stores={}, assistants={})
        bare.assistant("clerk", function("save"))
        assert bare.plan() == ""
        assert bare.survey()[1].owned[Address(ASSISTANT, "clerk")].id is None
        bare.assistant("shop", CodeInterpreter((bare.file("prices.csv", "rose,1"),)))
        with pytest.raises(RemoteError, match="404"):
            bare.plan()
        client.close()


def test_there_is_no_assistant_to_adopt_or_to_import(bench, client):
    store = client.create("/vector_stores", {"name": "shop"})
    declared = bench.surface.declare(bench.workspace)
    with pytest.raises(AssistctlError, match="the target has no assistants"):
        bench.surface.unmanaged(Address(ASSISTANT, "shop"), store["id"], declared)
    assert bench.surface.existing() == {}
