"""Of uploads that are declared no longer none is forgotten, even if no record has room for them.

By default a sync is cut off after every fifteenth request; ALL_FAULTS=1: after every fifth.
"""

import os
from functools import partial

import pytest

from assistctl.apis.managed import ownership
from assistctl.resources import FILE, VECTOR_STORE, CodeInterpreter
from tests.apis.bench import Bench
from tests.apis.fault_proxy import error

STORES_ALIKE = pytest.mark.only_at(
    "assistants", because="what stores remember of uploads is the same, whatever holds assistants"
)

EVERY = 5 if "ALL_FAULTS" in os.environ else 15


@pytest.fixture
def little_room(monkeypatch):
    """A record has room for a few uploads only."""
    monkeypatch.setitem(ownership.PARTS, "stale", 1)


def pages(bench, number):
    return [bench.file(f"docs/{page}.md", f"page {page}") for page in range(number)]


def names(bench):
    return sorted(item["filename"] for item in bench.at(FILE))


def inside(bench, key):
    path = f"/vector_stores/{bench.store_of(key)['id']}/files"
    return [item["id"] for item in bench.at(path)]


@STORES_ALIKE
def test_of_a_hundred_files_that_are_declared_no_longer_prune_leaves_none(bench, states):
    bench.assistant("shop")
    bench.store("handbook", *pages(bench, 100))
    states.again("100 files", bench.sync)
    bench.store("handbook", *pages(bench, 1))
    assert bench.apply() == []
    assert len(inside(bench, "handbook")) == 1
    told = bench.plan().splitlines()
    assert told[-1] == "undeclared vector_store/.unused"
    files = {line.rpartition("/")[2] for line in told[:-1]}
    assert (len(told), files) == (100, {f"{page}.md" for page in range(1, 100)})
    bench.sync(prune=True)
    assert names(bench) == ["0.md"]
    assert len(bench.at(VECTOR_STORE)) == 1


@STORES_ALIKE
def test_prune_at_once_deletes_as_many_and_needs_no_store_for_them(bench, states):
    bench.assistant("shop")
    bench.store("handbook", *pages(bench, 100))
    states.again("100 files", bench.sync)
    bench.store("handbook", *pages(bench, 1))
    assert not any("set aside" in line for line in bench.compiled(prune=True))
    bench.sync(prune=True)
    assert names(bench) == ["0.md"]


def test_what_is_declared_again_is_taken_from_where_it_was_set_aside(bench, little_room):
    bench.assistant("shop")
    bench.store("handbook", *pages(bench, 30))
    bench.sync()
    uploads = {item["id"] for item in bench.at(FILE)}
    bench.store("handbook")
    assert bench.apply() == []
    bench.store("handbook", *pages(bench, 30))
    assert bench.apply() == []
    assert bench.apply(prune=True) == []
    assert bench.plan(prune=True) == ""
    assert len(bench.at(FILE)) == 30
    assert uploads & {item["id"] for item in bench.at(FILE)}
    assert len(bench.at(VECTOR_STORE)) == 1


def test_an_assistant_that_changes_its_files_again_and_again_forgets_none(bench, little_room):
    for time in range(5):
        files = [bench.file(f"assistants/{time}-{part}.csv", f"{part}") for part in range(6)]
        bench.assistant("shop", CodeInterpreter(tuple(files)))
        assert bench.apply() == []
    assert len(bench.at(FILE)) == 30
    bench.sync(prune=True)
    assert names(bench) == [f"4-{part}.csv" for part in range(6)]


@pytest.fixture
def cut_off(proxy, server, api, tmp_path):
    """A workspace that sees the target through the proxy."""
    client = api.client(proxy.base_url, server.api_key)
    yield Bench(tmp_path / "workspace", api, client)
    client.close()


@pytest.mark.sweep
@STORES_ALIKE
@pytest.mark.parametrize("prune", [False, True])
def test_wherever_it_is_cut_off_prune_leaves_none(cut_off, proxy, states, little_room, prune):
    bench, tried, number, is_whole = cut_off, 0, 0, False
    bench.assistant("shop")
    while not is_whole:
        number += EVERY
        proxy.reset()
        bench.store("handbook", *pages(bench, 24))
        states.again(("24 files", prune), partial(bench.sync, prune=True))
        bench.store("handbook", *pages(bench, 1))
        planned = bench.survey(prune=prune)
        proxy.reset()
        proxy.fault = lambda count, request, last=number: error(400) if count > last else None
        bench.execute(*planned)
        is_whole = len(proxy.requests) <= number
        proxy.reset()
        bench.sync(prune=True)
        assert names(bench) == ["0.md"], f"cut off after {number} requests"
        tried += 1
    print(f"moments tried: {tried}")
