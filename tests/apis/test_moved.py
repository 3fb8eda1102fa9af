"""Renames that keep the object at the target."""

from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, CodeInterpreter, FileSearch


def declare(bench, key):
    bench.assistants.clear()
    bench.stores.clear()
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.store(f"{key}.file_search", prices, implicit=True)
    bench.assistant(key, CodeInterpreter((prices,)), FileSearch(f"{key}.file_search"), name="Shop")


def rename(bench, old, new):
    declare(bench, new)
    bench.moved[Address(ASSISTANT, old)] = Address(ASSISTANT, new)
    bench.moved[Address(VECTOR_STORE, f"{old}.file_search")] = Address(
        VECTOR_STORE, f"{new}.file_search"
    )


def test_a_renamed_assistant_keeps_its_id_its_store_and_its_files(bench):
    declare(bench, "desk")
    bench.sync()
    assistant, store = bench.only(ASSISTANT), bench.only(VECTOR_STORE)
    files = bench.at(FILE)
    rename(bench, "desk", "shop")
    assert bench.plan() == (
        "update vector_store/shop.file_search: moved from vector_store/desk.file_search\n"
        "  name: 'desk.file_search' -> 'shop.file_search'\n"
        "update assistant/shop: moved from assistant/desk"
    )
    bench.sync()
    assert bench.owners(ASSISTANT) == {assistant["id"]: "ws/shop"}
    assert bench.owners(VECTOR_STORE) == {store["id"]: "ws/shop.file_search"}
    assert bench.at(FILE) == files


def test_a_target_that_missed_a_rename_takes_the_whole_way_at_once(bench):
    declare(bench, "desk")
    bench.sync()
    assistant = bench.only(ASSISTANT)
    rename(bench, "desk", "till")
    rename(bench, "till", "shop")
    bench.sync()
    assert bench.owners(ASSISTANT) == {assistant["id"]: "ws/shop"}


def test_where_both_names_exist_nothing_moves_and_the_old_one_is_reported(bench):
    declare(bench, "desk")
    bench.sync()
    declare(bench, "shop")
    bench.sync_leaving("undeclared vector_store/desk.file_search\nundeclared assistant/desk")
    rename(bench, "desk", "shop")
    bench.sync_leaving("undeclared vector_store/desk.file_search\nundeclared assistant/desk")


def test_an_edit_at_the_target_is_drift_of_the_moved_one_too(bench):
    declare(bench, "desk")
    bench.sync()
    bench.edit(name="Edited")
    rename(bench, "desk", "shop")
    _, _, plan = bench.survey()
    assert [(str(change.address), change.drifted[0].path) for change in plan.drifted] == [
        ("assistant/shop", "name")
    ]


def test_who_searches_a_moved_store_can_be_edited_after_it_without_drift(bench):
    bench.store("handbook")
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    del bench.stores["handbook"]
    bench.store("book")
    bench.moved[Address(VECTOR_STORE, "handbook")] = Address(VECTOR_STORE, "book")
    bench.assistant("shop", FileSearch("book"))
    assert bench.plan() == (
        "update vector_store/book: moved from vector_store/handbook\n"
        "  name: 'handbook' -> 'book'\n"
        "update assistant/shop: as declared already, which its record at the target does not say "
        "yet"
    )
    bench.sync()
    bench.moved.clear()
    bench.assistant("shop")
    assert not bench.survey()[2].drifted
    bench.sync_leaving("")
