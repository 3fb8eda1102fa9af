"""What changes at the target between the plan and the write that it leads to."""

from assistctl.resources import CodeInterpreter
from tests.apis.test_laws import edit


def planned(bench, **options):
    """The sync as it is planned now; call it to do it, for its failures."""
    declared, observed, plan = bench.survey(**options)
    operations = bench.surface.compile(plan, declared, observed)

    def finish():
        outcomes = bench.surface.execute(bench.root, operations, declared, observed)
        return [f"{item.operation}: {item.error}" for item in outcomes if item.error]

    return finish


def left_alone(operation, fields):
    return (
        f"{operation}: {fields} changed at the target after the plan was made, so it is left as it "
        "is; look at a new plan"
    )


def test_an_edit_made_while_somebody_reads_the_plan_is_not_overwritten(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    bench.assistant("shop", instructions="Sell flowers.")
    finish = planned(bench)
    edit(bench, instructions="Sell roses.")
    assert finish() == [left_alone("update assistant/shop (instructions)", "instructions")]
    assert bench.only("/assistants")["instructions"] == "Sell roses."
    assert bench.plan() == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  instructions: 'Sell roses.' -> 'Sell flowers.'"
    )


def test_an_edit_of_what_the_plan_does_not_touch_stays_and_stops_nothing(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.sync()
    bench.assistant("shop", instructions="Sell flowers.")
    finish = planned(bench)
    edit(bench, temperature=0.5)
    assert finish() == []
    found = bench.only("/assistants")
    assert (found["instructions"], found["temperature"]) == ("Sell flowers.", 0.5)


def test_what_is_edited_or_gone_meanwhile_is_not_deleted(bench):
    bench.assistant("shop", instructions="Sell.")
    bench.assistant("desk")
    bench.store("handbook", name="Handbook")
    bench.sync()
    del bench.assistants["shop"], bench.stores["handbook"]
    finish = planned(bench, prune=True)
    (shop,) = [it for it in bench.at("/assistants") if it["instructions"]]
    bench.surface.client.post(f"/assistants/{shop['id']}", {"instructions": "Keep me."})
    store = bench.only("/vector_stores")["id"]
    bench.surface.client.delete(f"/vector_stores/{store}")
    assert finish() == [left_alone(f"delete assistant/shop ({shop['id']})", "instructions")]
    assert len(bench.at("/assistants")) == 2


def test_a_store_is_filled_only_if_it_is_as_it_was_planned(bench):
    bench.store("handbook", bench.file("docs/a.md", "a"), metadata={"team": "a"})
    bench.sync()
    bench.store("handbook", bench.file("docs/a.md", "b"), metadata={"team": "a"})
    finish = planned(bench)
    metadata = bench.only("/vector_stores")["metadata"]
    edit(bench, "/vector_stores", metadata={**metadata, "team": "b"})
    (first, *others) = finish()
    assert first == left_alone("update vector_store/handbook (metadata)", "metadata")
    assert all(": not done, because of vector_store/handbook" in other for other in others)
    assert [upload["filename"] for upload in bench.at("/files")] == ["a.md"]
    assert bench.only("/vector_stores")["metadata"]["team"] == "b"


def test_the_slower_of_two_syncs_does_not_mix_its_record_into_what_the_other_has_written(bench):
    prices = bench.file("prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    bench.assistant("shop", CodeInterpreter((bench.file("prices.csv", "rose,2"),)))
    slower = planned(bench)
    bench.sync()
    assert any("changed at the target after the plan was made" in failure for failure in slower())
    assert bench.plan() == ""
    assert len(bench.at("/files")) == 1
