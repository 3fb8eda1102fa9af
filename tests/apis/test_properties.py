"""Any workspace, any edit: the plan names what was edited, and after a sync it is empty.

Through everything that a sync goes through but the command line: files, YAML, the toolbox and a
server on a socket. EXAMPLES=1000 tries so many workspaces, other ones each time.
"""

import os
import re

import pytest
from hypothesis import HealthCheck, given, settings

from assistctl import spec, toolbox
from assistctl.plan.reconcile import PlanOptions, reconcile
from tests.apis.bench import wipe
from tests.apis.declarations import AUTO, FIELDS, FILLED_IN, canonical, edits, users

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.only_at("assistants", because="declarations.py says what this API holds"),
]

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
many = settings(
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 10,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
    print_blob=True,
)
FIRST_STEP = re.compile(r"(\w+)(?:\[([^\]]*)\]|\.([^.\[]+))?")
BY_KEY = ("metadata", "tools")
"""Fields whose leaves the plan names by the user's own keys."""

RANKING = {"ranker": "default_2024_08_21", "score_threshold": 0.0}
"""What the server says of a search that nobody has ranked."""


class Life:
    """A workspace in a directory, and the target that it is synced to."""

    def __init__(self, root, surface):
        self.root = root
        self.surface = surface
        self.client = surface.client

    def survey(self, **options):
        workspace, problems = spec.load(self.root, environ={})
        workspace, more = toolbox.resolve(workspace)
        assert (*problems, *more) == ()
        declared = self.surface.declare(workspace)
        observed = self.surface.observe(declared)
        return declared, observed, reconcile("here", declared, observed, PlanOptions(**options))

    def plan(self, **options):
        return self.survey(**options)[2]

    def sync(self, **options):
        declared, observed, plan = self.survey(**options)
        requests = self.surface.compile(plan, declared, observed)
        outcomes = self.surface.execute(self.root, requests, declared, observed)
        assert [f"{item.operation}: {item.error}" for item in outcomes if item.error] == []
        again = self.plan(**options)
        assert not again, str(again)

    def at(self, path):
        return list(self.client.list(path))


@pytest.fixture
def life(client, api, tmp_path):
    return Life(tmp_path / "workspace", api.surface(client, "ws"))


@many
@given(edits())
def test_a_plan_names_what_was_edited_and_is_empty_after_a_sync(life, target, edit):
    wipe(target[1])
    before, after = edit
    before.write(life.root)
    assert planned(life.plan()) == edited({}, before.expected())
    life.sync()
    assert held(life) == wanted(before.expected())

    after.write(life.root)
    plan = life.plan()
    assert planned(plan) == edited(before.expected(), after.expected())
    assert not plan.drifted
    assert (
        objects(map(str, plan.undeclared)) == objects(before.expected()) - after.expected().keys()
    )
    life.sync()
    if after.assistants:
        life.sync(prune=True)
        assert held(life) == wanted(after.expected())


def planned(plan):
    """Each field that a plan names as (address, field, key within it); a new object is shown with
    what says nothing of it, too."""
    found = set()
    for change in plan.changes:
        for item in change.fields:
            if item.path == item.field and says_nothing(item.before) and says_nothing(item.after):
                continue
            field, bracketed, dotted = FIRST_STEP.match(item.path).groups()
            key = bracketed if bracketed is not None else dotted
            found.add((str(change.address), field, key if field in BY_KEY else None))
    return found


def says_nothing(value):
    """Whether the value of a whole field is as good as none."""
    return value == "" or is_hollow(value)


def is_hollow(value):
    if isinstance(value, dict):
        return all(map(is_hollow, value.values()))
    return value in (None, [])


def edited(before, after):
    """Each field that differs between what two declarations mean, in the same way."""
    found = set()
    for address, fields in after.items():
        was = before.get(address, {})
        if address.startswith("file/"):
            found |= {(address, name, None) for name in file_fields(address, before, after)}
            continue
        for name in fields.keys() | was.keys():
            old, new = was.get(name), fields.get(name)
            if canonical(old) != canonical(new) and not is_so_already(name, new, before, address):
                found |= {(address, name, key) for key in keys(name, old, new)}
    return found


def keys(name, old, new):
    if name not in BY_KEY or not old or not new:
        return {None}
    differing = {key for key in old.keys() | new.keys() if differs(old.get(key), new.get(key))}
    return differing or {None}


