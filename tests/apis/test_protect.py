"""Protection lives on the object at the target, so that removing the YAML cannot bypass it."""

import pytest

from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, FileSearch


def declare(bench, *, protect):
    page = bench.file("docs/page.md", "page")
    bench.store("handbook", page, protect=protect)
    bench.assistant("shop", FileSearch("handbook"), protect=protect, name="Shop")
    bench.assistant("other")


def remove(bench):
    bench.assistants.pop("shop")
    bench.stores.pop("handbook")


def test_protected_objects_survive_prune_without_their_declaration(bench):
    declare(bench, protect=True)
    bench.sync()
    there = {kind: bench.at(kind) for kind in (ASSISTANT, VECTOR_STORE, FILE)}
    remove(bench)
    left = "undeclared vector_store/handbook (protected)\nundeclared assistant/shop (protected)"
    assert bench.apply(prune=True) == []
    assert bench.plan(prune=True) == left
    assert {kind: bench.at(kind) for kind in there} == there


def test_protection_is_kept_by_later_writes_and_goes_when_it_is_declared_no_longer(bench):
    declare(bench, protect=True)
    bench.sync()
    bench.assistant("shop", FileSearch("handbook"), protect=True, name="Flowers")
    bench.sync()
    (shop,) = (item for item in bench.at(ASSISTANT) if item["name"] == "Flowers")
    assert shop["metadata"]["assistctl_protect"] == "true"
    declare(bench, protect=False)
    assert bench.plan() == (
        "update vector_store/handbook: the declaration changed\n"
        "  protect: True -> None\n"
        "update assistant/shop: the declaration changed\n"
        "  name: 'Flowers' -> 'Shop'\n"
        "  protect: True -> None"
    )
    bench.sync()
    remove(bench)
    bench.sync(prune=True)
    assert [*bench.owners(ASSISTANT).values()] == ["ws/other"]


@pytest.mark.parametrize("kind", [ASSISTANT, VECTOR_STORE])
def test_taking_protection_away_at_the_target_is_drift(bench, kind):
    declare(bench, protect=True)
    bench.sync()
    item = next(item for item in bench.at(kind) if "assistctl_protect" in item["metadata"])
    metadata = {k: v for k, v in item["metadata"].items() if k != "assistctl_protect"}
    bench.post(kind, item, metadata=metadata)
    _, _, plan = bench.survey()
    assert [field.path for change in plan.drifted for field in change.drifted] == ["protect"]
