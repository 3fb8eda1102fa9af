"""Targets that answer something else than they were sent, or do not offer everything."""

import json
import os
from dataclasses import replace
from functools import partial
from urllib.parse import quote

import pytest

from assistctl.errors import RemoteError
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address, CodeInterpreter, FileSearch
from tests.apis.bench import Bench
from tests.apis.fault_proxy import error
from tests.apis.scene import declare, function, opinionated

pytestmark = pytest.mark.only_at(
    "assistants", because="how other servers that have this API differ is known of this API only"
)


@pytest.fixture
def odd(proxy, server, api, tmp_path):
    """A workspace that sees the target through the proxy."""
    client = api.client(proxy.base_url, server.api_key)
    yield Bench(tmp_path / "workspace", api, client)
    client.close()


def items(body):
    return body["data"] if isinstance(body.get("data"), list) else [body]


def of(kind, change):
    """Rewrites every object of one kind."""

    def rewrite(request, body):
        for item in items(body):
            if item.get("object") == kind:
                change(item)
        return body

    return rewrite


def code(bench, content="rose,1"):
    return CodeInterpreter((bench.file("assistants/prices.csv", content),))


def test_what_a_target_fills_in_pins_and_drops_is_no_drift(odd, proxy):
    proxy.rewrite = opinionated
    declare(odd)
    odd.sync()
    proxy.requests.clear()
    odd.sync()
    assert sorted(map(str, proxy.requests)) == sorted(
        ["GET /v1/assistants", "GET /v1/vector_stores", "GET /v1/files"] * 2
    )


def test_drift_shows_at_an_opinionated_target_too(odd, proxy, bench):
    proxy.rewrite = opinionated
    odd.assistant("shop", function("save"), instructions="Sell.", reasoning_effort="low")
    odd.sync()
    asst = bench.only(ASSISTANT)["id"]
    bench.client.post(f"/assistants/{asst}", {"model": "gpt-5", "instructions": "Buy."})
    assert odd.plan() == (
        "update assistant/shop: changed at the target since the last sync\n"
        "  model: 'gpt-5-2026-01-01' -> 'gpt-4.1'\n"
        "  instructions: 'Buy.' -> 'Sell.'"
    )
    odd.sync(on_drift="overwrite")


def test_an_edit_of_what_a_target_pins_is_a_declared_change(odd, proxy):
    proxy.rewrite = opinionated
    odd.assistant("shop", model="gpt-4.1")
    odd.sync()
    odd.assistant("shop", model="gpt-5")
    assert odd.plan() == (
        "update assistant/shop: the declaration changed\n  model: 'gpt-4.1-2026-01-01' -> 'gpt-5'"
    )
    odd.sync()


@pytest.mark.parametrize("status", ["in_progress", "failed", "cancelled"])
def test_a_file_that_somebody_put_into_a_store_is_seen_however_far_it_is_indexed(
    odd, proxy, bench, status
):
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.sync()
    store = bench.only(VECTOR_STORE)
    theirs = bench.surface.upload(odd.root / "docs/a.md", "theirs.md")["id"]
    copy = {"name": "handbook", "metadata": store["metadata"], "file_ids": [theirs]}
    second = bench.client.create("/vector_stores", copy)["id"]
    page = Address(FILE, "docs/a.md")
    bench.client.create(f"/vector_stores/{store['id']}/files", {"file_id": theirs})

    def linger(member):
        member["status"] = status if member["id"] == theirs else member["status"]

    proxy.rewrite = of("vector_store.file", linger)
    assert odd.plan() == (
        "update vector_store/handbook: changed at the target since the last sync\n"
        f"  files: {[theirs, page]} -> {[page]}"
    )
    odd.sync(on_drift="overwrite")
    assert [item["id"] for item in bench.at(VECTOR_STORE)] == [store["id"], second]