def differs(old, new):
    """Whether the plan can name the difference: an option that is taken away from file_search may
    as well be one that the server has filled in, and is named only if there is nothing else."""
    if isinstance(old, dict) and isinstance(new, dict) and old.get("type") == "file_search":
        old = only_keys_of(new, old)
    return canonical(old) != canonical(new)


def only_keys_of(new, old):
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return old
    return {key: only_keys_of(new[key], value) for key, value in old.items() if key in new}


def is_so_already(name, value, before, address):
    """Whether somebody declares now what the server has filled in before."""
    if address not in before or name in before[address]:
        return False
    if name == "chunking_strategy":
        return value == AUTO and "files" in before[address]
    return name in FILLED_IN and canonical(value) == canonical(FILLED_IN[name])


def file_fields(address, before, after):
    if address in before and before[address] == after[address]:
        return ()
    replaces = address in before and users(address, before) & after.keys()
    return ("sha256",) if replaces else ("sha256", "bytes")


def objects(addresses):
    return {address for address in addresses if not address.startswith("file/")}


def wanted(expected):
    """What the target shall hold, by address, in the words of `held`."""
    found = {}
    for address, fields in expected.items():
        if address.startswith("vector_store/"):
            files = [named(expected, path) for path in fields.get("files", ())]
            found[address] = {"chunking_strategy": AUTO} | fields if files else dict(fields)
            found[address]["files"] = sorted(files)
        elif address.startswith("assistant/"):
            found[address] = {"tools": {}, "tool_resources": {}} | without_filled_in(fields)
            tools = found[address]["tools"].items()
            found[address]["tools"] = {name: filled_in(tool) for name, tool in tools}
            found[address]["tool_resources"] = {
                part: sorted(named(expected, item) for item in items)
                for part, value in found[address]["tool_resources"].items()
                for items in value.values()
            }
    uploads = [address for address in expected if address.startswith("file/")]
    return found | {"files": sorted(named(expected, path) for path in uploads)}


def named(expected, address):
    """A file by its name and size, which is all that the target tells of it; a store as it is."""
    if not address.startswith("file/"):
        return address
    return f"{address.rpartition('/')[2]} ({expected[address]['bytes']})"


def held(life):
    """What the target holds, as it says itself."""
    files = {item["id"]: f"{item['filename']} ({item['bytes']})" for item in life.at("/files")}
    stores = {item["id"]: item for item in life.at("/vector_stores")}
    names = files | {key: f"vector_store/{owner(item)}" for key, item in stores.items()}
    found = {"files": sorted(files.values())}
    for key, item in stores.items():
        members = life.at(f"/vector_stores/{key}/files")
        found[names[key]] = said(item, "name", "metadata", "expires_after")
        found[names[key]]["files"] = sorted(names[member["id"]] for member in members)
        for member in members:
            found[names[key]]["chunking_strategy"] = member["chunking_strategy"]
    for item in life.at("/assistants"):
        fields = said(item, *FIELDS.keys() - {"run", "tools"})
        found[f"assistant/{owner(item)}"] = without_filled_in(fields) | {
            "tools": {tool_name(tool): filled_in(tool) for tool in item["tools"]},
            "tool_resources": {
                part: sorted(names[item] for item in items)
                for part, value in item["tool_resources"].items()
                for items in value.values()
                if items
            },
        }
    return found


def owner(item):
    return item["metadata"]["assistctl"].removeprefix("ws/")


def said(item, *names):
    fields = {name: item.get(name) for name in names}
    fields["metadata"] = {k: v for k, v in item["metadata"].items() if "assistctl" not in k}
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def tool_name(tool):
    return tool["function"]["name"] if "function" in tool else tool["type"]


def without_filled_in(fields):
    return {k: v for k, v in fields.items() if k not in FILLED_IN or FILLED_IN[k] != v}


def filled_in(tool):
    """A tool with what the server fills in, and without what says nothing."""
    if tool["type"] == "function":
        function = {k: v for k, v in tool["function"].items() if v not in (None, False)}
        return {**tool, "function": function}
    if tool["type"] == "code_interpreter":
        return tool
    options = tool.get("file_search", {})
    return {
        **tool,
        "file_search": {**options, "ranking_options": RANKING | options.get("ranking_options", {})},
    }
