"""Whatever somebody edits at the target is named, with what was there and what is there now, and
becomes what was asked for: `fail` changes nothing, `keep` leaves it, `overwrite` takes it back.

By default what becomes of it is tried with every fourth edit, others at each API; ALL_FAULTS=1
tries it with each.
"""

import copy
import os
from dataclasses import replace

import pytest

from assistctl.apis.managed.stores import AUTO_CHUNKING
from assistctl.errors import Refused
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import (
    Address,
    CodeInterpreter,
    FileSearch,
    Function,
    FunctionTool,
)
from assistctl.sync.drift_policy import keeping, refuse_drift
from assistctl.sync.planning import plan_sync
from tests.apis.bench import PLACE, Bench
from tests.apis.edits import (
    ANSWER,
    ANY,
    CHUNKS,
    DECLARED,
    EXPIRY,
    PAGE_B,
    PARAMETERS,
    PRICES,
    UNDECLARED,
    Colleague,
    declared_settings,
)
from tests.apis.fault_proxy import proxy_to
from tests.apis.states import States
from tests.apis.surfaces import AGENTS, APIS

EVERY = 1 if "ALL_FAULTS" in os.environ else 4


@pytest.fixture
def colleague(bench):
    return Colleague(bench)


@pytest.fixture
def life(bench, colleague):
    """A workspace in sync, one assistant and one store of which declare all that there is."""
    declare(bench)
    bench.sync()
    colleague.theirs = colleague.upload(bench.root / "docs/a.md")
    colleague.their_store = colleague.client.create(
        "/vector_stores", {"name": "theirs", "metadata": {"assistctl": "other/x"}}
    )["id"]
    return bench


def declare(bench, **settings):
    prices = bench.file("assistants/prices.csv", "rose,1")
    pages = [bench.file(f"docs/{name}.md", f"page {name}") for name in "ab"]
    described = "Pays." if bench.api is AGENTS else None
    pay = FunctionTool(Function("pay", PLACE, described, PARAMETERS))
    plain = {name: wanted for name, (_, wanted) in declared_settings().items()}
    pairs = {"metadata": {"team": "a"}}
    bench.store("handbook", *pages, chunking_strategy=CHUNKS, expires_after=EXPIRY, **pairs)
    bench.store("lists", prices)
    bench.assistant(
        "shop",
        CodeInterpreter((prices,)),
        FileSearch("handbook"),
        pay,
        **{**plain, "response_format": ANSWER, **pairs, **settings},
    )
    bench.assistant("desk", model="gpt-6-luna")
    bench.assistant("buyer", FileSearch("lists", {"max_num_results": 10}), model="gpt-6-luna")


def surveyed(bench, **options):
    return plan_sync(bench.surface, bench.workspace, (), PlanOptions(deep=True, **options))


def done(bench, found):
    outcomes = bench.surface.execute(
        bench.root,
        found.operations,
        found.declared,
        found.observed,
    )
    return [f"{item.operation}: {item.error}" for item in outcomes if item.error]


def overlooked(found, edit):
    """What a plan and `fail` do not say of an edit, in words."""
    problems = unnamed(found.plan, edit)
    try:
        refuse_drift(found, "fail")
        problems += [] if edit.aside else ["`fail` does not refuse"]
    except Refused as refused:
        known = edit.path in str(refused) and edit.address in str(refused) and not edit.aside
        problems += [] if known else [f"refused: {refused}"]
    return problems


def wrong(bench, colleague, edit):
    """What a plan and the syncs after it do not do with an edit, in words."""
    before = colleague.state()
    edit.make(colleague)
    edited = colleague.state()
    found = surveyed(bench)
    problems = overlooked(found, edit)
    kept = keeping(bench.surface, bench.workspace, found, PlanOptions(deep=True))
    problems += done(bench, kept)
    problems += [] if same(colleague.state(), edited) else ["`keep` does not keep it"]
    problems += [f"after `keep`: {it}" for it in unnamed(surveyed(bench).plan, edit)]
    problems += done(bench, surveyed(bench, on_drift="overwrite", prune=True))
    wanted = edited if edit.aside else before
    problems += [] if same(colleague.state(), wanted) else ["`overwrite` does something else"]
    if edit.aside:
        problems += [f"after `overwrite`: {it}" for it in unnamed(surveyed(bench).plan, edit)]
        colleague.client.delete(colleague.of(edit.address)[0])
        problems += bench.apply()
    after = surveyed(bench).plan
    return problems + ([f"left: {after}"] if after or after.left_alone else [])


def unnamed(plan, edit):
    """Whether the plan, and what it says of drift, do not name the edit."""
    changes = plan.left_alone if edit.aside else plan.drifted
    fields = [
        it for change in changes if str(change.address) == edit.address for it in change.fields
    ]
    there = [it for it in fields if it.path == edit.path and agrees(it, edit)]
    if there and plan.drift and all(it.side != "declared" for it in fields):
        return []
    return [f"not named: {plan}"]


def agrees(field, edit):
    sides = [(field.before, edit.before), (field.after, edit.after)]
    return field.before != field.after and all(wanted in (ANY, it) for it, wanted in sides)


def same(one, other):
    """Whether two states are the same but for what our own records say of old uploads."""
    return without_records(one) == without_records(other)


def without_records(state):
    bare = copy.deepcopy(state)
    for fields in bare.values():
        if isinstance(fields, dict):
            parts = (fields.get("tool_resources") or {}).items()
            fields["tool_resources"] = {part: ids for part, ids in parts if any(ids.values())}
            fields["metadata"] = {
                key: value
                for key, value in fields["metadata"].items()
                if not key.startswith(("assistctl_stale", "assistctl_digest", "assistctl_applied"))
            }
    return bare