@pytest.mark.parametrize("with_store", [False, True])
def test_a_target_that_drops_metadata_ends_the_sync_and_nothing_is_left(
    odd, proxy, bench, with_store
):
    def forget(request, body):
        for item in items(body):
            if "metadata" in item:
                item["metadata"] = {}
        return body

    proxy.rewrite = forget
    odd.assistant("shop", code(odd), *([FileSearch("handbook")] if with_store else []))
    odd.assistant("desk")
    if with_store:
        odd.store("handbook", odd.file("docs/a.md", "page a"))
    failures = odd.apply()
    lost = "the target does not keep metadata, without which nothing can be owned"
    first = "vector_store/handbook" if with_store else "assistant/"
    assert any(f"{lost}; {first}" in failure for failure in failures)
    assert all(lost in failure for failure in failures)
    assert [bench.at(path) for path in ("/assistants", "/vector_stores", "/files")] == [[], [], []]


def test_what_a_target_refuses_leaves_no_upload_behind(odd, proxy, bench):
    def fault(number, request):
        return error(400) if str(request) == "POST /v1/assistants" else None

    proxy.fault = fault
    odd.assistant("shop", code(odd))
    assert odd.apply() == [
        "create assistant/shop (model, tools, tool_resources): POST /assistants: 400 fault 400"
    ]
    assert bench.at(FILE) == []


def test_a_refused_update_keeps_the_old_upload_and_only_that(odd, proxy, bench):
    odd.assistant("shop", code(odd))
    odd.sync()
    old = bench.only(FILE)["id"]
    path = f"POST /v1/assistants/{bench.only('/assistants')['id']}"
    proxy.fault = lambda number, request: error(400) if str(request) == path else None
    odd.assistant("shop", code(odd, "rose,2"))
    assert len(odd.apply()) == 2
    assert bench.only(FILE)["id"] == old
    proxy.reset()
    odd.sync()
    assert bench.only(FILE)["id"] != old


def test_a_part_of_tool_resources_that_is_not_declared_any_more_is_cleared_by_name(odd, proxy):
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.assistant("shop", code(odd), FileSearch("handbook"))
    odd.sync()
    odd.assistant("shop", FileSearch("handbook"))
    proxy.requests.clear()
    assert odd.apply() == []
    sent = [json.loads(request.body) for request in proxy.requests if request.method == "POST"]
    resources = next(body["tool_resources"] for body in sent if "tool_resources" in body)
    assert resources["code_interpreter"] == {"file_ids": []}
    assert len(resources["file_search"]["vector_store_ids"]) == 1


def test_a_target_that_renames_uploads_is_no_reason_to_upload_again(odd, proxy, bench):
    proxy.rewrite = of("file", lambda item: item.update(filename="upload.bin"))
    costs = odd.file("assistants/costs.csv", "rose,0.5")
    prices = odd.file("assistants/prices.csv", "rose,1")
    odd.assistant("shop", CodeInterpreter((prices, costs)))
    odd.sync()
    prices = odd.file("assistants/prices.csv", "rose,2")
    odd.assistant("shop", CodeInterpreter((prices, costs)))
    assert "file/assistants/costs.csv" not in odd.plan()


def test_a_target_that_counts_no_files_has_its_stores_read(odd, proxy):
    proxy.rewrite = of("vector_store", lambda item: item.pop("file_counts"))
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.sync()
    proxy.requests.clear()
    assert odd.plan() == ""
    assert len(proxy.requests) == 4


def test_a_target_that_does_not_tell_how_files_are_chunked_is_believed(odd, proxy):
    def quiet(item):
        item.pop("file_counts", None)
        item.pop("chunking_strategy", None)

    proxy.rewrite = lambda request, body: of("vector_store", quiet)(
        request, of("vector_store.file", quiet)(request, body)
    )
    chunks = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    page = odd.file("docs/a.md", "page a")
    odd.store("handbook", page, chunking_strategy={"type": "static", "static": chunks})
    odd.sync()
    chunks = {**chunks, "chunk_overlap_tokens": 100}
    odd.store("handbook", page, chunking_strategy={"type": "static", "static": chunks})
    assert odd.plan().startswith("update vector_store/handbook: the declaration changed")
    odd.sync()


