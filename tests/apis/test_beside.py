"""Assistants of several APIs beside each other at one target, which share stores and uploads.

By default each API is once the first of a pair and once the other; ALL_FAULTS=1 tries all pairs.
"""

import os
from contextlib import contextmanager
from itertools import permutations

import pytest

from assistctl.apis.transport.pacing import Pacing
from assistctl.resources import ASSISTANT, FILE, Address, CodeInterpreter, FileSearch, implicit_key
from assistctl.sync import apply, rollback, snapshots
from assistctl.sync.planning import plan_sync
from tests.apis.bench import Bench
from tests.apis.fault_proxy import error, proxy_to
from tests.apis.scene import content_of
from tests.apis.surfaces import APIS

HANDBOOK = implicit_key("shop")
PAIRS = list(permutations(APIS, 2))
if "ALL_FAULTS" not in os.environ:
    PAIRS = list(zip(APIS, [*APIS][1:] + [*APIS][:1], strict=True))


@pytest.fixture
def at(server, tmp_path):
    """A workspace at the target by an API: `at("agents")`, each with declarations of its own."""
    clients = []

    def open_at(name, base_url=server.base_url):
        pace = Pacing(sleep=lambda seconds: None)
        client = APIS[name].client(base_url, server.api_key, pace=pace)
        clients.append(client)
        bench = Bench(tmp_path / "workspace", APIS[name], client)
        declare(bench)
        return bench

    yield open_at
    for client in clients:
        client.close()


def declare(bench, content="rose,1"):
    """A file that a store holds and code_interpreter reads, so that one upload serves both."""
    prices = bench.file("assistants/prices.csv", content)
    bench.store(HANDBOOK, prices)
    bench.assistant("shop", CodeInterpreter((prices,)), FileSearch(HANDBOOK), name="Shop")
    bench.assistant("clerk", name="Clerk")


def without_the_file(bench):
    bench.store(HANDBOOK)
    bench.assistant("shop", CodeInterpreter(), FileSearch(HANDBOOK), name="Shop")


def reads(bench):
    """What the assistant can read."""
    return [content_of(bench.client, file_id) for file_id in bench.files_of("shop")]


def sync_beside(first, second):
    """Both in sync, with one upload between them."""
    first.sync()
    second.sync()
    assert len(first.at(FILE)) == 1


@pytest.mark.sweep
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_an_upload_that_was_replaced_stays_until_the_last_api_is_repointed(at, one, other):
    first, second = at(one), at(other)
    sync_beside(first, second)
    declare(first, "rose,2")
    first.sync()
    assert (reads(first), reads(second)) == (["rose,2"], ["rose,1"])
    declare(second, "rose,2")
    second.sync()
    assert (reads(first), reads(second)) == (["rose,2"], ["rose,2"])
    assert len(first.at(FILE)) == 1
    assert (first.plan(), second.plan()) == ("", "")


@pytest.mark.sweep
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_prune_leaves_an_upload_until_no_api_declares_it(at, one, other):
    first, second = at(one), at(other)
    sync_beside(first, second)
    without_the_file(first)
    first.sync(prune=True)
    assert (reads(first), reads(second)) == ([], ["rose,1"])
    without_the_file(second)
    second.sync(prune=True)
    assert first.at(FILE) == []


@pytest.mark.sweep
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_a_record_calls_unused_is_neither_told_nor_pruned_while_another_api_uses_it(
    at, one, other
):
    first, second = at(one), at(other)
    sync_beside(first, second)
    without_the_file(first)
    first.sync()
    first.sync(prune=True)
    assert reads(second) == ["rose,1"]
    without_the_file(second)
    second.apply()
    first.sync(prune=True)
    assert first.at(FILE) == []


@pytest.mark.sweep
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_prune_of_an_assistant_leaves_the_upload_that_another_api_uses(at, one, other):
    first, second = at(one), at(other)
    sync_beside(first, second)
    del first.assistants["shop"]
    first.stores.clear()
    first.sync(prune=True)
    assert reads(second) == ["rose,1"]


