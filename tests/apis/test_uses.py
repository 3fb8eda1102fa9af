"""What refers to an upload: told at all three APIs, whoever owns it."""

from pathlib import Path

from assistctl import spec
from assistctl.apis.managed.declare import declare
from assistctl.plan.state import REFERRING, references
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, CodeInterpreter
from assistctl.surface import Use

EXAMPLE = Path(__file__).parents[2] / "docs/reference/example"


def told(bench, ids):
    return bench.surface.uses(ids, bench.surface.declare(bench.workspace))


def ids(bench):
    return {it["filename"]: it["id"] for it in bench.at(FILE)}


def test_assistants_and_stores_are_named_by_their_addresses(bench):
    prices, care = bench.file("assistants/prices.csv", "1"), bench.file("docs/care.md", "water")
    bench.assistant("shop", CodeInterpreter((prices,)), name="Shop")
    bench.store("handbook", care)
    bench.sync()
    known = ids(bench)
    uses = told(bench, list(known.values()))
    [shop] = uses[known["prices.csv"]]
    assert (shop.kind, shop.owner, shop.file) == (
        ASSISTANT,
        Address(ASSISTANT, "shop"),
        prices.address,
    )
    store = bench.store_of("handbook")["id"]
    assert uses[known["care.md"]] == (
        Use(
            VECTOR_STORE,
            store,
            "handbook",
            Address(VECTOR_STORE, "handbook"),
            care.address,
            "completed",
        ),
    )


def test_what_others_have_made_is_named_by_its_own_name_and_a_file_can_be_used_by_nothing(bench):
    client = bench.client
    bench.assistant("shop")
    bench.sync()
    bench.file("note.txt", "roses")
    path = bench.root / "note.txt"
    mine, lone = (bench.surface.upload(path, name)["id"] for name in ("note.txt", "lone.txt"))
    store = client.create("/vector_stores", {"name": "theirs", "file_ids": [mine]})
    uses = told(bench, [mine, lone])
    assert uses[lone] == ()
    assert [(it.kind, it.id, it.name, it.owner, it.file) for it in uses[mine]] == [
        (VECTOR_STORE, store["id"], "theirs", None, None)
    ]


def test_a_file_among_more_than_a_page_of_them_is_asked_for_by_itself(bench):
    bench.assistant("shop")
    bench.store("handbook", *[bench.file(f"docs/{it}.md", f"page {it}") for it in range(120)])
    bench.sync()
    one = ids(bench)["7.md"]
    [use] = told(bench, [one])[one]
    assert use.file == Address(FILE, "docs/7.md")


def test_a_field_in_which_no_references_are_looked_for_has_none(api):
    workspace, _ = spec.load(EXAMPLE, environ={}, keyless=True)
    declared = declare(workspace, api.package.kind).values()
    referring = {
        name for item in declared for name, value in item.fields.items() if any(references(value))
    }
    assert referring == set(REFERRING)
