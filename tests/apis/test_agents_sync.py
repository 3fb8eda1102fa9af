"""A sync to a target that keeps assistants as agents."""

import pytest

from assistctl.apis.managed.ownership import description_of, used_files, used_stores
from assistctl.resources import CodeInterpreter, FileSearch
from tests.apis.scene import content_of, function

pytestmark = pytest.mark.only_at("agents", because="how an agent holds an assistant")
ANSWER = {"type": "object", "properties": {"total": {"type": "number"}}}


@pytest.fixture
def bench(bench):
    """Two assistants, one of which has a file, a store to search and a function."""
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


def contents(bench):
    return [content_of(bench.client, it) for it in used_files(bench.held("shop"))]


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
    assert bench.at("/vector_stores") == [bench.store_of("handbook")]
    shop = bench.held("shop")
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
    assert used_stores(shop) == [bench.store_of("handbook")["id"]]
    assert shop["metadata"]["team"] == "a"


def test_what_the_service_fills_in_is_no_drift(bench):
    bench.sync()
    filled = bench.held("clerk")
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
    before = bench.held("shop")
    declare(bench, **settings)
    bench.sync()
    after = bench.held("shop")
    changed = {name for name in before if before[name] != after[name]}
    assert changed - {"updated_at", "metadata"} == {field}
    assert used_files(after) == used_files(before)
    assert used_stores(after) == used_stores(before)
    assert description_of(after) == "Sells."


def test_an_agent_is_imported_as_the_assistant_that_it_is(bench):
    declare(bench, reasoning_effort="low")
    bench.sync()
    shop = bench.held("shop")
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
