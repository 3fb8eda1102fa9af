"""Any workspace, any edit: the plan names what was edited, and after a sync it is empty."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistctl.apis.assistants import Assistants
from assistctl.errors import Place
from assistctl.resources import FILE, CodeInterpreter, FileSearch, Function, FunctionTool
from tests.apis.bench import Bench, wipe

PLACE = Place("assistctl.yaml", 1, 1)
PATHS = ["assistants/prices.csv", "docs/handbook.md", "docs/deep/prices.csv"]
STORES = ["handbook", "shop.file_search"]
few = settings(derandomize=True, deadline=None, max_examples=25)


@dataclass(frozen=True)
class Declaration:
    """A workspace as plain values: contents by path, stores and assistants by key."""

    contents: dict
    stores: dict
    assistants: dict = field(default_factory=dict)

    def write(self, bench):
        files = {path: bench.file(path, text) for path, text in self.contents.items()}
        bench.stores.clear()
        bench.assistants.clear()
        for key, (paths, more) in self.stores.items():
            bench.store(key, *(files[path] for path in sorted(paths)), **more)
        for key, (more, code, search, functions) in self.assistants.items():
            tools = [FunctionTool(function) for function in functions]
            if code is not None:
                tools.append(CodeInterpreter(tuple(files[path] for path in sorted(code))))
            if search is not None:
                tools.append(FileSearch(*search))
            bench.assistant(key, *tools, **more)


text = st.text("abc 花店{}\n'\"", min_size=1, max_size=12)
paths = st.sets(st.sampled_from(PATHS), min_size=1)
metadata = st.dictionaries(st.sampled_from(["team", "a b", "层"]), text, min_size=1)
chunking = st.builds(
    lambda size: {
        "type": "static",
        "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": size // 4},
    },
    st.sampled_from([200, 400, 1000]),
)
parameters = st.recursive(
    st.sampled_from([{"type": "string"}, {"type": ["number", "null"]}, {"enum": ["a", 1, None]}]),
    lambda schemas: st.builds(
        lambda some: {"type": "object", "properties": some, "required": sorted(some)},
        st.dictionaries(st.sampled_from(["total", "type", "parameters"]), schemas, max_size=3),
    ),
    max_leaves=4,
).filter(lambda schema: schema.get("type") == "object")


def optional(**fields):
    """Mappings with any of these keys. No value is what the server would fill in by itself."""
    return st.fixed_dictionaries({}, optional=fields)


functions = st.lists(
    st.builds(
        Function,
        st.sampled_from(["save", "refund", "look_up"]),
        st.just(PLACE),
        st.none() | text,
        parameters,
        st.sampled_from([None, False, True]),
    ),
    max_size=3,
    unique_by=lambda function: function.name,
)
stores = st.fixed_dictionaries(
    {},
    optional={
        key: st.tuples(
            paths,
            optional(
                name=text,
                chunking_strategy=chunking,
                expires_after=st.builds(
                    lambda days: {"anchor": "last_active_at", "days": days}, st.integers(1, 9)
                ),
                metadata=metadata,
            ),
        )
        for key in STORES
    },
)
options = st.sampled_from([{}, {"max_num_results": 7}])


def assistants(some_stores):
    search = st.tuples(st.sampled_from(sorted(some_stores)), options) if some_stores else st.none()
    more = optional(
        model=st.sampled_from(["gpt-4.1", "gpt-5"]),
        name=text,
        description=text,
        instructions=text,
        temperature=st.sampled_from([0, 0.5, 1.5]),
        top_p=st.sampled_from([0.25, 0.5]),
        response_format=st.sampled_from([{"type": "json_object"}, {"type": "text"}]),
        reasoning_effort=st.sampled_from(["low", "high"]),
        metadata=metadata,
    )
    one = st.tuples(more, st.none() | paths, st.none() | search, functions)
    return st.dictionaries(st.sampled_from(["shop", "desk", "clerk"]), one, max_size=3)


contents = st.fixed_dictionaries(dict.fromkeys(PATHS, text.map("a word, {}".format)))
declarations = stores.flatmap(
    lambda some: st.builds(Declaration, contents, st.just(some), assistants(some))
)


@st.composite
def edits(draw):
    """A declaration, and what it is after somebody has edited any part of it."""
    before, other = draw(declarations), draw(declarations)
    mixed = Declaration(
        {path: draw(st.sampled_from([before, other])).contents[path] for path in PATHS},
        before.stores | {key: other.stores[key] for key in other.stores if draw(st.booleans())},
        dict(before.assistants),
    )
    for key, (more, code, search, some) in other.assistants.items():
        if key not in before.assistants:
            if search is None or search[0] in mixed.stores:
                mixed.assistants[key] = (more, code, search, some)
            continue
        was = before.assistants[key]
        settings = dict(was[0])
        for name in sorted(more.keys() | settings.keys()):
            if draw(st.booleans()):
                settings.pop(name, None)
                settings |= {name: more[name]} if name in more else {}
        code = draw(st.sampled_from([was[1], code]))
        some = draw(st.sampled_from([was[3], some]))
        mixed.assistants[key] = (settings, code, was[2], some)
    return before, mixed


@pytest.fixture(scope="module")
def bench(target, tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("workspace"), Assistants(target[1], "ws"))


def edited(before, after):
    """Each field that differs between two declarations, as (address, field)."""
    for address, declaration in after.items():
        if address not in before:
            yield from ((address, name) for name in declaration.fields)
        elif address.kind == FILE:
            if declaration.fields["sha256"] != before[address].fields["sha256"]:
                yield address, "sha256"
        else:
            was = before[address].fields
            for name in declaration.fields.keys() | was.keys():
                if declaration.fields.get(name) != was.get(name):
                    yield address, name


def planned(plan):
    return {(change.address, item.field) for change in plan.changes for item in change.fields}


@few
@given(edits())
def test_a_plan_names_what_was_edited_and_is_empty_after_a_sync(bench, edit):
    wipe(bench.surface.client)
    before, after = edit
    before.write(bench)
    declared_before = bench.surface.declare(bench.workspace)
    assert planned(bench.survey()[2]) == set(edited({}, declared_before))
    bench.sync()
    after.write(bench)
    declared, _, plan = bench.survey()
    assert planned(plan) == set(edited(declared_before, declared))
    assert not plan.drifted
    assert bench.apply() == []
    assert not bench.survey()[2]
    unused = bench.survey()[2].undeclared
    assert set(unused).isdisjoint(declared)
    if bench.assistants:
        bench.sync(prune=True)
        assert len(bench.at("/assistants")) == len(bench.assistants)
        assert len(bench.at("/vector_stores")) == len(bench.stores)
        assert len(bench.at("/files")) == sum(address.kind == FILE for address in declared)