def test_a_target_without_vector_stores_serves_a_workspace_that_needs_none(odd, proxy):
    def fault(number, request):
        return error(404) if "vector_stores" in request.path else None

    proxy.fault = fault
    odd.assistant("shop", code(odd))
    odd.sync()
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    with pytest.raises(RemoteError, match="GET /vector_stores: 404"):
        odd.plan()


@pytest.mark.parametrize("listed", [True, False])
def test_what_others_have_put_there_is_told_of_though_a_target_may_not_list_it(
    odd, proxy, bench, listed
):
    def fault(number, request):
        return None if listed or str(request) != "GET /v1/vector_stores" else error(404)

    proxy.fault = fault
    page = odd.file("assistants/prices.csv", "rose,1")
    odd.assistant("shop", CodeInterpreter((page,)))
    odd.sync()
    store = bench.client.create("/vector_stores", {"name": "theirs"})["id"]
    bench.use(stores=[store])
    assert odd.plan() == (
        "update assistant/shop: changed at the target since the last sync\n"
        f"  tool_resources.file_search: {{'vector_store_ids': ['{store}']}} -> None"
    )
    odd.assistant("shop", CodeInterpreter((page, odd.file("assistants/more.csv", "tulip,2"))))
    assert odd.apply(on_drift="keep") == []
    assert bench.api.stores_of(bench.only(ASSISTANT)) == [store]


def test_a_file_that_is_still_being_indexed_is_not_taken_for_indexed(odd, proxy, bench):
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.sync()
    store = bench.only(VECTOR_STORE)
    opened = {**store["metadata"], "assistctl_digest": None}
    opened["assistctl_applied"] = opened["assistctl_applied"].replace(",", "/?,", 1)
    del opened["assistctl_digest"]
    bench.client.post(f"/vector_stores/{store['id']}", {"metadata": opened})
    busy = of("vector_store.file", lambda item: item.update(status="in_progress"))
    proxy.rewrite = busy
    assert odd.plan() == (
        "update vector_store/handbook: the declaration changed\n"
        "  files: [] -> [Address(kind='file', name='docs/a.md')]"
    )
    proxy.rewrite = lambda request, body: body
    odd.sync()


def test_an_expired_store_that_is_declared_no_longer_is_only_reported(odd, proxy):
    odd.assistant("shop")
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.sync()
    proxy.rewrite = of("vector_store", lambda item: item.update(status="expired"))
    odd.stores.clear()
    assert odd.plan() == "undeclared file/docs/a.md\nundeclared vector_store/handbook"


def test_an_expired_store_is_replaced_and_its_uploads_serve_again(odd, proxy, bench):
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.assistant("shop", FileSearch("handbook"))
    odd.sync()
    old, upload = bench.only(VECTOR_STORE)["id"], bench.only(FILE)["id"]

    def expire(item):
        if item["id"] == old:
            item["status"] = "expired"

    proxy.rewrite = of("vector_store", expire)
    assert odd.plan() == (
        "create vector_store/handbook: not at the target yet\n"
        "  name: None -> 'handbook'\n"
        "  files: None -> [Address(kind='file', name='docs/a.md')]\n"
        "update assistant/shop: refers to vector_store/handbook\n"
        "  tool_resources: {} -> {'file_search': {'vector_store_ids': "
        "[Address(kind='vector_store', name='handbook')]}}\n"
        "delete vector_store/handbook: expired; a new one takes its place"
    )
    odd.sync()
    assert bench.only(VECTOR_STORE)["id"] != old
    assert bench.only(FILE)["id"] == upload


def test_an_expired_store_that_cannot_be_read_any_more_is_replaced_too(odd, proxy, bench):
    odd.store("handbook", odd.file("docs/a.md", "page a"))
    odd.sync()
    old = bench.only(VECTOR_STORE)["id"]

    def expire(item):
        if item["id"] == old:
            item["status"] = "expired"

    proxy.rewrite = of("vector_store", expire)
    unreadable = f"GET /v1/vector_stores/{old}/files"
    proxy.fault = lambda number, request: error(400) if str(request) == unreadable else None
    odd.sync()
    assert bench.only(VECTOR_STORE)["id"] != old


