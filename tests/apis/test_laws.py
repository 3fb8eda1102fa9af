"""What sync must never do: touch what is not ours, overwrite drift unasked, forget its uploads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from assistctl.plan.reconcile import reconcile
from assistctl.plan.state import Observed
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    Address,
    CodeInterpreter,
    FileSearch,
)
from tests.apis import scene
from tests.apis.fault_proxy import answer_lost, proxy_to
from tests.apis.surfaces import APIS

SHOP = Address(ASSISTANT, "shop")
OWN_FIELDS = pytest.mark.only_at(
    "assistants", "agents", because="at Responses nothing holds fields but the name"
)


def refers(bench):
    """An assistant with a code_interpreter file, and that file's id."""
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    return bench.only(FILE)["id"]


def upload(bench, name="theirs.csv"):
    path = bench.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("theirs")
    return bench.surface.upload(path, name)["id"]


@OWN_FIELDS
def test_metadata_that_is_declared_no_longer_is_cleared(bench):
    bench.assistant("shop", metadata={"team": "a"})
    bench.sync()
    bench.assistant("shop")
    assert bench.plan() == (
        "update assistant/shop: the declaration changed\n  metadata: {'team': 'a'} -> None"
    )
    bench.sync()
    assert "team" not in bench.only(ASSISTANT)["metadata"]


@OWN_FIELDS
def test_a_field_that_is_declared_no_longer_is_not_cleared_unasked_if_it_was_edited(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    bench.edit(instructions="Buy.")
    bench.assistant("shop")
    assert bench.plan() == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  instructions: 'Buy.' -> None"
    )


@OWN_FIELDS
def test_edited_metadata_that_is_to_be_kept_survives_a_write_of_another_field(bench):
    bench.assistant("shop", metadata={"team": "a"})
    bench.sync()
    bench.edit(metadata={**bench.only(ASSISTANT)["metadata"], "team": "b"})
    bench.assistant("shop", metadata={"team": "a"}, instructions="Sell.")
    assert bench.apply(on_drift="keep") == []
    assert bench.only(ASSISTANT)["metadata"]["team"] == "b"
    assert bench.plan() == (
        "update assistant/shop: changed at the target since the last sync\n"
        "  metadata.team: 'b' -> 'a'"
    )


@OWN_FIELDS
def test_an_edited_field_that_is_to_be_kept_survives_a_write_of_another_field(bench):
    bench.assistant("shop", name="Shop", instructions="Sell.", description="Sells.")
    bench.sync()
    bench.edit(instructions="Theirs.")
    bench.assistant("shop", name="Store", instructions="Sell.", description="Sells.")
    assert bench.apply(on_drift="keep") == []
    found = bench.only(ASSISTANT)
    assert (found["instructions"], found["name"]) == ("Theirs.", "Store")


