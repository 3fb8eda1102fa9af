"""Sync against the embedded server over a real socket; `bench.sync` ends with an empty plan."""

import json
from dataclasses import replace
from importlib import import_module

import pytest

from assistctl.errors import AssistctlError, Place
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import (
    ASSISTANT,
    FILE,
    VECTOR_STORE,
    CodeInterpreter,
    FileSearch,
    Function,
    FunctionTool,
)
from tests.apis.fault_proxy import error, proxy_to

PLACE = Place("assistctl.yaml", 1, 1)
PARAMETERS = {
    "type": "object",
    "properties": {"total": {"type": "number"}},
    "required": ["total"],
}
OWN_FIELDS = pytest.mark.only_at(
    "assistants", "agents", because="at Responses nothing holds fields but the name"
)
STORES_ALIKE = pytest.mark.only_at(
    "assistants", because="a vector store is filled in one way, whatever holds assistants"
)
ADOPTS = pytest.mark.only_at(
    "assistants", "agents", because="at Responses there is no assistant to take over"
)
WRITTEN = {
    "assistants": ("model, name, instructions, tools, tool_resources", "tool_resources"),
    "responses": ("name, tool_resources", "tool_resources"),
    "agents": ("model, name, instructions, tools, tool_resources", "tool_resources, description"),
}
"""Which fields a create of the shop and a repointing of its file write; agents keep a description
where they keep what they use."""


def function(name="save_bill", **more):
    more = {"description": "Save.", "parameters": PARAMETERS, **more}
    return FunctionTool(Function(name, PLACE, **more))


def shop(bench, content="rose,1", **settings):
    prices = bench.file("assistants/prices.csv", content)
    bench.store("shop.file_search", prices, implicit=True)
    tools = [CodeInterpreter((prices,)), FileSearch("shop.file_search"), function()]
    bench.assistant("shop", *tools, name="Shop", instructions="Sell.", **settings)


def test_a_first_sync_creates_everything_and_a_second_has_nothing_to_do(bench):
    shop(bench)
    bench.sync()
    assistant = bench.only(ASSISTANT)
    store = bench.only(VECTOR_STORE)
    file = bench.only(FILE)
    assert assistant["name"] == "Shop"
    assert bench.api.files_of(assistant) == [file["id"]]
    assert bench.api.stores_of(assistant) == [store["id"]]
    assert file["filename"] == "prices.csv"
    assert [item["id"] for item in bench.at(f"/vector_stores/{store['id']}/files")] == [file["id"]]


@pytest.mark.only_at("assistants", because="what an agent holds, test_agents_sync.py says")
def test_an_assistant_holds_what_is_declared(bench):
    shop(bench)
    bench.sync()
    assistant = bench.only(ASSISTANT)
    assert assistant["instructions"] == "Sell."
    assert [tool["type"] for tool in assistant["tools"]] == [
        "code_interpreter",
        "file_search",
        "function",
    ]


def test_the_requests_of_a_first_sync_in_their_order(bench):
    shop(bench)
    assert bench.compiled() == [
        "upload assistants/prices.csv (6 bytes)",
        "create vector_store/shop.file_search (name)",
        "attach assistants/prices.csv to vector_store/shop.file_search",
        f"create assistant/shop ({WRITTEN[bench.api.name][0]})",
        "update vector_store/shop.file_search (metadata)",
    ]


def test_a_changed_byte_is_uploaded_repointed_and_the_old_upload_deleted(bench):
    shop(bench)
    bench.sync()
    old = bench.only(FILE)["id"]
    shop(bench, "rose,2")
    assert bench.compiled() == [
        "upload assistants/prices.csv (6 bytes)",
        "update vector_store/shop.file_search (metadata)",
        "attach assistants/prices.csv to vector_store/shop.file_search",
        f"update assistant/shop ({WRITTEN[bench.api.name][1]})",
        f"delete file/assistants/prices.csv ({old})",
        f"detach {old} from vector_store/shop.file_search",
        "update vector_store/shop.file_search (metadata)",
    ]
    bench.sync()
    new = bench.only(FILE)["id"]
    assert new != old
    store = bench.only(VECTOR_STORE)["id"]
    assert [item["id"] for item in bench.at(f"/vector_stores/{store}/files")] == [new]
    assert bench.files_of("shop") == [new]
    assert bench.client.get(f"/vector_stores/{store}")["file_counts"]["total"] == 1