IMPOSSIBLE = ["x", 7, True, [], {}, [7], [None], {"type": 7}]
TIMES = (0, 3, 5) if "ALL_FAULTS" in os.environ else (0,)
"""Which of them stand at each place, after the one that stood at the place before."""


def places(value, place=()):
    """Every place inside an object where something could be."""
    yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from places(item, (*place, number))


def put(item_id, place, value, item):
    """Say something else at one place of one object."""
    if item["id"] == item_id:
        for step in place[:-1]:
            item = item[step]
        item[place[-1]] = value


@pytest.mark.sweep
def test_an_object_of_impossible_shape_is_the_targets_fault_and_no_bug(odd, proxy, bench):
    declare(odd)
    odd.sync()
    store = bench.store_of("handbook")
    samples = {
        "assistant": bench.held("shop"),
        "vector_store": store,
        "vector_store.file": bench.at(f"/vector_stores/{store['id']}/files")[0],
        "file": bench.at(FILE)[0],
    }
    tried, named, wrong = 0, 0, []
    for kind, sample in samples.items():
        found = [place for place in places(sample) if place not in ((), ("id",), ("object",))]
        for number, place in enumerate(found):
            for value in [IMPOSSIBLE[(number + more) % len(IMPOSSIBLE)] for more in TIMES]:
                tried += 1
                proxy.rewrite = of(kind, partial(put, sample["id"], place, value))
                try:
                    odd.survey(deep=True)
                except RemoteError as error:
                    named += 1
                    if "that is a fault of the target" not in str(error):
                        wrong.append(f"{kind} {place} {value}: {error}")
                except Exception as error:  # noqa: BLE001  (what the test looks for)
                    wrong.append(f"{kind} {place} {value}: {error!r}")
    print(f"shapes tried / refused / crashed: {tried} / {named} / {len(wrong)}")
    assert wrong == []
    proxy.rewrite = of("assistant", lambda item: item.update(metadata="x"))
    with pytest.raises(RemoteError) as refused:
        odd.plan()
    shop = bench.at(ASSISTANT)[0]["id"]
    assert str(refused.value) == (
        f'GET /assistants: in what the target answered, `metadata` of "{shop}" is "x" instead of '
        "an object; that is a fault of the target, which nothing here can mend"
    )


STRANGE = {b"asst_": b"a/../", b"vs_": b"v?s#", b"file-": b"f%2F;", b"vsfb_": b"b &="}
"""How ids begin at the server, and at a target that calls things as it pleases."""


def called_strangely(request, forward):
    """Answered by a target whose ids have characters that mean something in a path."""
    path, body = request.path.encode(), request.body
    for usual, strange in STRANGE.items():
        path = path.replace(quote(strange, safe="").encode(), usual)
        body = body.replace(b'"' + strange, b'"' + usual)
    answer = forward(replace(request, path=path.decode(), body=body))
    for usual, strange in STRANGE.items():
        answer = replace(answer, body=answer.body.replace(b'"' + usual, b'"' + strange))
    return answer


def test_an_id_is_one_part_of_a_path_whatever_characters_it_has(odd, proxy, bench):
    proxy.fault = lambda number, request: called_strangely
    page = odd.file("docs/care.md", "Water.")
    odd.store("handbook", page)
    odd.assistant("shop", code(odd), FileSearch("handbook"))
    odd.sync()
    assert odd.only("/assistants")["id"].startswith("a/../")
    odd.store("handbook", odd.file("docs/care.md", "Water well."))
    odd.assistant("shop", code(odd, "rose,2"), FileSearch("handbook"))
    odd.sync()
    assert len(bench.at("/files")) == 2
    extra = odd.surface.upload(odd.root / "docs/care.md", "more.md")
    odd.surface.delete_file(extra["id"])
    odd.assistants.clear()
    odd.stores.clear()
    odd.assistant("clerk")
    odd.sync(prune=True)
    assert (len(bench.at("/files")), len(bench.at("/vector_stores"))) == (0, 0)
    assert bench.only("/assistants")["metadata"]["assistctl"] == "ws/clerk"