def test_edited_contents_of_a_store_that_are_to_be_kept_survive_a_write_of_its_name(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("handbook", page)
    bench.sync()
    store, theirs = bench.only(VECTOR_STORE)["id"], upload(bench, "theirs.md")
    bench.client.create(f"/vector_stores/{store}/files", {"file_id": theirs})
    bench.store("handbook", page, name="Handbook")
    assert bench.apply(on_drift="keep") == []
    assert bench.only(VECTOR_STORE)["name"] == "Handbook"
    assert theirs in [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]
    assert bench.plan().startswith("update vector_store/handbook: changed at the target")
    bench.sync(on_drift="overwrite")
    assert theirs not in [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]


def test_edited_contents_of_a_store_that_are_to_be_kept_survive_new_content_of_its_file(bench):
    bench.store("handbook", bench.file("docs/a.md", "page a"))
    bench.sync()
    store, theirs = bench.only(VECTOR_STORE)["id"], upload(bench, "theirs.md")
    bench.client.create(f"/vector_stores/{store}/files", {"file_id": theirs})
    bench.store("handbook", bench.file("docs/a.md", "page b"))
    assert bench.apply(on_drift="keep") == []
    inside = [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]
    assert theirs in inside
    assert len(inside) == 2
    assert bench.plan(on_drift="keep") == ""


def test_a_foreign_file_that_is_to_be_kept_survives_new_content_of_ours(bench):
    old = refers(bench)
    theirs = upload(bench)
    bench.use(files=[old, theirs])
    prices = bench.file("assistants/prices.csv", "rose,2")
    bench.assistant("shop", CodeInterpreter((prices,)))
    assert bench.apply(on_drift="keep") == []
    assert theirs in bench.files_of("shop")
    assert len(bench.files_of("shop")) == 2
    assert bench.plan(on_drift="keep") == ""
    assert bench.plan().startswith("update assistant/shop: changed at the target")
    bench.sync(on_drift="overwrite")
    assert bench.files_of("shop") == [bench.survey()[1].owned[SHOP].uploads[0].id]


def test_an_upload_that_nothing_uses_any_more_is_remembered_by_later_writes(bench):
    unused = refers(bench)
    bench.assistant("shop", CodeInterpreter())
    assert bench.apply() == []
    bench.assistant("shop", CodeInterpreter(), name="Shop")
    assert bench.apply() == []
    assert bench.plan() == "undeclared file/prices.csv"
    assert bench.only(FILE)["id"] == unused
    bench.sync(prune=True)
    assert bench.at(FILE) == []


def test_prune_deletes_what_this_very_plan_takes_out_of_use(bench):
    prices, costs = (bench.file(f"assistants/{name}.csv", "rose,1") for name in ("a", "b"))
    pages = [bench.file(f"docs/{name}.md", f"page {name}") for name in "ab"]
    bench.store("handbook", *pages)
    bench.assistant("shop", CodeInterpreter((prices, costs)), FileSearch("handbook"))
    bench.assistant("desk", CodeInterpreter((prices,)))
    bench.sync()
    bench.assistants.pop("desk")
    bench.store("handbook", pages[0])
    prices = bench.file("assistants/a.csv", "rose,2")
    bench.assistant("shop", CodeInterpreter((prices,)), FileSearch("handbook"))
    bench.sync(prune=True)
    assert sorted(item["filename"] for item in bench.at(FILE)) == ["a.csv", "a.md"]


def test_prune_leaves_an_upload_whose_holder_could_not_be_written(bench):
    upload_id = refers(bench)
    bench.assistant("shop", CodeInterpreter())
    planned = bench.survey(prune=True)
    bench.delete(ASSISTANT, bench.only(ASSISTANT))
    assert len(bench.execute(*planned)) == 2
    assert bench.only(FILE)["id"] == upload_id


def test_prune_leaves_an_upload_whose_edited_holder_is_to_be_kept(bench):
    held = refers(bench)
    theirs = upload(bench)
    bench.use(files=[held, theirs])
    bench.assistant("shop", CodeInterpreter())
    assert bench.apply(prune=True, on_drift="keep") == []
    assert bench.files_of("shop") == [held, theirs]
    assert len(bench.at(FILE)) == 2


def test_prune_after_an_assistant_was_renamed_leaves_its_file(bench):
    refers(bench)
    bench.assistants["kiosk"] = bench.assistants.pop("shop")
    bench.sync(prune=True)
    assert bench.files_of("shop") == [bench.only(FILE)["id"]]


def test_a_store_that_is_gone_when_it_is_no_longer_declared_is_not_named_any_more(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("old", page)
    bench.assistant("shop", FileSearch("old"))
    bench.sync()
    bench.delete(VECTOR_STORE, bench.store_of("old"))
    bench.stores.clear()
    bench.assistant("shop", CodeInterpreter((page,)))
    bench.sync()
    assert bench.api.stores_of(bench.held("shop")) == []


def test_a_renamed_store_takes_over_the_uploads_and_prune_leaves_them(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("old", page)
    bench.assistant("shop", FileSearch("old"))
    bench.sync()
    bench.stores.clear()
    bench.store("new", page)
    bench.assistant("shop", FileSearch("new"))
    assert bench.apply(prune=True) == []
    assert len(bench.at(FILE)) == 1
    assert bench.only(VECTOR_STORE)["file_counts"]["completed"] == 1
    assert bench.plan(prune=True) == ""


def test_prune_leaves_an_upload_that_a_finished_store_holds_too(bench):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.assistant("desk", FileSearch("handbook"))
    bench.sync()
    bench.assistants.pop("shop")
    bench.sync(prune=True)
    assert len(bench.at(FILE)) == 1
    assert bench.only(VECTOR_STORE)["file_counts"]["completed"] == 1


def test_prune_deletes_files_before_what_knows_that_they_are_ours(bench):
    refers(bench)
    bench.store("handbook", bench.file("docs/a.md", "page a"))
    bench.sync()
    bench.stores.clear()
    bench.assistants.clear()
    bench.assistant("clerk")
    assert bench.apply() == []
    deletes = [line.split(" (")[0] for line in bench.compiled(prune=True)]
    assert sorted(deletes[:2]) == ["delete file/assistants/prices.csv", "delete file/docs/a.md"]
    assert deletes[2:] == ["delete assistant/shop", "delete vector_store/handbook"]


def test_a_file_in_a_finished_store_is_not_uploaded_again_for_a_second_store(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("one", page)
    bench.sync()
    bench.store("two", page)
    assert bench.plan().startswith("create vector_store/two")
    bench.sync()
    assert len(bench.at(FILE)) == 1


def test_a_second_copy_that_somebody_has_edited_is_left_alone_and_said(bench):
    bench.assistant("shop", name="Shop")
    bench.sync()
    clone = bench.make(name="Try", metadata=bench.only(ASSISTANT)["metadata"])["id"]
    _, _, plan = bench.survey()
    assert not plan
    assert plan.notes == (
        f"assistant/shop is at the target twice, and {clone} was edited there, so it is left "
        "alone; delete it, or take the metadata `assistctl` out of it",
    )
    bench.sync()
    assert len(bench.at(ASSISTANT)) == 2


def test_a_second_copy_that_has_lost_our_files_goes_but_not_one_with_somebody_elses(bench):
    """As one job leaves it that heals what another one has just doubled."""
    pages = [bench.file(f"docs/{name}.md", name) for name in "ab"]
    bench.store("handbook", *pages)
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    client = bench.client
    store = bench.only(VECTOR_STORE)
    copy = {"name": store["name"], "metadata": store["metadata"]}
    client.create("/vector_stores", copy)
    theirs = client.create("/vector_stores", copy | {"file_ids": [upload(bench)]})
    bench.sync()
    assert [it["id"] for it in bench.at(VECTOR_STORE)] == [store["id"], theirs["id"]]


def test_a_second_copy_of_a_store_that_is_in_use_is_replaced_without_a_trace(bench):
    """As two syncs at the same time leave it."""
    page = bench.file("docs/a.md", "page a")
    bench.store("handbook", page)
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    used = bench.only(VECTOR_STORE)
    bench.client.delete(f"/vector_stores/{used['id']}")
    opened = dict(used["metadata"])
    opened["assistctl_applied"] = opened["assistctl_applied"].replace(",", "/?,", 1)
    del opened["assistctl_digest"]
    body = {"name": used["name"], "metadata": opened}
    first = bench.client.create("/vector_stores", body)["id"]
    body = {"name": used["name"], "metadata": used["metadata"]}
    second = bench.client.create("/vector_stores", body)["id"]
    attached = {
        "file_id": bench.only(FILE)["id"],
        "attributes": {"assistctl_path": "docs/a.md", "assistctl_sha256": page.sha256},
    }
    bench.client.create(f"/vector_stores/{second}/files", attached)
    bench.use(stores=[second])
    _, _, plan = bench.survey()
    assert not plan.drifted
    bench.sync()
    assert bench.only(VECTOR_STORE)["id"] == first
    assert bench.only(FILE)["id"] == attached["file_id"]


@pytest.mark.parametrize("edited", [False, True])
def test_two_syncs_at_the_same_time_are_put_in_order_by_the_next_one(bench, client, edited):
    scene.declare(bench)
    if edited:
        bench.sync()
        scene.declare(bench, prices="rose,2", instructions="Be kind.", tools=())
    surveys = [bench.survey(), bench.survey()]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda found: bench.execute(*found), surveys))
    assert not bench.survey()[2].drifted
    bench.sync()
    for kind, owners in scene.ALL.items():
        assert sorted(bench.owners(kind).values()) == owners


def attach(bench, store, file, path):
    """What another sync does with its own upload of a file."""
    sha256 = hashlib.sha256((bench.root / path).read_bytes()).hexdigest()
    attributes = {"assistctl_path": path, "assistctl_sha256": sha256}
    body = {"file_id": file, "attributes": attributes}
    bench.client.create(f"/vector_stores/{store}/files", body)


def test_a_file_that_was_uploaded_twice_into_one_store_is_there_once_after_a_sync(bench):
    bench.store("handbook", bench.file("docs/a.md", "page a"))
    bench.sync()
    store = bench.only(VECTOR_STORE)["id"]
    second = bench.surface.upload(bench.root / "docs/a.md", "a.md")["id"]
    attach(bench, store, second, "docs/a.md")
    assert bench.plan() == "update file/docs/a.md: uploaded twice; one upload is kept"
    bench.sync()
    kept = bench.only(FILE)["id"]
    assert [item["id"] for item in bench.at(f"/vector_stores/{store}/files")] == [kept]


def test_a_file_that_was_uploaded_for_a_store_and_for_an_assistant_is_there_once(bench):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    bench.store("handbook", prices)
    declared = bench.surface.declare(replace(bench, assistants={}).workspace)
    unseen = Observed()  # of a sync that looked before the assistant was made
    plan = reconcile("local", declared, unseen)
    assert bench.execute(declared, unseen, plan) == []
    assert len(bench.at(FILE)) == 2
    bench.sync()
    store = bench.only(VECTOR_STORE)["id"]
    kept = bench.only(FILE)["id"]
    assert [item["id"] for item in bench.at(f"/vector_stores/{store}/files")] == [kept]
    assert bench.files_of("shop") == [kept]


def test_a_file_of_somebody_elses_with_the_same_name_and_size_is_none_of_ours(bench, other):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.sync()
    other.store("handbook", other.file("assistants/prices.csv", "rose,1"))
    other.sync()
    assert bench.plan() == other.plan() == ""
    assert len(bench.at(FILE)) == 2


def test_a_create_whose_answer_was_lost_is_found_by_its_owner(bench, server):
    """Also where a store of the same key stands among what holds assistants."""
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("shop", prices)
    bench.assistant("shop", CodeInterpreter((prices,)), FileSearch("shop"))
    owner, lost = bench.api.owner("ws/shop").encode(), []

    def fault(number, request):
        creates = str(request) == f"POST /v1{bench.api.collection}" and owner in request.body
        if creates and not lost:
            lost.append(number)
            return answer_lost
        return None

    with proxy_to(server.base_url) as proxy:
        proxy.fault = fault
        client = bench.api.client(proxy.base_url, server.api_key)
        replace(bench, client=client).sync()
        client.close()
    assert len(lost) == 1
    assert [*bench.owners(ASSISTANT).values(), *bench.owners(VECTOR_STORE).values()] == [
        "ws/shop",
        "ws/shop",
    ]


def test_uploads_that_an_assistant_uses_are_no_orphans_at_any_api(bench, server):
    bench.assistant("shop", CodeInterpreter((bench.file("assistants/prices.csv", "rose,1"),)))
    bench.sync()
    for api in APIS.values():
        client = api.client(server.base_url, server.api_key)
        beside = replace(bench, api=api, client=client, namespace="beside")
        assert beside.surface.orphans(beside.surface.declare(beside.workspace)) == ()
        client.close()


def test_an_object_of_ours_without_a_record_is_no_second_copy(bench):
    bench.assistant("shop")
    bench.sync()
    bench.make(metadata={"assistctl": bench.api.owner("ws/shop")})
    bench.sync()
    assert len(bench.at(ASSISTANT)) == 2


def test_what_nobody_owns_and_what_others_own_is_never_touched(bench, other):
    bench.make(name="nobody's")
    bench.client.create("/vector_stores", {"name": "nobody's"})
    upload(bench)
    other.assistant("shop", CodeInterpreter((other.file("assistants/prices.csv", "rose,9"),)))
    other.sync()
    kinds = (ASSISTANT, VECTOR_STORE, FILE)
    before = {item["id"]: item for kind in kinds for item in bench.at(kind)}
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.assistant("shop", CodeInterpreter((prices,)), FileSearch("handbook"))
    bench.assistant("clerk")
    bench.sync()
    bench.assistants.pop("shop")
    bench.stores.clear()
    bench.sync(prune=True)
    after = {item["id"]: item for kind in kinds for item in bench.at(kind)}
    assert {key: after.get(key) for key in before} == before
    assert len(after) == len(before) + 1


def test_a_record_left_open_is_closed_by_the_next_sync(bench):
    bench.assistant("shop", name="Shop")
    bench.sync()
    metadata = bench.only(ASSISTANT)["metadata"]
    opened = {**metadata, "assistctl_applied": metadata["assistctl_applied"] + "/?"}
    bench.edit(metadata=opened)
    assert bench.plan() == (
        "update assistant/shop: as declared, but the last sync was cut off before it could note "
        "that"
    )
    bench.sync()
    assert bench.only(ASSISTANT)["metadata"] == metadata