def test_removing_the_last_tool_clears_tools_and_resources(bench):
    shop(bench)
    bench.sync()
    bench.stores.clear()
    bench.assistant("shop", name="Shop", instructions="Sell.")
    assert bench.apply() == []
    assistant = bench.only(ASSISTANT)
    assert not assistant.get("tools")
    assert (bench.api.files_of(assistant), bench.api.stores_of(assistant)) == ([], [])
    assert bench.plan() == (
        "undeclared file/assistants/prices.csv\nundeclared vector_store/shop.file_search"
    )


def test_removing_the_last_file_clears_it(bench):
    prices = bench.file("assistants/prices.csv", "rose,1")
    bench.assistant("shop", CodeInterpreter((prices,)))
    bench.sync()
    bench.assistant("shop", CodeInterpreter())
    assert bench.apply() == []
    assert bench.files_of("shop") == []
    assert bench.plan() == "undeclared file/prices.csv"
    assert bench.apply(prune=True) == []
    assert bench.at(FILE) == []
    assert bench.plan() == ""


@OWN_FIELDS
def test_removing_the_last_metadata_key_clears_it(bench):
    bench.assistant("shop", metadata={"team": "a"})
    bench.sync()
    bench.assistant("shop", metadata={})
    bench.sync()
    assert "team" not in bench.only(ASSISTANT)["metadata"]


@OWN_FIELDS
def test_metadata_that_is_not_declared_is_left_alone(bench):
    bench.assistant("shop")
    bench.sync()
    bench.edit(metadata={**bench.only(ASSISTANT)["metadata"], "seen": "yes"})
    told = (
        "left alone assistant/shop: edited at the target since the last sync; not declared, so "
        "left alone\n  metadata: None -> {'seen': 'yes'}"
    )
    assert bench.plan() == told
    bench.assistant("shop", name="New")
    assert bench.apply() == []
    assert bench.only(ASSISTANT)["metadata"]["seen"] == "yes"
    assert bench.plan() == told


EVERYWHERE = {"name": ("A", "A2")}
AS_TEXT = {
    "description": ("B", "B2"),
    "instructions": ("C", "C2"),
    "reasoning_effort": ("low", "high"),
    "metadata": ({"k": "v"}, {"k": "v2"}),
}
SETTINGS = {
    "responses": EVERYWHERE,
    "agents": {
        **EVERYWHERE,
        **AS_TEXT,
        "response_format": (
            {"type": "json_schema", "json_schema": {"name": "bill", "schema": PARAMETERS}},
            {"type": "text"},
        ),
    },
    "assistants": {
        **EVERYWHERE,
        **AS_TEXT,
        "temperature": (0.5, 1),
        "top_p": (0.9, 1),
        "response_format": ({"type": "json_object"}, "auto"),
    },
}
"""What can be declared of an assistant and is held at the target: two values of each field."""


def test_every_field_can_be_set_changed_and_cleared(bench):
    settings = {name: value for name, (value, _) in SETTINGS[bench.api.name].items()}
    bench.assistant("shop", **settings)
    bench.sync()
    for name, (_, value) in SETTINGS[bench.api.name].items():
        bench.assistant("shop", **{**settings, name: value})
        (line, _) = bench.plan().split("\n")
        assert line == "update assistant/shop: the declaration changed"
        bench.sync()
        bench.assistant("shop", **settings)
        bench.sync()
    bench.assistant("shop")
    bench.assistant("like new")
    bench.sync()
    shop, new = bench.survey()[1].owned.values()
    assert {**shop.fields, "name": None} == {**new.fields, "name": None}
    assert bench.held("shop")["name"] in (None, "shop")


