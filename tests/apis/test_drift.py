"""Whatever somebody edits at the target is named, with what was there and what is there now, and
becomes what was asked for: `fail` changes nothing, `keep` leaves it, `overwrite` takes it back."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from assistctl.apis.managed.stores import AUTO_CHUNKING
from assistctl.apis.transport import files
from assistctl.errors import Refused
from assistctl.plan.reconcile import PlanOptions, reconcile
from assistctl.resources import (
    FILE,
    VECTOR_STORE,
    Address,
    CodeInterpreter,
    FileSearch,
    Function,
    FunctionTool,
)
from assistctl.sync.drift_policy import keeping, refuse_drift
from assistctl.sync.planning import plan_sync
from tests.apis.bench import PLACE, Bench
from tests.apis.fault_proxy import proxy_to
from tests.apis.surfaces import ASSISTANTS

pytestmark = pytest.mark.only_at("assistants", because="for now")

PARAMETERS = {
    "type": "object",
    "properties": {"sum": {"type": "number"}},
    "required": ["sum"],
    "additionalProperties": False,
}
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ANSWER = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
CHUNKS = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}
OTHER_CHUNKS = {**CHUNKS, "static": {"max_chunk_size_tokens": 300, "chunk_overlap_tokens": 50}}
EXPIRY = {"anchor": "last_active_at", "days": 7}
PRICES = Address(FILE, "assistants/prices.csv")
PAGE_A, PAGE_B = Address(FILE, "docs/a.md"), Address(FILE, "docs/b.md")
HANDBOOK = Address(VECTOR_STORE, "handbook")
ANY = object()
"""A value that the test does not know beforehand, such as an id."""


@dataclass(frozen=True)
class Edit:
    """Somebody edits one thing; the plan says `path: before -> after`, and that it would take it
    back, or (`aside`) that nothing declares it, so that it stays."""

    path: str
    before: object
    after: object
    make: Callable[["Colleague"], None]
    aside: bool = False
    address: str = "assistant/shop"


class Colleague:
    """The objects of the workspace as anybody may edit them."""

    def __init__(self, client):
        self.client = client

    def of(self, address):
        kind, _, key = address.partition("/")
        path = "/assistants" if kind == "assistant" else "/vector_stores"
        (found,) = (i for i in self.client.list(path) if i["metadata"]["assistctl"] == f"ws/{key}")
        return f"{path}/{found['id']}", found

    def edit(self, address="assistant/shop", **fields):
        self.client.post(self.of(address)[0], fields)

    def pairs(self, address, **pairs):
        self.edit(address, metadata={**self.of(address)[1]["metadata"], **pairs})

    def tools(self, change, address="assistant/shop"):
        tools = copy.deepcopy(self.of(address)[1]["tools"])
        named = {(it.get("function") or {}).get("name", it["type"]): it for it in tools}
        self.edit(address, tools=change(named) or tools)

    def resources(self, **parts):
        self.edit("assistant/shop", tool_resources=parts)

    def code_files(self):
        return self.of("assistant/shop")[1]["tool_resources"]["code_interpreter"]["file_ids"]

    def upload(self, path):
        return files.upload(self.client, path, "theirs.md", "assistants")["id"]

    def members(self, key="handbook"):
        path = f"{self.of(f'vector_store/{key}')[0]}/files"
        found = {it["attributes"].get("assistctl_path"): it for it in self.client.list(path)}
        return path, found

    def member(self, name, key="handbook", **attributes):
        """Give a file in a store these attributes, beside those that it has; None takes one."""
        path, members = self.members(key)
        kept = {**members[name]["attributes"], **attributes}
        kept = {name: value for name, value in kept.items() if value is not None}
        self.client.post(f"{path}/{members[name]['id']}", {"attributes": kept})

    def chunk(self, name, key):
        """Index a file of a store anew, cut in another way."""
        path, members = self.members(key)
        body = {"file_id": members[name]["id"], "attributes": members[name]["attributes"]}
        self.client.create(path, {**body, "chunking_strategy": OTHER_CHUNKS})

    def state(self):
        """Everything that somebody may edit, by what it is called; how far the indexer is, is not
        of that kind."""
        found = {}
        for path in ("/assistants", "/vector_stores"):
            for item in self.client.list(path):
                found[item["metadata"]["assistctl"], path] = {
                    name: value
                    for name, value in item.items()
                    if name not in ("last_active_at", "expires_at", "usage_bytes", "status")
                }
                if counts := item.get("file_counts"):
                    found[item["metadata"]["assistctl"], path]["file_counts"] = counts["total"]
                if path == "/vector_stores":
                    files = self.client.list(f"{path}/{item['id']}/files")
                    found[item["metadata"]["assistctl"], "files"] = sorted(
                        (it["attributes"]["assistctl_path"], it["chunking_strategy"]["static"])
                        if "assistctl_path" in it["attributes"]
                        else (it["id"], {})
                        for it in files
                    )
        return found


def of_function(**fields):
    return lambda colleague: colleague.tools(lambda named: named["pay"]["function"].update(fields))


def of_search(**options):
    return lambda colleague: colleague.tools(lambda named: named["file_search"].update(options))


def of_answer(**fields):
    edited = {**ANSWER, "json_schema": {**ANSWER["json_schema"], **fields}}
    return lambda colleague: colleague.edit(response_format=edited)


def ranking(**options):
    options = {"ranker": "default_2024_08_21", "score_threshold": 0.0, **options}
    return of_search(file_search={"ranking_options": options})


def setting(name, value, address="assistant/shop"):
    return lambda colleague: colleague.edit(address, **{name: value})


def declared_settings():
    """Each plain field of an assistant that declares all of them: before, after."""
    return {
        "model": ("gpt-6.1", "gpt-6-luna"),
        "name": ("Their shop", "Shop"),
        "description": ("Theirs.", "Sells flowers."),
        "instructions": ("Buy.", "Sell."),
        "reasoning_effort": ("high", "low"),
        "temperature": (0.9, 0.5),
        "top_p": (0.8, 0.3),
    }


FUNCTION = "tools[pay].function"
SEARCH = "tools[file_search].file_search"
TOOL = {"type": "code_interpreter"}
FOREIGN = {"type": "function", "function": {"name": "theirs", "strict": False}}
HANDBOOK_FILES = [PAGE_A, PAGE_B]

DECLARED = [
    *(
        Edit(name, there, wanted, setting(name, there))
        for name, (there, wanted) in declared_settings().items()
    ),
    Edit("temperature", 1, 0.5, setting("temperature", None)),
    Edit("top_p", 1, 0.3, setting("top_p", None)),
    *(
        Edit(name, None, wanted, setting(name, None))
        for name, (_, wanted) in declared_settings().items()
        if name not in ("model", "temperature", "top_p")
    ),
    Edit("metadata.team", "b", "a", lambda it: it.pairs("assistant/shop", team="b")),
    Edit("metadata.more", "x", None, lambda it: it.pairs("assistant/shop", more="x")),
    Edit(
        "metadata.assistctl_applied",
        None,
        "what was applied last",
        lambda it: it.edit(metadata={"assistctl": "ws/shop", "team": "a"}),
    ),
    Edit(
        f"{FUNCTION}.description",
        "Call this first.",
        None,
        of_function(description="Call this first."),
    ),
    Edit(f"{FUNCTION}.strict", True, None, of_function(strict=True)),
    Edit(
        f"{FUNCTION}.parameters.properties.sum.type",
        "string",
        "number",
        of_function(parameters={**PARAMETERS, "properties": {"sum": {"type": "string"}}}),
    ),
    Edit(
        f"{FUNCTION}.parameters.additionalProperties",
        True,
        False,
        of_function(parameters={**PARAMETERS, "additionalProperties": True}),
    ),
    Edit("tools[pay]", None, ANY, lambda it: it.tools(lambda named: [named["file_search"], TOOL])),
    Edit("tools[theirs]", ANY, None, lambda it: it.tools(lambda named: [*named.values(), FOREIGN])),
    Edit(
        SEARCH,
        ANY,
        None,
        of_search(file_search={"max_num_results": 1}),
    ),
    Edit(SEARCH, ANY, None, ranking(score_threshold=0.7)),
    Edit(SEARCH, ANY, None, ranking(ranker="auto")),
    Edit("response_format", "auto", ANSWER, setting("response_format", None)),
    Edit("response_format.json_schema.name", "theirs", "answer", of_answer(name="theirs")),
    Edit(
        "response_format.json_schema.description", "Theirs.", None, of_answer(description="Theirs.")
    ),
    Edit("response_format.json_schema.strict", True, None, of_answer(strict=True)),
    Edit(
        "response_format.json_schema.schema.additionalProperties",
        None,
        False,
        of_answer(schema={key: SCHEMA[key] for key in SCHEMA if key != "additionalProperties"}),
    ),
    Edit(
        "response_format.type",
        "json_object",
        "json_schema",
        setting("response_format", {"type": "json_object"}),
    ),
    Edit(
        "tool_resources.code_interpreter.file_ids",
        ANY,
        [PRICES],
        lambda it: it.resources(code_interpreter={"file_ids": [*it.code_files(), it.theirs]}),
    ),
    Edit(
        "tool_resources.code_interpreter",
        None,
        ANY,
        lambda it: it.resources(code_interpreter={"file_ids": []}),
    ),
    Edit(
        "tool_resources.file_search",
        None,
        ANY,
        lambda it: it.resources(file_search={"vector_store_ids": []}),
    ),
    Edit(
        "tool_resources.file_search.vector_store_ids",
        ANY,
        [HANDBOOK],
        lambda it: it.resources(file_search={"vector_store_ids": [it.their_store]}),
    ),
    Edit(
        "name",
        "Their handbook",
        "handbook",
        setting("name", "Their handbook", "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "expires_after.days",
        9,
        7,
        setting("expires_after", {**EXPIRY, "days": 9}, "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "expires_after",
        None,
        EXPIRY,
        setting("expires_after", None, "vector_store/handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "metadata.team",
        "b",
        "a",
        lambda it: it.pairs("vector_store/handbook", team="b"),
        address="vector_store/handbook",
    ),
    Edit(
        "metadata.assistctl_applied",
        None,
        "what was applied last",
        lambda it: it.edit(
            "vector_store/handbook", metadata={"assistctl": "ws/handbook", "team": "a"}
        ),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.client.create(it.members()[0], {"file_id": it.theirs}),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.member("docs/b.md", assistctl_path=None),
        address="vector_store/handbook",
    ),
    Edit(
        "files",
        ANY,
        HANDBOOK_FILES,
        lambda it: it.member("docs/b.md", assistctl_path="docs/x.md"),
        address="vector_store/handbook",
    ),
    Edit(
        "sha256",
        "0" * 12,
        ANY,
        lambda it: it.member("docs/b.md", assistctl_sha256="0" * 64),
        address="file/docs/b.md",
    ),
    Edit(
        "chunking_strategy.static.max_chunk_size_tokens",
        300,
        200,
        lambda it: it.chunk("docs/b.md", "handbook"),
        address="vector_store/handbook",
    ),
    Edit(
        "tool_resources.code_interpreter",
        ANY,
        None,
        lambda it: it.edit(
            "assistant/buyer", tool_resources={"code_interpreter": {"file_ids": [it.theirs]}}
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.max_num_results",
        1,
        10,
        lambda it: it.tools(
            lambda named: named["file_search"]["file_search"].update(max_num_results=1),
            "assistant/buyer",
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.ranking_options",
        {"score_threshold": 0.7},
        None,
        lambda it: it.tools(
            lambda named: named["file_search"]["file_search"]["ranking_options"].update(
                score_threshold=0.7
            ),
            "assistant/buyer",
        ),
        address="assistant/buyer",
    ),
    Edit(
        f"{SEARCH}.max_num_results",
        None,
        10,
        lambda it: it.tools(
            lambda named: named["file_search"].pop("file_search") and None, "assistant/buyer"
        ),
        address="assistant/buyer",
    ),
]

DESK, LISTS = "assistant/desk", "vector_store/lists"
UNDECLARED = [
    *(
        Edit(name, None, value, setting(name, value, DESK), aside=True, address=DESK)
        for name, value in {
            **{name: there for name, (there, _) in declared_settings().items() if name != "model"},
            "response_format": {"type": "json_object"},
        }.items()
    ),
    Edit("tools", None, ANY, setting("tools", [FOREIGN], DESK), True, DESK),
    Edit("metadata", None, {"seen": "yes"}, lambda it: it.pairs(DESK, seen="yes"), True, DESK),
    Edit("protect", None, True, lambda it: it.pairs(DESK, assistctl_protect="true"), True, DESK),
    Edit(
        "tool_resources",
        None,
        ANY,
        lambda it: it.edit(
            DESK, tools=[TOOL], tool_resources={"code_interpreter": {"file_ids": [it.theirs]}}
        ),
        True,
        DESK,
    ),
    Edit("expires_after", None, EXPIRY, setting("expires_after", EXPIRY, LISTS), True, LISTS),
    Edit("metadata", None, {"seen": "yes"}, lambda it: it.pairs(LISTS, seen="yes"), True, LISTS),
    Edit(
        "chunking_strategy",
        None,
        OTHER_CHUNKS,
        lambda it: it.chunk("assistants/prices.csv", "lists"),
        True,
        LISTS,
    ),
    Edit(
        "attributes",
        None,
        {"assistants/prices.csv": {"lang": "de", "page": 3}},
        lambda it: it.member("assistants/prices.csv", "lists", lang="de", page=3),
        True,
        LISTS,
    ),
]


@pytest.fixture
def colleague(client):
    return Colleague(client)


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
    pay = FunctionTool(Function("pay", PLACE, None, PARAMETERS))
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


def wrong(bench, colleague, edit):
    """What a plan and the syncs after it do not do with an edit, in words."""
    before = colleague.state()
    edit.make(colleague)
    edited = colleague.state()
    found = surveyed(bench)
    problems = unnamed(found.plan, edit)
    try:
        refuse_drift(found, "fail")
        problems += [] if edit.aside else ["`fail` does not refuse"]
    except Refused as refused:
        known = edit.path in str(refused) and edit.address in str(refused) and not edit.aside
        problems += [] if known else [f"refused: {refused}"]
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


@pytest.mark.parametrize("edits", [DECLARED, UNDECLARED], ids=["declared", "undeclared"])
def test_an_edit_of_any_field_is_named_and_becomes_what_was_asked_for(life, colleague, edits):
    failures = {}
    for edit in edits:
        if problems := wrong(life, colleague, edit):
            failures[f"{edit.address} {edit.path} {edit.after!r}"] = problems
            for path in ("/assistants", "/vector_stores"):
                for item in colleague.client.list(path):
                    if item["metadata"].get("assistctl", "").startswith("ws/"):
                        colleague.client.delete(f"{path}/{item['id']}")
            life.apply()
    print(f"fields tried / seen: {len(edits)} / {len(edits) - len(failures)}")
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


def test_every_default_that_the_api_documents_may_come_later(server, tmp_path):
    with proxy_to(server.base_url) as proxy:
        client = ASSISTANTS.client(proxy.base_url, server.api_key)
        bench = Bench(tmp_path / "workspace", ASSISTANTS, client)
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
