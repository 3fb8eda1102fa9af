"""What changes at the target between the plan and the write that it leads to."""

import pytest

from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, CodeInterpreter


def planned(bench, **options):
    """The sync as it is planned now; call it to do it, for its failures."""
    found = bench.survey(**options)
    return lambda: bench.execute(*found)


def left_alone(operation, fields):
    return (
        f"{operation}: {fields} changed at the target after the plan was made, so it is left as it "
        "is; look at a new plan"
    )


def test_an_edit_made_while_somebody_reads_the_plan_is_not_overwritten(bench):
    bench.assistant("shop", name="Shop")
    bench.sync()
    bench.assistant("shop", name="Flowers")
    finish, (write,) = planned(bench), bench.compiled()
    bench.edit(name="Roses")
    assert finish() == [left_alone(write, "name")]
    assert bench.only(ASSISTANT)["name"] == "Roses"
    assert bench.plan() == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  name: 'Roses' -> 'Flowers'"
    )


@pytest.mark.only_at(
    "assistants", "agents", because="at Responses nothing holds fields but the name"
)
def test_an_edit_of_what_the_plan_does_not_touch_stays_and_stops_nothing(bench):
    bench.assistant("shop", name="Shop")
    bench.sync()
    bench.assistant("shop", name="Flowers")
    finish = planned(bench)
    bench.edit(instructions="Sell.")
    assert finish() == []
    found = bench.only(ASSISTANT)
    assert (found["name"], found["instructions"]) == ("Flowers", "Sell.")


def test_what_is_edited_or_gone_meanwhile_is_not_deleted(bench):
    bench.assistant("shop")
    bench.assistant("desk")
    bench.store("handbook", name="Handbook")
    bench.sync()
    del bench.assistants["shop"], bench.stores["handbook"]
    finish = planned(bench, prune=True)
    bench.post(ASSISTANT, shop := bench.held("shop"), name="Keep me")
    bench.delete(VECTOR_STORE, bench.only(VECTOR_STORE))
    assert finish() == [left_alone(f"delete assistant/shop ({shop['id']})", "name")]
    assert len(bench.at(ASSISTANT)) == 2


def test_a_store_is_filled_only_if_it_is_as_it_was_planned(bench):
    bench.store("handbook", bench.file("docs/a.md", "a"), metadata={"team": "a"})
    bench.sync()
    bench.store("handbook", bench.file("docs/a.md", "b"), metadata={"team": "a"})
    finish = planned(bench)
    metadata = bench.only(VECTOR_STORE)["metadata"]
    bench.edit(VECTOR_STORE, metadata={**metadata, "team": "b"})
    (first, *others) = finish()
    assert first == left_alone("update vector_store/handbook (metadata)", "metadata")
    assert all(": not done, because of vector_store/handbook" in other for other in others)
    assert [upload["filename"] for upload in bench.at(FILE)] == ["a.md"]
    assert bench.only(VECTOR_STORE)["metadata"]["team"] == "b"


def test_the_slower_of_two_syncs_does_not_mix_its_record_into_what_the_other_has_written(bench):
    prices = bench.file("prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    bench.assistant("shop", CodeInterpreter((bench.file("prices.csv", "rose,2"),)))
    slower = planned(bench)
    bench.sync()
    assert any("changed at the target after the plan was made" in failure for failure in slower())
    assert bench.plan() == ""
    assert len(bench.at(FILE)) == 1
