"""What sync must never do: touch what is not ours, overwrite drift unasked, forget its uploads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from assistctl.plan.reconcile import reconcile
from assistctl.plan.state import Observed
from assistctl.resources import ASSISTANT, Address, CodeInterpreter, FileSearch
from tests.apis import scene

SHOP = Address(ASSISTANT, "shop")


def refers(bench):
    """An assistant with a code_interpreter file, and that file's id."""
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    return bench.only("/files")["id"]


def code_files(bench):
    resources = bench.only("/assistants")["tool_resources"]
    return (resources.get("code_interpreter") or {}).get("file_ids", [])


def upload(bench, name="theirs.csv"):
    path = bench.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("theirs")
    return bench.surface.upload(path, name)["id"]


def edit(bench, path="/assistants", **changes):
    """Somebody edits our one object at the target."""
    bench.surface.client.post(f"{path}/{bench.only(path)['id']}", changes)


def test_metadata_that_is_declared_no_longer_is_cleared(bench):
    bench.assistant("shop", metadata={"team": "a"})
    bench.sync()
    bench.assistant("shop")
    assert bench.plan() == (
        "update assistant/shop: the declaration changed\n  metadata: {'team': 'a'} -> None"
    )
    bench.sync()
    assert "team" not in bench.only("/assistants")["metadata"]


def test_a_field_that_is_declared_no_longer_is_not_cleared_unasked_if_it_was_edited(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    edit(bench, instructions="Buy.")
    bench.assistant("shop")
    assert bench.plan() == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  instructions: 'Buy.' -> None"
    )


def test_edited_metadata_that_is_to_be_kept_survives_a_write_of_another_field(bench):
    bench.assistant("shop", metadata={"team": "a"})
    bench.sync()
    edit(bench, metadata={**bench.only("/assistants")["metadata"], "team": "b"})
    bench.assistant("shop", metadata={"team": "a"}, instructions="Sell.")
    assert bench.apply(on_drift="keep") == []
    assert bench.only("/assistants")["metadata"]["team"] == "b"
    assert bench.plan() == (
        "update assistant/shop: changed at the target since the last sync\n"
        "  metadata.team: 'b' -> 'a'"
    )