@pytest.mark.sweep
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_rollback_leaves_the_upload_that_another_api_uses(at, one, other, tmp_path):
    first, second = at(one), at(other)
    first.sync()
    declare(first, "rose,2")
    for _ in apply.apply_plan(
        first.surface, first.workspace, plan_sync(first.surface, first.workspace)
    ):
        pass
    declare(second, "rose,2")
    second.sync()
    assert len(first.at(FILE)) == 1
    (snapshot,) = snapshots.all_of(first.workspace)
    shop, sources = Address(ASSISTANT, "shop"), tmp_path / "sources"
    sources.mkdir()
    way_back = rollback.plan_rollback(
        first.surface, first.workspace, snapshot, shop, "fail", sources
    )
    results = list(
        apply.apply_plan(first.surface, first.workspace, way_back, sources=sources, back_to="x")
    )
    assert [it.error for it in results if it.error] == []
    assert (reads(first), reads(second)) == (["rose,1"], ["rose,2"])


@pytest.mark.parametrize("theirs", ["assistants", "agents"])
def test_what_somebody_else_has_given_to_an_assistant_of_theirs_stays(at, api, theirs):
    bench = at(api.name)
    bench.sync()
    used = [item["id"] for item in bench.at(FILE)]
    client = at(theirs).client
    if theirs == "agents":
        metadata = {"assistctl": "somebody/desk", "assistctl_uploads": used[0]}
        made = client.create("/agents", {"model": "gpt-4.1", "metadata": metadata})
    else:
        resources = {"code_interpreter": {"file_ids": used}}
        made = client.create("/assistants", {"model": "gpt-4.1", "tool_resources": resources})
    declare(bench, "rose,2")
    bench.sync()
    assert content_of(client, used[0]) == "rose,1"
    client.delete(f"/{theirs}/{made['id']}")
    bench.sync()
    assert used[0] not in [item["id"] for item in bench.at(FILE)]


def test_once_the_last_user_has_gone_a_replaced_upload_goes_by_what_a_record_says(at):
    first, second = at("assistants"), at("agents")
    first.assistant("shop", FileSearch(HANDBOOK), name="Shop")
    sync_beside(first, second)
    first.store(HANDBOOK, first.file("assistants/prices.csv", "rose,2"))
    first.sync()
    assert reads(second) == ["rose,1"]
    second.delete(ASSISTANT, second.held("shop"))
    assert first.plan().endswith(": replaced by a newer upload; nothing refers to it")
    first.sync()
    assert len(first.at(FILE)) == 1


@contextmanager
def refusing(server, status, words):
    """The server behind a proxy that refuses these collections."""
    with proxy_to(server.base_url) as proxy:
        proxy.fault = lambda count, request: (
            error(status) if request.path.split("?")[0] in words else None
        )
        yield proxy


@pytest.mark.parametrize("status", [403, 404, 410])
def test_what_a_target_does_not_have_uses_nothing(at, server, api, status):
    missing = {"/v1/assistants", "/v1/agents"} - {f"/v1{api.collection}"}
    with refusing(server, status, missing) as proxy:
        bench = at(api.name, proxy.base_url)
        bench.sync()
        declare(bench, "rose,2")
        bench.sync()
    assert len(bench.at(FILE)) == 1


def test_where_a_target_cannot_tell_what_uses_an_upload_it_stays_and_the_plan_says_so(at, server):
    bench = at("assistants")
    with refusing(server, 500, {"/v1/agents"}) as proxy:
        troubled = at("assistants", proxy.base_url)
        troubled.sync()
        declare(troubled, "rose,2")
        troubled.sync()
        _, _, plan = troubled.survey()
    assert plan.notes == (
        "uploads that are not used any more stay for now, since the target does not tell what else "
        "uses them: GET /agents: 500 fault 500; sent 5 times",
    )
    assert len(bench.at(FILE)) == 2
    declare(bench, "rose,2")
    assert bench.plan().endswith(": replaced by a newer upload; nothing refers to it")
    bench.sync()
    assert len(bench.at(FILE)) == 1