def test_a_declared_store_with_chunking_is_filled_and_rechunked(bench):
    pages = [bench.file(f"docs/{n}.md", f"page {n}") for n in range(3)]
    chunks = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    bench.store("handbook", *pages, chunking_strategy={"type": "static", "static": chunks})
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    store = bench.only(VECTOR_STORE)
    assert store["file_counts"]["completed"] == 3
    bench.store("handbook", *pages, chunking_strategy={"type": "auto"})
    bench.sync()
    listed = bench.at(f"/vector_stores/{store['id']}/files")
    assert {item["chunking_strategy"]["static"]["max_chunk_size_tokens"] for item in listed} == {
        800
    }
    assert len(bench.at(FILE)) == 3


def test_a_file_taken_out_of_a_store_is_detached_and_reported(bench):
    pages = [bench.file(f"docs/{n}.md", f"page {n}") for n in range(2)]
    bench.store("handbook", *pages)
    bench.assistant("shop", FileSearch("handbook"))
    bench.sync()
    bench.store("handbook", pages[0])
    assert bench.apply() == []
    store = bench.only(VECTOR_STORE)["id"]
    assert len(bench.at(f"/vector_stores/{store}/files")) == 1
    assert bench.plan() == "undeclared file/1.md"
    bench.apply(prune=True)
    assert [item["filename"] for item in bench.at(FILE)] == ["0.md"]
    assert bench.plan() == ""


def test_a_remote_edit_is_drift_and_can_be_overwritten(bench):
    bench.assistant("shop", name="Shop")
    bench.sync()
    bench.edit(name="Give away")
    assert bench.plan() == (
        "update assistant/shop: changed at the target since the last sync\n"
        "  name: 'Give away' -> 'Shop'"
    )
    assert bench.plan(on_drift="keep") == ""
    bench.sync(on_drift="overwrite")
    assert bench.only(ASSISTANT)["name"] == "Shop"


UNDECLARED = {
    "assistants": ({"temperature": 0.3}, {"temperature": None}),
    "agents": ({"service_tier": "flex"}, {"service_tier": "auto"}),
}


@OWN_FIELDS
def test_a_remote_edit_of_a_field_that_is_not_declared_is_told_and_left_alone(bench):
    edit, back = UNDECLARED[bench.api.name]
    ((field, value),) = edit.items()
    bench.assistant("shop")
    bench.sync()
    bench.edit(**edit)
    told = (
        "left alone assistant/shop: edited at the target since the last sync; not declared, so "
        f"left alone\n  {field}: None -> {value!r}"
    )
    assert bench.plan() == told
    assert bench.apply(on_drift="overwrite") == []
    assert bench.plan() == told
    bench.edit(**back)
    assert bench.plan() == ""


def test_prune_deletes_what_is_not_declared_any_more_and_only_that(bench, other):
    shop(bench)
    bench.assistant("keeper")
    bench.sync()
    other.assistant("theirs")
    other.sync()
    nobodys = bench.make(name="nobody's")
    bench.assistants.pop("shop")
    bench.stores.clear()
    assert bench.plan() == (
        "undeclared file/assistants/prices.csv\n"
        "undeclared vector_store/shop.file_search\n"
        "undeclared assistant/shop"
    )
    assert bench.apply() == []
    assert len({**bench.owners(ASSISTANT), nobodys["id"]: None}) == 4
    assert bench.apply(prune=True) == []
    assert bench.plan() == ""
    assert bench.at(FILE) == []
    left = bench.owners(ASSISTANT) | bench.owners(VECTOR_STORE)
    assert left.pop(nobodys["id"]) is None
    assert sorted(left.values()) == ["other/theirs", "ws/keeper"]


def test_two_workspaces_in_one_account_never_see_each_other(bench, other):
    shop(bench)
    bench.sync()
    other.root = bench.root
    shop(other)
    other.sync()
    assert len(bench.at(ASSISTANT)) == 2
    assert len(bench.at(FILE)) == 2
    assert bench.plan() == ""
    assert other.plan() == ""