@pytest.mark.sweep
@pytest.mark.parametrize("edits", [DECLARED, UNDECLARED], ids=["declared", "undeclared"])
def test_an_edit_of_any_field_is_named_and_becomes_what_was_asked_for(
    life, colleague, edits, server, tmp_path
):
    failures, states = {}, States(server, tmp_path)
    edits, others = edits[life.api.name], list(APIS).index(life.api.name)
    for number, edit in enumerate(edits, others):
        states.again("in sync", lambda: None)
        if number % EVERY:
            edit.make(colleague)
            problems = overlooked(surveyed(life), edit)
        else:
            problems = wrong(life, colleague, edit)
        if problems:
            failures[f"{edit.address} {edit.path} {edit.after!r}"] = problems
    print(f"{life.api.name}: fields tried / seen: {len(edits)} / {len(edits) - len(failures)}")
    assert failures == {}, "\n".join(f"{edit}: {told}" for edit, told in failures.items())


def lose_object(path):
    return lambda it: it.client.delete(it.of(path)[0])


def lose_member(it):
    path, members = it.members()
    it.client.delete(f"{path}/{members['docs/b.md']['id']}")


LOST = {
    "store": (lose_object("vector_store/handbook"), ["vector_store/handbook"]),
    "upload": (lambda it: it.client.delete(f"/files/{it.code_files()[0]}"), [str(PRICES)]),
    "member": (lose_member, [str(PAGE_B)]),
}


@pytest.mark.parametrize("lose", LOST)
def test_what_has_gone_from_the_target_is_told_as_drift_and_made_anew(life, colleague, lose):
    before = set(colleague.state())
    make, gone = LOST[lose]
    make(colleague)
    found = surveyed(life)
    told = {str(change.address): change.cause for change in found.plan.drift.changes}
    assert set(gone) <= set(told)
    assert all("gone from the target since the last sync" in told[address] for address in gone)
    refuse_drift(found, "fail")
    assert done(life, found) == []
    assert surveyed(life).plan == replace(surveyed(life).plan, changes=(), left_alone=())
    assert set(colleague.state()) == before


def test_what_is_remembered_and_has_gone_is_told_from_what_was_never_there(life, colleague):
    colleague.client.delete(colleague.of("assistant/desk")[0])
    life.assistant("clerk")
    declared, observed, _ = life.survey()
    known = [Address("assistant", "desk")]
    plan = reconcile("local", declared, observed, PlanOptions(known=known))
    assert [(str(it.address), it.cause) for it in plan.changes] == [
        ("assistant/clerk", "not at the target yet"),
        ("assistant/desk", "gone from the target since the last sync"),
    ]
    assert [str(it.address) for it in plan.drift.changes] == ["assistant/desk"]


def filled_in(request, body):
    """A target that says of everything what the API documents as its default."""
    for item in body["data"] if isinstance(body.get("data"), list) else [body]:
        if item.get("object") == "assistant":
            defaults = {"temperature": 1.0, "top_p": 1.0, "response_format": "auto"}
            defaults |= {"reasoning_effort": "medium", "tools": [], "tool_resources": None}
            defaults |= {"metadata": {}}
            for name, value in defaults.items():
                item[name] = value if item.get(name) is None else item[name]
            for tool in item["tools"]:
                fill_in(tool, item["model"])
            if (
                isinstance(item["response_format"], dict)
                and "json_schema" in item["response_format"]
            ):
                item["response_format"]["json_schema"].setdefault("strict", False)
        if item.get("object") == "vector_store":
            item.setdefault("expires_after", None)
            item["metadata"] = item["metadata"] or {}
        if item.get("object") == "vector_store.file":
            item["chunking_strategy"] = item.get("chunking_strategy") or AUTO_CHUNKING
    return body


def fill_in(tool, model):
    if tool["type"] == "function":
        tool["function"].setdefault("strict", False)
    if tool["type"] == "file_search":
        options = tool.setdefault("file_search", {})
        options.setdefault("max_num_results", 5 if model.startswith("gpt-3.5-turbo") else 20)
        ranking = options.setdefault("ranking_options", {})
        ranking.setdefault("ranker", "auto")
        ranking.setdefault("score_threshold", 0.0)


def bare(request, body):
    """The same target before it did so."""
    for item in body["data"] if isinstance(body.get("data"), list) else [body]:
        for name in ("temperature", "top_p", "response_format"):
            if item.get("object") == "assistant" and item.get(name) in (1.0, "auto"):
                item[name] = None
        for tool in item.get("tools") or ():
            tool.get("file_search", {}).pop("ranking_options", None)
            tool.get("function", {}).pop("strict", None)
        item.pop("chunking_strategy", None)
    return body


@pytest.mark.only_at("assistants", because="what else documents defaults has tests of its own")
def test_every_default_that_the_api_documents_may_come_later(server, api, tmp_path):
    with proxy_to(server.base_url) as proxy:
        client = api.client(proxy.base_url, server.api_key)
        bench = Bench(tmp_path / "workspace", api, client)
        proxy.rewrite = bare
        declare(bench)
        bench.assistant("cheap", FileSearch("lists"), model="gpt-3.5-turbo")
        bench.sync()
        proxy.rewrite = filled_in
        found = surveyed(bench).plan
        assert (str(found), str(found.drift)) == ("", "")
        declare(bench, instructions="Sell more.")
        assert [str(it.address) for it in surveyed(bench).plan.changes] == ["assistant/shop"]
        assert not surveyed(bench).plan.drifted
        assert done(bench, surveyed(bench)) == []
        assert str(surveyed(bench).plan) == ""
        client.close()
