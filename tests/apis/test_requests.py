"""How many requests a plan and a sync make: the formulas of docs/performance.md."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from assistctl.resources import CodeInterpreter, FileSearch
from tests.apis.fault_proxy import proxy_to

PAGES_ALIKE = pytest.mark.only_at("assistants", because="lists are read in one way at each API")

POLL = "GET /vector_stores/{id}/file_batches/{id}"
PAGES = {0: 1, 1: 1, 100: 1, 101: 2, 250: 3}


@pytest.fixture
def counted(bench, server):
    """Counts what a step asks for, but for polls: how often a batch is asked for depends on how
    long the target indexes."""
    with proxy_to(server.base_url) as proxy:
        client = bench.api.client(proxy.base_url, server.api_key)
        watched = replace(bench, client=client)

        def requests(step):
            proxy.reset()
            step(watched)
            found = Counter(kind(request) for request in proxy.requests)
            return {name: number for name, number in found.items() if name != POLL}

        yield requests
        client.close()


def kind(request):
    path, _, query = request.path.removeprefix("/v1").partition("?")
    limit = re.search(r"limit=\d+", query)
    path = re.sub(r"/(asst_|agent_|vs_|vsfb_|file-)\w+", "/{id}", path)
    return f"{request.method} {path}" + (f"?{limit[0]}" if limit else "")


def read(api):
    """What each plan reads: one list for each kind of object."""
    lists = {f"GET {api.collection}?limit=100", "GET /vector_stores?limit=100"}
    return Counter({*lists, "GET /files?limit=10000"})


def users_elsewhere(api):
    """What is read before an upload is deleted, since other APIs' assistants may use it."""
    lists = {"/assistants", "/agents"} - {api.collection}
    return Counter(f"GET {path}?limit=100" for path in lists)


def of_held(api, **methods):
    """So many requests to what holds assistants."""
    ends = {"create": "POST {}", "read": "GET {}/{{id}}", "write": "POST {}/{{id}}"}
    return Counter({ends[name].format(api.collection): n for name, n in methods.items()})


def empty_plan(bench):
    assert bench.plan() == ""


def plan(bench):
    assert bench.plan() != ""


def sync(bench):
    assert bench.apply() == []


@PAGES_ALIKE
def test_a_plan_asks_for_a_page_of_each_hundred_assistants(bench, counted):
    for number, pages in PAGES.items():
        for new in range(len(bench.assistants), number):
            bench.assistant(f"shop-{new}", name=f"Shop {new}")
        bench.apply()
        assert counted(empty_plan) == read(bench.api) | {"GET /assistants?limit=100": pages}


@PAGES_ALIKE
def test_a_plan_asks_for_a_page_of_each_hundred_stores_and_not_for_their_files(bench, counted):
    for number in (1, 100, 101):
        for new in range(len(bench.stores), number):
            bench.store(f"store-{new}")
        bench.apply()
        pages = {"GET /vector_stores?limit=100": PAGES[number]}
        assert counted(empty_plan) == read(bench.api) | pages


@PAGES_ALIKE
def test_a_plan_lists_the_files_of_the_stores_that_may_not_be_as_declared(bench, counted):
    pages = [bench.file(f"docs/{number}.md", f"page {number}") for number in range(101)]
    bench.store("big", *pages)
    bench.store("small", pages[0])
    bench.store("other", bench.file("docs/other.md", "other"))
    bench.apply()
    assert counted(empty_plan) == read(bench.api)
    edited = bench.file("docs/0.md", "another page")
    bench.store("big", edited, *pages[1:])
    bench.store("small", edited)
    listed = {"GET /vector_stores/{id}/files?limit=100": 2 + 1, "GET /agents?limit=100": 1}
    assert counted(plan) == read(bench.api) | listed


def test_a_first_sync_writes_objects_twice_and_uploads_and_attaches_once(bench, counted):
    prices = bench.file("prices.csv", "rose,1")
    handbook = [bench.file(f"docs/{name}.md", name) for name in "abc"]
    bench.store("handbook", *handbook)
    bench.store("empty")
    for key in ("clerk", "desk", "shop"):
        own = bench.file(f"{key}.csv", key)
        bench.assistant(key, CodeInterpreter((prices, own)), FileSearch("handbook"))
    held = of_held(bench.api, create=3, write=3)
    assert counted(sync) == read(bench.api) + held + Counter(
        {
            "POST /files": 1 + 3 + 3,
            "POST /vector_stores": 2,
            "POST /vector_stores/{id}/file_batches": 1,
            "POST /vector_stores/{id}": 2,
        }
    )
    assert counted(empty_plan) == read(bench.api)


def test_an_edited_file_is_uploaded_once_and_each_of_its_users_repointed(bench, counted):
    prices = bench.file("prices.csv", "rose,1")
    for key in ("clerk", "desk", "shop"):
        bench.assistant(key, CodeInterpreter((prices,)))
    bench.store("handbook", prices)
    bench.apply()
    prices = bench.file("prices.csv", "rose,2")
    for key in ("clerk", "desk", "shop"):
        bench.assistant(key, CodeInterpreter((prices,)))
    bench.store("handbook", prices)
    held = of_held(bench.api, read=3, write=2 * 3)
    assert counted(sync) == read(bench.api) + users_elsewhere(bench.api) + held + Counter(
        {
            "GET /vector_stores/{id}/files?limit=100": 1,
            "POST /files": 1,
            "GET /vector_stores/{id}": 1,
            "POST /vector_stores/{id}": 2,
            "POST /vector_stores/{id}/file_batches": 1,
            "DELETE /vector_stores/{id}/files/{id}": 1,
            "DELETE /files/{id}": 1,
        }
    )


def test_an_edited_field_is_looked_at_again_written_and_noted(bench, counted):
    for key in ("clerk", "desk", "shop"):
        bench.assistant(key, name=key)
    bench.apply()
    bench.assistant("desk", name="Front desk")
    assert counted(sync) == read(bench.api) + of_held(bench.api, read=1, write=2)


def test_a_sync_of_nothing_new_is_a_plan(bench, counted):
    bench.assistant("desk", name="Desk")
    bench.apply()
    assert counted(sync) == counted(empty_plan) == read(bench.api)