def test_an_object_deleted_at_the_target_is_made_again(bench):
    shop(bench)
    bench.sync()
    for kind in (ASSISTANT, VECTOR_STORE, FILE):
        bench.delete(kind, bench.only(kind))
        assert bench.plan() != ""
        bench.sync()
    assert len(bench.at(ASSISTANT)) == len(bench.at(FILE)) == 1


def test_a_second_copy_of_ours_is_deleted(bench):
    bench.assistant("shop")
    bench.sync()
    first = bench.only(ASSISTANT)
    bench.make(**{name: first[name] for name in ("name", "metadata") if first[name]})
    bench.sync()
    assert bench.only(ASSISTANT)["id"] == first["id"]


def test_a_file_that_changes_after_the_plan_is_not_uploaded(bench):
    shop(bench)
    planned = bench.survey()
    (bench.root / "assistants/prices.csv").write_text("rose,9")
    assert {*bench.execute(*planned)} == {
        "upload assistants/prices.csv (6 bytes): assistants/prices.csv changed after the plan was "
        "made",
        "attach assistants/prices.csv to vector_store/shop.file_search: not done, because of "
        "file/assistants/prices.csv",
        f"create assistant/shop ({WRITTEN[bench.api.name][0]}): "
        "not done, because of file/assistants/prices.csv",
        "update vector_store/shop.file_search (metadata): not done, because of "
        "vector_store/shop.file_search",
    }
    shop(bench, "rose,9")
    bench.sync()


@STORES_ALIKE
def test_a_file_that_cannot_be_indexed_fails_clearly_and_the_next_sync_tries_again(bench):
    bad = bench.file("docs/blob.bin", bytes(range(256)))
    bench.store("handbook", bad)
    bench.assistant("shop", FileSearch("handbook"))
    (failure, _) = bench.apply()
    assert failure.startswith(
        "attach docs/blob.bin to vector_store/handbook: not indexed: file/docs/blob.bin: "
    )
    assert bench.plan() != ""
    good = bench.file("docs/blob.txt", "text")
    bench.store("handbook", good)
    assert bench.apply() == []
    assert bench.plan() == "undeclared file/blob.bin"


@STORES_ALIKE
def test_files_that_cannot_be_indexed_keep_the_others_neither_out_nor_busy(bench, monkeypatch):
    execution = import_module("assistctl.apis.managed.send")
    monkeypatch.setattr(execution, "BATCH", 2)
    monkeypatch.setattr(execution, "NAMED", 1)
    good = [bench.file(f"docs/{number}.md", f"page {number}") for number in range(5)]
    bad = [bench.file(f"docs/{number}.bin", bytes(range(256))) for number in range(2)]
    chunks = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    chunking = {"type": "static", "static": chunks}
    bench.store("handbook", *good, *bad, chunking_strategy=chunking)
    bench.assistant("shop", FileSearch("handbook"))
    failure, closing = bench.apply()
    reason = failure.partition(": not indexed: file/docs/0.bin: ")[2].removesuffix("; and 1 more")
    assert reason.startswith("The file is not text in UTF-8, ")
    assert closing.endswith("not done, because of vector_store/handbook")
    store = bench.only(VECTOR_STORE)
    assert store["file_counts"]["completed"] == 5
    _, _, plan = bench.survey()
    assert str(plan).startswith("update vector_store/handbook: the declaration changed\n  files: ")
    assert plan.notes == tuple(
        f"file/docs/{number}.bin could not be indexed in vector_store/handbook, and is tried "
        f"again: {reason}"
        for number in range(2)
    )
    uploads = {item["filename"]: item["id"] for item in bench.at(FILE)}
    assert len(uploads) == 7
    assert bench.compiled() == [
        "update vector_store/handbook (metadata)",
        f"detach {uploads['0.bin']} from vector_store/handbook",
        f"detach {uploads['1.bin']} from vector_store/handbook",
        "attach docs/0.bin, docs/1.bin to vector_store/handbook",
        "update vector_store/handbook (metadata)",
    ]
    bench.store("handbook", *good, bad[0], chunking_strategy=chunking)
    bench.apply()
    bench.store("handbook", *good, chunking_strategy=chunking)
    assert bench.apply() == []
    assert bench.plan() == "undeclared file/0.bin\nundeclared file/1.bin"
    assert {item["filename"]: item["id"] for item in bench.at(FILE)} == uploads