def test_edited_contents_of_a_store_that_are_to_be_kept_survive_a_write_of_its_name(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("handbook", page)
    bench.sync()
    store, theirs = bench.only("/vector_stores")["id"], upload(bench, "theirs.md")
    bench.surface.client.create(f"/vector_stores/{store}/files", {"file_id": theirs})
    bench.store("handbook", page, name="Handbook")
    assert bench.apply(on_drift="keep") == []
    assert bench.only("/vector_stores")["name"] == "Handbook"
    assert theirs in [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]
    assert bench.plan().startswith("update vector_store/handbook: changed at the target")
    bench.sync(on_drift="overwrite")
    assert theirs not in [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]


def test_edited_contents_of_a_store_that_are_to_be_kept_survive_new_content_of_its_file(bench):
    bench.store("handbook", bench.file("docs/a.md", "page a"))
    bench.sync()
    store, theirs = bench.only("/vector_stores")["id"], upload(bench, "theirs.md")
    bench.surface.client.create(f"/vector_stores/{store}/files", {"file_id": theirs})
    bench.store("handbook", bench.file("docs/a.md", "page b"))
    assert bench.apply(on_drift="keep") == []
    inside = [item["id"] for item in bench.at(f"/vector_stores/{store}/files")]
    assert theirs in inside
    assert len(inside) == 2
    assert bench.plan(on_drift="keep") == ""


def test_a_foreign_file_that_is_to_be_kept_survives_new_content_of_ours(bench):
    old = refers(bench)
    theirs = upload(bench)
    edit(bench, tool_resources={"code_interpreter": {"file_ids": [old, theirs]}})
    prices = bench.file("assistants/prices.csv", "rose,2")
    bench.assistant("shop", CodeInterpreter((prices,)))
    assert bench.apply(on_drift="keep") == []
    assert theirs in code_files(bench)
    assert len(code_files(bench)) == 2
    assert bench.plan(on_drift="keep") == ""
    assert bench.plan().startswith("update assistant/shop: changed at the target")
    bench.sync(on_drift="overwrite")
    assert code_files(bench) == [bench.survey()[1].owned[SHOP].uploads[0].id]


def test_an_upload_that_nothing_uses_any_more_is_remembered_by_later_writes(bench):
    unused = refers(bench)
    bench.assistant("shop", CodeInterpreter())
    assert bench.apply() == []
    bench.assistant("shop", CodeInterpreter(), instructions="Sell.")
    assert bench.apply() == []
    assert bench.plan() == "undeclared file/prices.csv"
    assert bench.only("/files")["id"] == unused
    bench.sync(prune=True)
    assert bench.at("/files") == []


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
    assert sorted(item["filename"] for item in bench.at("/files")) == ["a.csv", "a.md"]


def test_prune_leaves_an_upload_whose_holder_could_not_be_written(bench, client):
    upload_id = refers(bench)
    bench.assistant("shop", CodeInterpreter())
    declared, observed, plan = bench.survey(prune=True)
    client.delete(f"/assistants/{observed.owned[SHOP].id}")
    operations = bench.surface.compile(plan, declared, observed)
    outcomes = bench.surface.execute(bench.root, operations, declared, observed)
    assert [bool(outcome.error) for outcome in outcomes] == [True, True]
    assert bench.only("/files")["id"] == upload_id


def test_prune_leaves_an_upload_whose_edited_holder_is_to_be_kept(bench):
    held = refers(bench)
    theirs = upload(bench)
    edit(bench, tool_resources={"code_interpreter": {"file_ids": [held, theirs]}})
    bench.assistant("shop", CodeInterpreter())
    assert bench.apply(prune=True, on_drift="keep") == []
    assert code_files(bench) == [held, theirs]
    assert len(bench.at("/files")) == 2


def test_prune_after_an_assistant_was_renamed_leaves_its_file(bench):
    refers(bench)
    bench.assistants["kiosk"] = bench.assistants.pop("shop")
    bench.sync(prune=True)
    assert code_files(bench) == [bench.only("/files")["id"]]


def test_a_renamed_store_takes_over_the_uploads_and_prune_leaves_them(bench):
    page = bench.file("docs/a.md", "page a")
    bench.store("old", page)
    bench.assistant("shop", FileSearch("old"))
    bench.sync()
    bench.stores.clear()
    bench.store("new", page)
    bench.assistant("shop", FileSearch("new"))
    assert bench.apply(prune=True) == []
    assert len(bench.at("/files")) == 1
    assert bench.only("/vector_stores")["file_counts"]["completed"] == 1
    assert bench.plan(prune=True) == ""


def test_prune_leaves_an_upload_that_a_finished_store_holds_too(bench):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.assistant("desk", FileSearch("handbook"))
    bench.sync()
    bench.assistants.pop("shop")
    bench.sync(prune=True)
    assert len(bench.at("/files")) == 1
    assert bench.only("/vector_stores")["file_counts"]["completed"] == 1


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
    assert len(bench.at("/files")) == 1


def test_a_second_copy_that_somebody_has_edited_is_left_alone_and_said(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    ours = bench.only("/assistants")
    body = {"model": "gpt-4.1", "instructions": "Try this.", "metadata": ours["metadata"]}
    clone = bench.surface.client.create("/assistants", body)["id"]
    _, _, plan = bench.survey()
    assert not plan
    assert plan.notes == (
        f"assistant/shop is at the target twice, and {clone} was edited there, so it is left "
        "alone; delete it, or take the metadata `assistctl` out of it",
    )
    bench.sync()
    assert len(bench.at("/assistants")) == 2


def test_a_second_copy_that_has_lost_our_files_goes_but_not_one_with_somebody_elses(bench):
    """As one job leaves it that heals what another one has just doubled."""
    pages = [bench.file(f"docs/{name}.md", name) for name in "ab"]
    bench.store("handbook", *pages)
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    client = bench.surface.client
    store = bench.only("/vector_stores")
    copy = {"name": store["name"], "metadata": store["metadata"]}
    client.create("/vector_stores", copy)
    theirs = client.create("/vector_stores", copy | {"file_ids": [upload(bench)]})
    bench.sync()
    assert [it["id"] for it in bench.at("/vector_stores")] == [store["id"], theirs["id"]]


def test_a_second_copy_of_a_store_that_is_in_use_is_replaced_without_a_trace(bench):
    """As two syncs at the same time leave it."""
    page = bench.file("docs/a.md", "page a")
    bench.store("handbook", page)
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    used = bench.only("/vector_stores")
    bench.surface.client.delete(f"/vector_stores/{used['id']}")
    opened = dict(used["metadata"])
    opened["assistctl_applied"] = opened["assistctl_applied"].replace(",", "/?,", 1)
    del opened["assistctl_digest"]
    body = {"name": used["name"], "metadata": opened}
    first = bench.surface.client.create("/vector_stores", body)["id"]
    body = {"name": used["name"], "metadata": used["metadata"]}
    second = bench.surface.client.create("/vector_stores", body)["id"]
    attached = {
        "file_id": bench.only("/files")["id"],
        "attributes": {"assistctl_path": "docs/a.md", "assistctl_sha256": page.sha256},
    }
    bench.surface.client.create(f"/vector_stores/{second}/files", attached)
    edit(bench, tool_resources={"file_search": {"vector_store_ids": [second]}})
    _, _, plan = bench.survey()
    assert not plan.drifted
    bench.sync()
    assert bench.only("/vector_stores")["id"] == first
    assert bench.only("/files")["id"] == attached["file_id"]


@pytest.mark.parametrize("edited", [False, True])
def test_two_syncs_at_the_same_time_are_put_in_order_by_the_next_one(bench, client, edited):
    scene.declare(bench)
    if edited:
        bench.sync()
        scene.declare(bench, prices="rose,2", instructions="Be kind.", tools=())
    surveys = [bench.survey(), bench.survey()]

    def execute(found):
        declared, observed, plan = found
        operations = bench.surface.compile(plan, declared, observed)
        for _ in bench.surface.execute(bench.root, operations, declared, observed):
            pass

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(execute, surveys))
    assert not bench.survey()[2].drifted
    bench.sync()
    for path, owners in scene.ALL.items():
        assert sorted(map(scene.owner, bench.at(path))) == owners


def attach(bench, store, file, path):
    """What another sync does with its own upload of a file."""
    sha256 = hashlib.sha256((bench.root / path).read_bytes()).hexdigest()
    attributes = {"assistctl_path": path, "assistctl_sha256": sha256}
    body = {"file_id": file, "attributes": attributes}
    bench.surface.client.create(f"/vector_stores/{store}/files", body)


def test_a_file_that_was_uploaded_twice_into_one_store_is_there_once_after_a_sync(bench):
    bench.store("handbook", bench.file("docs/a.md", "page a"))
    bench.sync()
    store = bench.only("/vector_stores")["id"]
    second = bench.surface.upload(bench.root / "docs/a.md", "a.md")["id"]
    attach(bench, store, second, "docs/a.md")
    assert bench.plan() == "update file/docs/a.md: uploaded twice; one upload is kept"
    bench.sync()
    kept = bench.only("/files")["id"]
    assert [item["id"] for item in bench.at(f"/vector_stores/{store}/files")] == [kept]


def test_a_file_that_was_uploaded_for_a_store_and_for_an_assistant_is_there_once(bench):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    bench.store("handbook", prices)
    declared = bench.surface.declare(replace(bench, assistants={}).workspace)
    unseen = Observed()  # of a sync that looked before the assistant was made
    plan = reconcile("local", declared, unseen)
    operations = bench.surface.compile(plan, declared, unseen)
    for outcome in bench.surface.execute(bench.root, operations, declared, unseen):
        assert outcome.error is None
    assert len(bench.at("/files")) == 2
    bench.sync()
    store = bench.only("/vector_stores")["id"]
    kept = bench.only("/files")["id"]
    assert [item["id"] for item in bench.at(f"/vector_stores/{store}/files")] == [kept]
    assert code_files(bench) == [kept]


def test_a_file_of_somebody_elses_with_the_same_name_and_size_is_none_of_ours(bench, other):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.sync()
    other.store("handbook", other.file("assistants/prices.csv", "rose,1"))
    other.sync()
    assert bench.plan() == other.plan() == ""
    assert len(bench.at("/files")) == 2


def test_an_object_of_ours_without_a_record_is_no_second_copy(bench):
    bench.assistant("shop")
    bench.sync()
    by_hand = {"model": "m", "metadata": {"assistctl": "ws/shop"}}
    bench.surface.client.create("/assistants", by_hand)
    bench.sync()
    assert len(bench.at("/assistants")) == 2


def test_what_nobody_owns_and_what_others_own_is_never_touched(bench, other):
    bench.surface.client.create("/assistants", {"model": "m", "name": "nobody's"})
    bench.surface.client.create("/vector_stores", {"name": "nobody's"})
    upload(bench)
    other.assistant("shop", CodeInterpreter((other.file("assistants/prices.csv", "rose,9"),)))
    other.sync()
    paths = ("/assistants", "/vector_stores", "/files")
    before = {item["id"]: item for path in paths for item in bench.at(path)}
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store("handbook", prices)
    bench.assistant("shop", CodeInterpreter((prices,)), FileSearch("handbook"))
    bench.assistant("clerk")
    bench.sync()
    bench.assistants.pop("shop")
    bench.stores.clear()
    bench.sync(prune=True)
    after = {item["id"]: item for path in paths for item in bench.at(path)}
    assert {key: after.get(key) for key in before} == before
    assert len(after) == len(before) + 1


def test_a_record_left_open_is_closed_by_the_next_sync(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    metadata = bench.only("/assistants")["metadata"]
    opened = {**metadata, "assistctl_applied": metadata["assistctl_applied"] + "/?"}
    edit(bench, metadata=opened)
    assert bench.plan() == (
        "update assistant/shop: as declared, but the last sync was cut off before it could note "
        "that"
    )
    bench.sync()
    assert bench.only("/assistants")["metadata"] == metadata
