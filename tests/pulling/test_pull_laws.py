"""Whatever somebody edits at the target comes into the files, and then the plan is empty; or it is
named as left, and stays drift.

By default every fourth edit is tried, others at each API; ALL_FAULTS=1 tries each.
"""

import os
import shutil

import pytest

from assistctl.plan.state import RECORD
from tests.apis.bench import Bench
from tests.apis.edits import DECLARED, UNDECLARED, Colleague
from tests.apis.states import States
from tests.apis.surfaces import APIS

pytestmark = pytest.mark.sweep
EVERY = 1 if "ALL_FAULTS" in os.environ else 4

TOP = """\
version: 1
workspace: ws
targets:
  local: {model: scripted}
vector_stores:
  # What is known of flowers.
  handbook:
    files: ["docs/*.md"]
    chunking_strategy:
      type: static
      static: {max_chunk_size_tokens: 200, chunk_overlap_tokens: 50}
    expires_after: {anchor: last_active_at, days: 7}  # a week
    metadata: {team: a}
  lists: {files: [assistants/prices.csv]}
"""
SHOP = """\
# The shop.
name: Shop   # as on the door
description: Sells flowers.
model: gpt-6-luna
instructions: Sell.
reasoning_effort: low
temperature: 0.5
top_p: 0.3
response_format:
  type: json_schema
  json_schema:
    name: answer
    # Nothing is asked for yet.
    schema: {type: object, properties: {}, required: [], additionalProperties: false}
metadata:
  team: a  # ours
tools:
  - type: code_interpreter
    files: [prices.csv]
  - type: file_search
    vector_store: handbook
  - type: function
    function: pay
"""
PAY = """\
functions:
  pay:
    # What is paid.
    parameters:
      type: object
      properties:
        sum: {type: number}
      required: [sum]
      additionalProperties: false
"""
BUYER = """\
model: gpt-6-luna
tools:
  - {type: file_search, vector_store: lists, max_num_results: 10}
"""
FILES = {
    "assistctl.yaml": TOP,
    "assistants/shop.yaml": SHOP,
    "assistants/desk.yaml": "model: gpt-6-luna\n",
    "assistants/buyer.yaml": BUYER,
    "tools/pay.yaml": PAY,
    "assistants/prices.csv": "rose,1",
    "docs/a.md": "page a",
    "docs/b.md": "page b",
}
LEFT = {
    "tool_resources.code_interpreter.file_ids": "was put there by somebody else",
    "tool_resources.code_interpreter": "was put there by somebody else",
    "tool_resources.file_search.vector_store_ids": "was put there by somebody else",
    "tool_resources": "was put there by somebody else",
    "files": "what is in a store is declared by the files that it is made of",
    "sha256": "its content was replaced there",
    "chunking_strategy": "what is in a store is declared by the files",
    "chunking_strategy.static.max_chunk_size_tokens": "what is in a store is declared",
    "attributes": "what is in a store is declared",
}
"""What cannot be declared, and the words that say so."""


def files(api):
    """The workspace as this API can have it."""
    target = f"{{api: {api.name}, model: scripted{api.target_options}}}"
    found = {**FILES, "assistctl.yaml": TOP.replace("{model: scripted}", target)}
    if api.name == "agents":
        found["assistants/shop.yaml"] = SHOP.replace("temperature: 0.5\ntop_p: 0.3\n", "")
        found["tools/pay.yaml"] = PAY.replace("  pay:\n", "  pay:\n    description: Pays.\n")
        found["assistants/buyer.yaml"] = BUYER.replace(", max_num_results: 10", "")
    return found


def left_at(api):
    """The same at one API."""
    more = {"tool_resources.file_search": "`tools.file_search without a store` cannot be had"}
    return LEFT if api.name == "assistants" else LEFT | more


@pytest.fixture
def life(shop):
    shop.write(files(shop.api)).sync()
    return shop


@pytest.fixture
def colleague(life, client):
    colleague = Colleague(Bench(life.root, life.api, client))
    colleague.theirs = colleague.upload(life.root / "docs/a.md")
    colleague.their_store = client.create(
        "/vector_stores", {"name": "theirs", "metadata": {"assistctl": "other/x"}}
    )["id"]
    return colleague


def wrong(shop, colleague, edit):
    """What a pull of an edit does not do, in words."""
    edit.make(colleague)
    there = colleague.state()
    # Without the record of an assistant nobody knows which uploads are its own.
    nobody_knows = (edit.path, edit.address) == (RECORD, "assistant/shop")
    nobody_knows &= shop.api.name == "assistants"
    found = shop.pull(theirs=nobody_knows)
    plan = shop.planned().plan
    problems = [] if without_records(colleague.state()) == without_records(there) else ["wrote"]
    path = "tool_resources" if nobody_knows else edit.path.partition(".")[0]
    told = [it for it in found.left if it.path.startswith(path)]
    if told:
        why = left_at(shop.api).get(path if nobody_knows else edit.path)
        problems += [] if why and any(why in it.why for it in told) else [f"left: {told}"]
        problems += [] if edit.aside or plan.drifted else ["it is left, but no drift any more"]
        also = edit.aside and edit.path == "tool_resources"  # whose tool is pulled
        return problems + (["files were written"] if found.files and not also else [])
    if edit.path in left_at(shop.api) and not (
        edit.path == "tool_resources.code_interpreter" and edit.after is not None
    ):
        return [*problems, "it was not left"]
    return problems + ([f"left over: {plan}"] if plan or plan.left_alone else [])


def without_records(state):
    return {
        key: {
            **fields,
            "metadata": {k: v for k, v in fields["metadata"].items() if "assistctl" not in k},
        }
        if isinstance(fields, dict)
        else fields
        for key, fields in state.items()
    }


@pytest.mark.parametrize("api", APIS, indirect=True)
@pytest.mark.parametrize("edits", [DECLARED, UNDECLARED], ids=["declared", "undeclared"])
def test_an_edit_of_any_field_comes_into_the_files_or_is_named_as_left(
    life, colleague, edits, server, tmp_path
):
    failures, states = {}, States(server, tmp_path)
    edits = edits[life.api.name][list(APIS).index(life.api.name) % EVERY :: EVERY]
    for number, edit in enumerate(edits):
        states.again("in sync", lambda: None)
        life.write(files(life.api))
        shutil.rmtree(life.root / ".assistctl", ignore_errors=True)
        if problems := wrong(life, colleague, edit):
            failures[f"{number} {edit.address} {edit.path} {edit.after!r}"] = problems
    print(f"{life.api.name}: fields tried / seen: {len(edits)} / {len(edits) - len(failures)}")
    assert failures == {}, "\n".join(f"{edit}: {told}" for edit, told in failures.items())