@STORES_ALIKE
def test_a_store_is_filled_in_batches_and_after_a_refusal_only_what_is_missing_is_attached(
    server, bench, monkeypatch
):
    """benchmarks/store_files.py does the same with 10,000 files."""
    monkeypatch.setattr(import_module("assistctl.apis.managed.send"), "BATCH", 30)
    monkeypatch.setattr("assistctl.apis.transport.pacing.pause", lambda attempt, asked: 0.0)
    bench.store("handbook", *(bench.file(f"docs/{n}.md", f"page {n}") for n in range(75)))
    with proxy_to(server.base_url) as proxy:
        client = bench.api.client(proxy.base_url, server.api_key)
        through = replace(bench, client=client)
        batches = []

        def fault(number, request):
            if str(request).endswith("/file_batches"):
                batches.append(len(json.loads(request.body)["files"]))
                return error(400) if len(batches) == 2 else None
            return None

        proxy.fault = fault
        failure, _ = through.apply()
        assert failure.endswith("; and 10 more")
        assert "/file_batches: 400 fault 400; file/docs/" in failure
        assert len(through.at("/files")) == 45
        through.sync()
        client.close()
    assert batches == [30, 30, 15, 30]
    assert len(bench.at(FILE)) == 75
    assert bench.only(VECTOR_STORE)["file_counts"]["completed"] == 75


@STORES_ALIKE
def test_in_a_full_store_the_old_makes_room_for_the_new(bench, monkeypatch):
    monkeypatch.setattr(import_module("assistctl.apis.managed.compile"), "STORE_FILES", 3)
    pages = [bench.file(f"docs/{number}.md", f"page {number}") for number in range(3)]
    bench.store("handbook", *pages)
    bench.sync()
    first, second = (
        next(item["id"] for item in bench.at(FILE) if item["filename"] == f"{number}.md")
        for number in range(2)
    )
    changed = bench.file("docs/0.md", "new page")
    bench.store("handbook", changed, pages[2], bench.file("docs/3.md", "page 3"))
    assert [line for line in bench.compiled() if "upload" not in line and "update" not in line] == [
        f"detach {second} from vector_store/handbook",
        f"detach {first} from vector_store/handbook",
        "attach docs/0.md, docs/3.md to vector_store/handbook",
        f"delete file/docs/0.md ({first})",
    ]
    assert bench.apply() == []
    assert bench.plan() == "undeclared file/1.md"
    assert bench.only(VECTOR_STORE)["file_counts"]["completed"] == 3


@ADOPTS
def test_an_assistant_without_an_owner_is_adopted_and_keeps_its_id_and_metadata(bench):
    stranger = bench.make(name="Old", metadata={"team": "a"})
    shop(bench)
    declared = bench.surface.declare(bench.workspace)
    observed = bench.surface.observe(declared)
    address = bench.workspace.assistants["shop"].address
    seen = bench.surface.unmanaged(address, stranger["id"], declared)
    observed = replace(observed, owned={address: seen})
    plan = reconcile("local", declared, observed, PlanOptions(adopt=[address]))
    assert bench.execute(declared, observed, plan) == []
    assert bench.plan() == ""
    assistant = bench.only(ASSISTANT)
    assert (assistant["id"], assistant["name"]) == (stranger["id"], "Shop")
    assert assistant["metadata"]["team"] == "a"


@ADOPTS
def test_an_owned_object_cannot_be_adopted(bench, other):
    other.assistant("theirs")
    other.sync()
    owned = bench.only(ASSISTANT)["id"]
    bench.assistant("shop")
    declared = bench.surface.declare(bench.workspace)
    with pytest.raises(AssistctlError, match="has an owner already: other/theirs"):
        bench.surface.unmanaged(bench.workspace.assistants["shop"].address, owned, declared)
