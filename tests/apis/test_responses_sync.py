"""A sync to a target that has no assistants: empty vector stores stand for them."""

from dataclasses import replace

import pytest

from assistctl.apis.managed.ownership import used_files, used_stores
from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import ASSISTANT, Address, CodeInterpreter, FileSearch
from tests.apis.fault_proxy import error, proxy_to
from tests.apis.scene import content_of, function
from tests.apis.surfaces import ASSISTANTS

pytestmark = pytest.mark.only_at("responses", because="what stands for an assistant, and how")


@pytest.fixture
def bench(bench):
    """Two assistants, one of which has a file and searches a store."""
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


def contents(bench, key):
    return [content_of(bench.client, it) for it in used_files(bench.held(key))]


def test_an_empty_store_stands_for_each_assistant_and_knows_what_it_uses(bench):
    bench.sync()
    shop, clerk = bench.held("shop"), bench.held("clerk")
    assert [it["name"] for it in (shop, clerk)] == ["Shop", "clerk"]
    assert [it["file_counts"]["total"] for it in (shop, clerk)] == [0, 0]
    assert contents(bench, "shop") == ["rose,1"]
    assert used_stores(shop) == [bench.store_of("handbook")["id"]]
    assert len(shop["metadata"]) <= 16


def test_what_goes_with_each_response_is_no_change_of_a_plan(bench):
    bench.sync()
    bench.assistant("clerk", temperature=1.5, instructions="Be kind.", model="gpt-6-luna")
    assert bench.plan() == ""


def test_a_target_that_keeps_assistants_knows_stand_ins_for_what_they_are(bench):
    bench.sync()
    beside = replace(bench, api=ASSISTANTS)
    assert "undeclared" not in beside.plan()
    beside.apply()
    assert beside.plan(prune=True) == ""
    assert bench.plan(prune=True) == ""


def test_where_there_are_no_stores_nothing_is_missing_of_what_needs_none(bench, server):
    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda number, request: (
            None if request.path.endswith("/models") else error(404)
        )
        client = bench.api.client(proxy.base_url, server.api_key)
        bare = replace(bench, client=client, stores={}, assistants={})
        bare.assistant("clerk", function("save"))
        assert bare.plan() == ""
        assert bare.survey()[1].owned[Address(ASSISTANT, "clerk")].id is None
        bare.assistant("shop", CodeInterpreter((bare.file("prices.csv", "rose,1"),)))
        with pytest.raises(RemoteError, match="404"):
            bare.plan()
        client.close()


def test_a_base_url_where_nothing_of_the_api_is_does_not_pass_for_a_target_without_stores(
    bench, server
):
    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda number, request: error(404)
        client = bench.api.client(proxy.base_url, server.api_key)
        bare = replace(bench, client=client, stores={}, assistants={})
        bare.assistant("clerk", function("save"))
        with pytest.raises(RemoteError) as told:
            bare.plan()
        client.close()
    assert str(told.value) == (
        "GET /models: 404 fault 404; nor is there any other list: look whether the base URL is"
        " right"
    )


def test_there_is_no_assistant_to_adopt_or_to_import(bench, client):
    store = client.create("/vector_stores", {"name": "shop"})
    declared = bench.surface.declare(bench.workspace)
    with pytest.raises(AssistctlError, match="the target has no assistants"):
        bench.surface.unmanaged(Address(ASSISTANT, "shop"), store["id"], declared)
    assert bench.surface.existing() == {}
